package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// effective is the condition that source s of holder h counts: see store.Holder.Effective.
const effective = `h.active = 1 AND h.suspended = 0 AND (s.kind = 2 OR h.rule_access = 0
	OR h.rule_access = 2 AND s.role_id = '` + store.OrganizationAdmin + `' AND s.tenant_id = '')`

// Check implements store.Store.
func (s *Store) Check(ctx context.Context, organizationID, userID string, grant store.Grant) (c store.Check, err error) {
	var known int64
	err = s.db.QueryRow(ctx, `SELECT h.unknown_as_of, h.suspended, EXISTS (SELECT 1 FROM sources s
			WHERE s.organization_id = ?1 AND s.user_id = ?2 AND s.tenant_id = ?3 AND s.role_id = ?4 AND `+effective+`)
		FROM holders h WHERE h.organization_id = ?1 AND h.user_id = ?2`, organizationID, userID, grant.TenantID, grant.RoleID).
		Scan(&known, &c.Suspended, &c.Allowed)
	if errors.Is(err, sql.ErrNoRows) { // somebody who has never been a holder may be suspended
		err = s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM suspensions WHERE organization_id = ? AND user_id = ?)`,
			organizationID, userID).Scan(&c.Suspended)
	}
	c.UnknownAsOf = fromMicros(known)
	return c, err
}

// Progress implements store.Store.
func (s *Store) Progress(ctx context.Context, organizationIDs []string) (map[string]store.Progress, error) {
	type line struct {
		id string
		store.Progress
	}
	rows, err := s.db.Query(ctx, `SELECT o.organization_id, o.checkpoint, o.as_of, o.behind, o.erasing > 0 FROM json_each(?) j
		CROSS JOIN organizations o ON o.organization_id = j.value`, list(organizationIDs))
	lines, err := sqldb.Collect(rows, err, func(scan scan) (l line, err error) {
		var asOf int64
		err = scan(&l.id, &l.Checkpoint, &asOf, &l.Behind, &l.Erasing)
		l.AsOf = fromMicros(asOf)
		return l, err
	})
	all := make(map[string]store.Progress, len(lines))
	for _, l := range lines {
		all[l.id] = l.Progress
	}
	return all, err
}

const sourceColumns = `s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.held`

// holderColumns are what is said of a holder beside its sources. A directory that was closed detaches its users.
const holderColumns = `h.active, h.directory_id, h.detached OR EXISTS (SELECT 1 FROM closed_directories c
	WHERE c.organization_id = h.organization_id AND c.directory_id = h.directory_id), h.digest, h.suspended, h.unknown_as_of, h.rule_access`

func scanHolder(scan scan, h *store.Holder, more ...any) error {
	var known int64
	err := scan(append(more, &h.Active, &h.DirectoryID, &h.Detached, &h.Digest, &h.Suspended, &known, &h.RuleAccess)...)
	h.UnknownAsOf = fromMicros(known)
	return err
}

// sourceRow is a source with its holder.
type sourceRow struct {
	user   string
	holder store.Holder
	source store.Source
}

func (r *sourceRow) scan(scan scan, more ...any) error {
	var created int64
	dest := []any{&r.user, &r.source.Grant.TenantID, &r.source.Grant.RoleID, &r.source.Kind, &r.source.RuleID,
		&r.source.GrantedBy, &created, &r.source.Held}
	err := scan(append(dest, more...)...)
	r.source.CreateTime = fromMicros(created)
	return err
}

func scanSourceOfHolder(scan scan) (r sourceRow, err error) {
	var known int64
	err = r.scan(scan, &r.holder.Active, &r.holder.Suspended, &known, &r.holder.RuleAccess)
	r.holder.UnknownAsOf = fromMicros(known)
	return r, err
}

// keysOf chooses a page of access by the filters that are set: each text has its own index, and few are the texts.
func keysOf(filter store.AccessFilter) string {
	text := `SELECT DISTINCT user_id, tenant_id, role_id FROM sources WHERE organization_id = ?1`
	if filter.UserID != "" {
		text += ` AND user_id = ?2`
	}
	if filter.TenantID != "" {
		text += ` AND tenant_id = ?3`
	}
	if filter.RoleID != "" {
		text += ` AND role_id = ?4`
	}
	// The first condition is implied by the second; it is what an index on user_id understands.
	return text + ` AND user_id >= ?5 AND (user_id, tenant_id, role_id) > (?5, ?6, ?7)
		ORDER BY user_id, tenant_id, role_id LIMIT ?8`
}

// Access implements store.Store.
func (s *Store) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	rows, err := s.db.Query(ctx, `WITH keys AS (`+keysOf(filter)+`)
		SELECT `+sourceColumns+`, h.active, h.suspended, h.unknown_as_of, h.rule_access FROM keys k
		CROSS JOIN sources s ON s.organization_id = ?1 AND s.user_id = k.user_id AND s.tenant_id = k.tenant_id AND s.role_id = k.role_id
		CROSS JOIN holders h ON h.organization_id = ?1 AND h.user_id = k.user_id
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`,
		organizationID, filter.UserID, filter.TenantID, filter.RoleID, after.UserID, after.TenantID, after.RoleID, limit)
	sources, err := sqldb.Collect(rows, err, scanSourceOfHolder)
	var all []store.Access
	for _, r := range sources {
		all = store.AppendAccess(all, r.user, r.holder, r.source)
	}
	return all, err
}

// HolderIDs implements store.Store.
func (s *Store) HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error) {
	// Two texts: a bound that might not be one would not bound the look into the index.
	query, args := `SELECT user_id FROM holders WHERE organization_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`,
		[]any{organizationID, after, limit}
	if upTo != "" {
		query = `SELECT user_id FROM holders WHERE organization_id = ? AND user_id > ? AND user_id <= ? ORDER BY user_id LIMIT ?`
		args = []any{organizationID, after, upTo, limit}
	}
	rows, err := s.db.Query(ctx, query, args...)
	return sqldb.Collect(rows, err, scanOne[string])
}

// Holders implements store.Tx.
func (t *organizationTx) Holders(ctx context.Context, userIDs []string) (map[string]store.Holder, error) {
	ids := list(userIDs)
	rows, err := t.tx.Query(ctx, `SELECT h.user_id, `+holderColumns+` FROM json_each(?2) j
		CROSS JOIN holders h ON h.organization_id = ?1 AND h.user_id = j.value`, t.organization, ids)
	holders, err := sqldb.Collect(rows, err, func(scan scan) (h store.Holder, err error) {
		err = scanHolder(scan, &h, &h.UserID)
		return h, err
	})
	if err != nil {
		return nil, err
	}
	rows, err = t.tx.Query(ctx, `SELECT s.user_id FROM json_each(?2) j
		CROSS JOIN suspensions s ON s.organization_id = ?1 AND s.user_id = j.value`, t.organization, ids)
	suspended, err := sqldb.Collect(rows, err, scanOne[string])
	if err != nil {
		return nil, err
	}
	rows, err = t.tx.Query(ctx, `SELECT `+sourceColumns+` FROM json_each(?2) j
		CROSS JOIN sources s ON s.organization_id = ?1 AND s.user_id = j.value`, t.organization, ids)
	sources, err := sqldb.Collect(rows, err, func(scan scan) (r sourceRow, err error) {
		err = r.scan(scan)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	byUser := make(map[string][]store.Source, len(holders))
	for _, r := range sources {
		byUser[r.user] = append(byUser[r.user], r.source)
	}
	all := make(map[string]store.Holder, len(holders))
	for _, id := range suspended {
		all[id] = store.Holder{UserID: id, New: true, Suspended: true}
	}
	for _, h := range holders {
		h.Sources = byUser[h.UserID]
		all[h.UserID] = h
	}
	return all, nil
}

// PutHolder implements store.Tx.
func (t *organizationTx) PutHolder(ctx context.Context, h store.Holder) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO holders
		(organization_id, user_id, active, directory_id, detached, digest, suspended, unknown_as_of, rule_access)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, EXISTS (SELECT 1 FROM suspensions WHERE organization_id = ?1 AND user_id = ?2), ?7, ?8)
		ON CONFLICT DO UPDATE SET active = excluded.active, directory_id = excluded.directory_id, detached = excluded.detached,
			digest = excluded.digest, unknown_as_of = excluded.unknown_as_of, rule_access = excluded.rule_access`,
		t.organization, h.UserID, h.Active, h.DirectoryID, h.Detached, h.Digest, micros(h.UnknownAsOf), h.RuleAccess)
	return err
}

