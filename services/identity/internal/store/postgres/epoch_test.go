package postgres

import (
	"testing"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// The first read on a restored database gets the error, like every later read.
func TestTheFirstReadOfARestoredDatabaseFindsItsCursorExpired(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(*Store, feed.Cursor) (feed.Cursor, error){
		"Changes": func(s *Store, after feed.Cursor) (feed.Cursor, error) {
			_, next, _, err := s.Changes(t.Context(), "acme", after, 10)
			return next, err
		},
		"Active": func(s *Store, after feed.Cursor) (feed.Cursor, error) {
			_, next, _, err := s.Active(t.Context(), after)
			return next, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := processes(t, 1)[0]
			must(t, s.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d"}, store.Place{Epoch: "e", Revision: 1}, store.Cause{}))
			before, _, err := s.Cursor(t.Context())
			must(t, err)
			// No background work may read first.
			s.folder.close()
			s.wakeup.Close()
			_, err = s.db.Exec(t.Context(), `UPDATE meta SET database = 'of another cluster'`)
			must(t, err)
			s.db.Reset()
			if next, err := read(s, before); !fault.Is(err, fault.CursorExpired) {
				t.Errorf("after %s it goes on to %s: %v", before, next, err)
			}
			after, _, err := s.Cursor(t.Context())
			must(t, err)
			if after.Epoch == before.Epoch || after.Epoch != s.Epoch() {
				t.Errorf("the epoch was %s, and is %s and %s", before.Epoch, after.Epoch, s.Epoch())
			}
		})
	}
}
