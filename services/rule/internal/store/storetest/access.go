package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func source(grant store.Grant, ruleID string) store.Source {
	s := store.Source{Grant: grant, Kind: store.FromRule, RuleID: ruleID, CreateTime: noon}
	if ruleID == "" {
		s.Kind, s.GrantedBy = store.Manual, "olga"
	}
	return s
}

var (
	designer = store.Grant{TenantID: "plant", RoleID: "designer"}
	admin    = store.Grant{RoleID: store.OrganizationAdmin}
)

// put writes a holder with its sources.
func put(t *testing.T, s store.Store, organization string, h store.Holder) {
	t.Helper()
	must(t, s.Update(t.Context(), organization, func(ctx context.Context, tx store.Tx) error {
		for _, from := range h.Sources {
			must(t, tx.PutSource(ctx, h.UserID, from))
		}
		return tx.PutHolder(ctx, h)
	}))
}

func testHolders(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	retained := source(admin, "r1")
	retained.Retained = true
	one := store.Holder{UserID: "u1", Active: true, Digest: "x", Sources: []store.Source{retained, source(designer, "r1"), source(designer, "")}}
	idle := store.Holder{UserID: "u2", Sources: []store.Source{source(admin, "")}}
	put(t, s, acme, one)
	put(t, s, acme, idle)
	put(t, s, acme, store.Holder{UserID: "u3", Active: true, Sources: []store.Source{source(designer, "")}})
	put(t, s, other, store.Holder{UserID: "u4", Active: true, Sources: []store.Source{source(admin, "")}})
	t.Run("they are read with their sources", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			got := get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u3", "u1", "u4", "none", "u2"}))
			want := map[string]store.Holder{"u1": one, "u2": idle, "u3": {UserID: "u3", Active: true, Sources: []store.Source{source(designer, "")}}}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("read %+v, not %+v", got, want)
			}
			equal(t, "nobody", len(get[map[string]store.Holder](t)(tx.Holders(ctx, nil))), 0)
			return nil
		})
	})
	t.Run("only active holders of the organization count as effective", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			equal(t, "the count of admins", get[int](t)(tx.CountEffective(ctx, admin, 9)), 1)
			equal(t, "the count of designers", get[int](t)(tx.CountEffective(ctx, designer, 9)), 2)
			equal(t, "the count of designers up to one", get[int](t)(tx.CountEffective(ctx, designer, 1)), 1)
			if users := get[[]string](t)(tx.RetainedUsers(ctx)); !slices.Equal(users, []string{"u1"}) {
				t.Fatalf("retained are %v", users)
			}
			return nil
		})
		for _, c := range []struct {
			user  string
			grant store.Grant
			want  bool
		}{{"u1", designer, true}, {"u1", store.Grant{TenantID: "plant", RoleID: "developer"}, false}, {"u2", admin, false}, {"u4", admin, false}, {"none", admin, false}} {
			equal(t, "that "+c.user+" holds "+c.grant.RoleID, get[store.Check](t)(s.Check(ctx, acme, c.user, c.grant)).Allowed, c.want)
		}
	})
	t.Run("ids come in order, within bounds", func(t *testing.T) {
		for _, c := range []struct {
			after, upTo string
			limit       int
			want        []string
		}{{"", "", 9, []string{"u1", "u2", "u3"}}, {"u1", "u2", 9, []string{"u2"}}, {"u1", "", 1, []string{"u2"}}, {"u3", "", 9, nil}} {
			if got := get[[]string](t)(s.HolderIDs(ctx, acme, c.after, c.upTo, c.limit)); !slices.Equal(got, c.want) {
				t.Fatalf("after %q up to %q are %v, not %v", c.after, c.upTo, got, c.want)
			}
		}
	})
	t.Run("sources change one by one, and end with their holder", func(t *testing.T) {
		free := retained
		free.Retained = false
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutSource(ctx, "u1", free))
			must(t, tx.DeleteSource(ctx, "u1", source(designer, "r1")))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "u1", Digest: "y"}))
			got := get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u1"}))["u1"]
			want := store.Holder{UserID: "u1", Digest: "y", Sources: []store.Source{free, source(designer, "")}}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("the holder is %+v, not %+v", got, want)
			}
			must(t, tx.DeleteHolder(ctx, "u1"))
			equal(t, "the deleted holder", len(get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u1"}))), 0)
			return nil
		})
		equal(t, "what is left of it", len(get[[]store.Access](t)(s.Access(ctx, acme, store.AccessFilter{UserID: "u1"}, store.AccessKey{}, 9))), 0)
	})
}

