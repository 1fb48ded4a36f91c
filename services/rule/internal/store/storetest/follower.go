package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// testFollower lets some write while others take a cursor, list, and follow from the cursor. In the end they know exactly what is
// stored. From the beginning, each record comes once.
func testFollower(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	const writers, rounds = 3, 20 // of each organization
	organizations := []string{acme, other}
	var writing, reading sync.WaitGroup
	for _, organization := range organizations {
		for w := range writers {
			writing.Go(func() {
				for n := range rounds {
					if err := s.Update(ctx, organization, func(ctx context.Context, tx store.Tx) error { return toggle(ctx, tx, w, n) }); err != nil {
						t.Error(err)
					}
					if w == 0 && n%6 == 0 {
						reading.Go(func() { listAndFollow(t, s, organization, writers) })
					}
				}
				err := s.Update(ctx, organization, func(ctx context.Context, tx store.Tx) error { return toggleUser(ctx, tx, last(w)) })
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	writing.Wait()
	reading.Wait()
	for _, organization := range organizations {
		revisions := map[string]int64{}
		for _, c := range follow(t, s, organization, feed.Cursor{}, writers*(rounds+1), 7) {
			if c.Revision <= revisions[c.UserID] {
				t.Fatalf("the revision of %s went from %d to %d", c.UserID, revisions[c.UserID], c.Revision)
			}
			revisions[c.UserID] = c.Revision
		}
	}
}

// testFirstUpdates runs the first Updates of organizations at the same time: there is no row yet that they could lock.
func testFirstUpdates(t *testing.T, e Engine) {
	s := e.Open(t)
	const organizations, writers = 20, 6
	for n := range organizations {
		organization := fmt.Sprintf("organization-%d", n)
		var writing sync.WaitGroup
		for range writers {
			writing.Go(func() {
				err := s.Update(t.Context(), organization, func(ctx context.Context, tx store.Tx) error {
					return tx.AppendChanges(ctx, []store.Change{change("u", store.Added, noon)})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		writing.Wait()
		revision := int64(0)
		for _, c := range follow(t, s, organization, feed.Cursor{}, writers, 9) {
			if c.Revision <= revision {
				t.Fatalf("the revision went from %d to %d", revision, c.Revision)
			}
			revision = c.Revision
		}
	}
}

// last is the user that a writer changes last, and once.
func last(writer int) string { return fmt.Sprintf("last-%d", writer) }

// toggle adds or removes the access of one of three users of a writer.
func toggle(ctx context.Context, tx store.Tx, writer, n int) error {
	return toggleUser(ctx, tx, fmt.Sprintf("u%d-%d", writer, n%3))
}

func toggleUser(ctx context.Context, tx store.Tx, user string) error {
	holders, err := tx.Holders(ctx, []string{user})
	if err != nil {
		return err
	}
	kind := store.Added
	if len(holders[user].Sources) > 0 {
		kind = store.Removed
		err = tx.DeleteSource(ctx, user, source(designer, "r"))
	} else if err = tx.PutHolder(ctx, store.Holder{UserID: user, Active: true}); err == nil {
		err = tx.PutSource(ctx, user, source(designer, "r"))
	}
	if err != nil {
		return err
	}
	return tx.AppendChanges(ctx, []store.Change{change(user, kind, noon)})
}

func listAndFollow(t *testing.T, s store.Store, organization string, writers int) {
	ctx := patient(t)
	fail := func(err error) bool {
		if err != nil {
			t.Error(err)
		}
		return err != nil
	}
	stored := func() (map[string]bool, error) {
		access, err := s.Access(ctx, organization, store.AccessFilter{}, store.AccessKey{}, 1000)
		users := map[string]bool{}
		for _, a := range access {
			users[a.UserID] = true
		}
		return users, err
	}
	at, err := s.AccessCursor(ctx)
	if fail(err) {
		return
	}
	known, err := stored()
	if fail(err) {
		return
	}
	ended := func() (n int) {
		for w := range writers {
			if known[last(w)] {
				n++
			}
		}
		return n
	}
	for ended() < writers {
		changed := s.Changed(organization)
		page, next, err := s.AccessChanges(ctx, organization, at, 5)
		if fail(err) {
			return
		}
		at = next
		for _, c := range page {
			if c.Kind == store.Added {
				known[c.UserID] = true
			} else {
				delete(known, c.UserID)
			}
		}
		if len(page) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Errorf("%d of %d writers were followed to their end", ended(), writers)
			return
		}
	}
	now, err := stored()
	if !fail(err) && !maps.Equal(known, now) {
		t.Errorf("who follows knows %v, and there are %v", slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(now)))
	}
}
