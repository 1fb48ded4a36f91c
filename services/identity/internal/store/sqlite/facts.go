package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	listFacts   = statements.Load("list_facts", "organization_id", "ids")
	listLengths = statements.Load("list_lengths", "organization_id", "ids")
)

func (s *Store) Facts(ctx context.Context, organizationID string, ids []string, most store.FactsBounds) (p store.FactsPage, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		here, live, existing, err := factsPage(ctx, tx, organizationID, ids, most)
		if err != nil || len(here) == 0 {
			return err
		}
		fields := func(f *store.Facts) []any { return append(tables[store.User].read(&f.Resource), &f.Detached) }
		users, err := sqlitedb.ReadAll(ctx, tx, fields, listFacts, organizationID, jsonList(here))
		if err != nil {
			return err
		}
		found, err := edgeReader{q: tx, organizationID: organizationID}.Above(ctx, live, most.Edges+1)
		p = store.NewFactsPage(ids, users, existing, found, most)
		return err
	})
	return p, err
}

// factsPage decides from the lengths of the documents alone which users a read takes, out of how many, and which of them
// need their groups.
func factsPage(ctx context.Context, tx *sqlitedb.Tx, organizationID string, ids []string, most store.FactsBounds) (here, live []string, existing int, err error) {
	rows, err := tx.Query(ctx, listLengths, organizationID, jsonSet(ids))
	bytes := 0
	_, err = sqlitedb.Collect(rows, err, func(scan func(...any) error) (struct{}, error) {
		var id string
		var length int
		var isLive bool
		err := scan(&id, &length, &isLive)
		existing++
		if bytes += length; err != nil || bytes > most.Bytes && len(here) > 0 {
			return struct{}{}, err
		}
		here = append(here, id)
		if isLive || !most.Live {
			live = append(live, id)
		}
		return struct{}{}, nil
	})
	return here, live, existing, err
}