// testEffective compares the conditions in the engines' statements with Holder.Effective, for holders of every kind.
func testEffective(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	kept := source(admin, "")
	kept.Keep, kept.KeptTime = true, noon
	var all []store.Holder
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		all = nil
		for n := range 2 * 2 * 3 * 4 {
			h := store.Holder{UserID: fmt.Sprintf("u%02d", n), Active: n%2 == 1, Suspended: n/2%2 == 1, RuleAccess: store.RuleAccess(n / 4 % 3)}
			h.Sources = [][]store.Source{{source(admin, "r1")}, {source(admin, "")}, {kept}, {source(admin, "r1"), kept}}[n/12]
			if h.Suspended {
				get[store.Suspension](t)(tx.Suspend(ctx, store.Suspension{UserID: h.UserID, CreateTime: noon}))
			}
			for _, from := range h.Sources {
				must(t, tx.PutSource(ctx, h.UserID, from))
			}
			must(t, tx.PutHolder(ctx, h))
			all = append(all, h)
		}
		return nil
	})
	count := 0
	for _, h := range all {
		want := slices.ContainsFunc(h.Sources, h.Effective)
		if want {
			count++
		}
		check := get[store.Check](t)(s.Check(ctx, acme, h.UserID, admin))
		equal(t, fmt.Sprintf("the check of %+v", h), check, store.Check{Allowed: want, Kept: want && !h.Active, Suspended: h.Suspended})
		access := get[[]store.Access](t)(s.Access(ctx, acme, store.AccessFilter{UserID: h.UserID}, store.AccessKey{}, 9))[0]
		if !slices.Equal(access.Sources, h.Sources) || access.Effective != want || access.Kept != (want && !h.Active) {
			t.Fatalf("the access of %+v is %+v", h, access)
		}
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		equal(t, "the count of admins", get[int](t)(tx.CountEffective(ctx, admin, 99)), count)
		return nil
	})
}

func testAccess(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	tenants, roles := []string{"a", "b"}, []string{"designer", "developer"}
	var want []store.Access
	for u := range 4 {
		h := store.Holder{UserID: fmt.Sprintf("u%d", u), Active: u != 1}
		for _, tenant := range tenants {
			for _, role := range roles {
				grant := store.Grant{TenantID: tenant, RoleID: role}
				sources := []store.Source{source(grant, "r1"), source(grant, "r2"), source(grant, "")}
				h.Sources = append(h.Sources, sources...)
				want = append(want, store.Access{UserID: h.UserID, Grant: grant, Effective: h.Active, Sources: sources})
			}
		}
		put(t, s, acme, h)
		put(t, s, other, h)
	}
	for _, filter := range []store.AccessFilter{
		{}, {UserID: "u1"}, {TenantID: "b"}, {RoleID: "designer"}, {TenantID: "a", RoleID: "developer"}, {UserID: "u2", TenantID: "b"},
		{UserID: "u2", RoleID: "designer"}, {UserID: "u3", TenantID: "a", RoleID: "designer"}, {RoleID: "none"},
	} {
		for _, size := range []int{1, 3, 100} {
			t.Run(fmt.Sprintf("%+v by %d", filter, size), func(t *testing.T) {
				matching := slices.DeleteFunc(slices.Clone(want), func(a store.Access) bool {
					return filter.UserID != "" && filter.UserID != a.UserID || filter.TenantID != "" && filter.TenantID != a.Grant.TenantID ||
						filter.RoleID != "" && filter.RoleID != a.Grant.RoleID
				})
				var got []store.Access
				for after := (store.AccessKey{}); ; {
					page := get[[]store.Access](t)(s.Access(ctx, acme, filter, after, size))
					got = append(got, page...)
					if len(page) < size {
						break
					}
					last := page[len(page)-1]
					after = store.AccessKey{UserID: last.UserID, TenantID: last.Grant.TenantID, RoleID: last.Grant.RoleID}
				}
				if len(got) != len(matching) || len(got) > 0 && !reflect.DeepEqual(got, matching) {
					t.Fatalf("listed %+v, not %+v", got, matching)
				}
			})
		}
	}
}

