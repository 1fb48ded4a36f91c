package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Holds implements store.Store.
func (s *Store) Holds(ctx context.Context, organizationID, userID string, grant store.Grant) (holds bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT EXISTS (
		SELECT 1 FROM holders h JOIN sources s ON s.organization_id = h.organization_id AND s.user_id = h.user_id
		WHERE h.organization_id = ? AND h.user_id = ? AND h.active = 1 AND s.tenant_id = ? AND s.role_id = ?)`,
		organizationID, userID, grant.TenantID, grant.RoleID).Scan(&holds)
	return holds, err
}

const sourceColumns = `s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.held`

// sourceRow is a source with its holder.
type sourceRow struct {
	user   string
	active bool
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
		SELECT `+sourceColumns+`, h.active FROM keys k
		CROSS JOIN sources s ON s.organization_id = ?1 AND s.user_id = k.user_id AND s.tenant_id = k.tenant_id AND s.role_id = k.role_id
		CROSS JOIN holders h ON h.organization_id = ?1 AND h.user_id = k.user_id
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`,
		organizationID, filter.UserID, filter.TenantID, filter.RoleID, after.UserID, after.TenantID, after.RoleID, limit)
	sources, err := sqldb.Collect(rows, err, func(scan scan) (r sourceRow, err error) {
		err = r.scan(scan, &r.active)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	var all []store.Access
	for _, r := range sources {
		if n := len(all); n == 0 || all[n-1].UserID != r.user || all[n-1].Grant != r.source.Grant {
			all = append(all, store.Access{UserID: r.user, Grant: r.source.Grant, Effective: r.active})
		}
		last := &all[len(all)-1]
		last.Sources = append(last.Sources, r.source)
	}
	return all, nil
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
	rows, err := t.tx.Query(ctx, `SELECT h.user_id, h.active, h.digest FROM json_each(?2) j
		CROSS JOIN holders h ON h.organization_id = ?1 AND h.user_id = j.value`, t.organization, ids)
	holders, err := sqldb.Collect(rows, err, func(scan scan) (h store.Holder, err error) {
		err = scan(&h.UserID, &h.Active, &h.Digest)
		return h, err
	})
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
	for _, h := range holders {
		h.Sources = byUser[h.UserID]
		all[h.UserID] = h
	}
	return all, nil
}

// PutHolder implements store.Tx.
func (t *organizationTx) PutHolder(ctx context.Context, h store.Holder) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO holders (organization_id, user_id, active, digest) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET active = excluded.active, digest = excluded.digest`,
		t.organization, h.UserID, h.Active, h.Digest)
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
	_, err := t.tx.Exec(ctx, `DELETE FROM sources WHERE organization_id = ? AND user_id = ? AND tenant_id = ? AND role_id = ?
		AND kind = ? AND rule_id = ?`, t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID)
	return err
}

// CountEffective implements store.Tx.
func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (n int, err error) {
	err = t.tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT DISTINCT s.user_id FROM sources s
		CROSS JOIN holders h ON h.organization_id = s.organization_id AND h.user_id = s.user_id
		WHERE s.organization_id = ? AND s.role_id = ? AND s.tenant_id = ? AND h.active = 1 LIMIT ?)`,
		t.organization, grant.RoleID, grant.TenantID, upTo).Scan(&n)
	return n, err
}

// HeldUsers implements store.Tx.
func (t *organizationTx) HeldUsers(ctx context.Context) ([]string, error) {
	rows, err := t.tx.Query(ctx, `SELECT DISTINCT user_id FROM sources WHERE organization_id = ? AND held = 1 ORDER BY user_id`,
		t.organization)
	return sqldb.Collect(rows, err, scanOne[string])
}
