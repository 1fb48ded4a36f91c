package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	insertReport = statements.Load("insert_report", "organization_id", "id", "kind", "user_id", "message_id", "trace_id", "detail",
		"time", "limit")
	listReports  = statements.Load("list_reports", "limit")
	deleteReport = statements.Load("delete_report", "organization_id", "id")
)

func (t *organizationTx) AddReport(ctx context.Context, r store.Report, limit int) (bool, error) {
	n, err := t.tx.Exec(ctx, insertReport,
		t.organization, r.ID, r.Kind, r.UserID, r.MessageID, r.TraceID, r.Detail, dbtype.Micros(r.Time), limit)
	return n > 0, err
}

func (s *Store) Reports(ctx context.Context, limit int) ([]store.Report, error) {
	return sqlitedb.ReadAll(ctx, s.db, store.ReportFields, listReports, limit)
}

func (s *Store) DeleteReports(ctx context.Context, reports []store.Report) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, r := range reports {
			_, err := tx.Exec(ctx, deleteReport, r.OrganizationID, r.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
