// Package sqlite is the failedevents service's store on SQLite.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements store.Store on one database file.
type Store struct{ db *sqldb.SQLite }

var _ store.Store = (*Store)(nil)

// Open opens or creates the file.
func Open(ctx context.Context, path string, log *slog.Logger, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.OpenSQLite(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	db.ScrubInBackground(log)
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

const columns = `organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
	scim_type, detail, remedy, trace_id, acknowledge_time, acknowledged_by`

func scanEvent(scan func(...any) error) (e store.Event, err error) {
	err = scan(&e.OrganizationID, &e.ID, &e.DirectoryID, &e.MessageID, &e.Source, sqldb.Time(&e.Time), &e.Operation,
		&e.ResourceID, &e.Status, &e.Reason, &e.SCIMType, &e.Detail, &e.Remedy, &e.TraceID,
		sqldb.Time(&e.AcknowledgeTime), &e.AcknowledgedBy)
	return e, err
}

// Record implements store.Store.
func (s *Store) Record(ctx context.Context, events []store.Event) (dropped int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		dropped = 0
		erased := map[string]time.Time{} // by organization, those that were looked up
		for _, e := range events {
			until, known := erased[e.OrganizationID]
			if !known {
				at, _, err := erasureOf(ctx, tx, e.OrganizationID)
				if err != nil {
					return err
				}
				until, erased[e.OrganizationID] = at, at
			}
			if !until.IsZero() && !e.Time.After(until) {
				dropped++
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO events (`+columns+`)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '') ON CONFLICT DO NOTHING`,
				e.OrganizationID, e.ID, e.DirectoryID, e.MessageID, e.Source, sqldb.Time(&e.Time), e.Operation,
				e.ResourceID, e.Status, e.Reason, e.SCIMType, e.Detail, e.Remedy, e.TraceID); err != nil {
				return err
			}
		}
		return nil
	})
	return dropped, err
}

// queryer reads, in a transaction or outside one.
type queryer interface {
	QueryRow(ctx context.Context, query string, args ...any) sqldb.Row
}

func event(ctx context.Context, q queryer, organizationID, id string) (store.Event, error) {
	e, err := scanEvent(q.QueryRow(ctx, `SELECT `+columns+` FROM events WHERE organization_id = ? AND id = ?`,
		organizationID, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("failed event", id)
	}
	return e, err
}

// Event implements store.Store.
func (s *Store) Event(ctx context.Context, organizationID, id string) (store.Event, error) {
	return event(ctx, s.db, organizationID, id)
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, organizationID string, filter store.Filter, after store.Place, limit int) ([]store.Event, error) {
	query, args := listQuery(organizationID, filter, after, limit)
	rows, err := s.db.Query(ctx, query, args...)
	return sqldb.Collect(rows, err, scanEvent)
}

// listQuery names only the conditions that hold, because SQLite chooses the index by the text. There are sixteen texts.
func listQuery(organizationID string, filter store.Filter, after store.Place, limit int) (query string, args []any) {
	query, args = `SELECT `+columns+` FROM events WHERE organization_id = ?`, []any{organizationID}
	if filter.DirectoryID != "" {
		query, args = query+` AND directory_id = ?`, append(args, filter.DirectoryID)
	}
	if filter.MessageID != "" {
		query, args = query+` AND message_id = ?`, append(args, filter.MessageID)
	}
	if filter.OpenOnly {
		query += ` AND acknowledge_time = 0`
	}
	if after != (store.Place{}) {
		query, args = query+` AND (time, id) < (?, ?)`, append(args, sqldb.Time(&after.Time), after.ID)
	}
	return query + ` ORDER BY time DESC, id DESC LIMIT ?`, append(args, limit)
}

// Acknowledge implements store.Store.
func (s *Store) Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (e store.Event, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if e, err = event(ctx, tx, organizationID, id); err != nil || !e.AcknowledgeTime.IsZero() {
			return err
		}
		e.AcknowledgeTime, e.AcknowledgedBy = now, by
		_, err := tx.Exec(ctx, `UPDATE events SET acknowledge_time = ?, acknowledged_by = ?
			WHERE organization_id = ? AND id = ?`, sqldb.Time(&e.AcknowledgeTime), by, organizationID, id)
		return err
	})
	return e, err
}