func change(user string, kind store.ChangeKind, at time.Time) store.Change {
	return store.Change{UserID: user, Grant: designer, Kind: kind, MessageID: "m", SyncID: "s", Traceparent: "t", Time: at}
}

func appendTo(t *testing.T, s store.Store, organization string, changes ...store.Change) {
	t.Helper()
	must(t, s.Update(t.Context(), organization, func(ctx context.Context, tx store.Tx) error { return tx.AppendChanges(ctx, changes) }))
}

// follow reads count records after a cursor, in pages, like a watcher: an open transaction may delay a committed record for a while.
func follow(t *testing.T, s store.Store, organization string, after feed.Cursor, count, size int) (all []store.Change) {
	t.Helper()
	for ctx := patient(t); ; {
		changed := s.Changed(organization)
		page, next, err := s.AccessChanges(ctx, organization, after, size)
		must(t, err)
		after, all = next, append(all, page...)
		switch {
		case len(all) > count:
			t.Fatalf("%d records came, not %d: %v", len(all), count, all)
		case len(page) > 0:
			continue
		case len(all) == count:
			return all
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("only %d records came, not %d: %v", len(all), count, all)
		}
	}
}

func testFeed(t *testing.T, e Engine) {
	ctx, s, whole := t.Context(), e.Open(t), t // reopened stores end with the whole test
	start := get[feed.Cursor](t)(s.AccessCursor(ctx))
	appendTo(t, s, acme, change("u1", store.Added, noon), change("u2", store.Added, noon))
	appendTo(t, s, other, change("u9", store.Added, noon))
	appendTo(t, s, acme, change("u1", store.Removed, noon))
	t.Run("records come in order, each once, with increasing revisions", func(t *testing.T) {
		all := follow(t, s, acme, start, 3, 2)
		if all[2].Revision <= all[0].Revision {
			t.Fatalf("the revision went from %d to %d", all[0].Revision, all[2].Revision)
		}
		want := change("u1", store.Removed, noon)
		want.Cursor, want.Revision = all[2].Cursor, all[2].Revision
		equal(t, "the last record", all[2], want)
		page, next, err := s.AccessChanges(ctx, acme, all[1].Cursor, 9)
		must(t, err)
		equal(t, "what comes after the second", len(page), 1)
		equal(t, "the cursor after it", next, page[0].Cursor)
	})
	t.Run("the beginning is before all", func(t *testing.T) {
		page, _, err := s.AccessChanges(ctx, acme, feed.Cursor{}, 9)
		must(t, err)
		equal(t, "the count", len(page), 3)
	})
	t.Run("from its end nothing comes but what is new, across the end of the process", func(t *testing.T) {
		end := get[feed.Cursor](t)(s.AccessCursor(ctx))
		s = e.Reopen(whole, s)
		appendTo(t, s, acme, change("u5", store.Added, noon))
		equal(t, "what comes after the end", follow(t, s, acme, end, 1, 9)[0].UserID, "u5")
	})
	t.Run("a cursor of another epoch has expired", func(t *testing.T) {
		_, _, err := s.AccessChanges(ctx, acme, feed.Cursor{Epoch: "another"}, 9)
		refused(t, err, fault.CursorExpired)
	})
	t.Run("a cursor that the feed has not come to has expired", func(t *testing.T) {
		beyond := get[feed.Cursor](t)(s.AccessCursor(ctx))
		beyond.Transaction, beyond.Sequence = beyond.Transaction*1000, 1<<40
		_, _, err := s.AccessChanges(ctx, acme, beyond, 9)
		refused(t, err, fault.CursorExpired)
	})
}

