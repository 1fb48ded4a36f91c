// Package postgres is the failedevents service's store on PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

//go:embed migrations/*.sql
var embedded embed.FS

// schema holds the service's tables.
const schema = "usher_failedevents"

func tables() sqldb.PostgresSchema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sqldb.PostgresSchema{
		Name: schema, Migrations: migrations,
	}
}

// Migrate makes the tables, or brings them up to date.
func Migrate(ctx context.Context, url string) error { return sqldb.MigratePostgres(ctx, url, tables()) }

// Store implements store.Store on one schema. Any number of processes may have it open.
type Store struct{ db *sqldb.Postgres }

var _ store.Store = (*Store)(nil)

// Open connects to a migrated database.
func Open(ctx context.Context, server sqldb.PostgresServer) (*Store, error) {
	db, err := sqldb.OpenPostgres(ctx, server, tables())
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

const columns = `organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
	scim_type, detail, remedy, trace_id, acknowledge_time, acknowledged_by`

func scanEvent(row pgx.CollectableRow) (e store.Event, err error) {
	err = row.Scan(&e.OrganizationID, &e.ID, &e.DirectoryID, &e.MessageID, &e.Source, sqldb.Time(&e.Time), &e.Operation,
		&e.ResourceID, &e.Status, &e.Reason, &e.SCIMType, &e.Detail, &e.Remedy, &e.TraceID,
		sqldb.Time(&e.AcknowledgeTime), &e.AcknowledgedBy)
	return e, err
}

// one reads the event that a query finds, or pgx.ErrNoRows.
func (s *Store) one(ctx context.Context, query string, args ...any) (store.Event, error) {
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return store.Event{}, sqldb.Reach(err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanEvent)
	return e, sqldb.Reach(err)
}

// Record implements store.Store.
func (s *Store) Record(ctx context.Context, events []store.Event) (dropped int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	organizations := column(events, func(e store.Event) string { return e.OrganizationID })
	b := &pgx.Batch{}
	// An erasing of one of them either sees these events, or is seen here.
	b.Queue(`SELECT pg_advisory_xact_lock_shared(hashtextextended(id, `+eraseLock+`)) FROM
		(SELECT DISTINCT id COLLATE "C" AS id FROM unnest($1::text[]) AS id ORDER BY 1) o`, organizations)
	// By key, because two that record the same events at once wait for each other's rows, and must not do so in a circle. Of
	// two with one id the first comes first, and stays.
	b.Queue(`WITH n AS (SELECT n.*, EXISTS (SELECT 1 FROM erased x WHERE x.organization_id = n.organization_id AND x.time >= n.time) AS late
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::text[], $8::text[],
			$9::integer[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[]) WITH ORDINALITY
			n (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
				scim_type, detail, remedy, trace_id, place)),
		added AS (INSERT INTO events (`+columns+`)
			SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
				scim_type, detail, remedy, trace_id, 0, ''
			FROM n WHERE NOT late ORDER BY organization_id COLLATE "C", id COLLATE "C", place ON CONFLICT DO NOTHING)
		SELECT count(*) FROM n WHERE late`,
		organizations,
		column(events, func(e store.Event) string { return e.ID }),
		column(events, func(e store.Event) string { return e.DirectoryID }),
		column(events, func(e store.Event) string { return e.MessageID }),
		column(events, func(e store.Event) int32 { return e.Source }),
		column(events, func(e store.Event) int64 { return e.Time.UnixMicro() }),
		column(events, func(e store.Event) string { return e.Operation }),
		column(events, func(e store.Event) string { return e.ResourceID }),
		column(events, func(e store.Event) int32 { return e.Status }),
		column(events, func(e store.Event) string { return e.Reason }),
		column(events, func(e store.Event) string { return e.SCIMType }),
		column(events, func(e store.Event) string { return e.Detail }),
		column(events, func(e store.Event) string { return e.Remedy }),
		column(events, func(e store.Event) string { return e.TraceID })).
		QueryRow(func(row pgx.Row) error { return row.Scan(&dropped) })
	return dropped, sqldb.Reach(s.db.SendBatch(ctx, b).Close())
}

// column is one field of all events.
func column[T any](events []store.Event, field func(store.Event) T) []T {
	all := make([]T, len(events))
	for i, e := range events {
		all[i] = field(e)
	}
	return all
}

// Event implements store.Store.
func (s *Store) Event(ctx context.Context, organizationID, id string) (store.Event, error) {
	e, err := s.one(ctx, `SELECT `+columns+` FROM events WHERE organization_id = $1 AND id = $2`, organizationID, id)
	if errors.Is(err, pgx.ErrNoRows) || sqldb.Unstorable(err) {
		err = fault.Missing("failed event", id)
	}
	return e, err
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, organizationID string, filter store.Filter, after store.Place, limit int) ([]store.Event, error) {
	query, args := listQuery(organizationID, filter, after, limit)
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	events, err := pgx.CollectRows(rows, scanEvent)
	return events, sqldb.Reach(err)
}

// listQuery names only the conditions that hold, so that each way of listing has a plan of its own. There are sixteen texts.
func listQuery(organizationID string, filter store.Filter, after store.Place, limit int) (query string, args []any) {
	next := func(values ...any) int {
		args = append(args, values...)
		return len(args)
	}
	query = fmt.Sprintf(`SELECT `+columns+` FROM events WHERE organization_id = $%d`, next(organizationID))
	if filter.DirectoryID != "" {
		query += fmt.Sprintf(` AND directory_id = $%d`, next(filter.DirectoryID))
	}
	if filter.MessageID != "" {
		query += fmt.Sprintf(` AND message_id = $%d`, next(filter.MessageID))
	}
	if filter.OpenOnly {
		query += ` AND acknowledge_time = 0`
	}
	if after != (store.Place{}) {
		query += fmt.Sprintf(` AND (time, id) < ($%d, $%d)`, next(sqldb.Time(&after.Time)), next(after.ID))
	}
	return query + fmt.Sprintf(` ORDER BY time DESC, id DESC LIMIT $%d`, next(limit)), args
}

// Acknowledge implements store.Store.
func (s *Store) Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (store.Event, error) {
	e, err := s.one(ctx, `UPDATE events SET acknowledge_time = $1, acknowledged_by = $2
		WHERE organization_id = $3 AND id = $4 AND acknowledge_time = 0 RETURNING `+columns,
		sqldb.Time(&now), by, organizationID, id)
	if errors.Is(err, pgx.ErrNoRows) || sqldb.Unstorable(err) {
		// It is not there, or somebody was first.
		return s.Event(ctx, organizationID, id)
	}
	return e, err
}
