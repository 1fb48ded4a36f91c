package storetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

var feedCases = []testCase{
	{"every write has its records, in its transaction", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		f.users(scope, "bob")
		g := f.group(scope, "club")
		f.group(scope, "eng", "anna", "club")
		_, err := f.store.UpdateUser(f.Context(), u, cause(1))
		f.must(err)
		_, err = f.store.UpdateGroup(f.Context(), g, true, nil, added("bob"), cause(1))
		f.must(err)
		f.edit(scope, "eng", append(added("bob"), removed("anna", "club")...))
		_, err = f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(1))
		f.must(err)
		f.equal("the records", f.since(feed.Cursor{}), list(
			"user anna@1: created", "user bob@1: created", "group club@1: created",
			"group eng@1: created", "group eng@1: added user anna", "group eng@1: added group club",
			"user anna@2: updated", "group club@2: added user bob", "group club@2: updated",
			"group eng@2: added user bob", "group eng@2: removed user anna", "group eng@2: removed group club",
			"user anna@3: deleted"))
	}},
	{"the deletion of a group records every member", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "club")
		f.group(scope, "eng", "anna", "bob", "club")
		f.group(scope, "outer", "eng")
		at := f.cursor()
		_, err := f.store.DeleteGroup(f.Context(), scope, "eng", nil, cause(4))
		f.must(err)
		words := f.since(at)
		f.equal("the last", words[len(words)-1], "group eng@2: deleted")
		f.equal("the records", sorted(words), list("group eng@2: deleted", "group eng@2: removed group club",
			"group eng@2: removed user anna", "group eng@2: removed user bob"))
	}},
	{"a record says whose it is and what caused it", func(f *fixture) {
		scope := f.directory("d1")
		_, err := f.store.CreateUser(f.Context(), newUser(scope, "anna"), cause(6))
		f.must(err)
		changes, next, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("the records", changes, []store.Change{{
			Scope: scope, Cursor: next, ResourceID: "anna", Revision: 1, Kind: store.Created,
			MessageID: "message-6", Traceparent: "trace-6", Time: cause(6).Time,
		}})
	}},
	{"a cursor goes on where it was given, page by page", func(f *fixture) {
		scope := f.directory("d1")
		for i := range 5 {
			f.user(scope, fmt.Sprint("u", i))
		}
		var ids []string
		cursor := feed.Cursor{}
		for range 3 {
			changes, next, err := f.store.Changes(f.Context(), "acme", cursor, 2)
			f.must(err)
			for _, c := range changes {
				ids = append(ids, c.ResourceID)
				cursor = c.Cursor
			}
			f.equal("the page's cursor", next, cursor)
		}
		f.equal("the records", ids, list("u0", "u1", "u2", "u3", "u4"))
		f.equal("the cursor", cursor, f.cursor())
	}},
	{"the cursor goes on also when there was no record", func(f *fixture) {
		other := f.directoryOf("other", "d2")
		f.users(other, "u1", "u2")
		changes, next, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("records", len(changes), 0)
		f.equal("the cursor", next, f.cursor())
		f.user(f.directory("d1"), "anna")
		changes, _, err = f.store.Changes(f.Context(), "acme", next, 10)
		f.must(err)
		f.equal("records from there", len(changes), 1)
	}},
	{"the end of an empty feed is a cursor of its epoch", func(f *fixture) {
		f.equal("the cursor", f.cursor(), feed.Cursor{Epoch: f.store.Epoch()})
		for _, after := range []feed.Cursor{{}, f.cursor()} {
			_, next, err := f.store.Changes(f.Context(), "acme", after, 10)
			f.must(err)
			f.equal("after no records", next, f.cursor())
			active, next, err := f.store.Active(f.Context(), after)
			f.must(err)
			f.equal("after no activity", next, f.cursor())
			f.equal("who was active", active, list())
		}
	}},
	{"a cursor of another epoch has expired", func(f *fixture) {
		f.user(f.directory("d1"), "anna")
		foreign := f.cursor()
		foreign.Epoch = "restored"
		_, _, err := f.store.Changes(f.Context(), "acme", foreign, 10)
		f.refuses("Changes", err, fault.CursorExpired)
		_, _, err = f.store.Active(f.Context(), foreign)
		f.refuses("Active", err, fault.CursorExpired)
	}},
	{"active are the organizations with records after a cursor", func(f *fixture) {
		scopes := map[string]store.Scope{}
		for _, o := range []string{"a", "b", "c", "idle"} {
			scopes[o] = f.directoryOf(o, "d-"+o)
		}
		f.user(scopes["c"], "u1")
		f.user(scopes["a"], "u2")
		first := f.cursor()
		f.user(scopes["c"], "u3")
		f.user(scopes["c"], "u4")
		f.user(scopes["b"], "u5")
		for _, c := range []struct {
			after feed.Cursor
			want  string
		}{{feed.Cursor{}, list("a", "b", "c")}, {first, list("b", "c")}, {f.cursor(), list()}} {
			active, next, err := f.store.Active(f.Context(), c.after)
			f.must(err)
			f.equal("active after "+c.after.String(), active, c.want)
			f.equal("the cursor", next, f.cursor())
		}
	}},
	{"who waits is woken by a record", func(f *fixture) {
		scope := f.directory("d1")
		written := f.store.Written()
		select {
		case <-written:
			f.Fatal("woken before anything was written")
		default:
		}
		f.user(scope, "anna")
		select {
		case <-written:
		case <-f.Context().Done():
		}
		changes, _, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("records", len(changes), 1)
	}},
	{"no record is skipped while others write", func(f *fixture) {
		const writers, each = 8, 25
		scopes := []store.Scope{f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d3")}
		var met []string
		var follower sync.WaitGroup
		follower.Go(func() {
			for cursor := (feed.Cursor{}); !slices.Contains(met, "last"); {
				written := f.store.Written()
				changes, next, err := f.store.Changes(f.Context(), "acme", cursor, 7)
				if err != nil {
					f.Error(err)
					return
				}
				for _, c := range changes {
					met = append(met, c.ResourceID)
				}
				if cursor = next; len(changes) == 0 {
					<-written
				}
			}
		})
		var want []string
		var wg sync.WaitGroup
		for w := range writers {
			for i := range each {
				if scope := scopes[(w+i)%3]; scope.OrganizationID == "acme" {
					want = append(want, fmt.Sprintf("u%d-%d", w, i))
				}
			}
			wg.Go(func() {
				for i := range each {
					if _, err := f.store.CreateUser(f.Context(), newUser(scopes[(w+i)%3], fmt.Sprintf("u%d-%d", w, i)), cause(0)); err != nil {
						f.Error(err)
					}
				}
			})
		}
		wg.Wait()
		f.user(scopes[0], "last")
		follower.Wait()
		f.equal("what the follower met", met, f.resources())
		f.equal("all that was written", sorted(met), sorted(append(want, "last")))
	}},
}

// resources are the resources of all of acme's records.
func (f *fixture) resources() []string {
	f.Helper()
	changes, _, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10_000)
	f.must(err)
	ids := []string{}
	for _, c := range changes {
		ids = append(ids, c.ResourceID)
	}
	return ids
}
