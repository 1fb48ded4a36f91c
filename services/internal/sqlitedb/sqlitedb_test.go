package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is a table of names, each once.
func schema() fstest.MapFS {
	return fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE names (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;")}}
}

func openAt(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, schema(), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func open(t *testing.T) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func insert(name string) func(context.Context, *Tx) error {
	return func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO names (name) VALUES (?)`, name)
		return err
	}
}

// names returns everything that is stored.
func names(t *testing.T, db *DB) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT name FROM names ORDER BY name`)
	all, err := Collect(rows, err, func(scan func(...any) error) (name string, err error) { return name, scan(&name) })
	must(t, err)
	return all
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

// grouped runs writes in one commit: it blocks the writer until all of them wait. It returns their results.
func grouped(t *testing.T, db *DB, writes ...func(ctx context.Context) error) []error {
	t.Helper()
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.Write(t.Context(), func(context.Context, *Tx) error {
			close(begun)
			<-release
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	errs := make([]error, len(writes))
	for i, write := range writes {
		wg.Go(func() { errs[i] = write(t.Context()) })
		for len(db.writes) <= i {
			runtime.Gosched() // until it waits in the queue
		}
	}
	close(release)
	wg.Wait()
	return errs
}

func TestTheWriterIsDurableAndReadersOnlyRead(t *testing.T) {
	t.Parallel()
	db := open(t)
	pragma := func(row Row) string {
		var value string
		must(t, row.Scan(&value))
		return value
	}
	must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		for name, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000"} {
			equal(t, "the writer's "+name, pragma(tx.QueryRow(ctx, `PRAGMA `+name)), want)
		}
		return nil
	}))
	equal(t, "the readers' query_only", pragma(db.QueryRow(t.Context(), `PRAGMA query_only`)), "1")
	if err := db.QueryRow(t.Context(), `INSERT INTO names (name) VALUES ('x') RETURNING name`).Scan(new(string)); err == nil {
		t.Error("a reader wrote")
	}
}

func TestAWriteIsVisibleAfterItHasReturned(t *testing.T) {
	t.Parallel()
	db := open(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				name := fmt.Sprintf("%d-%d", w, i)
				if err := db.Write(t.Context(), insert(name)); err != nil {
					t.Error(err)
					return
				}
				var found string
				if err := db.QueryRow(t.Context(), `SELECT name FROM names WHERE name = ?`, name).Scan(&found); err != nil {
					t.Errorf("%s is not seen: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	equal(t, "how many", len(names(t, db)), 200)
}

func TestAWriteThatHasReturnedIsInTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path)
	for _, err := range grouped(t, db, func(ctx context.Context) error { return db.Write(ctx, insert("a")) }, func(ctx context.Context) error { return db.Write(ctx, insert("b")) }) {
		must(t, err)
	}
	// Another connection, while the first one is still open: nothing is written only at its close.
	other, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer func() { _ = other.Close() }()
	var count int
	must(t, other.QueryRowContext(t.Context(), `SELECT count(*) FROM names`).Scan(&count))
	equal(t, "how many", count, 2)
	must(t, db.Close())
	equal(t, "after opening again", names(t, openAt(t, path)), []string{"a", "b"})
}

func TestOneWriteOfAGroupFailsAlone(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, failure := range map[string]struct {
		fn   func(ctx context.Context, tx *Tx) error
		says string
	}{
		"by its own error": {func(ctx context.Context, tx *Tx) error { return errors.Join(insert("lost")(ctx, tx), refused) }, "refused"},
		"by a statement": {func(ctx context.Context, tx *Tx) error {
			return errors.Join(insert("lost")(ctx, tx), insert("first")(ctx, tx))
		}, "UNIQUE"},
		"by a panic": {func(ctx context.Context, tx *Tx) error {
			must(t, insert("lost")(ctx, tx))
			panic("refused")
		}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			errs := grouped(t, db,
				func(ctx context.Context) error { return db.Write(ctx, insert("first")) },
				func(ctx context.Context) error { return db.Write(ctx, failure.fn) },
				func(ctx context.Context) error { return db.Write(ctx, insert("last")) })
			must(t, errors.Join(errs[0], errs[2]))
			if errs[1] == nil || !strings.Contains(errs[1].Error(), failure.says) {
				t.Errorf("the one that failed answered %v", errs[1])
			}
			equal(t, "what is stored", names(t, db), []string{"first", "last"})
		})
	}
}

