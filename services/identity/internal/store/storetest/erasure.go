package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// kept returns how many rows of an organization each table has.
func (f *fixture) kept(organization string) map[string]int64 {
	f.Helper()
	rows, err := f.inside.Rows(organization)
	f.must(err)
	return rows
}

// sum counts rows, without those that say up to where the feed was trimmed.
func sum(rows map[string]int64) (n int64) {
	for table, count := range rows {
		if table != "trimmed" {
			n += count
		}
	}
	return n
}

// furnish gives an organization some data of every kind: a directory, users with search values, groups with users and groups, a
// schema, and message counts.
func (f *fixture) furnish(organization string, users int) store.Scope {
	f.Helper()
	scope := f.directoryOf(organization, "d1")
	names := make([]string, users)
	f.together(8, func(w int) {
		for i := w; i < users; i += 8 {
			u := newUser(scope, fmt.Sprintf("u%04d", i))
			names[i], u.ExternalID = u.ID, "external-"+u.ID
			u.Search = []scim.SearchValue{{Attribute: "emails", Value: u.ID + "@example.com"}}
			if _, err := f.store.Create(f.Context(), u, nil, cause(0)); err != nil {
				f.Error(err)
			}
		}
	})
	f.group(scope, "inner", names...)
	f.group(scope, "outer", "inner")
	_, err := f.store.PutSchema(f.Context(), store.Schema{Scope: scope, ID: "urn:test:one", Definition: []byte(`{}`)},
		func(store.Schema, []store.Schema) error { return nil })
	f.must(err)
	f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(scope, "op-capitalised", 1, 1, 1), messageCount(scope, "ignored zip", 1, 1, 1), messageCount(scope, "milestone x", 1, 1, 1)}))
	f.user(scope, "deleted")
	_, err = f.store.Delete(f.Context(), scope, store.User, "deleted", nil, cause(0))
	f.must(err)
	return scope
}

// eraseStep erases a part of an organization. Transactions of other tests on the same server may delay records.
func (f *fixture) eraseStep(organization string) (nothingLeft bool) {
	f.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		nothingLeft, err := f.store.EraseOrganization(f.Context(), organization)
		if !fault.Is(err, fault.Unavailable) || time.Now().After(deadline) {
			if err != nil {
				f.Error(err)
			}
			return nothingLeft || err != nil
		}
	}
}

func (f *fixture) erase(organization string) {
	f.Helper()
	for !f.eraseStep(organization) {
	}
}

