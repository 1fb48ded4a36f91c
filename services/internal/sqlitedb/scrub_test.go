package sqlitedb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel/trace/noop"
)

// secret is a part of everything that is erased here.
const secret = "SECRET-OF-SOMEBODY "

// archive is a file of documents of owners, some longer than a page, with names in indexes.
type archive struct {
	*testing.T
	*DB
	path  string
	rand  *rand.Rand
	known map[string][]int // the documents of each owner
	next  int
}

func openArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{T: t, path: filepath.Join(t.TempDir(), "archive.db"), rand: rand.New(rand.NewPCG(1, 2)), known: map[string][]int{}}
	a.open()
	t.Cleanup(func() { must(t, a.Close()) })
	return a
}

func (a *archive) open() {
	a.Helper()
	var err error
	a.DB, err = Open(a.Context(), a.path, fstest.MapFS{"00001_init.sql": {Data: []byte(`-- +goose Up
		CREATE TABLE documents (owner TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (owner, id));
		CREATE INDEX documents_name ON documents (name, owner);
		CREATE TABLE words (word TEXT NOT NULL, owner TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (word, owner, id)) WITHOUT ROWID;
		CREATE INDEX words_document ON words (owner, id);`)}}, noop.NewTracerProvider())
	must(a, err)
	a.ScrubInBackground(slog.New(slog.DiscardHandler))
}

// text returns a text of an owner, of about size bytes.
func (a *archive) text(owner string, most int) string {
	word := secret
	if owner != "erased" {
		word = "nothing to hide by " + owner
	}
	return fmt.Sprint(a.rand.IntN(1000), strings.Repeat(word, 1+a.rand.IntN(most/len(word)+1)))
}

// churn adds, changes and deletes documents of two owners.
func (a *archive) churn(steps int, owners ...string) {
	a.Helper()
	must(a, a.Write(a.Context(), func(ctx context.Context, tx *Tx) error {
		for range steps {
			owner := owners[a.rand.IntN(len(owners))]
			id, known := a.next, a.known[owner]
			switch kind := a.rand.IntN(10); {
			case kind < 5 || len(known) < 10:
				a.next++
				a.known[owner] = append(known, id)
			default:
				i := a.rand.IntN(len(known))
				id = known[i]
				if kind == 9 {
					a.known[owner] = append(known[:i:i], known[i+1:]...)
				}
			}
			size := []int{60, 300, 300, 1500, 9000}[a.rand.IntN(5)]
			_, err := tx.Exec(ctx, `INSERT INTO documents (owner, id, name, document) VALUES (?, ?, ?, ?)
				ON CONFLICT (owner, id) DO UPDATE SET name = excluded.name, document = excluded.document`,
				owner, id, a.text(owner, 200), []byte(a.text(owner, size)))
			must(a, err)
			_, err = tx.Exec(ctx, `DELETE FROM words WHERE owner = ? AND id = ?`, owner, id)
			must(a, err)
			for range a.rand.IntN(4) {
				_, err = tx.Exec(ctx, `INSERT INTO words (word, owner, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, a.text(owner, 600), owner, id)
				must(a, err)
			}
		}
		for owner := range a.known { // what churn deleted
			_, err := tx.Exec(ctx, `DELETE FROM documents WHERE owner = ?1 AND id NOT IN (SELECT value FROM json_each(?2))`,
				owner, strings.ReplaceAll(fmt.Sprint(a.known[owner]), " ", ","))
			must(a, err)
		}
		return nil
	}))
}

// erase erases the data of the erased owner, some rows a step, and returns how many steps deleted rows.
func (a *archive) erase(limit int) (steps int) {
	a.Helper()
	for {
		nothingLeft, err := a.Erase(a.Context(), func(ctx context.Context, tx *Tx) (int64, error) {
			deleted, err := tx.Exec(ctx, `DELETE FROM words WHERE (word, owner, id) IN
				(SELECT word, owner, id FROM words WHERE owner = 'erased' LIMIT ?)`, limit)
			if deleted > 0 || err != nil {
				return deleted, err
			}
			return tx.Exec(ctx, `DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents WHERE owner = 'erased' LIMIT ?)`, limit)
		})
		must(a, err)
		if nothingLeft {
			return steps
		}
		steps++
	}
}

// traces counts the remains of erased data in the database's files.
func (a *archive) traces() (n int) {
	a.Helper()
	for _, file := range []string{a.path, a.path + "-wal", a.path + "-shm"} {
		content, err := os.ReadFile(file)
		must(a, err)
		n += bytes.Count(content, []byte(secret[:10]))
	}
	return n
}

func (a *archive) read(query string) string {
	a.Helper()
	var value string
	must(a, a.QueryRow(a.Context(), query).Scan(&value))
	return value
}

const contents = `SELECT json_group_array(id || name || hex(document)) FROM (SELECT * FROM documents WHERE owner = 'other' ORDER BY id)`

func TestNoErasedByteStaysInTheFiles(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	for range 10 {
		a.churn(60, "erased", "other")
	}
	if a.traces() == 0 {
		t.Fatal("there is nothing to erase")
	}
	before := a.read(contents)
	steps := a.erase(50)
	equal(t, "what stays of it", a.traces(), 0)
	if steps < 3 {
		t.Errorf("it was erased in %d steps", steps)
	}
	equal(t, "what the file is", a.read(`PRAGMA integrity_check`), "ok")
	if a.read(contents) != before {
		t.Error("what another one has is not what it was")
	}
	a.churn(60, "other") // churn continues
	equal(t, "what the file is later", a.read(`PRAGMA integrity_check`), "ok")
	equal(t, "steps without anything to erase", a.erase(50), 0)
}

// Others write and read all the time.
func TestAFileIsScrubbedWhileOthersUseIt(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	for range 5 {
		a.churn(60, "erased", "other")
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				a.churn(3, "other")
				a.read(`SELECT count(*) FROM documents`)
			}
		}
	}()
	a.erase(200)
	close(stop)
	<-stopped
	equal(t, "what stays of it", a.traces(), 0)
	equal(t, "what the file is", a.read(`PRAGMA integrity_check`), "ok")
}

// A long read prevents the log from being emptied. Writers do not wait for that.
func TestAScrubWaitsForReadersAndLetsWritersThrough(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	a.churn(20, "erased", "other")
	reading, read, readDone := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		readDone <- a.Snapshot(t.Context(), func(ctx context.Context, tx *Tx) error {
			var n int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM documents`).Scan(&n)
			close(reading)
			<-read
			return err
		})
	}()
	<-reading
	erased := make(chan struct{})
	go func() {
		defer close(erased)
		a.erase(1000)
	}()
	within(t, "it is being scrubbed", func() bool { return a.read(`PRAGMA user_version`) == fmt.Sprint(beingScrubbed) })
	for range 20 {
		a.churn(1, "other")
	}
	select {
	case <-erased:
		t.Error("it was erased while the log was needed")
	default:
	}
	close(read)
	must(t, <-readDone)
	<-erased
	equal(t, "what stays of it", a.traces(), 0)
}

func TestDataErasedByAWriteIsScrubbedSoonAfterwards(t *testing.T) {
	t.Parallel()
	for name, restarts := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := openArchive(t)
			a.churn(20, "erased", "other")
			must(t, a.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				must(t, tx.Erased(ctx))
				_, err := tx.Exec(ctx, `DELETE FROM documents WHERE owner = 'erased'`)
				must(t, err)
				_, err = tx.Exec(ctx, `DELETE FROM words WHERE owner = 'erased'`)
				return err
			}))
			if restarts {
				must(t, a.Close())
				a.open()
			}
			within(t, "it is scrubbed", func() bool { return a.read(`PRAGMA user_version`) == fmt.Sprint(scrubbed) })
			equal(t, "what stays of it", a.traces(), 0)
		})
	}
}

