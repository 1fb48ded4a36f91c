package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	addDialectCount = statements.Load("add_dialect_count", "organization_id", "directory_id", "ignored", "name", "messages", "first_time",
		"last_time", "last_message_id", "max_ignored")
	listDialectCounts = statements.Load("list_dialect_counts", "organization_id", "directory_id")
)

func (s *Store) AddDialectCounts(ctx context.Context, dialectCounts []store.DialectCount) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, o := range dialectCounts {
			if _, err := tx.Exec(ctx, addDialectCount,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) DialectCounts(ctx context.Context, scope store.Scope) ([]store.DialectCount, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.DialectCount, listDialectCounts, scope.OrganizationID, scope.DirectoryID)
}
