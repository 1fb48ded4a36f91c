package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	addOddity = statements.Load("add_oddity", "organization_id", "directory_id", "ignored", "name", "messages", "first_time",
		"last_time", "last_message_id", "max_ignored")
	listOddities = statements.Load("list_oddities", "organization_id", "directory_id")
)

func (s *Store) AddOddities(ctx context.Context, oddities []store.Oddity) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, o := range oddities {
			if _, err := tx.Exec(ctx, addOddity,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) Oddities(ctx context.Context, scope store.Scope) ([]store.Oddity, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Oddity, listOddities, scope.OrganizationID, scope.DirectoryID)
}
