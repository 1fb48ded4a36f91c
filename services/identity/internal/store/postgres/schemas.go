package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// PutSchema implements store.Store.
func (s *Store) PutSchema(ctx context.Context, schema store.Schema, check func(others []store.Schema) error) (store.Schema, error) {
	written := schema
	err := s.transact(ctx, func(tx pgx.Tx) error {
		written = schema
		// Who writes schemas of a directory comes one after another: the row is locked until commit.
		d, err := sqldb.ReadOne(ctx, tx, rows.Directory, store.NotReady(schema.DirectoryID),
			`SELECT organization_id, id, strict, unique_group_names, replaces_id, closed FROM directories
			WHERE organization_id = $1 AND id = $2 FOR UPDATE`, schema.OrganizationID, schema.DirectoryID)
		if err != nil {
			return err
		}
		if d.Closed {
			return store.Closed(schema.DirectoryID)
		}
		all, err := schemas(ctx, tx, schema.Scope)
		if err != nil {
			return err
		}
		if err := check(written.Others(all)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO schemas (organization_id, directory_id, id, resource_group, definition, create_time, update_time)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization_id, directory_id, lower(id)) DO UPDATE SET id = excluded.id,
			resource_group = excluded.resource_group, definition = excluded.definition, update_time = excluded.update_time`,
			written.OrganizationID, written.DirectoryID, written.ID, written.Type == store.Group, written.Definition,
			sqldb.Time(&written.CreateTime), sqldb.Time(&written.UpdateTime))
		return err
	})
	return written, err
}

// Schemas implements store.Store.
func (s *Store) Schemas(ctx context.Context, scope store.Scope) ([]store.Schema, error) {
	return schemas(ctx, s.db, scope)
}

func schemas(ctx context.Context, q sqldb.Reader, scope store.Scope) ([]store.Schema, error) {
	return sqldb.ReadAll(ctx, q, rows.Schema, `SELECT organization_id, directory_id, id, resource_group, definition, create_time, update_time FROM schemas
		WHERE organization_id = $1 AND directory_id = $2 ORDER BY lower(id)`, scope.OrganizationID, scope.DirectoryID)
}

// Extended implements store.Store.
func (s *Store) Extended(ctx context.Context, organizationID string) ([]string, error) {
	return sqldb.ReadAll(ctx, s.db, sqldb.Value[string],
		`SELECT DISTINCT directory_id FROM schemas WHERE organization_id = $1 ORDER BY directory_id`, organizationID)
}

// DeleteSchema implements store.Store.
func (s *Store) DeleteSchema(ctx context.Context, scope store.Scope, id string) error {
	deleted, err := s.db.Exec(ctx, `DELETE FROM schemas WHERE organization_id = $1 AND directory_id = $2 AND lower(id) = lower($3)`,
		scope.OrganizationID, scope.DirectoryID, id)
	if err == nil && deleted.RowsAffected() == 0 {
		err = fault.Missing("schema", id)
	}
	return err
}
