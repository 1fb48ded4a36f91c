package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// AddOddities implements store.Store.
func (s *Store) AddOddities(ctx context.Context, oddities []store.Oddity) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, o := range oddities {
			if _, err := tx.Exec(ctx, `INSERT INTO oddities
					(organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id)
				SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM directories WHERE organization_id = ?1 AND id = ?2 AND (NOT ?3
					OR EXISTS (SELECT 1 FROM oddities WHERE organization_id = ?1 AND directory_id = ?2 AND ignored = ?3 AND name = ?4)
					OR (SELECT count(*) FROM oddities WHERE organization_id = ?1 AND directory_id = ?2 AND ignored = ?3) < ?9)
				ON CONFLICT (organization_id, directory_id, ignored, name) DO UPDATE SET messages = messages + excluded.messages,
					first_time = min(first_time, excluded.first_time), last_time = max(last_time, excluded.last_time),
					last_message_id = CASE WHEN excluded.last_time >= last_time THEN excluded.last_message_id ELSE last_message_id END`,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, sqldb.Time(&o.FirstTime), sqldb.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored); err != nil {
				return err
			}
		}
		return nil
	})
}

// Oddities implements store.Store.
func (s *Store) Oddities(ctx context.Context, scope store.Scope) ([]store.Oddity, error) {
	return read(ctx, s.db, rows.Oddity, `SELECT organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id
		FROM oddities WHERE organization_id = ? AND directory_id = ? ORDER BY ignored, name`, scope.OrganizationID, scope.DirectoryID)
}
