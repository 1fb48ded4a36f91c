package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// messageCount counts n messages, from the second first to the second last.
func messageCount(scope store.Scope, name string, n int64, first, last int) store.MessageCount {
	kind := store.Quirk
	if path, ignored := strings.CutPrefix(name, "ignored "); ignored {
		kind, name = store.Ignored, path
	} else if milestone, is := strings.CutPrefix(name, "milestone "); is {
		kind, name = store.Milestone, milestone
	} else if attribute, is := strings.CutPrefix(name, "unregistered "); is {
		kind, name = store.Unregistered, attribute
	}
	return store.MessageCount{
		Scope: scope, Kind: kind, Name: name, Messages: n,
		FirstTime: cause(first).Time, LastTime: cause(last).Time, LastMessageID: cause(last).MessageID,
	}
}

func (f *fixture) messageCounts(scope store.Scope) []store.MessageCount {
	f.Helper()
	all, err := f.store.MessageCounts(f.Context(), scope)
	f.must(err)
	return all
}

var countCases = []testCase{
	{"the counts of a quirk add up in any order", func(f *fixture) {
		scope := f.directory("d1")
		f.equal("at first", f.messageCounts(scope), []store.MessageCount(nil))
		f.must(f.store.AddMessageCounts(f.Context(), nil))
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{
			messageCount(scope, "ignored zip", 1, 5, 5), messageCount(scope, "op-capitalised", 2, 3, 5), messageCount(scope, "boolean-as-string", 1, 4, 4),
		}))
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(scope, "op-capitalised", 3, 1, 2), messageCount(scope, "ignored zip", 1, 6, 7)}))
		f.equal("then", f.messageCounts(scope), []store.MessageCount{
			messageCount(scope, "boolean-as-string", 1, 4, 4), messageCount(scope, "op-capitalised", 5, 1, 5), messageCount(scope, "ignored zip", 2, 5, 7),
		})
	}},
	{"counts are of one directory, and stay when it closes", func(f *fixture) {
		one, two, other := f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d1")
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(one, "op-capitalised", 1, 1, 1), messageCount(two, "op-capitalised", 2, 2, 2)}))
		f.directory("d1", closed)
		f.equal("of the first", f.messageCounts(one), []store.MessageCount{messageCount(one, "op-capitalised", 1, 1, 1)})
		f.equal("of the second", f.messageCounts(two), []store.MessageCount{messageCount(two, "op-capitalised", 2, 2, 2)})
		f.equal("of another organization", f.messageCounts(other), []store.MessageCount(nil))
	}},
	{"the number of ignored attributes is limited, and known ones still count", func(f *fixture) {
		scope := f.directory("d1")
		var all []store.MessageCount
		for i := range store.MaxIgnored + 20 {
			all = append(all, messageCount(scope, fmt.Sprintf("ignored a%03d", i), 1, i, i))
		}
		f.must(f.store.AddMessageCounts(f.Context(), all))
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{
			messageCount(scope, "ignored a000", 1, 500, 500), messageCount(scope, "ignored new", 1, 500, 500), messageCount(scope, "op-capitalised", 1, 1, 1),
		}))
		got := f.messageCounts(scope)
		f.equal("how many", len(got), store.MaxIgnored+1)
		f.equal("a quirk", got[0], messageCount(scope, "op-capitalised", 1, 1, 1))
		f.equal("one that was known", got[1], messageCount(scope, "ignored a000", 2, 0, 500))
		f.equal("the last", got[store.MaxIgnored].Name, fmt.Sprintf("a%03d", store.MaxIgnored-1))
	}},
	{"milestones are listed by directory", func(f *fixture) {
		one, two, other := f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d1")
		all := []store.MessageCount{
			messageCount(one, "milestone met", 1, 1, 1), messageCount(two, "milestone met", 2, 2, 3), messageCount(other, "milestone met", 3, 3, 3),
		}
		f.must(f.store.AddMessageCounts(f.Context(), append(all, messageCount(one, "ignored met", 9, 9, 9), messageCount(one, "met", 9, 9, 9))))
		milestones := func(ids ...string) []store.MessageCount {
			found, err := f.store.Milestones(f.Context(), "acme", ids)
			f.must(err)
			return found
		}
		f.equal("of both", milestones("d2", "d1"), all[:2])
		f.equal("of one", milestones("d2", "d9"), all[1:2])
		f.equal("of none", milestones(), []store.MessageCount(nil))
		f.equal("with the rest", f.messageCounts(one), []store.MessageCount{
			messageCount(one, "met", 9, 9, 9), messageCount(one, "ignored met", 9, 9, 9), messageCount(one, "milestone met", 1, 1, 1),
		})
	}},
	{"ignored and unregistered attributes have a limit each, and milestones have none", func(f *fixture) {
		scope := f.directory("d1")
		var all []store.MessageCount
		for i := range store.MaxIgnored + 1 {
			for _, kind := range []string{"ignored", "unregistered", "milestone"} {
				all = append(all, messageCount(scope, fmt.Sprintf("%s a%03d", kind, i), 1, i, i))
			}
		}
		f.must(f.store.AddMessageCounts(f.Context(), all))
		stored := map[store.CountKind]int{}
		for _, count := range f.messageCounts(scope) {
			stored[count.Kind]++
		}
		f.equal("stored", stored, map[store.CountKind]int{
			store.Ignored: store.MaxIgnored, store.Unregistered: store.MaxIgnored, store.Milestone: store.MaxIgnored + 1,
		})
	}},
	{"totals are of the open directories, with changes that are not folded yet", func(f *fixture) {
		one, two := f.directory("d1"), f.directory("d2")
		f.directory("d3")
		f.users(f.directoryOf("other", "d1"), "mine")
		f.users(one, "anna", "bob", "carl")
		f.users(two, "dora")
		f.group(one, "eng", "anna")
		_, err := f.store.Delete(f.Context(), one, store.User, "bob", nil, cause(1))
		f.must(err)
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{
			messageCount(one, "a", 5, 1, 1), messageCount(one, "b", 5, 1, 1), messageCount(one, "ignored a", 5, 1, 1), messageCount(two, "milestone met", 5, 1, 1),
		}))
		totals := func(after string, limit int) []store.Totals {
			all, err := f.store.Totals(f.Context(), "acme", after, limit)
			f.must(err)
			return all
		}
		want := []store.Totals{{DirectoryID: "d1", Users: 2, Groups: 1, Quirks: 2, Ignored: 1}, {DirectoryID: "d2", Users: 1}, {DirectoryID: "d3"}}
		f.equal("all", totals("", 10), want)
		f.equal("the first two", totals("", 2), want[:2])
		f.equal("the rest", totals("d2", 2), want[2:])
		f.directory("d1", closed)
		f.equal("after one was closed", totals("", 10), want[1:])
	}},
	{"many processes count at the same time", func(f *fixture) {
		scope := f.directory("d1")
		f.together(8, func(n int) {
			all := []store.MessageCount{messageCount(scope, "boolean-as-string", 1, n, n), messageCount(scope, "op-capitalised", 1, n, n)}
			if n%2 == 1 {
				slices.Reverse(all)
			}
			for counted := 0; counted < 5; {
				switch err := f.store.AddMessageCounts(f.Context(), all); {
				case err == nil:
					counted++
				case !fault.Is(err, fault.Unavailable): // a slow machine: other transactions lock the rows for longer than this one waits
					f.Error(err)
					return
				}
			}
		})
		f.equal("all", f.messageCounts(scope), []store.MessageCount{
			messageCount(scope, "boolean-as-string", 40, 0, 7), messageCount(scope, "op-capitalised", 40, 0, 7),
		})
	}},
}
