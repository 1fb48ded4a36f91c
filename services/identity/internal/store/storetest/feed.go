package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

var feedCases = []testCase{
	{"every write has its records in its transaction", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		f.users(scope, "bob")
		g := f.group(scope, "club")
		f.group(scope, "eng", "anna", "club")
		_, err := f.store.Update(f.Context(), u, nil, cause(1))
		f.must(err)
		_, err = f.store.Update(f.Context(), g, added("bob"), cause(1))
		f.must(err)
		f.edit(scope, "eng", append(added("bob"), removed("anna", "club")...))
		_, err = f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(1))
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
		_, err := f.store.Delete(f.Context(), scope, store.Group, "eng", nil, cause(4))
		f.must(err)
		f.equal("the records", f.since(at), list("group eng@2: removed user anna", "group eng@2: removed user bob",
			"group eng@2: removed group club", "group eng@2: deleted"))
	}},
	{"members are added and removed in the order in which a write names them", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "dora")
		f.group(scope, "club")
		f.group(scope, "eng")
		at := f.cursor()
		f.edit(scope, "eng", append(added("dora", "club", "anna", "dora", "bob"), removed("bob", "nobody", "dora", "club")...))
		f.equal("the records", f.since(at), list(
			"group eng@2: added user dora", "group eng@2: added group club", "group eng@2: added user anna", "group eng@2: added user bob",
			"group eng@2: removed user bob", "group eng@2: removed user dora", "group eng@2: removed group club"))
	}},
	{"a record has its scope and its cause", func(f *fixture) {
		scope := f.directory("d1")
		w, err := f.store.Create(f.Context(), newUser(scope, "anna"), nil, cause(6))
		f.must(err)
		f.equal("the records", f.changes(feed.Cursor{}), []store.Change{{
			Scope: scope, Cursor: w.Cursor, Type: store.User, MemberType: store.User, ResourceID: "anna", Revision: 1, Kind: store.Created,
			MessageID: "message-6", Traceparent: "trace-6", Time: cause(6).Time,
		}})
	}},
	{"a cursor continues where it was returned, page by page", func(f *fixture) {
		scope := f.directory("d1")
		for i := range 5 {
			f.user(scope, fmt.Sprint("u", i))
		}
		f.shown()
		var ids []string
		cursor := feed.Cursor{}
		for range 3 {
			changes, next, _, err := f.store.Changes(f.Context(), "acme", cursor, 2)
			f.must(err)
			for i, c := range changes {
				ids = append(ids, c.ResourceID)
				rest := f.since(c.Cursor)
				f.equal("how many come after "+c.ResourceID, len(rest), 5-len(ids))
				if i == 1 {
					f.equal("a full page's cursor", next, c.Cursor)
				}
			}
			cursor = next
		}
		f.equal("the records", ids, list("u0", "u1", "u2", "u3", "u4"))
		if cursor.Before(f.changes(feed.Cursor{})[4].Cursor) {
			f.Errorf("the last page's cursor, %s, is before the last record", cursor)
		}
	}},
	{"the cursor advances also when there was no record", func(f *fixture) {
		other := f.directoryOf("other", "d2")
		f.users(other, "u1", "u2")
		newest := f.cursor()
		f.shown()
		changes, next, _, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("records", len(changes), 0)
		if next.Before(newest) {
			f.Errorf("the cursor %s is before %s, which it has reached", next, newest)
		}
		f.user(f.directory("d1"), "anna")
		f.equal("records from there", f.since(next), list("user anna@1: created"))
	}},
	{"the end of an empty feed is a cursor of its epoch", func(f *fixture) {
		follow, newest, err := f.store.Cursor(f.Context())
		f.must(err)
		if newest.Before(follow) {
			f.Errorf("follow, %s, is after newest, %s", follow, newest)
		}
		ends := []feed.Cursor{follow, newest}
		for _, after := range []feed.Cursor{{}, follow} {
			changes, next, _, err := f.store.Changes(f.Context(), "acme", after, 10)
			f.must(err)
			f.equal("records", len(changes), 0)
			active, last, _, err := f.store.Active(f.Context(), after)
			f.must(err)
			f.equal("who was active", active, list())
			ends = append(ends, next, last)
		}
		f.user(f.directory("d1"), "anna")
		for _, end := range ends {
			f.equal("its epoch", end.Epoch, f.store.Epoch())
			f.equal("records after it", f.since(end), list("user anna@1: created"))
		}
	}},
	{"a cursor of another epoch has expired", func(f *fixture) {
		f.user(f.directory("d1"), "anna")
		foreign := f.cursor()
		foreign.Epoch = "restored"
		_, _, _, err := f.store.Changes(f.Context(), "acme", foreign, 10)
		f.refuses("Changes", err, fault.CursorExpired)
		_, _, _, err = f.store.Active(f.Context(), foreign)
		f.refuses("Active", err, fault.CursorExpired)
	}},
	{"a cursor beyond the end of the feed has expired", func(f *fixture) {
		f.user(f.directory("d1"), "anna")
		beyond := f.cursor()
		beyond.Transaction, beyond.Sequence = beyond.Transaction*1000, 1<<40
		_, _, _, err := f.store.Changes(f.Context(), "acme", beyond, 10)
		f.refuses("Changes", err, fault.CursorExpired)
		_, _, _, err = f.store.Active(f.Context(), beyond)
		f.refuses("Active", err, fault.CursorExpired)
	}},
	{"records are trimmed from the oldest, and a cursor before them has expired", func(f *fixture) {
		acme, other := f.directory("d1"), f.directoryOf("other", "d2")
		start := f.cursor()
		at := func(scope store.Scope, id string, minute int) {
			f.Helper()
			_, err := f.store.Create(f.Context(), newUser(scope, id), nil, cause(minute))
			f.must(err)
		}
		at(acme, "u1", 1)
		at(acme, "u2", 2)
		at(acme, "u3", 3)
		middle := f.cursor()
		at(acme, "u4", 4)
		at(other, "u5", 5)
		f.shown()
		trim := func(before time.Time, limit, want int) {
			f.Helper()
			// Some engines must count records first, and may have counted only a part.
			ctx, cancel := context.WithTimeout(f.Context(), patience)
			defer cancel()
			for trimmed := 0; trimmed != want; {
				n, err := f.store.TrimChanges(ctx, before, limit)
				f.must(err)
				if trimmed += n; n > limit || trimmed > want {
					f.Fatalf("trimmed %d of at most %d, and %d of %d in all", n, limit, trimmed, want)
				}
			}
		}
		trim(cause(4).Time, 2, 3)
		none, err := f.store.TrimChanges(f.Context(), cause(4).Time, 2)
		f.must(err)
		f.equal("one batch more", none, 0)
		for _, early := range []feed.Cursor{{}, start} {
			_, _, _, err := f.store.Changes(f.Context(), "acme", early, 10)
			f.refuses("Changes", err, fault.CursorExpired)
		}
		f.equal("what is left", f.since(middle), list("user u4@1: created"))
		_, _, _, err = f.store.Changes(f.Context(), "other", feed.Cursor{}, 10)
		f.must(err)
		active, _, _, err := f.store.Active(f.Context(), feed.Cursor{})
		f.must(err)
		f.equal("who is active from the beginning", active, list("acme", "other"))
		trim(cause(6).Time, 10, 2)
		active, end, _, err := f.store.Active(f.Context(), feed.Cursor{})
		f.must(err)
		f.equal("who was active once", active, list("acme", "other"))
		if _, _, _, err := f.store.Active(f.Context(), middle); middle.Sequence > 0 {
			f.refuses("Active", err, fault.CursorExpired)
		}
		total, err := f.store.Count(f.Context(), acme, store.User)
		f.must(err)
		f.equal("the users", total, 4)
		f.user(acme, "u6")
		f.equal("what comes after", f.since(end), list("user u6@1: created"))
	}},
	{"the active organizations are those with records after a cursor", func(f *fixture) {
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
			f.shown()
			active, next, _, err := f.store.Active(f.Context(), c.after)
			f.must(err)
			f.equal("active after "+c.after.String(), active, c.want)
			again, _, _, err := f.store.Active(f.Context(), next)
			f.must(err)
			f.equal("active after that", again, list())
		}
	}},
	{"the closing of a directory is recorded once, and changes no resource", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna")
		at := f.cursor()
		written := f.store.NewChanges()
		f.revision++
		closing := store.Directory{OrganizationID: "acme", ID: "d1", Closed: true}
		f.must(f.store.ApplyDirectory(f.Context(), closing, store.Place{Revision: f.revision}, cause(7)))
		f.woken(written)
		changes := f.changes(at)
		f.equal("the records", changes, []store.Change{{
			Scope: scope, Cursor: changes[0].Cursor, Type: store.User, MemberType: store.User, ResourceID: "d1", Revision: 1, Kind: store.DirectoryClosed,
			MessageID: "message-7", Traceparent: "trace-7", Time: cause(7).Time,
		}})
		active, _, _, err := f.store.Active(f.Context(), at)
		f.must(err)
		f.equal("who is active", active, list("acme"))
		f.writesNothing(func() {
			f.must(f.store.ApplyDirectory(f.Context(), closing, store.Place{Revision: f.revision}, cause(8))) // again
			f.directory("d1", closed, uniqueNames)
			f.directory("d1")
			f.directory("d2")
		})
		count, err := f.store.Count(f.Context(), scope, store.User)
		f.must(err)
		f.equal("how many users it has", count, 1)
	}},
	{"once all records are visible nothing is delayed", func(f *fixture) {
		f.user(f.directory("d1"), "anna")
		f.shown()
		_, _, delayed, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("of the organization", delayed, time.Time{})
		_, _, delayed, err = f.store.Active(f.Context(), feed.Cursor{})
		f.must(err)
		f.equal("of any", delayed, time.Time{})
	}},
	{"a record wakes a waiting reader", func(f *fixture) {
		scope := f.directory("d1")
		written := f.store.NewChanges()
		select {
		case <-written:
			f.Fatal("woken before anything was written")
		default:
		}
		f.user(scope, "anna")
		select {
		case <-written:
		case <-time.After(patience):
			f.Fatal("never woken")
		}
		changes, _, _, err := f.store.Changes(f.Context(), "acme", feed.Cursor{}, 10)
		f.must(err)
		f.equal("records", len(changes), 1)
	}},
	{"a client that takes a cursor, lists and then follows misses nothing", func(f *fixture) {
		const writers, each = 4, 20
		scope := f.directory("d1")
		var listing sync.WaitGroup
		f.together(writers, func(w int) {
			for i := range each {
				if _, err := f.store.Create(f.Context(), newUser(scope, fmt.Sprintf("u%d-%d", w, i)), nil, cause(0)); err != nil {
					f.Error(err)
				}
				if i%5 == w {
					listing.Go(func() { f.listAndFollow(scope, writers*each) })
				}
			}
		})
		listing.Wait()
	}},
	{"no record is skipped while others write", func(f *fixture) {
		const writers, each = 8, 25
		scopes := []store.Scope{f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d3")}
		var met []string
		var follower sync.WaitGroup
		follower.Go(func() {
			for cursor := (feed.Cursor{}); !slices.Contains(met, "last"); {
				written := f.store.NewChanges()
				changes, next, _, err := f.store.Changes(f.Context(), "acme", cursor, 7)
				if err != nil {
					f.Error(err)
					return
				}
				for _, c := range changes {
					met = append(met, c.ResourceID)
				}
				if cursor = next; len(changes) == 0 && !f.woken(written) {
					return
				}
			}
		})
		var want []string
		for w := range writers {
			for i := range each {
				if scope := scopes[(w+i)%3]; scope.OrganizationID == "acme" {
					want = append(want, fmt.Sprintf("u%d-%d", w, i))
				}
			}
		}
		f.together(writers, func(w int) {
			for i := range each {
				if _, err := f.store.Create(f.Context(), newUser(scopes[(w+i)%3], fmt.Sprintf("u%d-%d", w, i)), nil, cause(0)); err != nil {
					f.Error(err)
				}
			}
		})
		f.user(scopes[0], "last")
		follower.Wait()
		f.equal("what the follower met", met, f.resources())
		f.equal("all that was written", sorted(met), sorted(append(want, "last")))
	}},
}

