package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/wait"
)

const (
	// foldEvery is the shortest time between two folds of a process. A request for a total reads the records of about this
	// time.
	foldEvery = 500 * time.Millisecond
	// foldMost is about how many records one statement folds: it must not take longer than other statements.
	foldMost = 50_000
	// A table is analyzed when its records have doubled since the last time, from the first number to the second. Beyond
	// that, autovacuum is fast enough.
	analyzeLeast, analyzeMost = 500, 200_000
)

var (
	foldChanges     = statements.Load("fold_changes", "most")
	takeDueAnalysis = statements.Load("take_due_analysis", "least", "most")
)

// folder folds the feed's records into the totals, in the background. Each process has one; they take turns.
type folder struct {
	store  *Store
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func startFolder(s *Store) *folder {
	ctx, cancel := context.WithCancel(context.Background())
	f := &folder{store: s, cancel: cancel}
	f.ended.Go(func() { f.run(ctx) })
	return f
}

// close stops the folder and waits for it.
func (f *folder) close() {
	f.cancel()
	f.ended.Wait()
}

func (f *folder) run(ctx context.Context) {
	for {
		written := f.store.NewChanges()
		// After an error, for example while the database does not answer, the next record causes another try. Totals stay
		// correct meanwhile.
		more, err := f.store.fold(ctx, foldMost)
		if err == nil {
			_ = f.store.analyze(ctx)
		}
		if !more {
			select {
			case <-written:
			case <-ctx.Done():
				return
			}
		}
		if !wait.Sleep(ctx, foldEvery) {
			return
		}
	}
}

// fold folds records below the oldest open transaction into the totals, about most of them, and reports whether there are
// more. It is one statement, and does nothing while another process folds.
func (s *Store) fold(ctx context.Context, most int) (more bool, err error) {
	err = s.db.QueryRow(ctx, foldChanges, most).Scan(&more)
	return more, pgdb.Reach(err)
}

// analyze updates the planner's statistics of tables that grew from nothing, so that plans for empty tables are replaced.
func (s *Store) analyze(ctx context.Context) error {
	due, err := pgdb.ReadAll(ctx, s.db, dbtype.Value[int64], takeDueAnalysis, analyzeLeast, analyzeMost)
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = s.db.Exec(ctx, `ANALYZE directories, users, search_values, groups, members, changes, totals`, pgx.QueryExecModeSimpleProtocol)
	return pgdb.Reach(err)
}
