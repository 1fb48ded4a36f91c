package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// AddReport implements store.Tx.
func (t *organizationTx) AddReport(ctx context.Context, r store.Report, limit int) (bool, error) {
	n, err := t.exec(ctx, `INSERT INTO reports (organization_id, id, kind, user_id, message_id, trace_id, detail, time)
		SELECT $1, $2, $3::integer, $4, $5, $6, $7, $8::bigint WHERE (SELECT count(*) FROM reports WHERE organization_id = $1) < $9`,
		t.organization, r.ID, int(r.Kind), r.UserID, r.MessageID, r.TraceID, r.Detail, micros(r.Time), limit)
	return n > 0, err
}

// Reports implements store.Store.
func (s *Store) Reports(ctx context.Context, limit int) ([]store.Report, error) {
	return list(ctx, s.db, func(row pgx.CollectableRow) (r store.Report, err error) {
		var at int64
		err = row.Scan(&r.OrganizationID, &r.ID, &r.Kind, &r.UserID, &r.MessageID, &r.TraceID, &r.Detail, &at)
		r.Time = fromMicros(at)
		return r, err
	}, `SELECT organization_id, id, kind, user_id, message_id, trace_id, detail, time FROM reports ORDER BY id LIMIT $1`, limit)
}

// DeleteReports implements store.Store. Two processes may deliver the same reports, and forget them at once: each row is
// waited for in the order of the keys, so that neither waits for the other.
func (s *Store) DeleteReports(ctx context.Context, reports []store.Report) error {
	var organizations, ids []string
	for _, r := range reports {
		organizations, ids = append(organizations, r.OrganizationID), append(ids, r.ID)
	}
	_, err := s.db.Exec(ctx, `WITH delivered AS (
			SELECT r.organization_id, r.id FROM reports r
			JOIN unnest($1::text[], $2::text[]) AS d (organization_id, id) ON r.organization_id = d.organization_id AND r.id = d.id
			ORDER BY r.organization_id, r.id FOR UPDATE OF r)
		DELETE FROM reports r USING delivered d WHERE r.organization_id = d.organization_id AND r.id = d.id`, organizations, ids)
	return sqldb.Reach(err)
}