// resources are the resources in all records of acme.
func (f *fixture) resources() []string {
	f.Helper()
	ids := []string{}
	for _, c := range f.changes(feed.Cursor{}) {
		ids = append(ids, c.ResourceID)
	}
	return ids
}

// woken waits, and reports whether the channel was closed in time. It may be called from another goroutine.
func (f *fixture) woken(written <-chan struct{}) bool {
	select {
	case <-written:
		return true
	case <-time.After(patience):
		f.Error("the waiting reader was not woken")
		return false
	}
}

// listAndFollow is a client that lists and follows until it knows count users.
func (f *fixture) listAndFollow(scope store.Scope, count int) {
	cursor, _, err := f.store.Cursor(f.Context())
	if err != nil {
		f.Error(err)
		return
	}
	listed, err := f.store.List(f.Context(), scope, store.User, "", count, math.MaxInt32)
	if err != nil {
		f.Error(err)
		return
	}
	known := map[string]bool{}
	for _, u := range listed {
		known[u.ID] = true
	}
	for len(known) < count {
		written := f.store.NewChanges()
		changes, next, _, err := f.store.Changes(f.Context(), scope.OrganizationID, cursor, 7)
		if err != nil {
			f.Error(err)
			return
		}
		for _, c := range changes {
			known[c.ResourceID] = true
		}
		if cursor = next; len(changes) == 0 && !f.woken(written) {
			f.Errorf("the follower knows %d of %d", len(known), count)
			return
		}
	}
}
