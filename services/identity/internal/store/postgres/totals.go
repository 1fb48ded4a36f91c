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
	// foldEvery is how often a process folds at most. Who asks for a total reads the records of about so long.
	foldEvery = 500 * time.Millisecond
	// foldMost is about how many records one statement folds: it may take no longer than any other.
	foldMost = 50_000
	// Tables are analyzed when they have twice the records since the last time, from the first number to the second. Then
	// autovacuum is quick enough.
	analyzeLeast, analyzeMost = 500, 200_000
)

var (
	foldChanges     = statements.Load("fold_changes", "most")
	takeDueAnalysis = statements.Load("take_due_analysis", "least", "most")
)

// folder keeps the totals behind the feed, in the background. Every process has one; they take turns.
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

// close stops it and waits.
func (f *folder) close() {
	f.cancel()
	f.ended.Wait()
}

func (f *folder) run(ctx context.Context) {
	for {
		written := f.store.Written()
		// What was not folded, because the database is away say, is so after the next record. Totals are right meanwhile.
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

// fold brings the totals on, until what no open transaction can come before any more, and says whether there is more to
// fold at once: it takes about so many records. It is one statement, and does nothing while another process is at it.
func (s *Store) fold(ctx context.Context, most int) (more bool, err error) {
	err = s.db.QueryRow(ctx, foldChanges, most).Scan(&more)
	return more, pgdb.Reach(err)
}

// analyze lets the planner know of the rows of tables that grew from nothing, so that plans which were made for empty tables
// are made again.
func (s *Store) analyze(ctx context.Context) error {
	due, err := pgdb.ReadAll(ctx, s.db, dbtype.Value[int64], takeDueAnalysis, analyzeLeast, analyzeMost)
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = s.db.Exec(ctx, `ANALYZE directories, users, search_values, groups, members, changes, totals`, pgx.QueryExecModeSimpleProtocol)
	return pgdb.Reach(err)
}
