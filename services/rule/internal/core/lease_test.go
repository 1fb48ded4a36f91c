package core_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// countingStore counts the commits that are too late, and the commits that move a checkpoint back.
type countingStore struct {
	store.Store
	lost, back atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, organizationID string, fn func(context.Context, store.Tx) error) error {
	err := s.Store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, err := tx.Progress(ctx)
		if err != nil {
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		after, err := tx.Progress(ctx)
		if err != nil {
			return err
		}
		was, err := feed.Parse(before.Checkpoint)
		if err != nil {
			return err
		}
		is, err := feed.Parse(after.Checkpoint)
		if is.Before(was) {
			s.back.Add(1)
		}
		return err
	})
	if errors.Is(err, store.ErrLostOwnership) {
		s.lost.Add(1)
	}
	return err
}

// A divided batch may take longer than the organization's lease lasts. The work after it continues under the new lease.
func TestAProcessContinuesUnderItsNewLease(t *testing.T) {
	t.Parallel()
	identity, calls := inMemory(t)
	s := &countingStore{Store: openSQLite(t)}
	var late atomic.Int64
	p := newProcess(t, s, calls, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	for range 4 {
		identity.AddUser(acme, "d")
	}
	identity.Facts(func(_ context.Context, r *identityv1.StreamUserFactsRequest) error {
		if r.GetStatusOnly() || len(r.GetIds()) == 1 {
			return nil
		}
		late.Add(int64(46 * time.Minute)) // too little is left of an hour for another call
		return identitytest.Failing(fault.Limit)
	})
	started, err := p.StartSync(t.Context(), acme, "test", requestid.Request{})
	if err != nil {
		t.Fatal(err)
	}
	p.run()
	wait(t, "the sync has ended", func() bool {
		now, err := p.Sync(t.Context(), acme, started.ID)
		if err != nil {
			t.Fatal(err)
		}
		return now.State == store.SyncDone
	})
	if n := s.lost.Load(); n != 0 {
		t.Fatalf("%d commits came too late", n)
	}
}

// A batch is out of date if another process has owned the organization meanwhile, even if it no longer does.
func TestADividedBatchEndsAfterAnotherProcessWasTheOwner(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	identity, calls := inMemory(t)
	s := &countingStore{Store: openSQLite(t)}
	var late, looks atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	p := newProcess(t, s, calls, now)
	var cursor string
	identity.Facts(func(_ context.Context, r *identityv1.StreamUserFactsRequest) error {
		if r.GetStatusOnly() || len(r.GetIds()) == 1 {
			return nil
		}
		if looks.Add(1) == 3 { // a part of the batch, in the slow lane
			cursor = identity.SetRoles(r.GetIds()[0], "v")
			late.Add(int64(2 * time.Hour))
			lease, _, _, err := s.Acquire(ctx, acme, "another process", now(), now())
			if err != nil {
				t.Error(err)
			}
			err = s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
				if err := tx.Own(ctx, lease, time.Time{}); err != nil {
					return err
				}
				return tx.SetCheckpoint(ctx, cursor)
			})
			if err != nil {
				t.Error(err)
			}
		}
		return identitytest.Failing(fault.Limit)
	})
	identity.AddUser(acme, "d")
	identity.AddUser(acme, "d")
	p.run()
	wait(t, "it has looked at the users", func() bool { return looks.Load() >= 3 })
	identity.Facts(nil)
	last := identity.AddUser(acme, "d")
	wait(t, "all is dealt with", func() bool {
		holders, err := s.HolderIDs(ctx, acme, "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(holders, last)
	})
	if n := s.back.Load(); n != 0 {
		t.Fatalf("%d commits took the checkpoint back", n)
	}
}
