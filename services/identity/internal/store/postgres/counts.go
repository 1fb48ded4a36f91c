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
	addMessageCount = statements.Load("add_message_count", "organization_id", "directory_id", "kind", "name", "messages", "first_time",
		"last_time", "last_message_id", "max_ignored")
	listMessageCounts = statements.Load("list_message_counts", "organization_id", "directory_id")
	listMilestones    = statements.Load("list_milestones", "organization_id", "directory_ids")
	listTotals        = statements.Load("list_totals", "organization_id", "after", "limit")
)

// AddMessageCounts uses one round trip and one transaction. An erasure of the directory waits for it.
func (s *Store) AddMessageCounts(ctx context.Context, messageCounts []store.MessageCount) error {
	if len(messageCounts) == 0 {
		return nil
	}
	return again(func() error {
		batch := &pgx.Batch{}
		for _, o := range messageCounts {
			batch.Queue(addMessageCount,
				o.OrganizationID, o.DirectoryID, o.Kind, o.Name, o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime),
				o.LastMessageID, store.MaxIgnored)
		}
		return s.db.SendBatch(ctx, batch).Close()
	})
}

func (s *Store) MessageCounts(ctx context.Context, scope store.Scope) ([]store.MessageCount, error) {
	return pgdb.ReadAll(ctx, s.db, rows.MessageCount, listMessageCounts, scope.OrganizationID, scope.DirectoryID)
}

func (s *Store) Milestones(ctx context.Context, organizationID string, directoryIDs []string) ([]store.MessageCount, error) {
	return pgdb.ReadAll(ctx, s.db, rows.MessageCount, listMilestones, organizationID, directoryIDs)
}

func (s *Store) Totals(ctx context.Context, organizationID, after string, limit int) ([]store.Totals, error) {
	return pgdb.ReadAll(ctx, s.db, rows.Totals, listTotals, organizationID, after, limit)
}
