package sqlite

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

func TestReadsOfPeopleReadNoMoreThanTheirs(t *testing.T) {
	t.Parallel()
	newMetered(t, 1000).measure(t, func(ctx context.Context, s *Store) error {
		var errs []error
		for _, q := range []store.Search{
			{Part: store.ByUserName}, {Part: store.ByUserName, DirectoryID: "d1"}, {Part: store.ByDisplayName}, {Part: store.ByEmail},
		} {
			q.Low, q.High, q.Value, q.ID = "u1", "u2", "u10", "u10"
			_, err := s.SearchUsers(ctx, "acme", q, 10)
			errs = append(errs, err)
		}
		_, err := s.SearchGroups(ctx, "acme", store.Search{High: "f", Value: "e"}, 10)
		return errors.Join(append(errs, err)...)
	})
}
