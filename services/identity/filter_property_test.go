package identity_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/scim"
)

// texts are values that differ by case, are prefixes of each other, or are hard to sort.
var texts = []string{
	"a", "A", "ab", "AB", "aß", "Aẞ", "k", "\u212a", "s", "ſ", "σ", "ς", "Σx", "é", "É", "e\u0301", "İ", "ı", "b", "zz", "a\ud7ff",
	"a\ue000", "a\U0001f600", "\U0010ffff", "\U0010ffffa", `q"\`, "%", "_a", "a b", "10", "9",
}

// maybeEmpty are texts for optional values.
var maybeEmpty = append([]string{"", ""}, texts...)

// question makes random filters about existing resources.
type question struct {
	*rand.Rand
	kind         *scim.ResourceType
	users, group []string // ids
}

func (q question) of(all []string) string { return all[q.IntN(len(all))] }

func quote(text string) string {
	spelled, _ := json.Marshal(text) // a string always marshals
	return string(spelled)
}

func (q question) operator() string {
	return q.of([]string{"eq", "eq", "eq", "sw", "gt", "ge", "lt", "le", "ne", "co", "ew"})
}

func (q question) comparison() string {
	text := func(names ...string) string { return q.of(names) + " " + q.operator() + " " + quote(q.of(maybeEmpty)) }
	id := func(name string, ids []string) string {
		return name + " " + q.of([]string{"eq", "eq", "ge", "lt", "sw"}) + " " + quote(q.of(ids))
	}
	if q.kind == scim.GroupType() {
		return q.of([]string{
			text("displayName", "externalId", "DISPLAYNAME"), id("id", q.group), "members eq " + quote(q.of(slices.Concat(q.users, q.group))),
			"members.value eq " + quote(q.of(slices.Concat(q.users, q.group))), "members[value eq " + quote(q.of(q.users)) + "]",
			`members[type eq "Group" and value eq ` + quote(q.of(q.group)) + "]", "members.display " + q.operator() + " " + quote(q.of(texts)), "externalId pr",
		})
	}
	return q.of([]string{
		text("userName", "displayName", "externalId", "title", "userType"), text("emails.value", "emails", "roles.value", "phoneNumbers.value"),
		text("userName", "displayName", "externalId"), id("id", q.users), "groups.value eq " + quote(q.of(q.group)), "groups eq " + quote(q.of(q.group)),
		"active eq " + q.of([]string{"true", "false", `"False"`}), "active ne true", "emails[" + text("value", "type") + "]",
		"emails[" + text("value") + " and type eq " + quote(q.of([]string{"work", "home"})) + "]",
		"emails[type eq " + quote(q.of([]string{"work", "home"})) + "].value eq " + quote(q.of(texts)), "roles[" + text("value") + " or " + text("display") + "]",
		"emails[" + text("value") + " and primary " + q.of([]string{"eq", "ne"}) + " " + q.of([]string{"true", "false"}) + "]",
		"emails[value eq " + quote(q.of(maybeEmpty)) + " or value eq " + quote(q.of(maybeEmpty)) + "]",
		`meta.created gt "2020-01-01T00:00:00Z"`, "title pr", "displayName pr", "active pr", "emails.primary eq false",
	})
}

func (q question) filter(depth int) string {
	switch n := q.IntN(10); {
	case depth == 0 || n < 3:
		return q.comparison()
	case n < 8:
		return "(" + q.filter(depth-1) + ") and (" + q.filter(depth-1) + ")"
	case n < 9 && depth == 1:
		attribute := q.of([]string{"displayName", "externalId", "id"})
		if q.kind == scim.UserType() {
			attribute = q.of([]string{"userName", "externalId", "emails.value", "displayName", "roles"})
		}
		return fmt.Sprintf("(%[1]s eq %[2]s or %[1]s eq %[3]s or %[1]s eq %[4]s)", attribute, quote(q.of(texts)), quote(q.of(texts)), quote(q.of(texts)))
	case n < 9:
		return "(" + q.filter(depth-1) + ") or (" + q.filter(depth-1) + ")"
	}
	return "not (" + q.filter(depth-1) + ")"
}

// A filter finds the same resources whether an index serves it or not: random filters on random resources, by index and by
// cursor.
func TestFiltersInTheDatabaseFindWhatTheMatcherFinds(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T) func(*identity.Config){
		"SQLite":     func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} },
		"PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 1))
			b := setup(t, change(t))
			i, other := b.idp(), b.idp()
			q := question{Rand: random}
			names := slices.Clone(texts)
			slices.SortFunc(names, func(a, b string) int { return strings.Compare(scim.Casefold(a), scim.Casefold(b)) })
			names = slices.CompactFunc(names, func(a, b string) bool { return scim.Casefold(a) == scim.Casefold(b) })
			externals := slices.Clone(texts)
			random.Shuffle(len(externals), func(a, b int) { externals[a], externals[b] = externals[b], externals[a] })
			for n, userName := range names {
				user := map[string]any{"userName": userName, "title": q.of(maybeEmpty), "emails": []any{
					map[string]any{"value": q.of(maybeEmpty), "type": "work"}, map[string]any{"value": q.of(texts), "type": "home", "primary": n%2 == 0},
				}}
				some := func(name string, value any) {
					if random.IntN(3) > 0 {
						user[name] = value
					}
				}
				some("displayName", q.of(maybeEmpty))
				some("externalId", q.of([]string{"", externals[n], externals[n]}))
				some("active", random.IntN(2) == 0)
				some("roles", []any{map[string]any{"value": q.of(texts), "display": q.of(texts)}})
				some("phoneNumbers", []any{map[string]any{"value": q.of(texts)}})
				body, err := json.Marshal(user)
				must(t, err)
				q.users = append(q.users, i.user(string(body)).GetId())
				other.user(string(body)) // resources of another directory must not be found
			}
			for n := range 12 {
				members := []string{q.of(q.users), q.of(q.users)}
				if n > 3 {
					members = append(members, q.of(q.group))
				}
				r, err := i.tryGroup(fmt.Sprintf(`{"displayName":%s,"externalId":%s,"members":%s}`, quote(q.of(texts)), quote(q.of(maybeEmpty)), memberValues(members)))
				must(t, err)
				q.group = append(q.group, r.GetResource().GetId())
			}
			// Some resources are not as they were created.
			for range 5 {
				_, err := i.tryPatchUser(q.of(q.users), operation("replace", "displayName", quote(q.of(texts))),
					operation("replace", "active", "false"), operation("replace", "emails", `[{"value":`+quote(q.of(texts))+`}]`))
				must(t, err)
			}
			found, empty := 0, 0
			for range 400 {
				kind := q.of([]string{"Users", "Groups"})
				q.kind = map[string]*scim.ResourceType{"Users": scim.UserType(), "Groups": scim.GroupType()}[kind]
				filter := q.filter(2)
				asked := resourceIDs(i.list(kind, &identityv1.ListQuery{Filter: filter}))
				scanned := i.list(kind, &identityv1.ListQuery{Filter: byScan(filter)})
				equal(t, fmt.Sprintf("seed %d: %s by index and by scan", seed, filter), asked, resourceIDs(scanned))
				equal(t, "the total", scanned.GetTotalResults(), len(asked))
				pages, _ := i.walk(kind, &identityv1.ListQuery{Filter: filter, Count: proto.Int64(3)}, nil)
				equal(t, fmt.Sprintf("seed %d: %s by cursor", seed, filter), append([]string{}, slices.Concat(pages...)...), asked)
				if len(asked) > 0 {
					found++
				} else {
					empty++
				}
			}
			if found < 50 || empty < 50 {
				t.Errorf("%d filters found something and %d did not", found, empty)
			}
		})
	}
}
