package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// processes opens a new database n times.
func processes(t *testing.T, n int) []*Store {
	t.Helper()
	url := kit.Postgres(t, "identity", Migrate)
	var all []*Store
	for range n {
		s, err := Open(t.Context(), pgdb.Server{URL: url})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		all = append(all, s)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestATransactionInADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := processes(t, 1)[0]
	var bothHoldOne, running sync.WaitGroup
	bothHoldOne.Add(2)
	tries := make([]int, 2)
	for i := range tries {
		running.Go(func() {
			err := s.transact(t.Context(), func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1)`, i); err != nil {
					return err
				}
				if tries[i]++; tries[i] == 1 {
					bothHoldOne.Done()
					bothHoldOne.Wait()
				}
				_, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1)`, 1-i)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if tries[0]+tries[1] < 3 {
		t.Errorf("there was no deadlock: %v", tries)
	}
}

func TestARecordShowsOnceNoOlderTransactionIsOpen(t *testing.T) {
	t.Parallel()
	both := processes(t, 2)
	ctx, writer, reader := t.Context(), both[0], both[1]
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	must(t, writer.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}, store.Cause{}))
	older, err := writer.db.Begin(ctx)
	must(t, err)
	defer func() { _ = older.Rollback(context.WithoutCancel(ctx)) }()
	_, err = older.Exec(ctx, `SELECT pg_current_xact_id()`)
	must(t, err)

	written := reader.NewChanges()
	must(t, second(writer.Create(ctx, store.Resource{Type: store.User, Scope: scope, ID: "bob", NameFolded: "bob", Document: []byte("{}")}, nil, store.Cause{Time: time.Unix(2, 0)})))
	w, err := writer.Create(ctx, store.Resource{Type: store.User, Scope: scope, ID: "anna", Document: []byte("{}")}, nil, store.Cause{Time: time.Unix(1, 0)})
	must(t, err)
	changes, next, delayed, err := reader.Changes(ctx, "acme", feed.Cursor{}, 10)
	must(t, err)
	active, last, delayedOfAny, err := reader.Active(ctx, feed.Cursor{})
	must(t, err)
	if !delayed.Equal(time.Unix(1, 0)) || !delayedOfAny.Equal(delayed) {
		t.Errorf("the oldest record that does not show is of %s, and of any organization of %s", delayed, delayedOfAny)
	}
	_, _, delayed, err = reader.Changes(ctx, "other", feed.Cursor{}, 10)
	must(t, err)
	if !delayed.IsZero() {
		t.Errorf("an organization without records has one that does not show, of %s", delayed)
	}
	if len(changes)+len(active) > 0 {
		t.Errorf("%v and %v show while an older transaction is open", changes, active)
	}
	follow, newest, err := reader.Cursor(ctx)
	must(t, err)
	if newest.Before(w.Cursor) {
		t.Errorf("newest, %s, is before %s, which was written", newest, w.Cursor)
	}

	must(t, older.Rollback(ctx))
	select {
	case <-written:
	case <-time.After(20 * time.Second):
		t.Fatal("the waiting reader was not woken")
	}
	for name, after := range map[string]feed.Cursor{"the beginning": {}, "Changes": next, "Active": last, "Cursor": follow} {
		changes, end, delayed, err := reader.Changes(ctx, "acme", after, 10)
		must(t, err)
		if len(changes) != 2 || changes[1].Cursor != w.Cursor || end.Before(newest) || !delayed.IsZero() {
			t.Errorf("after the cursor of %s: %v until %s", name, changes, end)
		}
		active, _, _, err := reader.Active(ctx, after)
		must(t, err)
		if len(active) != 1 {
			t.Errorf("active after the cursor of %s: %v", name, active)
		}
	}
}