func TestAWriteThatEndsTheTransactionFailsOnlyItsGroup(t *testing.T) {
	t.Parallel()
	db := open(t)
	errs := grouped(t, db,
		func(ctx context.Context) error { return db.Write(ctx, insert("first")) },
		func(ctx context.Context) error {
			return db.Write(ctx, func(ctx context.Context, tx *Tx) error {
				_, err := tx.Exec(ctx, `INSERT OR ROLLBACK INTO names (name) VALUES ('first')`)
				return err
			})
		},
		func(ctx context.Context) error { return db.Write(ctx, insert("last")) })
	for i, err := range errs {
		if err == nil {
			t.Errorf("write %d says that it was kept", i)
		}
	}
	equal(t, "what is stored", len(names(t, db)), 0)
	must(t, db.Write(t.Context(), insert("later")))
	equal(t, "what is stored later", names(t, db), []string{"later"})
}

func TestAWriteWhoseCallerLeavesBeforeItsTurnDoesNotRun(t *testing.T) {
	t.Parallel()
	db := open(t)
	left, cancel := context.WithCancel(t.Context())
	errs := grouped(t, db,
		func(context.Context) error { return db.Write(left, insert("left")) },
		func(ctx context.Context) error {
			cancel() // while both wait
			return db.Write(ctx, insert("stayed"))
		})
	if !errors.Is(errs[0], context.Canceled) {
		t.Errorf("the one that left got %v", errs[0])
	}
	must(t, errs[1])
	equal(t, "what is stored", names(t, db), []string{"stayed"})
	if err := db.Write(left, insert("left")); !errors.Is(err, context.Canceled) {
		t.Errorf("a write that comes with an ended context got %v", err)
	}
}

func TestAWriteWhoseCallerLeavesChangesNothingAndHarmsNobody(t *testing.T) {
	t.Parallel()
	db := open(t)
	leaving, cancel := context.WithCancel(t.Context())
	errs := grouped(t, db,
		func(context.Context) error {
			return db.Write(leaving, func(ctx context.Context, tx *Tx) error {
				if err := insert("first")(ctx, tx); err != nil {
					return err
				}
				cancel()
				if ctx.Err() != nil {
					t.Error("the caller's end reaches into the statement that runs")
				}
				return insert("second")(ctx, tx)
			})
		},
		func(ctx context.Context) error { return db.Write(ctx, insert("other")) })
	if !errors.Is(errs[0], context.Canceled) {
		t.Errorf("the one that left got %v", errs[0])
	}
	must(t, errs[1])
	equal(t, "what is stored", names(t, db), []string{"other"})
}

func TestCloseFinishesTheWritesThatWait(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path)
	closed := make(chan error, 2)
	errs := grouped(t, db,
		func(ctx context.Context) error { return db.Write(ctx, insert("a")) },
		func(ctx context.Context) error {
			for range 2 {
				go func() { closed <- db.Close() }()
			}
			return db.Write(ctx, insert("b"))
		})
	must(t, errors.Join(<-closed, <-closed, errs[0]))
	if errs[1] != nil && !errors.Is(errs[1], ErrClosed) {
		t.Errorf("the one that came with the close got %v", errs[1])
	}
	want := []string{"a"}
	if errs[1] == nil {
		want = append(want, "b")
	}
	equal(t, "what is in the file", names(t, openAt(t, path)), want)
	if err := db.Write(t.Context(), insert("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("a write after the close got %v", err)
	}
	if err := db.QueryRow(t.Context(), `SELECT 1`).Scan(new(int)); err == nil {
		t.Error("a read after the close was answered")
	}
}

func TestAWriterWithoutItsConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), schema(), noop.NewTracerProvider())
	must(t, err)
	must(t, db.conn.Close())
	t.Cleanup(func() { _ = db.Close() }) // it finds the connection closed
	_, erased := db.Erase(t.Context(), func(context.Context, *Tx) (int64, error) { return 0, nil })
	for what, err := range map[string]error{
		"a write":      db.Write(t.Context(), insert("a")),
		"an erasure":   erased,
		"a checkpoint": db.truncateLog(t.Context()),
	} {
		var f *fault.Error
		if !errors.As(err, &f) || f.Reason != fault.Unavailable || f.Message != "the database cannot be reached" || f.RetryAfter != time.Second {
			t.Errorf("%s got %v", what, err)
		}
	}
}

