package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestARowIsReadOnceOrIsMissing(t *testing.T) {
	t.Parallel()
	db := open(t)
	if err := db.QueryRow(t.Context(), `SELECT name FROM names`).Scan(new(string)); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("of no rows: %v", err)
	}
	if err := db.QueryRow(t.Context(), `SELECT nonsense`).Scan(new(string)); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("of no column: %v", err)
	}
	if err := db.QueryRow(t.Context(), `SELECT 'text'`).Scan(new(int)); err == nil {
		t.Error("text was read as a number")
	}
}

func TestRowsAreClosedWhateverHappens(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, name := range []string{"a", "b", "c"} {
		must(t, db.Write(t.Context(), insert(name)))
	}
	stop := errors.New("stop")
	must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		// Were the rows still open, Close would wait for them for ever.
		rows, err := tx.Query(ctx, `SELECT name FROM names`)
		if _, err := Collect(rows, err, func(func(...any) error) (string, error) { return "", stop }); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		rows, err = tx.Query(ctx, `SELECT nonsense`)
		if _, err := Collect(rows, err, func(func(...any) error) (string, error) { return "", nil }); err == nil {
			t.Error("nonsense was read")
		}
		return tx.QueryRow(ctx, `SELECT name FROM names`).Scan(new(string))
	}))
}

func TestPreparingWaitsForAConnectionWithoutBlockingTheirUsers(t *testing.T) {
	t.Parallel()
	db := open(t)
	most := db.reader.Stats().MaxOpenConnections
	if most < 1 {
		t.Fatal("the pool has no bound: nothing could wait for it")
	}
	var inside, reading sync.WaitGroup
	inside.Add(most)
	goOn := make(chan struct{})
	for range most {
		reading.Go(func() {
			err := db.Snapshot(t.Context(), func(ctx context.Context, tx *Tx) error {
				inside.Done()
				<-goOn
				var n int
				return tx.QueryRow(ctx, `SELECT count(*) FROM names`).Scan(&n)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	inside.Wait()
	reading.Go(func() {
		var n int
		if err := db.QueryRow(t.Context(), `SELECT count(*) + 1 FROM names`).Scan(&n); err != nil {
			t.Error(err)
		}
	})
	for db.reader.Stats().WaitCount == 0 { // until it waits for a connection
		runtime.Gosched()
	}
	close(goOn)
	done := make(chan struct{})
	go func() {
		reading.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("they wait for each other")
	}
}
