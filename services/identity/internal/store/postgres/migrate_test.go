package postgres

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// first applies the first migration alone.
func first(ctx context.Context, url string) error {
	only := database()
	text, err := fs.ReadFile(only.Migrations, "00001_init.sql")
	if err != nil {
		return err
	}
	only.Migrations = fstest.MapFS{"00001_init.sql": {Data: text}}
	return pgdb.Migrate(ctx, url, only)
}

// observer is a connection to a database that another one migrates.
type observer struct {
	*testing.T
	*pgx.Conn
}

func observe(t *testing.T, url string) observer {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(context.Background())) })
	_, err = conn.Exec(t.Context(), `SET search_path = usher_identity; SET statement_timeout = '10s'`)
	must(t, err)
	return observer{t, conn}
}

func (o observer) do(statement string) {
	o.Helper()
	_, err := o.Exec(o.Context(), statement)
	must(o.T, err)
}

// read reads one number.
func (o observer) read(query string) (n int) {
	o.Helper()
	must(o.T, o.QueryRow(o.Context(), query).Scan(&n))
	return n
}

// await waits until a query returns at least one.
func (o observer) await(query string) {
	o.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for o.read(query) == 0 {
		if time.Now().After(deadline) {
			o.Fatalf("never: %s", query)
		}
	}
}

const (
	insertOne = `INSERT INTO users SELECT 'acme', id, 'd1', '', id, '', '', true, 1, '{}', 0, 0 FROM cast(gen_random_uuid() AS text) id`
	builds    = `SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting%'`
	valid     = `SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN ('users_name'::regclass, 'search_values_of_user'::regclass)`
	invalid   = `SELECT count(*) FROM pg_index WHERE NOT indisvalid`
)

// The users of a large organization must not wait for an index, whose build takes minutes.
func TestUsersAreWrittenWhileAMigrationBuildsAnIndex(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "identity_first", first)
	writer, slow := observe(t, url), observe(t, url)
	// The build waits for this transaction, so the migration lasts as long as the test wants.
	slow.do(`BEGIN`)
	slow.do(insertOne)
	migrated := make(chan error, 2)
	migrate := func() { migrated <- Migrate(t.Context(), url) }
	go migrate()
	writer.await(builds)
	go migrate() // another process, at the same time
	for range 10 {
		writer.do(insertOne)
	}
	select {
	case err := <-migrated:
		t.Fatalf("the migration did not wait: %v", err)
	default:
	}
	slow.do(`COMMIT`)
	must(t, <-migrated)
	must(t, <-migrated)
	if n := writer.read(`SELECT total FROM totals WHERE directory_id = '' AND NOT resource_group`); n != 11 {
		t.Errorf("the migration counted %d users, want 11", n)
	}
	if n := writer.read(valid); n != 2 {
		t.Errorf("%d valid indexes, want 2", n)
	}
}

func TestAnInterruptedBuildOfAnIndexStartsAgain(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "identity_first", first)
	other, slow := observe(t, url), observe(t, url)
	slow.do(`BEGIN`)
	slow.do(insertOne)
	migrated := make(chan error, 1)
	go func() { migrated <- Migrate(t.Context(), url) }()
	other.await(builds)
	other.do(`SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE datname = current_database()`)
	if err := <-migrated; err == nil {
		t.Fatal("the migration did not fail")
	}
	slow.do(`COMMIT`)
	if n := other.read(invalid); n != 1 {
		t.Fatalf("%d invalid indexes, want 1", n)
	}
	must(t, Migrate(t.Context(), url))
	if v, i := other.read(valid), other.read(invalid); v != 2 || i != 0 {
		t.Errorf("%d valid indexes and %d invalid ones, want 2 and 0", v, i)
	}
}
