package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	listFacts = statements.Load("list_facts", "organization_id", "ids", "bytes")
	// listEdgesOfFacts reads the memberships of the users whose groups are requested.
	listEdgesOfFacts = statements.Load("list_edges_of_facts", "organization_id", "ids", "bytes", "only_live", "limit")
)

func (s *Store) Facts(ctx context.Context, organizationID string, ids []string, most store.FactsBounds) (p store.FactsPage, err error) {
	// One snapshot, and one round trip.
	var users []store.Facts
	var found []store.Edge
	existing := 0
	fields := func(f *store.Facts) []any {
		return append(tables[store.User].read(&f.Resource), &f.Detached, &existing)
	}
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	batch.Queue(listFacts, organizationID, ids, most.Bytes).Query(func(read pgx.Rows) error {
		users, err = pgx.CollectRows(read, pgdb.RowTo(fields))
		return err
	})
	batch.Queue(listEdgesOfFacts, organizationID, ids, most.Bytes, most.Live, most.Edges+1).Query(func(read pgx.Rows) error {
		found, err = pgx.CollectRows(read, pgdb.RowTo(rows.Edge))
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.db.SendBatch(ctx, batch).Close(); err != nil {
		return p, pgdb.Reach(err)
	}
	return store.NewFactsPage(ids, users, existing, found, most), nil
}
