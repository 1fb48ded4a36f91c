package pgdb

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/internal/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// library is a schema with a feed. more are further migrations.
func library(more ...string) Schema {
	files := fstest.MapFS{"00001_init.sql": {Data: []byte(`-- +goose Up
		CREATE TABLE meta (only_row integer PRIMARY KEY, epoch text NOT NULL, database text NOT NULL, least_migration bigint NOT NULL);
		INSERT INTO meta VALUES (1, 'first', '', 1);
		CREATE TABLE feed (transaction bigint NOT NULL);`)}}
	for i, sql := range more {
		files[fmt.Sprintf("%05d_more.sql", i+2)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)}
	}
	return Schema{
		Name: "library", Migrations: files, ByTransaction: true,
		NewEpoch: func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `TRUNCATE feed`)
			return err
		},
	}
}

func migrated(ctx context.Context, url string) error { return Migrate(ctx, url, library()) }

// lines collects log lines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(of string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), of)
}

func (l *lines) server(url string) Server {
	return Server{URL: url, MaxConnections: 4, Log: slog.New(slog.NewTextHandler(l, nil))}
}

func openLibrary(t *testing.T, server Server, schema Schema) *DB {
	t.Helper()
	db, err := Open(t.Context(), server, schema)
	must(t, err)
	t.Cleanup(db.Close)
	return db
}

func TestABinaryRefusesASchemaThatDoesNotFit(t *testing.T) {
	t.Parallel()
	const expand, contract = `ALTER TABLE feed ADD COLUMN more text;`, `ALTER TABLE feed DROP COLUMN more; UPDATE meta SET least_migration = 3;`
	for name, c := range map[string]struct {
		schema Schema // in the database; without migrations it is empty
		binary Schema
		want   string // in the error; empty means none
	}{
		"the same":                             {library(), library(), ""},
		"an empty database":                    {Schema{}, library(), "run usher migrate"},
		"a schema that lacks a migration":      {library(), library(expand), "schema library is at migration 1 and this binary needs 2"},
		"a newer schema that bears this":       {library(expand), library(), ""},
		"a newer schema that does not":         {library(expand, contract), library(), "needs a newer usher: one that knows migration 3, and this one knows 1"},
		"a newer schema and the binary before": {library(expand, contract), library(expand), "this one knows 2"},
		"a newer schema and its binary":        {library(expand, contract), library(expand, contract), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := kit.Postgres(t, "empty", func(context.Context, string) error { return nil })
			if c.schema.Migrations != nil {
				must(t, Migrate(t.Context(), url, c.schema))
			}
			db, err := Open(t.Context(), Server{URL: url}, c.binary)
			if err == nil {
				db.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			// An older binary that migrates leaves a newer schema as it is.
			if c.schema.Migrations != nil && c.want == "" {
				must(t, Migrate(t.Context(), url, c.binary))
			}
		})
	}
}

// The tests' server has all the unsafe settings, because they are fast.
func TestUnsafeSettingsAreLogged(t *testing.T) {
	t.Parallel()
	log := &lines{}
	openLibrary(t, log.server(kit.Postgres(t, "library", migrated)), library())
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if log.count("CAN LOSE WRITES")+log.count("setting="+setting) != 4 {
			t.Errorf("%s: got %s", setting, log.text.String())
		}
	}
}

