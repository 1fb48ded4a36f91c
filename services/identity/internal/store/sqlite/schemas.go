package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	putSchema = statements.Load("put_schema", "organization_id", "directory_id", "id", "resource_group", "definition",
		"create_time", "update_time")
	listSchemas  = statements.Load("list_schemas", "organization_id", "directory_id")
	listExtended = statements.Load("list_extended", "organization_id")
	deleteSchema = statements.Load("delete_schema", "organization_id", "directory_id", "id")
)

func (s *Store) PutSchema(ctx context.Context, schema store.Schema, check func(before store.Schema, others []store.Schema) error) (store.Schema, error) {
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if _, err := open(ctx, tx, schema.Scope); err != nil {
			return err
		}
		all, err := schemas(ctx, tx, schema.Scope)
		if err != nil {
			return err
		}
		if err := check(schema.Replace(all)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, putSchema,
			schema.OrganizationID, schema.DirectoryID, schema.ID, schema.Type == store.Group, schema.Definition,
			dbtype.Time(&schema.CreateTime), dbtype.Time(&schema.UpdateTime))
		return err
	})
	return schema, err
}

func (s *Store) Schemas(ctx context.Context, scope store.Scope) ([]store.Schema, error) {
	return schemas(ctx, s.db, scope)
}

func schemas(ctx context.Context, q sqlitedb.Reader, scope store.Scope) ([]store.Schema, error) {
	return sqlitedb.ReadAll(ctx, q, rows.Schema, listSchemas, scope.OrganizationID, scope.DirectoryID)
}

func (s *Store) Extended(ctx context.Context, organizationID string) ([]string, error) {
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], listExtended, organizationID)
}

func (s *Store) DeleteSchema(ctx context.Context, scope store.Scope, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		deleted, err := tx.Exec(ctx, deleteSchema, scope.OrganizationID, scope.DirectoryID, id)
		if err == nil && deleted == 0 {
			err = fault.Missing("schema", id)
		}
		return err
	})
}
