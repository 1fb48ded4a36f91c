package core_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/postgres"
)

// erasingStore makes steps of an erasure fail at their end, as if the process were killed, and checks their bounds.
type erasingStore struct {
	store.Store
	t    *testing.T
	fail func() bool
}

var errKilled = errors.New("killed")

func (s *erasingStore) Erase(ctx context.Context, organizationID string, asked time.Time, fn func(context.Context, store.Tx) error) error {
	return s.Store.Erase(ctx, organizationID, asked, func(ctx context.Context, tx store.Tx) error {
		counted := &countingTx{Tx: tx}
		if err := fn(ctx, counted); err != nil {
			return err
		}
		if counted.rows > 500 {
			s.t.Errorf("a step wrote %d rows", counted.rows)
		}
		if s.fail() {
			return errKilled
		}
		return nil
	})
}

// countingTx counts the written rows.
type countingTx struct {
	store.Tx
	rows int
}

func (t *countingTx) DeleteSource(ctx context.Context, userID string, source store.Source) error {
	t.rows++
	return t.Tx.DeleteSource(ctx, userID, source)
}

func (t *countingTx) AppendChanges(ctx context.Context, changes []store.Change) error {
	t.rows += len(changes)
	return t.Tx.AppendChanges(ctx, changes)
}

func (t *countingTx) EraseRows(ctx context.Context, limit int) (int, error) {
	n, err := t.Tx.EraseRows(ctx, limit)
	t.rows += n
	return n, err
}

// Two processes erase at the same time, and each is sometimes stopped.
func TestAnErasureReportsEachRemovalOnce(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) []store.Store{
		"SQLite": func(t *testing.T) []store.Store {
			s := openSQLite(t)
			return []store.Store{s, s}
		},
		"PostgreSQL": func(t *testing.T) []store.Store {
			url := kit.Postgres(t, "rule", postgres.Migrate)
			return []store.Store{openPostgres(t, url), openPostgres(t, url)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			erasedByTwo(t, open(t))
		})
	}
}

func erasedByTwo(t *testing.T, stores []store.Store) {
	ctx, asked := t.Context(), time.Now()
	effective := fillWithAccess(t, stores[0])
	from, err := stores[0].AccessCursor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, calls := inMemory(t)
	var running sync.WaitGroup
	for n, s := range stores {
		random := rand.New(rand.NewPCG(7, uint64(n)))
		eraser := newProcess(t, &erasingStore{Store: s, t: t, fail: func() bool { return random.IntN(3) == 0 }}, calls, time.Now)
		running.Go(func() {
			for {
				nothingLeft, err := eraser.Erase(ctx, acme, asked)
				if err != nil && !errors.Is(err, errKilled) {
					t.Error(err)
					return
				}
				if nothingLeft && err == nil {
					return
				}
			}
		})
	}
	running.Wait()

	told := map[string]int{}
	wait(t, "the feed tells each removal", func() bool {
		clear(told)
		n := 0
		for at := from; ; {
			page, next, err := stores[1].AccessChanges(ctx, acme, at, 500)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				if c.Kind != store.Removed || c.MessageID != "" || c.SyncID != "" {
					t.Fatalf("the feed tells %+v", c)
				}
				told[c.UserID+" "+c.Grant.TenantID+" "+c.Grant.RoleID]++
			}
			if n, at = n+len(page), next; len(page) == 0 {
				return n >= len(effective)
			}
		}
	})
	if !maps.Equal(told, effective) {
		t.Errorf("the feed tells %d removals of %d", len(told), len(effective))
		for what, n := range told {
			if n != effective[what] {
				t.Errorf("%s: %d times, not %d", what, n, effective[what])
			}
		}
	}
	if holders, err := stores[0].HolderIDs(ctx, acme, "", "", 9); err != nil || len(holders) > 0 {
		t.Errorf("left are %v: %v", holders, err)
	}
}

// fillWithAccess gives many users access for one reason or several, more than a step erases, and returns what is effective.
func fillWithAccess(t *testing.T, s store.Store) map[string]int {
	t.Helper()
	effective := map[string]int{}
	give := func(tx store.Tx, h store.Holder, tenant, role string, rules int, byHand bool) error {
		grant := store.Grant{TenantID: tenant, RoleID: role}
		if byHand {
			h.Sources = append(h.Sources, store.Source{Grant: grant, Kind: store.Manual, GrantedBy: "olga", CreateTime: time.Now()})
		}
		for n := range rules {
			h.Sources = append(h.Sources, store.Source{Grant: grant, Kind: store.FromRule, RuleID: fmt.Sprintf("r%03d", n), CreateTime: time.Now()})
		}
		for _, from := range h.Sources {
			if h.Effective(from) {
				effective[h.UserID+" "+tenant+" "+role] = 1
			}
			if err := tx.PutSource(context.Background(), h.UserID, from); err != nil {
				return err
			}
		}
		return tx.PutHolder(context.Background(), h)
	}
	err := s.Update(t.Context(), acme, func(ctx context.Context, tx store.Tx) error {
		clear(effective)
		if _, err := tx.Suspend(ctx, store.Suspension{UserID: "u07", Reason: "a leak"}); err != nil {
			return err
		}
		for n := range 30 {
			h := store.Holder{UserID: fmt.Sprintf("u%02d", n), Active: n%5 > 0, Suspended: n == 7}
			if n == 8 {
				h.UnknownAsOf, h.RuleAccess = time.Now(), store.RuleAccessSuspended
			}
			for tenant := range 4 {
				if err := give(tx, h, fmt.Sprint("t", tenant), "developer", 3, tenant == 0); err != nil {
					return err
				}
			}
		}
		if err := give(tx, store.Holder{UserID: "many", Active: true}, "t1", "developer", 450, true); err != nil {
			return err
		}
		return give(tx, store.Holder{UserID: "last", Active: true}, "", store.OrganizationAdmin, 1, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	return effective
}

// If this process missed the end of an erasure, it must not touch the next organization with the id.
func TestAnEndedErasureChangesNothing(t *testing.T) {
	t.Parallel()
	ctx, s, asked := t.Context(), openSQLite(t), time.Now()
	_, calls := inMemory(t)
	c := newProcess(t, s, calls, time.Now)
	if nothingLeft, err := c.Erase(ctx, acme, asked); err != nil || !nothingLeft {
		t.Fatal(nothingLeft, err)
	}
	underWay, err := c.ErasuresUnderWay(ctx)
	if err != nil || len(underWay) != 1 {
		t.Fatal(underWay, err)
	}
	if err := c.EndErasure(ctx, acme, underWay[acme]); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateTenant(ctx, acme, "new", "", requestid.Request{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Erase(ctx, acme, asked); err == nil {
		t.Error("it went on")
	}
	if _, err := c.Tenant(ctx, acme, "new"); err != nil {
		t.Error(err)
	}
}
