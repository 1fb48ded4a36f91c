// Package sqlite is the failedevents service's store on SQLite.
package sqlite

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var (
	statements = sqlfile.In(embedded, sqlfile.SQLite)
	shared     = rows.Load(statements)
)

// Store is a store.Store on one database file.
type Store struct{ db *sqlitedb.DB }

var _ store.Store = (*Store)(nil)

// Open opens or creates the file.
func Open(ctx context.Context, path string, log *slog.Logger, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	db.ScrubInBackground(log)
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

var insertEvent = statements.Load("insert_event", "organization_id", "id", "directory_id", "message_id", "source", "time", "operation",
	"resource_id", "status", "reason", "scim_type", "detail", "remedy", "admin_action", "trace_id", "subject", "subject_key",
	"conflicting_resource_id", "conflicting_name", "conflicting_key")

func (s *Store) Record(ctx context.Context, events []store.Event) (dropped int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		dropped = 0
		erased := erasedTimes{}
		for _, e := range events {
			late, err := erased.late(ctx, tx, e.OrganizationID, e.Time)
			if err != nil {
				return err
			}
			if late {
				dropped++
				continue
			}
			subjectKey, conflictingKey := store.NameKey(e.OrganizationID, e.Subject), store.NameKey(e.OrganizationID, e.ConflictingName)
			if err := withoutErased(ctx, tx, e, e.ResourceID, &e.Subject, &subjectKey); err != nil {
				return err
			}
			if err := withoutErased(ctx, tx, e, e.ConflictingResourceID, &e.ConflictingName, &conflictingKey); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, insertEvent,
				e.OrganizationID, e.ID, e.DirectoryID, e.MessageID, e.Source, dbtype.Time(&e.Time), e.Operation,
				e.ResourceID, e.Status, e.Reason, e.SCIMType, e.Detail, e.Remedy, e.AdminAction, e.TraceID, e.Subject, subjectKey,
				e.ConflictingResourceID, e.ConflictingName, conflictingKey); err != nil {
				return err
			}
		}
		return nil
	})
	return dropped, err
}

func event(ctx context.Context, q sqlitedb.Reader, organizationID, id string) (store.Event, error) {
	return sqlitedb.ReadOne(ctx, q, rows.EventFields, fault.Missing("failed event", id), shared.GetEvent, organizationID, id)
}

func (s *Store) Event(ctx context.Context, organizationID, id string) (store.Event, error) {
	return event(ctx, s.db, organizationID, id)
}

func (s *Store) Events(ctx context.Context, organizationID string, filter store.Filter, after store.Place, limit int) ([]store.Event, error) {
	query, args := shared.ListEvents(organizationID, filter, after, limit)
	return sqlitedb.ReadAll(ctx, s.db, rows.EventFields, query, args...)
}

func (s *Store) Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (e store.Event, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if e, err = event(ctx, tx, organizationID, id); err != nil || !e.AcknowledgeTime.IsZero() {
			return err
		}
		e.AcknowledgeTime, e.AcknowledgedBy = now, by
		_, err := tx.Exec(ctx, shared.AcknowledgeEvent, dbtype.Time(&e.AcknowledgeTime), by, organizationID, id)
		return err
	})
	return e, err
}

func (s *Store) CountReasons(ctx context.Context, organizationID, directoryID string, openOnly bool, reasons, limit int) ([]store.ReasonCount, error) {
	query, args := shared.CountReasons(organizationID, directoryID, openOnly, reasons, limit)
	return sqlitedb.ReadAll(ctx, s.db, rows.ReasonCountFields, query, args...)
}

func (s *Store) AcknowledgeSome(ctx context.Context, organizationID, directoryID, reason string, until time.Time, by string, now time.Time, limit int) (acknowledged int, more bool, err error) {
	query, args := shared.AcknowledgeSome(organizationID, directoryID, reason, until, by, now, limit)
	changed, err := s.db.Exec(ctx, query, args...)
	return int(changed), changed == int64(limit), err
}
