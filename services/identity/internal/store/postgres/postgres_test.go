package postgres_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/postgres"
	"github.com/usher-scim/usher/services/identity/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Store, storetest.Plant) {
		url := testkit.Postgres(t, "identity", postgres.Migrate)
		s, err := postgres.Open(t.Context(), sqldb.PostgresServer{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, func(organizationID string, nested []store.Edge) error { return plant(t, url, organizationID, nested) }
	})
}

func plant(t *testing.T, url, organizationID string, nested []store.Edge) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	var groups, members []string
	for _, e := range nested {
		groups, members = append(groups, e.Group), append(members, e.Member)
	}
	_, err = conn.Exec(t.Context(), `INSERT INTO usher_identity.members (organization_id, group_id, member_id, member_group, carried)
		SELECT $1, n.grp, n.member, true, false FROM unnest($2::text[], $3::text[]) n (grp, member)`, organizationID, groups, members)
	return errors.Join(err, conn.Close(t.Context()))
}
