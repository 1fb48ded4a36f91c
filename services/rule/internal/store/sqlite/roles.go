package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getRole         = statements.Load("get_role", "id")
	listRoles       = statements.Load("list_roles")
	countOtherRoles = statements.Load("count_other_roles", "id")
	insertRole      = statements.Load("insert_role", "id", "display_name", "scope", "rank")
	findRoleUses    = statements.Load("find_role_uses", "id")
	deleteRole      = statements.Load("delete_role", "id")
)

// Role implements store.Store.
func (s *Store) Role(ctx context.Context, id string) (store.Role, error) {
	return sqlitedb.ReadOne(ctx, s.db, store.RoleFields, fault.Missing("role", id), getRole, id)
}

// Role implements store.Tx.
func (t *organizationTx) Role(ctx context.Context, id string) (store.Role, error) {
	return sqlitedb.ReadOne(ctx, t.tx, store.RoleFields, fault.Missing("role", id), getRole, id)
}

// Roles implements store.Store.
func (s *Store) Roles(ctx context.Context) ([]store.Role, error) {
	return sqlitedb.ReadAll(ctx, s.db, store.RoleFields, listRoles)
}

// CreateRole implements store.Store.
func (s *Store) CreateRole(ctx context.Context, role store.Role, limit int) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var count int
		if err := tx.QueryRow(ctx, countOtherRoles, role.ID).Scan(&count); err != nil {
			return err
		}
		if count >= limit {
			return fault.New(fault.Limit, "the catalogue holds %d roles, which is as many as it may", count)
		}
		n, err := tx.Exec(ctx, insertRole, role.ID, role.DisplayName, role.Scope, role.Rank)
		if err == nil && n == 0 {
			return fault.New(fault.AlreadyExists, "there is a role %q already", role.ID)
		}
		return err
	})
}

// DeleteRole implements store.Store. It asks organization by organization, because the keys of both tables lead with it.
func (s *Store) DeleteRole(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var byRule, byAccess bool
		err := tx.QueryRow(ctx, findRoleUses, id).
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
		n, err := tx.Exec(ctx, deleteRole, id)
		if err == nil && n == 0 {
			return fault.Missing("role", id)
		}
		return err
	})
}
