package postgres_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/postgres"
	"github.com/usher-scim/usher/services/identity/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Store, storetest.Inside) {
		url := kit.Postgres(t, "identity", postgres.Migrate)
		s, err := postgres.Open(t.Context(), pgdb.Server{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, storetest.Inside{
			Plant: func(organizationID string, nested []store.Edge) error { return plant(t, url, organizationID, nested) },
			Rows:  func(organizationID string) (map[string]int64, error) { return rows(t, url, organizationID) },
		}
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

// rows finds the tables in the schema, so that none can be forgotten.
func rows(t *testing.T, url, organizationID string) (map[string]int64, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(t.Context()) }()
	found, err := conn.Query(t.Context(), `SELECT c.table_name FROM information_schema.columns c
		WHERE c.table_schema = 'usher_identity' AND c.column_name = 'organization_id'`)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	counts := map[string]int64{}
	for _, table := range tables {
		var n int64
		err = errors.Join(err, conn.QueryRow(t.Context(), `SELECT count(*) FROM usher_identity.`+table+` WHERE organization_id = $1`, organizationID).Scan(&n))
		counts[table] = n
	}
	return counts, err
}
