package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// outcomes counts how the writes of a race ended. Other reasons are an error of the test.
type outcomes struct {
	f       *fixture
	written atomic.Int64
	refused atomic.Int64
}

func (o *outcomes) count(err error, reasons ...fault.Reason) {
	if err == nil {
		o.written.Add(1)
		return
	}
	o.refused.Add(1)
	if errors.Is(err, store.ErrChanged) {
		return
	}
	for _, r := range reasons {
		if fault.Is(err, r) {
			return
		}
	}
	o.f.Error(err)
}

func (o *outcomes) oneOf(n int64) {
	o.f.Helper()
	o.f.equal("how many were written and refused", fmt.Sprint(o.written.Load(), o.refused.Load()), fmt.Sprint(1, n-1))
}

var raceCases = []testCase{
	{"one of many concurrent users gets a userName", func(f *fixture) {
		scope, many, o := f.directory("d1"), 8, &outcomes{f: f}
		f.together(many, func(i int) {
			u := newUser(scope, fmt.Sprint("u", i))
			u.NameFolded = "same"
			_, err := f.store.Create(f.Context(), u, nil, cause(1))
			o.count(err, fault.Uniqueness)
		})
		o.oneOf(8)
		f.equal("how many records", len(f.resources()), 1)
	}},
	{"one of many concurrent groups gets a unique displayName, by creating, renaming or adopting", func(f *fixture) {
		var detached, renamed store.Resource
		_, scope := f.replacement(func(old store.Scope) { detached = f.group(old, "adopted") })
		f.directory("d2", uniqueNames, replacing("d1"))
		renamed = f.group(scope, "renamed")
		o := &outcomes{f: f}
		detached.Scope = scope
		f.together(8, func(i int) {
			g := newGroup(scope, fmt.Sprint("g", i))
			write := func() (store.Written, error) { return f.store.Create(f.Context(), g, nil, cause(1)) }
			switch i {
			case 0:
				g = renamed
				write = func() (store.Written, error) { return f.store.Update(f.Context(), g, nil, cause(1)) }
			case 1:
				g = detached
				write = func() (store.Written, error) { return f.store.Adopt(f.Context(), "d1", g, nil, cause(1)) }
			}
			g.NameFolded = "same"
			_, err := write()
			o.count(err, fault.Uniqueness)
		})
		o.oneOf(8)
	}},
	{"one of many concurrent writers of a version succeeds", func(f *fixture) {
		scope := f.directory("d1")
		u, g := f.user(scope, "anna"), f.group(scope, "eng")
		users, groups := &outcomes{f: f}, &outcomes{f: f}
		f.together(8, func(i int) {
			if i%2 == 0 {
				_, err := f.store.Update(f.Context(), u, nil, cause(1))
				users.count(err)
			} else {
				_, err := f.store.Update(f.Context(), g, nil, cause(1))
				groups.count(err)
			}
		})
		users.oneOf(4)
		groups.oneOf(4)
	}},
	{"one of many concurrent adoptions gets a user, and one a group", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna")
			f.group(old, "eng", "anna")
		})
		u, g := f.readUser(old, "anna"), f.readGroup(old, "eng")
		u.Scope, g.Scope = scope, scope
		users, groups := &outcomes{f: f}, &outcomes{f: f}
		f.together(8, func(i int) {
			if i%2 == 0 {
				_, err := f.store.Adopt(f.Context(), "d1", u, nil, cause(1))
				users.count(err)
			} else {
				_, err := f.store.Adopt(f.Context(), "d1", g, nil, cause(1))
				groups.count(err)
			}
		})
		users.oneOf(4)
		groups.oneOf(4)
	}},
	{"totals are exact while others write", func(f *fixture) {
		const writers, each = 8, 30
		scope, other := f.directory("d1"), f.directory("d2")
		f.users(other, "stranger")
		var creating, created, deleting, deleted, ended atomic.Int64
		f.together(writers+2, func(w int) {
			if w >= writers {
				for ended.Load() < writers {
					surely, gone := created.Load(), deleted.Load()
					got, err := f.store.Count(f.Context(), scope, store.User)
					f.refuseNone("counting", err)
					if low, high := surely-deleting.Load(), creating.Load()-gone; got < low || got > high {
						f.Errorf("the total is %d, not from %d to %d", got, low, high)
					}
				}
				return
			}
			defer ended.Add(1)
			for i := range each {
				id := fmt.Sprintf("u%d-%d", w, i)
				creating.Add(1)
				_, err := f.store.Create(f.Context(), newUser(scope, id), nil, cause(1))
				f.refuseNone("creating", err)
				created.Add(1)
				if i%3 == 0 {
					deleting.Add(1)
					_, err := f.store.Delete(f.Context(), scope, store.User, id, nil, cause(1))
					f.refuseNone("deleting", err)
					deleted.Add(1)
				}
				if i%10 == 0 {
					_, err := f.store.Create(f.Context(), newGroup(scope, fmt.Sprintf("g%d-%d", w, i)), added(id), cause(1))
					if err != nil && !fault.Is(err, fault.InvalidValue) { // every tenth group is deleted
						f.Error(err)
					}
				}
			}
		})
		users, err := f.store.Count(f.Context(), scope, store.User)
		f.must(err)
		f.equal("how many users in the end", users, writers*each*2/3)
		all, err := f.store.List(f.Context(), scope, store.Group, "", 1000, math.MaxInt32)
		f.must(err)
		groups, err := f.store.Count(f.Context(), scope, store.Group)
		f.must(err)
		f.equal("how many groups in the end", groups, len(all))
		users, err = f.store.Count(f.Context(), other, store.User)
		f.must(err)
		f.equal("how many users of the other directory", users, 1)
	}},
	{"no write commits once a directory is closed", func(f *fixture) {
		const writers = 6
		scope := f.directory("d1")
		f.group(scope, "eng")
		var started, writing sync.WaitGroup
		started.Add(writers)
		for w := range writers {
			writing.Go(func() {
				for i := 0; ; i++ {
					u := newUser(scope, fmt.Sprintf("u%d-%d", w, i))
					_, err := f.store.Create(f.Context(), u, nil, cause(1))
					if err == nil {
						_, err = f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "eng"}, added(u.ID), cause(1))
					}
					if i == 0 {
						started.Done()
					}
					if err != nil {
						f.refuses("writing", err, fault.Deleted)
						return
					}
				}
			})
		}
		started.Wait()
		f.directory("d1", closed)
		before := f.everything(scope)
		writing.Wait()
		f.equal("what the directory has in the end", f.everything(scope), before)
	}},
	{"a member that is deleted while it is added is in no group", func(f *fixture) {
		const rounds = 12
		scope := f.directory("d1")
		f.group(scope, "eng")
		o := &outcomes{f: f}
		for i := range rounds {
			member := fmt.Sprint("m", i)
			of := store.User
			if i%2 == 0 {
				f.user(scope, member)
			} else {
				f.group(scope, member)
				of = store.Group
			}
			f.together(3, func(part int) {
				switch part {
				case 0:
					_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "eng"}, added(member), cause(1))
					o.count(err, fault.InvalidValue)
				case 1:
					_, err := f.store.Create(f.Context(), newGroup(scope, fmt.Sprint("g", i)), added(member), cause(1))
					o.count(err, fault.InvalidValue)
				case 2:
					_, err := f.store.Delete(f.Context(), scope, of, member, nil, cause(1))
					f.refuseNone("deleting", err)
				}
			})
			f.equal("the members of the old group", f.allMembers("acme", "eng"), list())
			f.equal("the members of the new group", f.allMembers("acme", fmt.Sprint("g", i)), list())
		}
	}},
	{"a member is added to a group while that is deleted: the group or the membership is gone", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		o := &outcomes{f: f}
		for i := range 8 {
			id := fmt.Sprint("g", i)
			f.group(scope, id)
			f.together(2, func(part int) {
				if part == 0 {
					_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: id}, added("anna"), cause(1))
					o.count(err, fault.NotFound)
					return
				}
				_, err := f.store.Delete(f.Context(), scope, store.Group, id, nil, cause(1))
				f.refuseNone("deleting", err)
			})
			f.equal("the members", f.allMembers("acme", id), list())
		}
		f.equal("anna's groups", f.facts("acme", "anna")[0].GroupIDs, list())
	}},
	{"concurrent edits of each other's groups all end, and lose nothing", func(f *fixture) {
		const groups, writers = 4, 8
		scope := f.directory("d1")
		var users []string
		for i := range writers {
			users = append(users, fmt.Sprint("u", i))
		}
		f.users(scope, users...)
		for g := range groups {
			f.group(scope, fmt.Sprint("g", g), users...)
		}
		// Half of the users are deleted, from all groups, while the groups' members are changed.
		f.together(writers, func(w int) {
			if w%2 == 0 {
				_, err := f.store.Delete(f.Context(), scope, store.User, users[w], nil, cause(1))
				f.refuseNone("deleting", err)
				return
			}
			for i := range groups {
				id := fmt.Sprint("g", (w+i)%groups)
				for _, edits := range [][]store.MemberEdit{removed(users[w]), added(users[w])} {
					_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: id}, edits, cause(1))
					f.refuseNone("editing", err)
				}
			}
		})
		for g := range groups {
			f.equal("the members", f.allMembers("acme", fmt.Sprint("g", g)), list("u1", "u3", "u5", "u7"))
			// Each deletion and each edit increases the version.
			f.equal("the version", f.readGroup(scope, fmt.Sprint("g", g)).Version, 1+writers/2+2*(writers/2))
		}
	}},
}

// refuseNone checks for success. It may be called from another goroutine.
func (f *fixture) refuseNone(what string, err error) {
	f.Helper()
	if err != nil {
		f.Errorf("%s: %v", what, err)
	}
}
