package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// processes are the tests for engines that several processes may share.
var processes = []subject{
	{"Wakeup", testWakeup},
	{"SharedOrganization", testSharedOrganization},
	{"SideBySide", testSideBySide},
	{"Delayed", testDelayed},
	{"SharedLeases", testSharedLeases},
}

// two opens a database twice, and waits until both receive notifications of the other's Updates.
func two(t *testing.T, e Engine) (a, b store.Store) {
	t.Helper()
	a = e.Open(t)
	b = e.Beside(t, a)
	hears(t, a, b)
	hears(t, b, a)
	return a, b
}

func hears(t *testing.T, from, to store.Store) {
	t.Helper()
	changed := to.Changed("hears")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := patient(t); ; {
		must(t, from.Update(ctx, "hears", func(context.Context, store.Tx) error { return nil }))
		select {
		case <-changed:
			return
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("an Update in one process never woke who waits in another")
		}
	}
}

func testWakeup(t *testing.T, e Engine) {
	a, b := two(t, e)
	for n := range 5 {
		// One notification covers a burst of Updates. It names all organizations.
		var waiting []<-chan struct{}
		for i := range 200 {
			waiting = append(waiting, b.Changed(fmt.Sprintf("%d-%060d", n, i)))
		}
		untouched := b.Changed("untouched")
		for i := range waiting {
			must(t, a.Update(t.Context(), fmt.Sprintf("%d-%060d", n, i), func(context.Context, store.Tx) error { return nil }))
		}
		for _, changed := range waiting {
			arrive(t, "the other process's Update", changed)
		}
		select {
		case <-untouched:
			t.Fatal("it woke who waits for another organization")
		default:
		}
	}
	start := get[feed.Cursor](t)(b.AccessCursor(t.Context()))
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range 10 {
			err := a.Update(t.Context(), acme, func(ctx context.Context, tx store.Tx) error {
				return tx.AppendChanges(ctx, []store.Change{change(fmt.Sprint(n), store.Added, noon)})
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for n, c := range follow(t, b, acme, start, 10, 3) {
		equal(t, "the user", c.UserID, fmt.Sprint(n))
	}
	writing.Wait()
}

func testSharedOrganization(t *testing.T, e Engine) {
	a, b := two(t, e)
	var running sync.WaitGroup
	for _, s := range []store.Store{a, b, a, b} {
		running.Go(func() {
			for range 10 {
				err := s.Update(t.Context(), acme, func(ctx context.Context, tx store.Tx) error {
					holders, err := tx.Holders(ctx, []string{"u"})
					if err != nil {
						return err
					}
					return tx.PutHolder(ctx, store.Holder{UserID: "u", Digest: holders["u"].Digest + "."})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	update(t, a, func(ctx context.Context, tx store.Tx) error {
		equal(t, "the count of Updates", len(get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u"}))["u"].Digest), 40)
		return nil
	})
}

// testSideBySide makes Updates of several organizations wait for each other: they run at the same time, or never end.
func testSideBySide(t *testing.T, e Engine) {
	a, b := two(t, e)
	var started, running sync.WaitGroup
	all := make(chan struct{})
	started.Add(3)
	go func() { started.Wait(); close(all) }()
	ctx := patient(t)
	for organization, s := range map[string]store.Store{"one": a, "two": a, "three": b} {
		running.Go(func() {
			err := s.Update(ctx, organization, func(ctx context.Context, tx store.Tx) error {
				if err := tx.PutHolder(ctx, store.Holder{UserID: "u"}); err != nil {
					return err
				}
				if _, err := tx.Holders(ctx, []string{"u"}); err != nil {
					return err
				}
				started.Done()
				select {
				case <-all:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			if err != nil {
				t.Errorf("%s: %v", organization, err)
			}
		})
	}
	running.Wait()
}

// testDelayed writes, reads and takes cursors while an older transaction is open.
func testDelayed(t *testing.T, e Engine) {
	ctx := t.Context()
	a, b := two(t, e)
	start := get[feed.Cursor](t)(b.AccessCursor(ctx))
	opened, finish, finished := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		finished <- a.Update(ctx, other, func(ctx context.Context, tx store.Tx) error {
			if err := tx.AppendChanges(ctx, []store.Change{change("open", store.Added, noon)}); err != nil {
				return err
			}
			if _, err := tx.Holders(ctx, nil); err != nil { // now it is sent
				return err
			}
			close(opened)
			<-finish
			return nil
		})
	}()
	arrive(t, "the open transaction", opened)
	for n := range 3 {
		appendTo(t, b, acme, change(fmt.Sprint(n), store.Added, noon))
	}
	during := get[feed.Cursor](t)(b.AccessCursor(ctx))
	page, next, err := b.AccessChanges(ctx, acme, start, 9)
	must(t, err)
	_, nextOfOther, err := b.AccessChanges(ctx, other, start, 9)
	must(t, err)
	close(finish)
	for n, c := range append(page, follow(t, b, acme, next, 3-len(page), 9)...) {
		equal(t, "the user", c.UserID, fmt.Sprint(n))
	}
	must(t, arrive(t, "the open transaction's end", finished))
	for _, after := range []feed.Cursor{start, during, nextOfOther} {
		equal(t, "the open transaction's record", follow(t, b, other, after, 1, 9)[0].UserID, "open")
	}
}

// testSharedLeases starts a process while another one owns an organization.
func testSharedLeases(t *testing.T, e Engine) {
	ctx, a := t.Context(), e.Open(t)
	lease, otherOwns, _, err := a.Acquire(ctx, acme, "one", noon, noon.Add(time.Second))
	must(t, err)
	equal(t, "that another owns it", otherOwns, false)
	b := e.Beside(t, a)
	_, otherOwns, until, err := b.Acquire(ctx, acme, "two", noon, noon.Add(time.Second))
	must(t, err)
	equal(t, "that another owns it", otherOwns, true)
	if !until.Equal(lease.Expire) {
		t.Fatalf("it is owned until %v, not %v", until, lease.Expire)
	}
	must(t, a.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error { return tx.Own(ctx, lease, time.Time{}) }))
	must(t, a.Release(ctx, map[string]store.Lease{acme: lease}))
	_, otherOwns, _, err = b.Acquire(ctx, acme, "two", noon, noon.Add(time.Second))
	must(t, err)
	equal(t, "that another owns it", otherOwns, false)
}
