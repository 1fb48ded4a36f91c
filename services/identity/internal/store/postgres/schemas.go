package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	lockDirectoryToExtend = statements.Load("lock_directory_to_extend", "organization_id", "id")

	putSchema = statements.Load("put_schema", "organization_id", "directory_id", "id", "resource_group", "definition",
		"create_time", "update_time")
	listSchemas  = statements.Load("list_schemas", "organization_id", "directory_id")
	listExtended = statements.Load("list_extended", "organization_id")
	deleteSchema = statements.Load("delete_schema", "organization_id", "directory_id", "id")
)

func (s *Store) PutSchema(ctx context.Context, schema store.Schema, check func(before store.Schema, others []store.Schema) error) (store.Schema, error) {
	written := schema
	err := s.transact(ctx, func(tx pgx.Tx) error {
		written = schema
		// One transaction at a time writes the schemas of a directory: the row is locked until commit.
		d, err := pgdb.ReadOne(ctx, tx, rows.Directory, store.NotReady(schema.DirectoryID),
			lockDirectoryToExtend, schema.OrganizationID, schema.DirectoryID)
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
		if err := check(written.Replace(all)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, putSchema,
			written.OrganizationID, written.DirectoryID, written.ID, written.Type == store.Group, written.Definition,
			dbtype.Time(&written.CreateTime), dbtype.Time(&written.UpdateTime))
		return err
	})
	return written, err
}

func (s *Store) Schemas(ctx context.Context, scope store.Scope) ([]store.Schema, error) {
	return schemas(ctx, s.db, scope)
}

func schemas(ctx context.Context, q pgdb.Reader, scope store.Scope) ([]store.Schema, error) {
	return pgdb.ReadAll(ctx, q, rows.Schema, listSchemas, scope.OrganizationID, scope.DirectoryID)
}

func (s *Store) Extended(ctx context.Context, organizationID string) ([]string, error) {
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], listExtended, organizationID)
}

func (s *Store) DeleteSchema(ctx context.Context, scope store.Scope, id string) error {
	deleted, err := s.db.Exec(ctx, deleteSchema, scope.OrganizationID, scope.DirectoryID, id)
	if err == nil && deleted.RowsAffected() == 0 {
		err = fault.Missing("schema", id)
	}
	return err
}