var erasureCases = []testCase{
	{"an organization is erased in bounded steps, and others lose nothing", func(f *fixture) {
		scope, other := f.furnish("acme", 700), f.furnish("other", 30)
		f.directory("d1", closed)
		before := f.kept("other")
		rowsLeft := f.kept("acme")
		for table, n := range rowsLeft {
			if n == 0 && table != "trimmed" && table != "totals" { // an engine may fold totals at any time
				f.Errorf("the test keeps nothing in %s", table)
			}
		}
		for left := sum(rowsLeft); ; {
			nothingLeft := f.eraseStep("acme")
			now := sum(f.kept("acme"))
			if nothingLeft {
				f.equal("what is left", now, 0)
				break
			}
			// Totals may be folded in between.
			if removed := left - now; removed > store.EraseRows || removed < -4 {
				f.Errorf("a step removed %d rows, from %v to %v", removed, rowsLeft, f.kept("acme"))
			}
			rowsLeft, left = f.kept("acme"), now
		}
		for table, n := range f.kept("other") {
			if n != before[table] && table != "totals" {
				f.Errorf("of %s the other organization has %d rows, and had %d", table, n, before[table])
			}
		}
		users, err := f.store.Count(f.Context(), other, store.User)
		f.must(err)
		f.equal("the other's users", users, 30)
		groups, err := f.store.Count(f.Context(), other, store.Group)
		f.must(err)
		f.equal("the other's groups", groups, 2)
		_, err = f.store.Create(f.Context(), newUser(scope, "late"), nil, cause(1))
		f.refuses("a late user", err, fault.NotReady)
		f.equal("what is left later", sum(f.kept("acme")), 0)
	}},
	{"a step ends after so many bytes of documents", func(f *fixture) {
		scope := f.directory("d1")
		for i := range 6 {
			f.user(scope, fmt.Sprint(i), func(u *store.Resource) { u.Document = make([]byte, store.EraseBytes/2) })
		}
		f.directory("d1", closed)
		f.eraseStep("acme")
		f.equal("how many users are left", f.kept("acme")["users"], 4)
	}},
	{"a new organization of the id is empty and works", func(f *fixture) {
		f.furnish("acme", 3)
		f.directory("d1", closed)
		before := f.cursor()
		f.erase("acme")
		scope := f.directory("d2", replacing("d1"))
		for what, got := range map[string]func() (int, error){
			"its users": func() (int, error) {
				all, err := f.store.IDs(f.Context(), "acme", store.User, "", 10)
				return len(all), err
			},
			"its groups": func() (int, error) {
				all, err := f.store.Find(f.Context(), "acme", store.Group, store.Selector{}, "", 10)
				return len(all), err
			},
			"its schemas": func() (int, error) { all, err := f.store.Schemas(f.Context(), scope); return len(all), err },
			"its ancestors": func() (int, error) {
				all, err := f.store.Ancestors(f.Context(), scope)
				return len(all), err
			},
			"its message counts": func() (int, error) { all, err := f.store.MessageCounts(f.Context(), scope); return len(all), err },
			"its count":          func() (int, error) { n, err := f.store.Count(f.Context(), scope, store.User); return int(n), err },
		} {
			n, err := got()
			f.must(err)
			f.equal(what, n, 0)
		}
		f.user(scope, "u0000")
		f.group(scope, "inner", "u0000")
		count, err := f.store.Count(f.Context(), scope, store.User)
		f.must(err)
		f.equal("its users then", count, 1)
		_, _, _, err = f.store.Changes(f.Context(), "acme", before, 10)
		if err != nil && !fault.Is(err, fault.CursorExpired) {
			f.Error(err)
		}
	}},
	{"a follower that has not read all erased records gets an error", func(f *fixture) {
		f.furnish("acme", 3)
		f.furnish("other", 1)
		f.directory("d1", closed)
		f.erase("acme")
		_, _, _, err := f.store.Changes(f.Context(), "acme", feed.Cursor{Epoch: f.store.Epoch(), Sequence: 1}, 10)
		f.refuses("a cursor from before", err, fault.CursorExpired)
		changes, _, _, err := f.store.Changes(f.Context(), "other", feed.Cursor{Epoch: f.store.Epoch(), Sequence: 1}, 10)
		f.must(err)
		for _, c := range changes {
			f.equal("whose record it is", c.OrganizationID, "other")
		}
	}},
	{"several processes erase at the same time", func(f *fixture) {
		f.furnish("acme", 400)
		f.furnish("other", 3)
		f.directory("d1", closed)
		before := sum(f.kept("other"))
		f.together(3, func(int) { f.erase("acme") })
		f.equal("what is left", sum(f.kept("acme")), 0)
		if now := sum(f.kept("other")); now < before {
			f.Errorf("the other has %d rows, and had %d", now, before)
		}
	}},
	{"counts gathered before an erasure do not come back", func(f *fixture) {
		scope := f.furnish("acme", 3)
		f.directory("d1", closed)
		f.together(2, func(i int) {
			if i == 0 {
				f.erase("acme")
				return
			}
			for n := range 30 {
				if err := f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(scope, fmt.Sprint("ignored ", n), 1, 1, 1)}); err != nil {
					f.Error(err)
				}
			}
		})
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(scope, "op-capitalised", 1, 1, 1)}))
		f.equal("what is left", sum(f.kept("acme")), 0)
	}},
	{"an organization with a directory that is not closed is not erased", func(f *fixture) {
		f.furnish("acme", 3)
		f.directory("d1", closed)
		f.user(f.directory("d2"), "new") // of a new organization with the same id as the erased one
		before := sum(f.kept("acme"))
		for range 10 {
			_, err := f.store.EraseOrganization(f.Context(), "acme")
			f.refuses("erasing it", err, fault.Conflict)
		}
		if now := sum(f.kept("acme")); now < before {
			f.Errorf("of %d rows %d are left", before, now)
		}
	}},
	{"an unknown organization has nothing left", func(f *fixture) {
		f.equal("nothing left", f.eraseStep("nobody"), true)
	}},
	{"a detached user is erased as if it had been deleted", func(f *fixture) {
		scope := f.furnish("acme", 3)
		f.user(f.directory("d2"), "living")
		f.directory("d1", closed)
		before := f.cursor()
		version := f.readGroup(scope, "inner").Version
		w, err := f.store.EraseUser(f.Context(), "acme", "u0001", cause(7))
		f.must(err)
		f.equal("its last version", w.Version, 2)
		_, err = f.get(store.User, scope, store.Selector{ID: "u0001"})
		f.refuses("the user", err, fault.NotFound)
		f.equal("the group's members", f.members(scope, "inner"), []string{"u0000", "u0002"})
		f.equal("the group's version", f.readGroup(scope, "inner").Version, version+1)
		found, err := f.store.Find(f.Context(), "acme", store.User, store.Selector{Email: "u0001@example.com"}, "", 2)
		f.must(err)
		f.equal("who has its address", len(found), 0)
		changes := f.changes(before)
		f.equal("how many records", len(changes), 1)
		f.equal("the record", []any{changes[0].ResourceID, changes[0].Kind, changes[0].Revision, changes[0].DirectoryID, changes[0].MessageID},
			[]any{"u0001", store.Deleted, 2, "d1", "message-7"})
		for id, reason := range map[string]fault.Reason{"u0001": fault.NotFound, "nobody": fault.NotFound, "living": fault.NotDetached, "inner": fault.NotFound} {
			_, err := f.store.EraseUser(f.Context(), "acme", id, cause(8))
			f.refuses(id, err, reason)
		}
		_, err = f.store.EraseUser(f.Context(), "other", "u0002", cause(8))
		f.refuses("another organization's", err, fault.NotFound)
		f.equal("how many records then", len(f.changes(before)), 1)
	}},
	{"deleted users are listed until they are forgotten", func(f *fixture) {
		scope := f.furnish("acme", 2)
		other := f.directoryOf("other", "d1")
		f.user(scope, "long", func(u *store.Resource) { u.Name = strings.Repeat("é", 201) })
		f.user(other, "bob")
		f.group(scope, "group")
		for _, r := range []struct {
			scope store.Scope
			of    store.Type
			id    string
		}{{scope, store.User, "long"}, {scope, store.Group, "group"}, {other, store.User, "bob"}} {
			_, err := f.store.Delete(f.Context(), r.scope, r.of, r.id, nil, cause(3))
			f.must(err)
		}
		_, err := f.store.Delete(f.Context(), scope, store.User, "nobody", nil, cause(3))
		f.refuses("deleting nobody", err, fault.NotFound)
		f.directory("d1", closed)
		_, err = f.store.EraseUser(f.Context(), "acme", "u0001", cause(4))
		f.must(err)
		list := func(limit int) []string {
			f.Helper()
			users, err := f.store.DeletedUsers(f.Context(), limit)
			f.must(err)
			var all []string
			for _, u := range users {
				all = append(all, fmt.Sprint(u.OrganizationID, " ", u.ID, " ", u.UserName, " ", u.Time.Equal(cause(3).Time), u.Time.Equal(cause(4).Time)))
			}
			return all
		}
		f.equal("the list", list(10), []string{
			"acme deleted Name-deleted false false", "acme long " + strings.Repeat("é", 200) + " true false", "acme u0001 Name-u0001 false true", "other bob Name-bob true false",
		})
		first, err := f.store.DeletedUsers(f.Context(), 2)
		f.must(err)
		for range 2 { // also if another process was faster
			f.must(f.store.ForgetDeletedUsers(f.Context(), first))
		}
		f.equal("the rest", list(10), []string{"acme u0001 Name-u0001 false true", "other bob Name-bob true false"})
	}},
	{"a user is adopted or erased, never both", func(f *fixture) {
		old := f.directory("d1")
		var ids []string
		for i := range 20 {
			ids = append(ids, f.user(old, fmt.Sprintf("u%02d", i)).ID)
		}
		f.group(old, "all", ids...)
		f.directory("d1", closed)
		next := f.directory("d2", replacing("d1"))
		var adopted, erased atomic.Int64
		for _, id := range ids {
			u := f.readUser(old, id)
			u.Scope = next
			f.together(2, func(i int) {
				if i == 0 {
					_, err := f.store.Adopt(f.Context(), "d1", u, nil, cause(1))
					if err == nil {
						adopted.Add(1)
					} else if !errors.Is(err, store.ErrChanged) {
						f.Error(err)
					}
					return
				}
				_, err := f.store.EraseUser(f.Context(), "acme", id, cause(2))
				if err == nil {
					erased.Add(1)
				} else if !fault.Is(err, fault.NotDetached) {
					f.Error(err)
				}
			})
		}
		left, err := f.store.IDs(f.Context(), "acme", store.User, "", 100)
		f.must(err)
		f.equal("who is left", int64(len(left)), adopted.Load())
		f.equal("all of them", adopted.Load()+erased.Load(), len(ids))
		f.equal("the members", f.allMembers("acme", "all"), slices.Sorted(slices.Values(left)))
	}},
}
