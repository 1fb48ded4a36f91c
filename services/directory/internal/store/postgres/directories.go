package postgres

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

var (
	getDirectory              = statements.Load("get_directory", "organization_id", "id")
	listDirectories           = statements.Load("list_directories", "organization_id", "after", "deleted", "limit")
	listDirectoriesByRevision = statements.Load("list_directories_by_revision", "revision", "limit")
	insertDirectory           = statements.Load("insert_directory",
		"organization_id", "id", "display_name", "strict", "unique_group_names", "replaces_id", "create_time",
		"update_time")
	updateDirectory = statements.Load("update_directory",
		"display_name", "strict", "unique_group_names", "update_time", "delete_time", "organization_id", "id")
	listReplaceable        = statements.Load("list_replaceable", "organization_id", "id", "limit")
	markDirectoriesDeleted = statements.Load("mark_directories_deleted", "now", "organization_id")
	reviseDirectories      = statements.Load("revise_directories", "organization_id")
	deleteDirectories      = statements.Load("delete_directories", "organization_id", "limit")
)

func directory(ctx context.Context, q sqldb.Reader, organizationID, id string) (store.Directory, error) {
	return sqldb.ReadOne(ctx, q, store.DirectoryFields, fault.Missing("directory", id), getDirectory, organizationID, id)
}

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return directory(ctx, s.db, organizationID, id)
}

// Directories implements store.Store.
func (s *Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	return sqldb.ReadAll(ctx, s.db, store.DirectoryFields, listDirectories, organizationID, after, deleted, limit)
}

// DirectoriesAfter implements store.Store.
func (s *Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return sqldb.ReadAll(ctx, s.db, store.DirectoryFields, listDirectoriesByRevision, revision, limit)
}

// Directory implements store.Tx.
func (t *organizationTx) Directory(ctx context.Context, id string) (store.Directory, error) {
	return directory(ctx, t.conn, t.organization, id)
}

// CreateDirectory implements store.Tx.
func (t *organizationTx) CreateDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil, insertDirectory,
		t.organization, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.ReplacesID,
		sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime))
}

// PutDirectory implements store.Tx.
func (t *organizationTx) PutDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil, updateDirectory,
		d.DisplayName, d.Strict, d.UniqueGroupNames, sqldb.Time(&d.UpdateTime), sqldb.Time(&d.DeleteTime), t.organization, d.ID)
}

// Replaceable implements store.Tx.
func (t *organizationTx) Replaceable(ctx context.Context, id string, limit int) ([]string, error) {
	return sqldb.ReadAll(ctx, t.conn, sqldb.Value[string], listReplaceable, t.organization, id, limit)
}

// MarkDeleted implements store.Tx.
func (t *organizationTx) MarkDeleted(ctx context.Context, now time.Time) error {
	_, err := t.conn.Exec(ctx, markDirectoriesDeleted, sqldb.Time(&now), t.organization)
	return err
}

// Revise implements store.Tx.
func (t *organizationTx) Revise(ctx context.Context) (newest int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil, reviseDirectories, t.organization)
}

// RemoveDirectories implements store.Tx.
func (t *organizationTx) RemoveDirectories(ctx context.Context, limit int) (int, error) {
	tag, err := t.conn.Exec(ctx, deleteDirectories, t.organization, limit)
	return int(tag.RowsAffected()), err
}
