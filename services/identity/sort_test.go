package identity_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// pages walks through a list by index.
func (i *idp) pages(kind string, q *identityv1.ListQuery, count int64) []string {
	i.Helper()
	all := []string{}
	for {
		q = proto.CloneOf(q)
		q.StartIndex, q.Count = int64(len(all)+1), &count
		r := i.list(kind, q)
		all = append(all, resourceIDs(r)...)
		if len(r.GetResources()) == 0 {
			equal(i, "the total", r.GetTotalResults(), len(all))
			return all
		}
	}
}

// A list has the requested order, by index and by cursor, whether or not the database has an index for it.
func TestAListIsSorted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T) func(*identity.Config){
		"SQLite":     func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} },
		"PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change(t))
			i, other := b.idp(), b.idp()
			type row struct{ id, name, title, email, group string }
			var users, groups []row
			random := rand.New(rand.NewPCG(3, 4))
			// In the order of their casefolded bytes.
			for place, n := range random.Perm(23) {
				userName := fmt.Sprintf([]string{"a%02d", "A%02d"}[n%2], n)
				u := row{name: strings.ToLower(userName), title: []string{"", "chef", "guide"}[random.IntN(3)]}
				body := fmt.Sprintf(`{"userName":%q`, userName)
				if u.title != "" {
					body += fmt.Sprintf(`,"title":%q`, []string{u.title, strings.ToUpper(u.title)}[random.IntN(2)])
				}
				if random.IntN(3) > 0 {
					u.email = fmt.Sprintf("m%d", random.IntN(9))
					body += fmt.Sprintf(`,"emails":[{"value":"x%d"},{"value":%q,"primary":true}]`, place, u.email)
				}
				u.id = i.user(body + "}").GetId()
				other.user(body + "}")
				users = append(users, u)
				displayName := fmt.Sprintf([]string{"g%d", "G%d"}[n%2], n/4)
				groups = append(groups, row{id: i.group(displayName, u.id).GetId(), name: strings.ToLower(displayName)})
				other.group(displayName)
			}
			for n := range users {
				if n%3 > 0 {
					users[n].group = groups[n].id
					continue
				}
				_, err := i.tryPatchGroup(groups[n].id, operation("remove", "members", ""))
				must(t, err)
			}
			for _, c := range []struct {
				kind, by, filter string
				rows             []row
				key              func(row) string
			}{
				{"Users", "userName", "", users, func(r row) string { return r.name }},
				{"Users", "userName", `userName sw "a1"`, users, func(r row) string { return r.name }},
				{"Users", "id", "", users, func(r row) string { return r.id }},
				{"Users", "title", "", users, func(r row) string { return r.title }},
				{"Users", "title", `title eq "chef" or title eq "guide"`, users, func(r row) string { return r.title }},
				{"Users", "emails", "", users, func(r row) string { return r.email }},
				{"Users", "emails.value", `userName sw "a1"`, users, func(r row) string { return r.email }},
				{"Users", "groups", "", users, func(r row) string { return r.group }},
				{"Users", "meta.created", "", users, func(r row) string { return r.id }}, // created one after another, in the order of their ids
				{"Users", "nickName", "", users, func(row) string { return "" }},
				{"Groups", "displayName", "", groups, func(r row) string { return r.name }},
				{"Groups", "displayName", `displayName sw "G1"`, groups, func(r row) string { return r.name }},
				{"Groups", "id", "", groups, func(r row) string { return r.id }},
				{"Groups", "externalId", "", groups, func(row) string { return "" }},
			} {
				for _, order := range []string{"", "ascending", "Descending"} {
					var want []string
					rows := slices.Clone(c.rows)
					slices.SortFunc(rows, func(a, b row) int {
						none := map[bool]int{true: 1}
						return cmp.Or(none[c.key(a) == ""]-none[c.key(b) == ""], strings.Compare(c.key(a), c.key(b)), strings.Compare(a.id, b.id))
					})
					for _, r := range rows {
						matches := c.filter == "" || strings.HasPrefix(c.filter, "title") && r.title != "" ||
							strings.Contains(c.filter, " sw ") && strings.HasPrefix(r.name[1:], "1")
						if matches {
							want = append(want, r.id)
						}
					}
					if order == "Descending" {
						slices.Reverse(want)
					}
					name := fmt.Sprintf("%s sorted by %s %s, filter %q", c.kind, c.by, order, c.filter)
					q := &identityv1.ListQuery{Filter: c.filter, SortBy: c.by, SortOrder: order}
					equal(t, name, i.pages(c.kind, q, 4), want)
					q.Count = proto.Int64(5)
					walked, totals := i.walk(c.kind, q, nil)
					equal(t, name+", by cursor", slices.Concat(walked...), want)
					equal(t, name+", the total", totals[0], len(want))
				}
			}
		})
	}
}

func TestAnImpossibleSortOrderIsRefused(t *testing.T) {
	t.Parallel()
	i := setup(t, func(c *identity.Config) { c.ScanLimit = 500 }).idp()
	together(8, func(w int) {
		for n := w; n < 600; n += 8 {
			if _, err := i.tryUser(fmt.Sprintf(`{"userName":"user%d"}`, n)); err != nil {
				t.Error(err)
			}
		}
	})
	for name, c := range map[string]struct {
		query  *identityv1.ListQuery
		reason fault.Reason
	}{
		"an attribute that there is not": {&identityv1.ListQuery{SortBy: "size"}, fault.InvalidValue},
		"a complex attribute":            {&identityv1.ListQuery{SortBy: "name"}, fault.InvalidValue},
		"an order that there is not":     {&identityv1.ListQuery{SortBy: "userName", SortOrder: "up"}, fault.InvalidValue},
		"too many":                       {&identityv1.ListQuery{SortBy: "title"}, fault.TooMany},
		"too many, by cursor":            {&identityv1.ListQuery{SortBy: "title", Cursor: proto.String("")}, fault.TooMany},
	} {
		_, err := i.tryList("Users", c.query)
		refused(t, name, err, c.reason)
	}
	for name, q := range map[string]*identityv1.ListQuery{
		"by userName":                {SortBy: "userName", SortOrder: "descending"},
		"no order":                   {SortOrder: "up"},
		"few, which one index finds": {SortBy: "title", Filter: `userName sw "user59"`},
	} {
		if n := len(i.list("Users", q).GetResources()); n == 0 {
			t.Errorf("%s: nothing was found", name)
		}
	}
	// A cursor belongs to one order.
	cursor := i.list("Users", &identityv1.ListQuery{SortBy: "userName", Cursor: proto.String("")}).GetNextCursor()
	_, err := i.tryList("Users", &identityv1.ListQuery{SortBy: "userName", SortOrder: "descending", Cursor: &cursor})
	refused(t, "in another order", err, fault.InvalidCursor)
	_, err = i.tryList("Users", &identityv1.ListQuery{Cursor: &cursor})
	refused(t, "in no order", err, fault.InvalidCursor)
}
