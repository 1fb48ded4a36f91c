package identity_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// tryList lists Users or Groups.
func (i *idp) tryList(kind string, q *identityv1.ListQuery) (*identityv1.ListResult, error) {
	i.Helper()
	if kind == "Users" {
		r, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.users, Query: q})
		return r.GetResult(), err
	}
	r, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.groups, Query: q})
	return r.GetResult(), err
}

// walk walks through a list by cursor, and returns the ids of each page and the totals of the pages.
func (i *idp) walk(kind string, q *identityv1.ListQuery, between func()) (pages [][]string, totals []int64) {
	i.Helper()
	q = proto.CloneOf(q)
	q.Cursor = proto.String("")
	for {
		r := i.list(kind, q)
		pages = append(pages, resourceIDs(r))
		total := int64(-1)
		if r.TotalResults != nil {
			total = r.GetTotalResults()
		}
		totals = append(totals, total)
		equal(i, "the startIndex of a page by cursor", r.GetStartIndex(), 0)
		if r.GetNextCursor() == "" {
			return pages, totals
		}
		if strings.Trim(r.GetNextCursor(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != "" {
			i.Errorf("the cursor %q has reserved characters", r.GetNextCursor())
		}
		q.Cursor = proto.String(r.GetNextCursor())
		if between != nil {
			between()
		}
	}
}

func TestAListIsWalkedByCursor(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	users := i.named("a", "b", "c", "d", "e", "f", "g")
	for _, u := range users {
		i.group("of "+u, u)
	}
	for _, kind := range []string{"Users", "Groups"} {
		all := resourceIDs(i.list(kind, &identityv1.ListQuery{}))
		for _, c := range []struct {
			name, filter string
			count        *int64
			pages        []int
			total        int64
		}{
			{"the default page", "", nil, []int{7}, 7},
			{"pages", "", proto.Int64(3), []int{3, 3, 1}, 7},
			{"pages that fit", "", proto.Int64(7), []int{7}, 7},
			{"one a page", "", proto.Int64(1), []int{1, 1, 1, 1, 1, 1, 1}, 7},
			{"what matches", "id pr", proto.Int64(4), []int{4, 3}, -1},
			{"all that match on one page", "id pr", proto.Int64(7), []int{7}, 7},
			{"nothing that matches", "not (id pr)", proto.Int64(2), []int{0}, 0},
		} {
			t.Run(kind+", "+c.name, func(t *testing.T) {
				pages, totals := i.walk(kind, &identityv1.ListQuery{Filter: c.filter, Count: c.count}, nil)
				var sizes []int
				for _, page := range pages {
					sizes = append(sizes, len(page))
				}
				equal(t, "the sizes of the pages", sizes, c.pages)
				if c.total != 0 {
					equal(t, "who was met", slices.Concat(pages...), all)
				}
				for _, total := range totals {
					equal(t, "the total", total, c.total)
				}
			})
		}
	}
}

// Pages without a count have the size of the first page, also in an order (RFC 9865 §2).
func TestAWalkByCursorKeepsItsCount(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	i.named("a", "b", "c", "d", "e", "f", "g")
	for _, q := range []*identityv1.ListQuery{{}, {Filter: "id pr"}, {SortBy: "userName", SortOrder: "descending"}} {
		q.Cursor, q.Count = proto.String(""), proto.Int64(3)
		var sizes []int
		for {
			r := i.list("Users", q)
			sizes = append(sizes, len(r.GetResources()))
			if q.Count = nil; r.GetNextCursor() == "" {
				break
			}
			q.Cursor = proto.String(r.GetNextCursor())
			q.Count = proto.Int64(4)
			_, err := i.tryList("Users", q)
			refused(t, "another count", err, fault.InvalidCount)
			q.Count = nil
		}
		equal(t, q.String(), sizes, []int{3, 3, 1})
	}
}

func TestAPageByCursorEndsEarlyWhereResourcesAreLarge(t *testing.T) {
	t.Parallel()
	i := setup(t, func(c *identity.Config) { c.PageBytes = 1000 }).idp()
	var want []string
	for n := range 9 {
		want = append(want, i.group(fmt.Sprintf("group %d %s", n, strings.Repeat("x", 300))).GetId())
	}
	for _, filter := range []string{"", "id pr"} {
		pages, _ := i.walk("Groups", &identityv1.ListQuery{Filter: filter, Count: proto.Int64(9)}, nil)
		equal(t, "the groups that the walk met", slices.Concat(pages...), want)
		if len(pages) < 3 {
			t.Errorf("only %d pages", len(pages))
		}
	}
}

func TestACursorServesItsListAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, other := b.idp(), b.idp()
	i.named("a", "b", "c")
	other.named("a", "b", "c")
	i.group("g")
	i.group("h")
	one := proto.Int64(1)
	cursor := i.list("Users", &identityv1.ListQuery{Count: one, Cursor: proto.String("")}).GetNextCursor()
	filtered := i.list("Users", &identityv1.ListQuery{Filter: `userName  PR`, Count: one, Cursor: proto.String("")}).GetNextCursor()
	altered := []byte(cursor)
	altered[len(altered)-5] ^= 1
	ask := func(cursor, filter string) *identityv1.ListQuery {
		return &identityv1.ListQuery{Filter: filter, Count: one, Cursor: &cursor}
	}
	for _, c := range []struct {
		name   string
		by     *idp
		kind   string
		query  *identityv1.ListQuery
		reason fault.Reason
	}{
		{"its own", i, "Users", ask(cursor, ""), 0},
		{"its own, without the count", i, "Users", &identityv1.ListQuery{Cursor: &cursor}, 0},
		{"another count", i, "Users", &identityv1.ListQuery{Count: proto.Int64(2), Cursor: &cursor}, fault.InvalidCount},
		{"the default count, which was not the first page's", i, "Users", &identityv1.ListQuery{Count: proto.Int64(200), Cursor: &cursor}, fault.InvalidCount},
		{"the same filter in another spelling", i, "Users", ask(filtered, "(userName pr)"), 0},
		{"another filter", i, "Users", ask(filtered, "title pr"), fault.InvalidCursor},
		{"no filter", i, "Users", ask(filtered, ""), fault.InvalidCursor},
		{"a filter", i, "Users", ask(cursor, "userName pr"), fault.InvalidCursor},
		{"another kind of resource", i, "Groups", ask(cursor, ""), fault.InvalidCursor},
		{"another directory", other, "Users", ask(cursor, ""), fault.InvalidCursor},
		{"altered", i, "Users", ask(string(altered), ""), fault.InvalidCursor},
		{"cut", i, "Users", ask(cursor[:len(cursor)-4], ""), fault.InvalidCursor},
		{"nothing but a version", i, "Users", ask("2.", ""), fault.InvalidCursor},
		{"no digest", i, "Users", ask("2."+base64.RawURLEncoding.EncodeToString([]byte("abc")), ""), fault.InvalidCursor},
		{"made up", i, "Users", ask("nonsense", ""), fault.InvalidCursor},
		{"very long", i, "Users", ask("2."+strings.Repeat("a", 5000), ""), fault.InvalidCursor},
		{"of another version", i, "Users", ask("0"+cursor, ""), fault.ExpiredCursor},
		{"of the form without a count", i, "Users", ask("1"+cursor[1:], ""), fault.ExpiredCursor},
		{"no count", i, "Users", &identityv1.ListQuery{Count: proto.Int64(0), Cursor: &cursor}, fault.InvalidCount},
		{"a negative count", i, "Users", &identityv1.ListQuery{Count: proto.Int64(-1), Cursor: &cursor}, fault.InvalidCount},
		{"too large a count", i, "Users", &identityv1.ListQuery{Count: proto.Int64(1001), Cursor: &cursor}, fault.InvalidCount},
		{"with a startIndex", i, "Users", &identityv1.ListQuery{StartIndex: 1, Cursor: &cursor}, fault.InvalidValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.by.tryList(c.kind, c.query)
			if c.reason == 0 {
				must(t, err)
				return
			}
			refused(t, c.name, err, c.reason)
		})
	}
}

