package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	getErasure   = statements.Load("get_erasure", "organization_id")
	isNameErased = statements.Load("is_name_erased", "organization_id", "id", "name", "time")
)

// erasureOf returns until when an organization's events are erased, and when its last ended erasure was requested; zero times if
// there are none.
func erasureOf(ctx context.Context, tx *sqlitedb.Tx, organizationID string) (until, ended time.Time, err error) {
	err = tx.QueryRow(ctx, getErasure, organizationID).Scan(dbtype.Time(&until), dbtype.Time(&ended))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return until, ended, err
}

// erasedTimes caches until when events are erased, by organization, for one transaction.
type erasedTimes map[string]time.Time

// late reports whether what happened in an organization at a time was erased with it.
func (e erasedTimes) late(ctx context.Context, tx *sqlitedb.Tx, organizationID string, at time.Time) (bool, error) {
	until, known := e[organizationID]
	if !known {
		var err error
		if until, _, err = erasureOf(ctx, tx, organizationID); err != nil {
			return false, err
		}
		e[organizationID] = until
	}
	return !until.IsZero() && !at.After(until), nil
}

func (s *Store) Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (removed int, err error) {
	_, err = s.db.Erase(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (deleted int64, err error) {
		_, ended, err := erasureOf(ctx, tx, organizationID)
		if err != nil {
			return 0, err
		}
		if ended.Equal(asked) {
			return 0, store.ErasureEnded(organizationID)
		}
		if _, err = tx.Exec(ctx, shared.BeginErasure, organizationID, dbtype.Time(&now), dbtype.Time(&asked)); err != nil {
			return 0, err
		}
		for _, erase := range []string{shared.EraseEvents, shared.EraseTallies, shared.EraseActivity, shared.EraseErasedNames} {
			n, err := tx.Exec(ctx, erase, organizationID, limit)
			if err != nil {
				return 0, err
			}
			deleted += n
		}
		removed = int(deleted)
		return deleted, nil
	})
	return removed, err
}

func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all, err := sqlitedb.ReadAll(ctx, s.db, rows.ErasureFields, shared.ListErasures)
	return rows.AskedTimes(all), err
}

func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, shared.EndErasure, organizationID, dbtype.Time(&asked))
	return err
}

// withoutErased clears a name of an event, and its key, if it was erased. id is the id of the resource that has the name.
func withoutErased(ctx context.Context, tx *sqlitedb.Tx, e store.Event, id string, name, key *string) error {
	if *name == "" {
		return nil
	}
	var erased bool
	err := tx.QueryRow(ctx, isNameErased, e.OrganizationID, id, *key, dbtype.Time(&e.Time)).Scan(&erased)
	if erased {
		*name, *key = "", ""
	}
	return err
}

func (s *Store) EraseNames(ctx context.Context, organizationID string, users []store.DeletedUser, limit int) (erased int, err error) {
	note, erase := shared.EraseNames(organizationID, users, limit)
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		erased = 0
		for _, statement := range note {
			if _, err := tx.Exec(ctx, statement.Text, statement.Args...); err != nil {
				return err
			}
		}
		for _, statement := range erase {
			changed, err := tx.Exec(ctx, statement.Text, statement.Args...)
			if err != nil {
				return err
			}
			erased += int(changed)
		}
		if erased == 0 {
			return nil
		}
		return tx.Erased(ctx)
	})
	return erased, err
}

func (s *Store) TrimErasedNames(ctx context.Context, before time.Time, limit int) (int, error) {
	changed, err := s.db.Exec(ctx, shared.TrimErasedNames, dbtype.Time(&before), limit)
	return int(changed), err
}
