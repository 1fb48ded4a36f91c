package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/postgres"
	"github.com/usher-scim/usher/services/rule/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a database as one process does. Its polling is slow, so that tests notice missed notifications.
func open(t *testing.T, url string, poll time.Duration) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{Server: pgdb.Server{URL: url, MaxConnections: 8}, PollInterval: poll})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	var urls sync.Map // by store
	opened := func(t *testing.T, url string) store.Store {
		t.Helper()
		s := open(t, url, time.Hour)
		urls.Store(s, url)
		return s
	}
	urlOf := func(s store.Store) string {
		url, _ := urls.Load(s)
		return url.(string)
	}
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T) store.Store { return opened(t, kit.Postgres(t, "rule", postgres.Migrate)) },
		Reopen: func(t *testing.T, s store.Store) store.Store {
			shut(t, s)
			return opened(t, urlOf(s))
		},
		Beside: func(t *testing.T, s store.Store) store.Store { return opened(t, urlOf(s)) },
		Rows: func(t *testing.T, s store.Store, organizationID string) map[string]int {
			return rows(t, urlOf(s), organizationID)
		},
	})
}

// sql returns a connection without the store.
func sql(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// rows counts the rows of an organization in each table that has organizations.
func rows(t *testing.T, url, organizationID string) map[string]int {
	t.Helper()
	conn := sql(t, url)
	found, err := conn.Query(t.Context(), `SELECT table_name FROM information_schema.columns
		WHERE table_schema = 'usher_rule' AND column_name = 'organization_id'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, table := range tables {
		var n int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM usher_rule.`+table+` WHERE organization_id = $1`, organizationID).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		all[table] = n
	}
	return all
}

func arrive(t *testing.T, what string, changed <-chan struct{}) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	select {
	case <-changed:
	case <-deadline.C:
		t.Fatalf("waited in vain for %s", what)
	}
}

func TestMissedNotificationsAreFoundByPolling(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "rule", postgres.Migrate)
	s, conn := open(t, url, time.Millisecond), sql(t, url)
	quiet := func() <-chan struct{} {
		// The first poll of an organization may wake its waiting callers for nothing.
		arrive(t, "the first look", s.Changed("quiet"))
		return s.Changed("quiet")
	}()
	for range 20 {
		changed := s.Changed("acme")
		_, err := conn.Exec(t.Context(), `INSERT INTO usher_rule.organizations AS o (organization_id, commits) VALUES ('acme', 1)
			ON CONFLICT (organization_id) DO UPDATE SET commits = o.commits + 1`)
		if err != nil {
			t.Fatal(err)
		}
		arrive(t, "a change that nobody told of", changed)
	}
	for n := range 3 {
		var before, after int64
		read := func(into *int64) {
			if err := conn.QueryRow(t.Context(), `SELECT commits FROM usher_rule.organizations WHERE organization_id = 'acme'`).Scan(into); err != nil {
				t.Fatal(err)
			}
		}
		read(&before)
		err := s.Update(t.Context(), "acme", func(ctx context.Context, tx store.Tx) error {
			return []error{tx.SetCheckpoint(ctx, "c"), tx.Requeue(ctx, []string{"u"}), tx.PutHolder(ctx, store.Holder{UserID: "u"})}[n]
		})
		if err != nil {
			t.Fatal(err)
		}
		if read(&after); after <= before {
			t.Fatalf("an Update that wrote something left its count at %d: who polls does not see it", after)
		}
	}
	select {
	case <-quiet:
		t.Fatal("polling woke who waits for an organization without a change")
	default:
	}
}

func TestALostConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "rule", postgres.Migrate)
	through, cut := relay(t, url)
	s, told := open(t, through, time.Hour), open(t, url, time.Hour)
	nothing := func(context.Context, store.Tx) error { return nil }
	if err := s.Update(t.Context(), "acme", nothing); err != nil {
		t.Fatal(err)
	}
	err := s.Update(t.Context(), "acme", func(ctx context.Context, tx store.Tx) error {
		cut(true)
		if err := tx.CreateTenant(ctx, store.Tenant{ID: "lost"}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("in the middle of a transaction: %v", err)
		}
		return tx.PutRule(ctx, store.Rule{ID: "lost"})
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("at the commit: %v", err)
	}
	if _, err := s.Tenant(t.Context(), "acme", "lost"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a connection: %v", err)
	}
	cut(false)
	if _, err := s.Tenant(t.Context(), "acme", "lost"); !fault.Is(err, fault.NotFound) {
		t.Errorf("once it is back: %v", err)
	}
	// It receives notifications again, by itself.
	changed := s.Changed("acme")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if err := told.Update(t.Context(), "acme", nothing); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
			return
		case <-tick.C:
		}
	}
	t.Fatal("after its connection was lost it never heard of another process's Update")
}

