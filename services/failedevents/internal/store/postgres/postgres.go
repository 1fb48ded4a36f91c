// Package postgres is the failedevents service's store on PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var (
	statements = sqlfile.In(embedded, sqlfile.Postgres)
	shared     = rows.Load(statements)
)

// schema contains the service's tables.
const schema = "usher_failedevents"

func tables() pgdb.Schema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return pgdb.Schema{
		Name: schema, Migrations: migrations,
	}
}

// Migrate creates the tables, or migrates them.
func Migrate(ctx context.Context, url string) error { return pgdb.Migrate(ctx, url, tables()) }

// Store is a store.Store on one schema. Any number of processes may share it.
type Store struct{ db *pgdb.DB }

var _ store.Store = (*Store)(nil)

// Schema returns the service's tables, for those who look at a database.
func Schema() pgdb.Schema { return tables() }

// Open connects to a migrated database.
func Open(ctx context.Context, server pgdb.Server) (*Store, error) {
	db, err := pgdb.Open(ctx, server, tables())
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close closes the connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

var (
	lockOrganizationsShared = statements.Load("lock_organizations_shared", "organization_ids")
	recordEvents            = statements.Load("record_events", "organization_ids", "ids", "directory_ids", "message_ids", "sources", "times",
		"operations", "resource_ids", "statuses", "reasons", "scim_types", "details", "remedies", "admin_actions", "trace_ids", "subjects",
		"subject_keys", "conflicting_resource_ids", "conflicting_names", "conflicting_keys")
)

func (s *Store) Record(ctx context.Context, events []store.Event) (dropped int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	organizations := column(events, func(e store.Event) string { return e.OrganizationID })
	b := &pgx.Batch{}
	// A concurrent erasure of one of them either sees these events, or this transaction sees the erasure.
	b.Queue(lockOrganizationsShared, organizations)
	b.Queue(recordEvents,
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
		column(events, func(e store.Event) string { return e.AdminAction }),
		column(events, func(e store.Event) string { return e.TraceID }),
		column(events, func(e store.Event) string { return e.Subject }),
		column(events, func(e store.Event) string { return store.NameKey(e.OrganizationID, e.Subject) }),
		column(events, func(e store.Event) string { return e.ConflictingResourceID }),
		column(events, func(e store.Event) string { return e.ConflictingName }),
		column(events, func(e store.Event) string { return store.NameKey(e.OrganizationID, e.ConflictingName) })).
		QueryRow(func(row pgx.Row) error { return row.Scan(&dropped) })
	return dropped, pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}

// column returns one field of all events, or of all tallies.
func column[E, T any](events []E, field func(E) T) []T {
	all := make([]T, len(events))
	for i, e := range events {
		all[i] = field(e)
	}
	return all
}

func (s *Store) Event(ctx context.Context, organizationID, id string) (store.Event, error) {
	return pgdb.ReadOne(ctx, s.db, rows.EventFields, fault.Missing("failed event", id), shared.GetEvent, organizationID, id)
}

func (s *Store) Events(ctx context.Context, organizationID string, filter store.Filter, after store.Place, limit int) ([]store.Event, error) {
	query, args := shared.ListEvents(organizationID, filter, after, limit)
	return readAllByIndex(ctx, s, rows.EventFields, query, args...)
}

// readAllByIndex reads all rows of a statement, in one round trip, with the plan that read_by_index demands.
func readAllByIndex[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (all []T, err error) {
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(query, args...).Query(func(found pgx.Rows) error {
		all, err = pgx.CollectRows(found, pgdb.RowTo(fields))
		return err
	})
	return all, pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}

// errNotOpen means that an event cannot be acknowledged.
var errNotOpen = errors.New("the event is missing, or somebody else has acknowledged it")

func (s *Store) Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (store.Event, error) {
	e, err := pgdb.ReadOne(ctx, s.db, rows.EventFields, errNotOpen, shared.AcknowledgeEvent, dbtype.Time(&now), by, organizationID, id)
	if errors.Is(err, errNotOpen) {
		return s.Event(ctx, organizationID, id)
	}
	return e, err
}

func (s *Store) CountReasons(ctx context.Context, organizationID, directoryID string, openOnly bool, reasons, limit int) ([]store.ReasonCount, error) {
	query, args := shared.CountReasons(organizationID, directoryID, openOnly, reasons, limit)
	return readAllByIndex(ctx, s, rows.ReasonCountFields, query, args...)
}

func (s *Store) AcknowledgeSome(ctx context.Context, organizationID, directoryID, reason string, until time.Time, by string, now time.Time, limit int) (acknowledged int, more bool, err error) {
	query, args := shared.AcknowledgeSome(organizationID, directoryID, reason, until, by, now, limit)
	found := 0
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&found, &acknowledged) })
	err = pgdb.Reach(s.db.SendBatch(ctx, b).Close())
	return acknowledged, found == limit, err
}