// DeleteHolder implements store.Tx.
func (t *organizationTx) DeleteHolder(ctx context.Context, userID string) error {
	if _, err := t.tx.Exec(ctx, `DELETE FROM sources WHERE organization_id = ? AND user_id = ?`, t.organization, userID); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, `DELETE FROM holders WHERE organization_id = ? AND user_id = ?`, t.organization, userID)
	return err
}

// PutSource implements store.Tx.
func (t *organizationTx) PutSource(ctx context.Context, userID string, s store.Source) error {
	_, err := t.tx.Exec(ctx, `INSERT OR REPLACE INTO sources
		(organization_id, user_id, tenant_id, role_id, kind, rule_id, granted_by, create_time, held)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID, s.GrantedBy, micros(s.CreateTime), s.Held)
	return err
}

// DeleteSource implements store.Tx.
func (t *organizationTx) DeleteSource(ctx context.Context, userID string, s store.Source) error {
	n, err := t.tx.Exec(ctx, `DELETE FROM sources WHERE organization_id = ? AND user_id = ? AND tenant_id = ? AND role_id = ?
		AND kind = ? AND rule_id = ?`, t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID)
	t.deleted += n
	return err
}

// CountEffective implements store.Tx.
func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (n int, err error) {
	err = t.tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT DISTINCT s.user_id FROM sources s
		CROSS JOIN holders h ON h.organization_id = s.organization_id AND h.user_id = s.user_id
		WHERE s.organization_id = ? AND s.role_id = ? AND s.tenant_id = ? AND `+effective+` LIMIT ?)`,
		t.organization, grant.RoleID, grant.TenantID, upTo).Scan(&n)
	return n, err
}

// HeldUsers implements store.Tx.
func (t *organizationTx) HeldUsers(ctx context.Context) ([]string, error) {
	rows, err := t.tx.Query(ctx, `SELECT DISTINCT user_id FROM sources WHERE organization_id = ? AND held = 1 ORDER BY user_id`,
		t.organization)
	return sqldb.Collect(rows, err, scanOne[string])
}