// relay returns the URL of a database through a socket that the test can close.
func relay(t *testing.T, url string) (through string, cut func(bool)) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "relay") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf(".s.PGSQL.%d", config.Port)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	isCut, open := false, map[net.Conn]bool{}
	admit := func(conns ...net.Conn) bool {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			open[c] = true
			if isCut {
				c.Close()
			}
		}
		return !isCut
	}
	cut = func(cut bool) {
		mu.Lock()
		defer mu.Unlock()
		if isCut = cut; cut {
			for c := range open {
				c.Close()
			}
			clear(open)
		}
	}
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		to.Close()
	}
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).Dial("unix", filepath.Join(config.Host, name))
			if err != nil || !admit(client, server) {
				client.Close()
				continue
			}
			running.Go(func() { pass(server, client) })
			running.Go(func() { pass(client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cut(true)
		running.Wait()
		os.RemoveAll(folder)
	})
	return fmt.Sprintf("postgres://%s@/%s?host=%s", config.User, config.Database, folder), cut
}

func TestADatabaseIsMigratedOnceAndBeforeItIsOpened(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "empty", func(context.Context, string) error { return nil })
	if s, err := postgres.Open(t.Context(), postgres.Config{Server: pgdb.Server{URL: url}}); err == nil {
		shut(t, s)
		t.Fatal("a database without tables was opened")
	}
	var migrating sync.WaitGroup
	for range 3 {
		migrating.Go(func() {
			if err := postgres.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	migrating.Wait()
	cursorOf := func(s store.Store) string {
		cursor, err := s.AccessCursor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return cursor.Epoch
	}
	if a, b := cursorOf(open(t, url, 0)), cursorOf(open(t, url, 0)); a == "" || a != b {
		t.Fatalf("the epochs are %q and %q", a, b)
	}
}

// Go orders strings by bytes. The core merges lists in that order, with any collation of the database.
func TestEveryIndexIsOrderedByBytes(t *testing.T) {
	t.Parallel()
	rows, err := sql(t, kit.Postgres(t, "rule", postgres.Migrate)).Query(t.Context(), `
		SELECT DISTINCT c.relname || '.' || a.attname FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
		JOIN pg_collation o ON o.oid = a.attcollation
		WHERE n.nspname = 'usher_rule' AND o.collname <> 'C'`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(columns) > 0 {
		t.Fatalf("of another collation are %v, %v", columns, err)
	}
}

// An Update costs its round trips.
func TestReconcilingABatchTakesThreeRoundTrips(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	url := kit.Postgres(t, "rule", postgres.Migrate)
	s, err := postgres.Open(t.Context(), postgres.Config{Server: pgdb.Server{URL: url, Tracing: tracing}, PollInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	lease, _, _, err := s.Acquire(t.Context(), "acme", "one", time.Unix(1, 0), time.Unix(9, 0))
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for n := range 200 {
		users = append(users, fmt.Sprintf("u%d", n))
	}
	reconcile := func(ctx context.Context, tx store.Tx) error {
		if err := tx.Own(ctx, lease, time.Unix(20, 0)); err != nil {
			return err
		}
		if _, err := tx.Generation(ctx); err != nil {
			return err
		}
		if _, err := tx.Holders(ctx, users); err != nil {
			return err
		}
		var changes []store.Change
		for _, user := range users {
			grant := store.Grant{TenantID: "plant", RoleID: "designer"}
			err := errors.Join(
				tx.PutHolder(ctx, store.Holder{UserID: user, Active: true, Digest: "d"}),
				tx.PutSource(ctx, user, store.Source{Grant: grant, Kind: store.FromRule, RuleID: "r", CreateTime: time.Unix(1, 0)}),
				tx.DeleteSource(ctx, user, store.Source{Grant: grant, Kind: store.FromRule, RuleID: "old"}))
			if err != nil {
				return err
			}
			changes = append(changes, store.Change{UserID: user, Grant: grant, Kind: store.Added, Time: time.Unix(1, 0)})
		}
		return errors.Join(tx.AppendChanges(ctx, changes), tx.Unqueue(ctx, users), tx.SetCheckpoint(ctx, "c"))
	}
	ctx, span := tracing.Tracer("test").Start(t.Context(), "reconcile")
	if err := s.Update(ctx, "acme", reconcile); err != nil {
		t.Fatal(err)
	}
	span.End()
	trips := 0
	var names []string
	for _, ended := range spans.Ended() {
		if ended.SpanContext().TraceID() != span.SpanContext().TraceID() {
			continue
		}
		if names = append(names, ended.Name()); strings.HasPrefix(ended.Name(), "batch start") {
			trips++
		}
	}
	if trips != 3 {
		t.Fatalf("%d round trips: %q", trips, names)
	}
}

// The first read that reaches a restored database gets the same error as all later ones.
func TestTheFirstReadOfARestoredDatabaseFindsItsCursorExpired(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "rule", postgres.Migrate)
	s := open(t, url, time.Hour)
	before, err := s.AccessCursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `UPDATE usher_rule.meta SET database = 'of another cluster';
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, next, err := s.AccessChanges(t.Context(), "acme", before, 10)
		if fault.Is(err, fault.CursorExpired) {
			return
		}
		// Broken connections are noticed one by one.
		if !fault.Is(err, fault.Unavailable) || time.Now().After(deadline) {
			t.Fatalf("after %s it goes on to %s: %v", before, next, err)
		}
	}
}
