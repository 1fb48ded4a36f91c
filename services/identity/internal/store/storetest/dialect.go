package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// dialectCount counts n messages, from the second first to the second last.
func dialectCount(scope store.Scope, name string, n int64, first, last int) store.DialectCount {
	path, ignored := strings.CutPrefix(name, "ignored ")
	return store.DialectCount{
		Scope: scope, Ignored: ignored, Name: path, Messages: n,
		FirstTime: cause(first).Time, LastTime: cause(last).Time, LastMessageID: cause(last).MessageID,
	}
}

func (f *fixture) dialectCounts(scope store.Scope) []store.DialectCount {
	f.Helper()
	all, err := f.store.DialectCounts(f.Context(), scope)
	f.must(err)
	return all
}

var dialectCases = []testCase{
	{"the counts of a quirk add up in any order", func(f *fixture) {
		scope := f.directory("d1")
		f.equal("at first", f.dialectCounts(scope), []store.DialectCount(nil))
		f.must(f.store.AddDialectCounts(f.Context(), nil))
		f.must(f.store.AddDialectCounts(f.Context(), []store.DialectCount{
			dialectCount(scope, "ignored zip", 1, 5, 5), dialectCount(scope, "op-capitalised", 2, 3, 5), dialectCount(scope, "boolean-as-string", 1, 4, 4),
		}))
		f.must(f.store.AddDialectCounts(f.Context(), []store.DialectCount{dialectCount(scope, "op-capitalised", 3, 1, 2), dialectCount(scope, "ignored zip", 1, 6, 7)}))
		f.equal("then", f.dialectCounts(scope), []store.DialectCount{
			dialectCount(scope, "boolean-as-string", 1, 4, 4), dialectCount(scope, "op-capitalised", 5, 1, 5), dialectCount(scope, "ignored zip", 2, 5, 7),
		})
	}},
	{"counts are of one directory, and stay when it closes", func(f *fixture) {
		one, two, other := f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d1")
		f.must(f.store.AddDialectCounts(f.Context(), []store.DialectCount{dialectCount(one, "op-capitalised", 1, 1, 1), dialectCount(two, "op-capitalised", 2, 2, 2)}))
		f.directory("d1", closed)
		f.equal("of the first", f.dialectCounts(one), []store.DialectCount{dialectCount(one, "op-capitalised", 1, 1, 1)})
		f.equal("of the second", f.dialectCounts(two), []store.DialectCount{dialectCount(two, "op-capitalised", 2, 2, 2)})
		f.equal("of another organization", f.dialectCounts(other), []store.DialectCount(nil))
	}},
	{"the number of ignored attributes is limited, and known ones still count", func(f *fixture) {
		scope := f.directory("d1")
		var all []store.DialectCount
		for i := range store.MaxIgnored + 20 {
			all = append(all, dialectCount(scope, fmt.Sprintf("ignored a%03d", i), 1, i, i))
		}
		f.must(f.store.AddDialectCounts(f.Context(), all))
		f.must(f.store.AddDialectCounts(f.Context(), []store.DialectCount{
			dialectCount(scope, "ignored a000", 1, 500, 500), dialectCount(scope, "ignored new", 1, 500, 500), dialectCount(scope, "op-capitalised", 1, 1, 1),
		}))
		got := f.dialectCounts(scope)
		f.equal("how many", len(got), store.MaxIgnored+1)
		f.equal("a quirk", got[0], dialectCount(scope, "op-capitalised", 1, 1, 1))
		f.equal("one that was known", got[1], dialectCount(scope, "ignored a000", 2, 0, 500))
		f.equal("the last", got[store.MaxIgnored].Name, fmt.Sprintf("a%03d", store.MaxIgnored-1))
	}},
	{"many processes count at the same time", func(f *fixture) {
		scope := f.directory("d1")
		f.together(8, func(n int) {
			all := []store.DialectCount{dialectCount(scope, "boolean-as-string", 1, n, n), dialectCount(scope, "op-capitalised", 1, n, n)}
			if n%2 == 1 {
				slices.Reverse(all)
			}
			for counted := 0; counted < 5; {
				switch err := f.store.AddDialectCounts(f.Context(), all); {
				case err == nil:
					counted++
				case !fault.Is(err, fault.Unavailable): // a slow machine: other transactions lock the rows for longer than this one waits
					f.Error(err)
					return
				}
			}
		})
		f.equal("all", f.dialectCounts(scope), []store.DialectCount{
			dialectCount(scope, "boolean-as-string", 40, 0, 7), dialectCount(scope, "op-capitalised", 40, 0, 7),
		})
	}},
}
