package sqlitedb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// SQLite leaves deleted data in its file. secure_delete overwrites deleted rows, and pages that become free. It does not overwrite the
// copies that a b-tree leaves when it moves rows between pages: they stay in a page's unused space, between its list of cells and its
// cells, until something else is written there. Scrub overwrites that space, page by page, through the table sqlite_dbpage, which reads
// and writes raw pages. The write-ahead log also contains old pages: a checkpoint empties it.
//
// The file's user_version stores whether there is something to scrub. So after a process was killed, the next one scrubs.

// The values of user_version.
const (
	scrubbed      = 0
	unscrubbed    = 1 // something was erased
	beingScrubbed = 2 // nothing was erased since a scrub began
)

const (
	// scrubPages is how many pages one transaction reads or writes. That takes a few milliseconds.
	scrubPages = 64
	// scrubDelay is how long a scrub in the background waits, so that it includes further erasures.
	scrubDelay = time.Second
	// scrubRetry is the delay after a failed scrub.
	scrubRetry = 30 * time.Second
	// truncateWait is how long a checkpoint, and all writes with it, wait for readers of the log. Later readers do not need the log.
	// truncateRetry is the delay after a wait without success, so that writers continue.
	truncateWait, truncateRetry = 50 * time.Millisecond, 200 * time.Millisecond
	// mostScrubbed is how many pages a file may have. In a larger file, a page that is not of a b-tree could look like one, because it
	// begins with the number of another page. The limit is 128 GiB.
	mostScrubbed = 2<<24 - 1
)

// Erase runs step like Write. step deletes some rows and returns how many. After step finds none, the file is scrubbed: neither it nor
// its log contains a deleted byte any more. Only then Erase returns true. If the context ends before, the scrub continues in the
// background, and a later Erase finds it done.
func (db *DB) Erase(ctx context.Context, step func(ctx context.Context, tx *Tx) (deleted int64, err error)) (nothingLeft bool, err error) {
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		deleted, err := step(ctx, tx)
		if err != nil {
			return err
		}
		if nothingLeft = deleted == 0; nothingLeft {
			return nil
		}
		return tx.setErased(ctx, unscrubbed)
	})
	if err != nil || !nothingLeft {
		return false, err
	}
	if err := db.Scrub(ctx); err != nil {
		if ctx.Err() != nil { // a caller waits for some seconds at most, and a large file takes longer
			wait.Poke(db.erased)
		}
		return false, fmt.Errorf("scrubbing the file: %w", err)
	}
	return true, nil
}

// Erased notes in a Write that its deleted data must not stay in the file. The file is scrubbed soon afterwards, in the background if
// ScrubInBackground runs, and otherwise by the next Scrub.
func (t *Tx) Erased(ctx context.Context) error {
	*t.erased = true
	return t.setErased(ctx, unscrubbed)
}

// setErased sets user_version.
func (t *Tx) setErased(ctx context.Context, state int) error {
	_, err := t.Exec(ctx, `PRAGMA user_version = `+strconv.Itoa(state))
	return err
}

// Scrub overwrites erased data that is still in the file, and empties the log. It delays writers by some milliseconds at most, except
// that at its end a checkpoint waits for readers for 50 ms. It reads the whole file. It does nothing if nothing was erased since the
// last scrub.
func (db *DB) Scrub(ctx context.Context) error {
	select {
	case db.scrubbing <- struct{}{}:
		defer func() { <-db.scrubbing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	state, err := db.pragma(ctx, "user_version")
	if err != nil || state == scrubbed {
		return err
	}
	if err := db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.setErased(ctx, beingScrubbed) }); err != nil {
		return err
	}
	// Twice: while b-trees are balanced, an unread page may move to the place of a read one.
	for range 2 {
		if err := db.scrubPages(ctx); err != nil {
			return err
		}
	}
	if err := db.truncateLog(ctx); err != nil {
		return err
	}
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		var now int
		if err := tx.QueryRow(ctx, `PRAGMA user_version`).Scan(&now); err != nil || now != beingScrubbed {
			return err // more was erased meanwhile
		}
		return tx.setErased(ctx, scrubbed)
	})
}

func (db *DB) pragma(ctx context.Context, name string) (value int64, err error) {
	return value, db.QueryRow(ctx, `PRAGMA `+name).Scan(&value)
}

// ScrubInBackground scrubs until Close: after each Write that erased, for an Erase that could not wait, and once after the start, for
// the process before. Call it once.
func (db *DB) ScrubInBackground(log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	db.stopScrubs = cancel
	db.scrubs.Go(func() {
		for wait.Sleep(ctx, scrubDelay) {
			db.scrubUntilDone(ctx, log)
			select {
			case <-db.erased:
			case <-ctx.Done():
			}
		}
	})
}