func testChangesOf(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	by := func(user, sync string) store.Change {
		c := change(user, store.Added, noon)
		c.SyncID = sync
		return c
	}
	appendTo(t, s, acme, by("u1", ""), by("u2", "s1"), by("u1", "s1"))
	appendTo(t, s, other, by("u1", "s1"))
	appendTo(t, s, acme, by("u1", "s2"), by("u1", ""), by("u2", ""))
	list := func(of store.ChangesOf, size int) (all []string) {
		for before := int64(0); ; {
			page := get[[]store.Change](t)(s.ChangesOf(ctx, acme, of, before, size))
			for _, c := range page {
				all = append(all, c.UserID+" "+c.SyncID)
				before = c.Revision
			}
			if len(page) < size {
				return all
			}
		}
	}
	for _, size := range []int{1, 2, 9} {
		equal(t, "the records of a user", fmt.Sprint(list(store.ChangesOf{UserID: "u1"}, size)), "[u1  u1 s2 u1 s1 u1 ]")
		equal(t, "the records of a sync", fmt.Sprint(list(store.ChangesOf{SyncID: "s1"}, size)), "[u1 s1 u2 s1]")
		equal(t, "the records of a missing user", len(list(store.ChangesOf{UserID: "u9"}, size)), 0)
	}
	newest := get[[]store.Change](t)(s.ChangesOf(ctx, acme, store.ChangesOf{UserID: "u2"}, 0, 1))[0]
	want := by("u2", "")
	want.Revision = newest.Revision
	equal(t, "the newest record of a user", newest, want)
}

func testTrimming(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	start := get[feed.Cursor](t)(s.AccessCursor(ctx))
	appendTo(t, s, acme, change("u1", store.Added, noon), change("u2", store.Added, noon), change("u3", store.Added, noon))
	follow(t, s, acme, start, 3, 9)
	middle := get[feed.Cursor](t)(s.AccessCursor(ctx))
	appendTo(t, s, acme, change("u4", store.Added, noon.Add(time.Hour)))
	appendTo(t, s, other, change("u5", store.Added, noon.Add(time.Hour)))
	equal(t, "the first batch", get[int](t)(s.TrimAccessFeed(ctx, noon.Add(time.Minute), 2)), 2)
	equal(t, "the second batch", get[int](t)(s.TrimAccessFeed(ctx, noon.Add(time.Minute), 2)), 1)
	equal(t, "the third batch", get[int](t)(s.TrimAccessFeed(ctx, noon.Add(time.Minute), 2)), 0)
	for _, early := range []feed.Cursor{{}, start} {
		_, _, err := s.AccessChanges(ctx, acme, early, 9)
		refused(t, err, fault.CursorExpired)
	}
	follow(t, s, acme, middle, 1, 9)
	left := follow(t, s, other, feed.Cursor{}, 1, 9)

	// The end of a feed does not move back when everything is trimmed.
	last := left[0].Revision
	equal(t, "all the rest", get[int](t)(s.TrimAccessFeed(ctx, noon.Add(2*time.Hour), 9)), 2)
	s = e.Reopen(t, s)
	end := get[feed.Cursor](t)(s.AccessCursor(ctx))
	appendTo(t, s, other, change("u6", store.Added, noon))
	if after := follow(t, s, other, end, 1, 9); after[0].Revision <= last {
		t.Fatalf("after the end came %v", after)
	}
}
