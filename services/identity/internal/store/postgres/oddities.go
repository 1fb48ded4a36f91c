package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	addOddity = statements.Load("add_oddity", "organization_id", "directory_id", "ignored", "name", "messages", "first_time",
		"last_time", "last_message_id", "max_ignored")
	listOddities = statements.Load("list_oddities", "organization_id", "directory_id")
)

// AddOddities implements store.Store. It is one round trip, and one transaction. Who erases the directory waits for it.
func (s *Store) AddOddities(ctx context.Context, oddities []store.Oddity) error {
	if len(oddities) == 0 {
		return nil
	}
	return again(func() error {
		batch := &pgx.Batch{}
		for _, o := range oddities {
			batch.Queue(addOddity,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored)
		}
		return s.db.SendBatch(ctx, batch).Close()
	})
}

func (s *Store) Oddities(ctx context.Context, scope store.Scope) ([]store.Oddity, error) {
	return pgdb.ReadAll(ctx, s.db, rows.Oddity, listOddities, scope.OrganizationID, scope.DirectoryID)
}