func (db *DB) scrubUntilDone(ctx context.Context, log *slog.Logger) {
	for failures := 0; ; failures++ {
		err := db.Scrub(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if failures == 0 { // log the first of consecutive failures only
			log.WarnContext(ctx, "overwriting erased data in the database's file failed and is retried", "error", err)
		}
		if !wait.Sleep(ctx, scrubRetry) {
			return
		}
	}
}

// scrubPages overwrites the unused space of all pages of b-trees.
func (db *DB) scrubPages(ctx context.Context) error {
	for first := int64(1); ; first += scrubPages {
		// Later pages did not exist when the scrub began, or are free and so zero.
		pages, err := db.pragma(ctx, "page_count")
		if err != nil {
			return err
		}
		if pages > mostScrubbed {
			return fmt.Errorf("the file has %d pages; only one of at most %d can be scrubbed", pages, mostScrubbed)
		}
		if first > pages {
			return nil
		}
		stale, err := db.stalePages(ctx, first)
		if err != nil {
			return err
		}
		if len(stale) == 0 {
			continue
		}
		began := time.Now()
		if err := db.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.scrubAll(ctx, stale) }); err != nil {
			return err
		}
		if !wait.Sleep(ctx, time.Since(began)) { // leave half of the time to other writers
			return ctx.Err()
		}
	}
}

// stalePages returns the numbers of the pages, among the next scrubPages ones, whose unused space is not empty.
func (db *DB) stalePages(ctx context.Context, first int64) (stale []int64, err error) {
	rows, err := db.Query(ctx, `WITH RECURSIVE these (pgno) AS (SELECT ?1 UNION ALL SELECT pgno + 1 FROM these WHERE pgno + 1 < ?1 + ?2)
		SELECT p.pgno, p.data FROM these CROSS JOIN sqlite_dbpage p ON p.pgno = these.pgno`, first, scrubPages)
	_, err = Collect(rows, err, func(scan func(...any) error) (none struct{}, err error) {
		var number int64
		var page []byte
		if err := scan(&number, &page); err != nil {
			return none, err
		}
		if scrubPage(number, page) {
			stale = append(stale, number)
		}
		return none, nil
	})
	return stale, err
}

// scrubAll overwrites the unused space of some pages.
func (t *Tx) scrubAll(ctx context.Context, numbers []int64) error {
	for _, number := range numbers {
		var page []byte
		if err := t.QueryRow(ctx, `SELECT data FROM sqlite_dbpage WHERE pgno = ?`, number).Scan(&page); err != nil {
			return err
		}
		if !scrubPage(number, page) {
			continue
		}
		if _, err := t.Exec(ctx, `UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, page, number); err != nil {
			return err
		}
	}
	return nil
}

// scrubPage overwrites the unused space of a page, if it is a page of a b-tree, and reports whether the space was not empty. See
// "B-tree Pages" in https://www.sqlite.org/fileformat2.html.
func scrubPage(number int64, page []byte) (stale bool) {
	at := 0
	if number == 1 {
		at = 100 // after the file's header
	}
	if len(page) < at+12 {
		return false
	}
	const interiorIndex, interiorTable, leafIndex, leafTable = 0x02, 0x05, 0x0a, 0x0d
	header := 8
	switch page[at] {
	case interiorIndex, interiorTable:
		header = 12
	case leafIndex, leafTable:
	default:
		return false
	}
	cells, content := int(binary.BigEndian.Uint16(page[at+3:])), int(binary.BigEndian.Uint16(page[at+5:]))
	if content == 0 {
		content = 1 << 16
	}
	begin := at + header + 2*cells
	if begin > content || content > len(page) {
		return false // the page is damaged: do not touch it
	}
	for _, b := range page[begin:content] {
		if b != 0 {
			clear(page[begin:content])
			return true
		}
	}
	return false
}

// errReaders means that readers still use the log.
var errReaders = errors.New("readers still use the log")

// truncateLog copies the log into the file and empties it.
func (db *DB) truncateLog(ctx context.Context) error {
	for {
		// Most of it does not need the writer.
		if err := checkpoint(ctx, db.reader, "PASSIVE"); err != nil && !errors.Is(err, errReaders) {
			return err
		}
		err := db.alone(ctx, func() error {
			// Like run, it must not depend on the context of one request.
			ctx := context.Background()
			if _, err := db.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, truncateWait.Milliseconds())); err != nil {
				return err
			}
			err := checkpoint(ctx, db.conn, "TRUNCATE")
			_, restored := db.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout.Milliseconds()))
			return errors.Join(err, restored)
		})
		if !errors.Is(err, errReaders) {
			return err
		}
		if !wait.Sleep(ctx, truncateRetry) {
			return ctx.Err()
		}
	}
}

// checkpoint runs a checkpoint of a mode. It fails with errReaders if readers prevented it.
func checkpoint(ctx context.Context, on interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, mode string,
) error {
	var busy bool
	var inLog, copied int
	if err := on.QueryRowContext(ctx, `PRAGMA wal_checkpoint(`+mode+`)`).Scan(&busy, &inLog, &copied); err != nil {
		return err
	}
	if busy || copied < inLog {
		return errReaders
	}
	return nil
}
