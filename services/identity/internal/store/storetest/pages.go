package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// pagesOf reads what a listing gives page by page, each of so many bytes, and checks that none has more than one document too many.
func pagesOf[T interface{ Size() int }](f *fixture, what string, bytes int, read func(met []T) ([]T, error)) []T {
	f.Helper()
	var all []T
	for {
		page, err := read(all)
		f.must(err)
		all = append(all, page...)
		if !store.Full(page, bytes) {
			return all
		}
		if store.Full(page[:len(page)-1], bytes) {
			f.Errorf("%s: a page of %d bytes goes on beyond them, to %d documents", what, bytes, len(page))
		}
	}
}

var pageCases = []testCase{
	{"a page ends once its documents have as many bytes as it may", func(f *fixture) {
		scope := f.directory("d1")
		var ids []string
		for i := range 12 {
			id := fmt.Sprintf("r%02d", i)
			ids = append(ids, id)
			document := make([]byte, 100+300*(i%4))
			f.user(scope, id, func(u *store.User) {
				u.UserNameFolded, u.Document = fmt.Sprintf("%02d", (i*5)%12), document
			})
			g := newGroup(scope, id)
			g.DisplayNameFolded, g.Document = fmt.Sprintf("%02d", (i*5)%12), document
			_, err := f.store.CreateGroup(f.Context(), g, nil, cause(0))
			f.must(err)
		}
		rest := func(met []string) []string {
			return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(met, id) })
		}
		for _, bytes := range []int{1, 700, 1500, math.MaxInt32} {
			f.equal(fmt.Sprint("users after one another, ", bytes), userIDs(pagesOf(f, "users", bytes, func(met []store.User) ([]store.User, error) {
				return f.store.Users(f.Context(), scope, lastOf(userIDs(met)), 100, bytes)
			})), ids)
			f.equal(fmt.Sprint("users by id, ", bytes), userIDs(pagesOf(f, "users by id", bytes, func(met []store.User) ([]store.User, error) {
				return f.store.UsersByID(f.Context(), scope, rest(userIDs(met)), bytes)
			})), ids)
			f.equal(fmt.Sprint("groups after one another, ", bytes), groupIDs(pagesOf(f, "groups", bytes, func(met []store.Group) ([]store.Group, error) {
				return f.store.Groups(f.Context(), scope, lastOf(groupIDs(met)), 100, bytes)
			})), ids)
			f.equal(fmt.Sprint("groups by id, ", bytes), groupIDs(pagesOf(f, "groups by id", bytes, func(met []store.Group) ([]store.Group, error) {
				return f.store.GroupsByID(f.Context(), scope, rest(groupIDs(met)), bytes)
			})), ids)
			for _, order := range []store.Order{{}, {Descending: true}, {ByName: true}, {ByName: true, Descending: true}} {
				users := func(ctx context.Context, skip, bytes int) ([]store.User, error) {
					return f.store.UserPage(ctx, scope, order, int64(skip), 100, bytes)
				}
				groups := func(ctx context.Context, skip, bytes int) ([]store.Group, error) {
					return f.store.GroupPage(ctx, scope, order, int64(skip), 100, bytes)
				}
				allUsers, err := users(f.Context(), 0, math.MaxInt32)
				f.must(err)
				allGroups, err := groups(f.Context(), 0, math.MaxInt32)
				f.must(err)
				f.equal("how many", []int{len(allUsers), len(allGroups)}, []int{len(ids), len(ids)})
				f.equal(fmt.Sprintf("users, %+v, %d", order, bytes), userIDs(pagesOf(f, "a page of users", bytes, func(met []store.User) ([]store.User, error) {
					return users(f.Context(), len(met), bytes)
				})), userIDs(allUsers))
				f.equal(fmt.Sprintf("groups, %+v, %d", order, bytes), groupIDs(pagesOf(f, "a page of groups", bytes, func(met []store.Group) ([]store.Group, error) {
					return groups(f.Context(), len(met), bytes)
				})), groupIDs(allGroups))
			}
		}
	}},
}

func lastOf(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}
