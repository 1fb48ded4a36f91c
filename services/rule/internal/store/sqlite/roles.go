package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getRole      = statements.Load("get_role", "id")
	listRoles    = statements.Load("list_roles")
	countRoles   = statements.Load("count_roles")
	insertRole   = statements.Load("insert_role", "id", "display_name", "scope", "rank")
	findRoleUses = statements.Load("find_role_uses", "id")
	deleteRole   = statements.Load("delete_role", "id")
)

func (s *Store) Role(ctx context.Context, id string) (store.Role, error) {
	return sqlitedb.ReadOne(ctx, s.db, store.RoleFields, fault.Missing("role", id), getRole, id)
}

func (t *organizationTx) Role(ctx context.Context, id string) (store.Role, error) {
	return sqlitedb.ReadOne(ctx, t.tx, store.RoleFields, fault.Missing("role", id), getRole, id)
}

func (s *Store) Roles(ctx context.Context) ([]store.Role, error) {
	return sqlitedb.ReadAll(ctx, s.db, store.RoleFields, listRoles)
}

func (s *Store) UpdateCatalogue(ctx context.Context, fn func(context.Context, store.CatalogueTx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error { return fn(ctx, catalogueTx{tx}) })
}

// catalogueTx is a store.CatalogueTx.
type catalogueTx struct{ tx *sqlitedb.Tx }

var _ store.CatalogueTx = catalogueTx{}

func (t catalogueTx) Role(ctx context.Context, id string) (store.Role, error) {
	return sqlitedb.ReadOne(ctx, t.tx, store.RoleFields, fault.Missing("role", id), getRole, id)
}

func (t catalogueTx) CountRoles(ctx context.Context) (int, error) {
	return sqlitedb.ReadOne(ctx, t.tx, dbtype.Value[int], nil, countRoles)
}

func (t catalogueTx) CreateRole(ctx context.Context, role store.Role) (created bool, err error) {
	n, err := t.tx.Exec(ctx, insertRole, role.ID, role.DisplayName, role.Scope, role.Rank)
	return n > 0, err
}

// DeleteRole asks organization by organization, because the keys of both tables begin with it.
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
