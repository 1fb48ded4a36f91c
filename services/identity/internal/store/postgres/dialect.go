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
	addDialectCount = statements.Load("add_dialect_count", "organization_id", "directory_id", "ignored", "name", "messages", "first_time",
		"last_time", "last_message_id", "max_ignored")
	listDialectCounts = statements.Load("list_dialect_counts", "organization_id", "directory_id")
)

// AddDialectCounts uses one round trip and one transaction. An erasure of the directory waits for it.
func (s *Store) AddDialectCounts(ctx context.Context, dialectCounts []store.DialectCount) error {
	if len(dialectCounts) == 0 {
		return nil
	}
	return again(func() error {
		batch := &pgx.Batch{}
		for _, o := range dialectCounts {
			batch.Queue(addDialectCount,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored)
		}
		return s.db.SendBatch(ctx, batch).Close()
	})
}

func (s *Store) DialectCounts(ctx context.Context, scope store.Scope) ([]store.DialectCount, error) {
	return pgdb.ReadAll(ctx, s.db, rows.DialectCount, listDialectCounts, scope.OrganizationID, scope.DirectoryID)
}
