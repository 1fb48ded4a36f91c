package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// testFencing checks commits of an owner after another one has taken over.
func testFencing(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	acquire := func(owner string, now time.Time) store.Lease {
		t.Helper()
		lease, otherOwns, _, err := s.Acquire(ctx, acme, owner, now, now.Add(time.Second))
		must(t, err)
		equal(t, "that another owns it", otherOwns, false)
		return lease
	}
	t.Run("who has lost an organization writes nothing", func(t *testing.T) {
		lost := acquire("one", noon)
		acquire("two", noon.Add(time.Minute))
		before := get[store.Work](t)(s.Work(ctx, acme, noon, 9))
		err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.CreateTenant(ctx, tenant(acme, "t")))
			must(t, tx.PutRule(ctx, rule("r", designer)))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "u", Active: true}))
			must(t, tx.PutSource(ctx, "u", source(designer, "r")))
			must(t, tx.AppendChanges(ctx, []store.Change{change("u", store.Added, noon)}))
			must(t, tx.Requeue(ctx, []string{"u"}))
			must(t, tx.Expand(ctx, store.Expansion{GroupID: "g"}))
			must(t, tx.SetCheckpoint(ctx, "c"))
			return tx.Own(ctx, lost, noon.Add(time.Hour))
		})
		if !errors.Is(err, store.ErrLostOwnership) {
			t.Fatalf("got %v", err)
		}
		if after := get[store.Work](t)(s.Work(ctx, acme, noon, 9)); !reflect.DeepEqual(after, before) {
			t.Fatalf("the work is %+v, and was %+v", after, before)
		}
		refused(t, second(s.Tenant(ctx, acme, "t")), fault.NotFound)
		equal(t, "the rules", len(get[store.RuleSet](t)(s.RuleSet(ctx, acme)).Rules), 0)
		equal(t, "the holders", len(get[[]string](t)(s.HolderIDs(ctx, acme, "", "", 9))), 0)
		appendTo(t, s, acme, change("v", store.Added, noon))
		equal(t, "the only record", follow(t, s, acme, feed.Cursor{}, 1, 9)[0].UserID, "v")
	})
	t.Run("who takes an organization over sees all that was committed before, and nothing comes after", func(t *testing.T) {
		for n := range 20 {
			now := noon.Add(time.Duration(n+1) * time.Hour)
			lease := acquire("one", now)
			var committing sync.WaitGroup
			var committed atomic.Bool
			committing.Go(func() {
				err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
					if err := tx.Own(ctx, lease, time.Time{}); err != nil {
						return err
					}
					return tx.SetCheckpoint(ctx, fmt.Sprint(n))
				})
				if committed.Store(err == nil); err != nil && !errors.Is(err, store.ErrLostOwnership) {
					t.Error(err)
				}
			})
			acquire("two", now.Add(time.Minute))
			seen := get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Progress.Checkpoint
			committing.Wait()
			equal(t, "the checkpoint later", get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Progress.Checkpoint, seen)
			equal(t, "that it was committed", seen == fmt.Sprint(n), committed.Load())
		}
	})
}

