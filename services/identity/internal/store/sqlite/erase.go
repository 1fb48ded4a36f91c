package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// EraseUser implements store.Store.
func (s *Store) EraseUser(ctx context.Context, organizationID, id string, cause store.Cause) (w store.Written, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		scope, closed := store.Scope{OrganizationID: organizationID}, false
		err := tx.QueryRow(ctx, `SELECT u.directory_id, u.version, d.closed FROM users u
			JOIN directories d ON d.organization_id = ?1 AND d.id = u.directory_id
			WHERE u.organization_id = ?1 AND u.id = ?2`, organizationID, id).Scan(&scope.DirectoryID, &w.Version, &closed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return store.Missing(store.User, id)
		case err != nil:
			return err
		case !closed:
			return store.NotDetached(id)
		}
		w.Version++
		if w.Cursor, err = s.remove(ctx, tx, scope, store.User, id, w.Version, cause); err != nil {
			return err
		}
		return tx.Erased(ctx)
	})
	if err != nil {
		return store.Written{}, err
	}
	s.written.Notify()
	return w, nil
}

// few and fewBytes end the choice of what one step erases: ?2 rows at most, or those with which there are ?3 bytes.
const (
	few      = ` LIMIT ?2`
	fewBytes = ` LIMIT ?2)) WHERE before < ?3`
)

// erasures remove some rows of organization ?1, in the order in which they are made. No row comes back: see the contract.
var erasures = []struct {
	statement string
	bytes     bool // it is bounded by bytes, too
}{
	{`DELETE FROM members WHERE organization_id = ?1 AND (group_id, member_id) IN (
		SELECT group_id, member_id FROM members WHERE organization_id = ?1 ORDER BY group_id, member_id` + few + `)`, false},
	{`DELETE FROM search_values WHERE organization_id = ?1 AND (attribute, value, user_id) IN (
		SELECT attribute, value, user_id FROM search_values WHERE organization_id = ?1 ORDER BY attribute, value, user_id` + few + `)`, false},
	{`DELETE FROM users WHERE rowid IN (SELECT id FROM (
		SELECT id, sum(size) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - size AS before FROM (
			SELECT rowid AS id, length(document) AS size FROM users WHERE organization_id = ?1` + fewBytes + `)`, true},
	{`DELETE FROM groups WHERE rowid IN (SELECT id FROM (
		SELECT id, sum(size) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - size AS before FROM (
			SELECT rowid AS id, length(document) AS size FROM groups WHERE organization_id = ?1` + fewBytes + `)`, true},
	{`DELETE FROM schemas WHERE organization_id = ?1 AND (directory_id, id) IN (SELECT directory_id, id FROM (
		SELECT directory_id, id, sum(size) OVER (ORDER BY directory_id, id ROWS UNBOUNDED PRECEDING) - size AS before FROM (
			SELECT directory_id, id, length(definition) AS size FROM schemas WHERE organization_id = ?1
			ORDER BY directory_id, id` + fewBytes + `)`, true},
	{`DELETE FROM oddities WHERE organization_id = ?1 AND (directory_id, ignored, name) IN (
		SELECT directory_id, ignored, name FROM oddities WHERE organization_id = ?1 ORDER BY directory_id, ignored, name` + few + `)`, false},
	{`DELETE FROM totals WHERE organization_id = ?1 AND (directory_id, resource_group) IN (
		SELECT directory_id, resource_group FROM totals WHERE organization_id = ?1 ORDER BY directory_id, resource_group` + few + `)`, false},
}

const hasOpen = `SELECT EXISTS (SELECT 1 FROM directories WHERE organization_id = ? AND NOT closed)`

// EraseOrganization implements store.Store.
func (s *Store) EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error) {
	return s.db.Erase(ctx, func(ctx context.Context, tx *sqldb.Tx) (deleted int64, err error) {
		var open bool
		if err := tx.QueryRow(ctx, hasOpen, organizationID).Scan(&open); err != nil {
			return 0, err
		}
		if open {
			return 0, store.NotClosed(organizationID)
		}
		for _, e := range erasures {
			args := []any{organizationID, store.EraseRows}
			if e.bytes {
				args = append(args, store.EraseBytes)
			}
			if deleted, err = tx.Exec(ctx, e.statement, args...); deleted > 0 || err != nil {
				return deleted, err
			}
		}
		if deleted, err = eraseChanges(ctx, tx, organizationID); deleted > 0 || err != nil {
			return deleted, err
		}
		return tx.Exec(ctx, `DELETE FROM directories WHERE organization_id = ?1 AND id IN (
			SELECT id FROM directories WHERE organization_id = ?1 ORDER BY id`+few+`)`, organizationID, store.EraseRows)
	})
}

// eraseChanges removes an organization's oldest change records, and notes up to where.
func eraseChanges(ctx context.Context, tx *sqldb.Tx, organizationID string) (int64, error) {
	var last int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(sequence), 0) FROM
		(SELECT sequence FROM changes WHERE organization_id = ?1 ORDER BY sequence`+few+`)`, organizationID, store.EraseRows).Scan(&last); err != nil || last == 0 {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO trimmed (organization_id, sequence) VALUES (?, ?)
		ON CONFLICT (organization_id) DO UPDATE SET sequence = excluded.sequence`, organizationID, last); err != nil {
		return 0, err
	}
	return tx.Exec(ctx, `DELETE FROM changes WHERE organization_id = ? AND sequence <= ?`, organizationID, last)
}
