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
		_, user := s.GetAny(ctx, "acme", store.User, "u1")
		_, group := s.GetAny(ctx, "acme", store.Group, "eng")
		_, names := s.Names(ctx, "acme", []string{"u1", "u2"})
		_, above := s.Above(ctx, "acme", "u1", 10)
		_, carried := s.CarriedEdges(ctx, "acme", []store.Edge{{Member: "u1", Group: "eng"}})
		_, nested := s.Nested(ctx, "acme", "eng", false, "", 10)
		_, containing := s.Nested(ctx, "acme", "eng", true, "", 10)
		_, members := s.TallyMembers(ctx, "acme", []string{"eng"}, true, store.TallyBounds{Groups: 10, Memberships: 10})
		_, role := s.TallyRole(ctx, "acme", "guide", 10)
		_, roles := s.RoleValues(ctx, "acme", "a", "z", "", 4, 4)
		return errors.Join(append(errs, err, user, group, names, above, carried, nested, containing, members, role, roles)...)
	})
}