func TestManyWritersAndACloseLeaveNobodyWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path)
	var mu sync.Mutex
	kept := 0
	var wg sync.WaitGroup
	for w := range 2 * maxGroup {
		wg.Go(func() {
			err := db.Write(t.Context(), insert(fmt.Sprint(w)))
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				kept++
			}
		})
	}
	must(t, db.Close())
	wg.Wait()
	equal(t, "what is in the file", len(names(t, openAt(t, path))), kept)
}

func TestASnapshotIsOfOneMoment(t *testing.T) {
	t.Parallel()
	db := open(t)
	must(t, db.Write(t.Context(), insert("before")))
	must(t, db.Snapshot(t.Context(), func(ctx context.Context, tx *Tx) error {
		count := func() (n int) {
			must(t, tx.QueryRow(ctx, `SELECT count(*) FROM names`).Scan(&n))
			return n
		}
		first := count()
		must(t, db.Write(t.Context(), insert("meanwhile")))
		equal(t, "what it sees", []int{first, count()}, []int{1, 1})
		return nil
	}))
	failed := errors.New("failed")
	if err := db.Snapshot(t.Context(), func(context.Context, *Tx) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

func TestAFileMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space.db", "with%20percent.db", "with?mark.db", "with#hash.db", "with&and=.db", "mit ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := openAt(t, path)
		must(t, db.Write(t.Context(), insert("x")))
		must(t, db.Close())
		found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		must(t, err)
		equal(t, "the files", found, []string{path})
	}
}

func TestMigrationsAreAppliedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path)
	must(t, db.Write(t.Context(), insert("kept")))
	must(t, db.Close())
	newer := schema()
	newer["00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE names ADD COLUMN more TEXT NOT NULL DEFAULT 'm';")}
	for range 2 {
		db, err := Open(t.Context(), path, newer, noop.NewTracerProvider())
		must(t, err)
		var more string
		must(t, db.QueryRow(t.Context(), `SELECT more FROM names WHERE name = 'kept'`).Scan(&more))
		must(t, db.Close())
	}
	contract := schema()
	contract["00003_contract.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE meta (least_migration INTEGER);\nINSERT INTO meta VALUES (3);")}
	db, err := Open(t.Context(), path, contract, noop.NewTracerProvider())
	must(t, err)
	must(t, db.Close())
	if db, err := Open(t.Context(), path, newer, noop.NewTracerProvider()); err == nil || !strings.Contains(err.Error(), "needs a newer usher: one that knows migration 3") {
		_ = db.Close()
		t.Errorf("a binary that the file does not bear: %v", err)
	}
	broken := schema()
	broken["00004_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE NONSENSE;")}
	if db, err := Open(t.Context(), path, broken, noop.NewTracerProvider()); err == nil {
		_ = db.Close()
		t.Error("a broken migration was taken")
	}
	if db, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "folder"), schema(), noop.NewTracerProvider()); err == nil {
		_ = db.Close()
		t.Error("a file was opened where there is no folder")
	}
}

func TestStatementsOfARequestAreTracedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), schema(), tracing)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.Write(t.Context(), insert("nobody's")))
	equal(t, "spans without a request", len(spans.GetSpans()), 0)
	ctx, span := tracing.Tracer("test").Start(t.Context(), "request")
	must(t, db.Write(ctx, insert("somebody's")))
	span.End()
	found := 0
	for _, s := range spans.GetSpans() {
		for _, a := range s.Attributes {
			if strings.HasPrefix(a.Value.AsString(), "INSERT INTO names") {
				found++
				if s.SpanContext.TraceID() != span.SpanContext().TraceID() {
					t.Error("the statement is in another trace")
				}
			}
			if strings.Contains(a.Value.AsString(), "somebody's") {
				t.Errorf("%s holds a value", a.Key)
			}
		}
	}
	equal(t, "spans of the statement", found, 1)
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
