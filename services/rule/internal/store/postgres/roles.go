package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getRole      = statements.Load("get_role", "id")
	shareRole    = statements.Load("share_role", "id")
	listRoles    = statements.Load("list_roles")
	countRoles   = statements.Load("count_roles")
	insertRole   = statements.Load("insert_role", "id", "display_name", "scope", "rank")
	lockRole     = statements.Load("lock_role", "id")
	findRoleUses = statements.Load("find_role_uses", "id")
	deleteRole   = statements.Load("delete_role", "id")
)

func (s *Store) Role(ctx context.Context, id string) (store.Role, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.RoleFields, getRole, id)
	return found(all, err, "role", id)
}

// Role locks the role, so that only DeleteRole waits.
func (t *organizationTx) Role(ctx context.Context, id string) (store.Role, error) {
	all := ask(t.queue(), store.RoleFields, shareRole, id)
	err := t.send(ctx)
	return found(*all, err, "role", id)
}

func (s *Store) Roles(ctx context.Context) ([]store.Role, error) {
	return pgdb.ReadAll(ctx, s.db, store.RoleFields, listRoles)
}

// changeCatalogue runs fn while nobody else changes the catalogue.
func (s *Store) changeCatalogue(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return pgdb.Reach(pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE roles IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		return fn(tx)
	}))
}

func (s *Store) UpdateCatalogue(ctx context.Context, fn func(context.Context, store.CatalogueTx) error) error {
	return s.changeCatalogue(ctx, func(tx pgx.Tx) error { return fn(ctx, catalogueTx{tx}) })
}

// catalogueTx is a store.CatalogueTx.
type catalogueTx struct{ tx pgx.Tx }

var _ store.CatalogueTx = catalogueTx{}

func (t catalogueTx) Role(ctx context.Context, id string) (store.Role, error) {
	return pgdb.ReadOne(ctx, t.tx, store.RoleFields, fault.Missing("role", id), getRole, id)
}

func (t catalogueTx) CountRoles(ctx context.Context) (int, error) {
	return pgdb.ReadOne(ctx, t.tx, dbtype.Value[int], nil, countRoles)
}

func (t catalogueTx) CreateRole(ctx context.Context, role store.Role) (created bool, err error) {
	tag, err := t.tx.Exec(ctx, insertRole, role.ID, role.DisplayName, role.Scope, role.Rank)
	return tag.RowsAffected() > 0, err
}

// DeleteRole asks organization by organization, because the keys of both tables begin with it.
func (s *Store) DeleteRole(ctx context.Context, id string) error {
	return s.changeCatalogue(ctx, func(tx pgx.Tx) error {
		// Transactions that have read the role end first. The statements after this one have new snapshots, and see what they wrote.
		// One statement searches rules and sources, because reconciling writes a source because of a rule.
		if _, err := tx.Exec(ctx, lockRole, id); err != nil {
			return err
		}
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
		tag, err := tx.Exec(ctx, deleteRole, id)
		if err == nil && tag.RowsAffected() == 0 {
			return fault.Missing("role", id)
		}
		return err
	})
}