// testDifferences checks that writes of one transaction have the same result in any order in which an engine sends them.
func testDifferences(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	x, y := source(designer, "x"), source(designer, "y")
	put(t, s, acme, store.Holder{UserID: "old", Active: true, Sources: []store.Source{x, y}})
	t.Run("the last write of a row counts", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutSource(ctx, "a", x))
			must(t, tx.DeleteSource(ctx, "a", x))
			must(t, tx.DeleteSource(ctx, "a", y))
			must(t, tx.PutSource(ctx, "a", y))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "a", Active: true, Digest: "1"}))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "a", Digest: "2"}))
			must(t, tx.PutSource(ctx, "b", x))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "b"}))
			must(t, tx.DeleteHolder(ctx, "b"))
			must(t, tx.DeleteHolder(ctx, "old"))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "old", Digest: "3"}))
			return tx.PutSource(ctx, "old", y)
		})
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			got := get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"a", "b", "old"}))
			want := map[string]store.Holder{
				"a": {UserID: "a", Digest: "2", Sources: []store.Source{y}}, "old": {UserID: "old", Digest: "3", Sources: []store.Source{y}},
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("read %+v, not %+v", got, want)
			}
			return nil
		})
	})
	t.Run("a transaction reads what it has written", func(t *testing.T) {
		retained := source(admin, "x")
		retained.Retained = true
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "c", Active: true}))
			must(t, tx.PutSource(ctx, "c", retained))
			equal(t, "the count of admins", get[int](t)(tx.CountEffective(ctx, admin, 9)), 1)
			if users := get[[]string](t)(tx.RetainedUsers(ctx)); !slices.Equal(users, []string{"c"}) {
				t.Fatalf("retained are %v", users)
			}
			must(t, tx.DeleteSource(ctx, "c", retained))
			equal(t, "the count of admins", get[int](t)(tx.CountEffective(ctx, admin, 9)), 0)
			before := get[int64](t)(tx.Generation(ctx))
			must(t, tx.PutRule(ctx, rule("r", designer)))
			equal(t, "the count of rules", get[int](t)(tx.CountRules(ctx)), 1)
			if after := get[int64](t)(tx.Generation(ctx)); after <= before {
				t.Fatalf("the generation went from %d to %d", before, after)
			}
			refused(t, tx.DeleteTenant(ctx, designer.TenantID), fault.TenantInUse)
			one := store.Sync{OrganizationID: acme, ID: "s", State: store.SyncRunning}
			must(t, tx.CreateSync(ctx, one, 9))
			one.State = store.SyncDone
			must(t, tx.PutSync(ctx, one))
			equal(t, "the sync", get[store.Sync](t)(tx.Sync(ctx, "s")), one)
			return nil
		})
	})
	t.Run("what was read in between goes as well when it fails", func(t *testing.T) {
		err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutHolder(ctx, store.Holder{UserID: "d", Active: true}))
			must(t, tx.PutSource(ctx, "d", x))
			equal(t, "the count", get[int](t)(tx.CountEffective(ctx, designer, 9)), 1)
			must(t, tx.AppendChanges(ctx, []store.Change{change("d", store.Added, noon)}))
			equal(t, "the count", get[int](t)(tx.CountEffective(ctx, designer, 9)), 1)
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Fatalf("got %v", err)
		}
		equal(t, "that it holds", get[store.Check](t)(s.Check(ctx, acme, "d", designer)).Allowed, false)
		appendTo(t, s, acme, change("e", store.Added, noon))
		equal(t, "the only record", follow(t, s, acme, feed.Cursor{}, 1, 9)[0].UserID, "e")
	})
	t.Run("a large transaction is one as well", func(t *testing.T) {
		const many = 700
		fill := func(stop error) error {
			return s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error {
				for n := range many {
					must(t, tx.PutRule(ctx, rule(fmt.Sprintf("r%03d", n), designer)))
				}
				return stop
			})
		}
		if err := fill(errStop); !errors.Is(err, errStop) {
			t.Fatalf("got %v", err)
		}
		equal(t, "the rules", len(get[store.RuleSet](t)(s.RuleSet(ctx, other)).Rules), 0)
		must(t, fill(nil))
		equal(t, "the rules", len(get[store.RuleSet](t)(s.RuleSet(ctx, other)).Rules), many)
	})
}

// testCatalogue creates and deletes roles while others name them.
func testCatalogue(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	role := func(n int) store.Role {
		return store.Role{ID: fmt.Sprintf("role-%d", n), DisplayName: "x", Scope: store.ScopeOrganization, Rank: 1}
	}
	t.Run("there is never more than there is room for", func(t *testing.T) {
		for range 10 {
			var creating sync.WaitGroup
			created := make(chan string, 6)
			for n := range cap(created) {
				creating.Go(func() {
					err := createRole(ctx, s, role(n), 7)
					if err == nil {
						created <- role(n).ID
					} else if !fault.Is(err, fault.Limit) {
						t.Error(err)
					}
				})
			}
			creating.Wait()
			equal(t, "the count of roles created", len(created), 1)
			must(t, s.DeleteRole(ctx, <-created))
		}
	})
	t.Run("a role that a transaction has read stays until it has ended", func(t *testing.T) {
		must(t, createRole(ctx, s, role(10), 100))
		deleted := make(chan error, 1)
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, second(tx.Role(ctx, "role-10")))
			go func() { deleted <- s.DeleteRole(t.Context(), "role-10") }()
			return tx.PutRule(ctx, rule("r", store.Grant{RoleID: "role-10"}))
		})
		refused(t, arrive(t, "the deletion", deleted), fault.RoleInUse)
	})
	t.Run("either it is deleted or it is named", func(t *testing.T) {
		for n := range 20 {
			id := role(100 + n).ID
			must(t, createRole(ctx, s, role(100+n), 1000))
			deleted := make(chan error, 1)
			go func() { deleted <- s.DeleteRole(ctx, id) }()
			named := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
				if _, err := tx.Role(ctx, id); err != nil {
					return err
				}
				return tx.PutRule(ctx, rule(id, store.Grant{RoleID: id}))
			})
			if err := arrive(t, "the deletion", deleted); err == nil {
				refused(t, named, fault.NotFound)
			} else {
				refused(t, err, fault.RoleInUse)
				must(t, named)
			}
		}
	})
}
