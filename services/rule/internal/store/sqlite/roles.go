package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func scanRole(scan scan) (store.Role, error) {
	var r store.Role
	err := scan(&r.ID, &r.DisplayName, &r.Scope, &r.Rank)
	return r, err
}

const selectRole = `SELECT id, display_name, scope, rank FROM roles WHERE id = ?`

// Role implements store.Store.
func (s *Store) Role(ctx context.Context, id string) (store.Role, error) {
	r, err := scanRole(s.db.QueryRow(ctx, selectRole, id).Scan)
	return found(r, err, "role", id)
}

// Role implements store.Tx.
func (t *organizationTx) Role(ctx context.Context, id string) (store.Role, error) {
	r, err := scanRole(t.tx.QueryRow(ctx, selectRole, id).Scan)
	return found(r, err, "role", id)
}

// Roles implements store.Store.
func (s *Store) Roles(ctx context.Context) ([]store.Role, error) {
	rows, err := s.db.Query(ctx, `SELECT id, display_name, scope, rank FROM roles ORDER BY scope, rank, id`)
	return sqldb.Collect(rows, err, scanRole)
}

// CreateRole implements store.Store.
func (s *Store) CreateRole(ctx context.Context, role store.Role, limit int) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var count int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM roles WHERE id <> ?`, role.ID).Scan(&count); err != nil {
			return err
		}
		if count >= limit {
			return fault.New(fault.Limit, "the catalogue holds %d roles, which is as many as it may", count)
		}
		n, err := tx.Exec(ctx, `INSERT OR IGNORE INTO roles (id, display_name, scope, rank) VALUES (?, ?, ?, ?)`,
			role.ID, role.DisplayName, role.Scope, role.Rank)
		if err == nil && n == 0 {
			return fault.New(fault.AlreadyExists, "there is a role %q already", role.ID)
		}
		return err
	})
}

// DeleteRole implements store.Store. It asks organization by organization, because the keys of both tables lead with it.
func (s *Store) DeleteRole(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var byRule, byAccess bool
		err := tx.QueryRow(ctx, `SELECT
			EXISTS (SELECT 1 FROM organizations o WHERE EXISTS
				(SELECT 1 FROM rule_grants g WHERE g.organization_id = o.organization_id AND g.role_id = ?1)),
			EXISTS (SELECT 1 FROM organizations o WHERE EXISTS
				(SELECT 1 FROM sources s WHERE s.organization_id = o.organization_id AND s.role_id = ?1))`, id).
			Scan(&byRule, &byAccess)
		if err != nil {
			return err
		}
		switch {
		case byRule:
			return fault.New(fault.RoleInUse, "a rule names the role %q", id)
		case byAccess:
			return fault.New(fault.RoleInUse, "somebody holds the role %q", id)
		}
		n, err := tx.Exec(ctx, `DELETE FROM roles WHERE id = ?`, id)
		if err == nil && n == 0 {
			return fault.Missing("role", id)
		}
		return err
	})
}