func TestAnotherDatabaseStartsANewEpoch(t *testing.T) {
	t.Parallel()
	log := &lines{}
	url := kit.Postgres(t, "library", migrated)
	db := openLibrary(t, log.server(url), library())
	must2(t)(db.Exec(t.Context(), `INSERT INTO feed VALUES (1)`))
	equal(t, "the first epoch", db.Epoch(), "first")
	equal(t, "the epoch of another process", openLibrary(t, log.server(url), library()).Epoch(), "first")
	records := func(db *DB) (n int) {
		must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM feed`).Scan(&n))
		return n
	}
	equal(t, "the feed", records(db), 1)

	// As if the address led to another server, on which the database was restored.
	must2(t)(db.Exec(t.Context(), `UPDATE meta SET database = 'of another cluster'`))
	db.Reset()
	equal(t, "the feed of the restored one", records(db), 0)
	second := db.Epoch()
	if second == "first" || second == "" || log.count("begins a new epoch") != 1 {
		t.Errorf("the epoch is %q; %s", second, log.text.String())
	}
	var beside sync.WaitGroup
	for range 3 {
		beside.Go(func() {
			other, err := Open(t.Context(), log.server(url), library())
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			equal(t, "the epoch of others", other.Epoch(), second)
		})
	}
	beside.Wait()
	// As if a dump were restored over the database.
	must2(t)(db.Exec(t.Context(), `ALTER TABLE meta RENAME TO before; CREATE TABLE meta AS TABLE before; DROP TABLE before`))
	db.Reset()
	must2(t)(db.Exec(t.Context(), `INSERT INTO feed VALUES (1)`))
	third := db.Epoch()
	if third == second || log.count("begins a new epoch") != 2 {
		t.Errorf("after a dump was restored over it the epoch is %q; %s", third, log.text.String())
	}
	must(t, RenewEpoch(t.Context(), url, library()))
	again := openLibrary(t, log.server(url), library())
	if again.Epoch() == third || records(again) != 0 {
		t.Errorf("renewed by hand it is %q with %d records", again.Epoch(), records(again))
	}
}

// A database that was restored into a new cluster has lower transactions than the feed before.
func TestAFeedWithALowerEndWakesItsReaders(t *testing.T) {
	t.Parallel()
	db := openLibrary(t, (&lines{}).server(kit.Postgres(t, "library", migrated)), library())
	var end atomic.Uint64
	woken := make(chan struct{}, 1)
	wakeup := db.NewWakeup("library", func(context.Context) (uint64, bool, error) { return end.Load(), false, nil }, func() { wait.Poke(woken) })
	defer wakeup.Close()
	for _, seen := range []uint64{1000, 10, 11} {
		end.Store(seen)
		wakeup.Wrote()
		select {
		case <-woken:
		case <-time.After(time.Minute):
			t.Fatalf("nobody was woken when the feed ended at %d", seen)
		}
	}
}

func TestATransactionThatDelaysTheFeedIsNamed(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	server := (&lines{}).server(kit.Postgres(t, "library", migrated))
	server.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	db := openLibrary(t, server, library())
	gauge := func() metricdata.DataPoint[float64] {
		t.Helper()
		var all metricdata.ResourceMetrics
		must(t, reader.Collect(t.Context(), &all))
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name == "library_feed_held_back_seconds" {
					return m.Data.(metricdata.Gauge[float64]).DataPoints[0]
				}
			}
		}
		t.Fatal("there is no gauge")
		return metricdata.DataPoint[float64]{}
	}
	// The oldest transaction of the whole server counts, and other tests have their own: this one is open the longest.
	tx, err := db.Begin(t.Context())
	must(t, err)
	must2(t)(tx.Exec(t.Context(), `INSERT INTO feed VALUES (1)`))
	pid := fmt.Sprint(tx.Conn().PgConn().PID())
	named := func() bool {
		point := gauge()
		value, ok := point.Attributes.Value("pid")
		return ok && value.String() == pid && point.Value > 0
	}
	within(t, "the session is named", named)
	must(t, tx.Rollback(t.Context()))
	within(t, "it is named no more", func() bool { return !named() })
}

// A temporary failure, such as a failover, is not an internal error: the sender of a message may send it again.
func TestTemporaryFailuresAreUnavailable(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"25006": true, "55000": true, "25P03": true, "40P01": true, "40001": true, "53100": true, "57P01": true, "42601": false, "23505": false,
	} {
		if got := fault.Is(Reach(fmt.Errorf("writing: %w", &pgconn.PgError{Code: code})), fault.Unavailable); got != want {
			t.Errorf("%s: unavailable is %v", code, got)
		}
	}
}

// within polls until something holds.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

// must2 is must for calls that also give a result.
func must2(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		must(t, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
