package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	insertReport = statements.Load("insert_report", "organization_id", "id", "kind", "user_id", "message_id", "trace_id", "detail",
		"time", "limit")
	listReports   = statements.Load("list_reports", "limit")
	deleteReports = statements.Load("delete_reports", "organization_ids", "ids")
)

func (t *organizationTx) AddReport(ctx context.Context, r store.Report, limit int) (bool, error) {
	n, err := t.exec(ctx, insertReport,
		t.organization, r.ID, int(r.Kind), r.UserID, r.MessageID, r.TraceID, r.Detail, dbtype.Micros(r.Time), limit)
	return n > 0, err
}

func (s *Store) Reports(ctx context.Context, limit int) ([]store.Report, error) {
	return pgdb.ReadAll(ctx, s.db, store.ReportFields, listReports, limit)
}

// DeleteReports locks the rows in the order of their keys. So two processes that delivered the same reports do not deadlock.
func (s *Store) DeleteReports(ctx context.Context, reports []store.Report) error {
	var organizations, ids []string
	for _, r := range reports {
		organizations, ids = append(organizations, r.OrganizationID), append(ids, r.ID)
	}
	_, err := s.db.Exec(ctx, deleteReports, organizations, ids)
	return pgdb.Reach(err)
}
