package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// AddOddities implements store.Store. It is one round trip, and one transaction. Who erases the directory waits for it.
func (s *Store) AddOddities(ctx context.Context, oddities []store.Oddity) error {
	if len(oddities) == 0 {
		return nil
	}
	return again(func() error {
		batch := &pgx.Batch{}
		for _, o := range oddities {
			batch.Queue(`INSERT INTO oddities AS o
					(organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id)
				SELECT $1, $2, $3, $4, $5, $6, $7, $8
				FROM (SELECT FROM directories WHERE organization_id = $1 AND id = $2 FOR KEY SHARE) d WHERE NOT $3
					OR EXISTS (SELECT 1 FROM oddities WHERE organization_id = $1 AND directory_id = $2 AND ignored = $3 AND name = $4)
					OR (SELECT count(*) FROM oddities WHERE organization_id = $1 AND directory_id = $2 AND ignored = $3) < $9
				ON CONFLICT (organization_id, directory_id, ignored, name) DO UPDATE SET messages = o.messages + excluded.messages,
					first_time = least(o.first_time, excluded.first_time), last_time = greatest(o.last_time, excluded.last_time),
					last_message_id = CASE WHEN excluded.last_time >= o.last_time THEN excluded.last_message_id ELSE o.last_message_id END`,
				o.OrganizationID, o.DirectoryID, o.Ignored, o.Name, o.Messages, sqldb.Time(&o.FirstTime), sqldb.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored)
		}
		return s.db.SendBatch(ctx, batch).Close()
	})
}

// Oddities implements store.Store.
func (s *Store) Oddities(ctx context.Context, scope store.Scope) ([]store.Oddity, error) {
	return sqldb.ReadAll(ctx, s.db, rows.Oddity, `SELECT organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id FROM oddities
		WHERE organization_id = $1 AND directory_id = $2 ORDER BY ignored, name`, scope.OrganizationID, scope.DirectoryID)
}