// A caller of Erase gives up after a while. If the scrub began again each time, it would never finish a large file.
func TestAScrubContinuesWhenNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	a.churn(20, "erased", "other")
	must(t, a.Write(t.Context(), func(ctx context.Context, tx *Tx) error { return tx.setErased(ctx, unscrubbed) }))
	within(t, "the scrub after the start is over", func() bool { return a.read(`PRAGMA user_version`) == fmt.Sprint(scrubbed) })
	impatient, giveUp := context.WithCancel(t.Context())
	must(t, a.Snapshot(t.Context(), func(ctx context.Context, tx *Tx) error {
		var n int
		must(t, tx.QueryRow(ctx, `SELECT count(*) FROM documents`).Scan(&n))
		failed := make(chan error, 1)
		go func() {
			for {
				nothingLeft, err := a.Erase(impatient, func(ctx context.Context, tx *Tx) (int64, error) {
					deleted, err := tx.Exec(ctx, `DELETE FROM documents WHERE owner = 'erased'`)
					if err != nil {
						return 0, err
					}
					more, err := tx.Exec(ctx, `DELETE FROM words WHERE owner = 'erased'`)
					return deleted + more, err
				})
				if nothingLeft || err != nil {
					failed <- err
					return
				}
			}
		}()
		// A reader needs the log, so the scrub does not end.
		within(t, "it is being scrubbed", func() bool { return a.read(`PRAGMA user_version`) == fmt.Sprint(beingScrubbed) })
		giveUp()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the erasure that was given up: %v", err)
		}
		return nil
	}))
	within(t, "it is scrubbed", func() bool { return a.read(`PRAGMA user_version`) == fmt.Sprint(scrubbed) })
	equal(t, "what stays of it", a.traces(), 0)
}

// A write that fails erases nothing.
func TestAFailedWriteNeedsNoScrub(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	failed := fmt.Errorf("it fails")
	for _, err := range []error{
		a.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
			must(t, tx.Erased(ctx))
			return failed
		}),
		func() error {
			_, err := a.Erase(t.Context(), func(context.Context, *Tx) (int64, error) { return 1, failed })
			return err
		}(),
	} {
		equal(t, "the error", err, failed)
	}
	equal(t, "whether something is to be scrubbed", a.read(`PRAGMA user_version`), scrubbed)
}