// Resources that exist throughout a walk appear exactly once, while others are created and deleted.
// Invariant 9.
func TestAWalkByCursorMeetsEverybodyOnceWhileOthersWrite(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T) func(*identity.Config){
		"SQLite":     func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} },
		"PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size, page, writers = 4000, 200, 16
			i := setup(t, change(t)).idp()
			users := make([]string, size)
			together(writers, func(w int) {
				for n := w; n < size; n += writers {
					r, err := i.tryUser(fmt.Sprintf(`{"userName":"user%d","title":"%d"}`, n, n%2))
					if err != nil {
						t.Error(err)
						return
					}
					users[n] = r.GetResource().GetId()
				}
			})
			for turn, filter := range []string{"", `userName sw "USER"`} {
				// Between and during the pages, some users are deleted, some are created, and some are changed.
				random := rand.New(rand.NewPCG(1, 2))
				random.Shuffle(len(users), func(a, b int) { users[a], users[b] = users[b], users[a] })
				leaving := users[:50]
				users = users[50:]
				var writing sync.WaitGroup
				come, pages := 0, 0
				met, _ := i.walk("Users", &identityv1.ListQuery{Filter: filter, Count: proto.Int64(page)}, func() {
					pages++
					for range 3 {
						if come < len(leaving) {
							_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: leaving[come]})
							must(t, err)
							i.user(fmt.Sprintf(`{"userName":"new%d-%d","title":"1"}`, turn, come))
							come++
						}
						changed := users[random.IntN(len(users))]
						writing.Go(func() {
							_, err := i.tryPatchUser(changed, operation("replace", "displayName", `"renamed"`))
							if err != nil {
								t.Error(err)
							}
						})
					}
				})
				writing.Wait()
				times := map[string]int{}
				for _, id := range slices.Concat(met...) {
					times[id]++
				}
				for _, id := range users {
					if times[id] != 1 {
						t.Fatalf("filter %q: %s, who was there throughout, was met %d times", filter, id, times[id])
					}
				}
				if come != len(leaving) || pages < 19 {
					t.Errorf("%d came, on %d pages", come, pages)
				}
			}
		})
	}
}

// together runs do(0) to do(n-1) at the same time, and waits for all of them.
func together(n int, do func(i int)) {
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { do(i) })
	}
	running.Wait()
}
