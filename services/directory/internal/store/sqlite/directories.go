package sqlite

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
	takeRevisions             = statements.Load("take_revisions", "count")
	insertDirectory           = statements.Load("insert_directory",
		"organization_id", "id", "display_name", "strict", "unique_group_names", "replaces_id", "create_time",
		"update_time", "revision")
	updateDirectory = statements.Load("update_directory",
		"display_name", "strict", "unique_group_names", "update_time", "delete_time", "revision", "organization_id", "id")
	listReplaceable        = statements.Load("list_replaceable", "organization_id", "id", "limit")
	markDirectoriesDeleted = statements.Load("mark_directories_deleted", "now", "organization_id")
	reviseDirectories      = statements.Load("revise_directories", "organization_id")
	deleteDirectories      = statements.Load("delete_directories", "organization_id", "limit")
)

func directory(ctx context.Context, q sqldb.SQLiteReader, organizationID, id string) (store.Directory, error) {
	return sqldb.CollectOne(ctx, q, store.DirectoryFields, fault.Missing("directory", id), getDirectory, organizationID, id)
}

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return directory(ctx, s.db, organizationID, id)
}

// Directories implements store.Store.
func (s *Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	return sqldb.CollectAll(ctx, s.db, store.DirectoryFields, listDirectories, organizationID, after, deleted, limit)
}

// DirectoriesAfter implements store.Store.
func (s *Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return sqldb.CollectAll(ctx, s.db, store.DirectoryFields, listDirectoriesByRevision, revision, limit)
}

// Directory implements store.Tx.
func (t organizationTx) Directory(ctx context.Context, id string) (store.Directory, error) {
	return directory(ctx, t.tx, t.organization, id)
}

// take takes the next revisions and gives the newest of them. They are committed in their order: there is one writer.
func (t organizationTx) take(ctx context.Context, count int64) (newest int64, err error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int64], nil, takeRevisions, count)
}

// CreateDirectory implements store.Tx.
func (t organizationTx) CreateDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	if revision, err = t.take(ctx, 1); err != nil {
		return 0, err
	}
	_, err = t.tx.Exec(ctx, insertDirectory,
		t.organization, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.ReplacesID,
		sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime), revision)
	return revision, err
}

// PutDirectory implements store.Tx.
func (t organizationTx) PutDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	if revision, err = t.take(ctx, 1); err != nil {
		return 0, err
	}
	_, err = t.tx.Exec(ctx, updateDirectory, d.DisplayName, d.Strict, d.UniqueGroupNames,
		sqldb.Time(&d.UpdateTime), sqldb.Time(&d.DeleteTime), revision, t.organization, d.ID)
	return revision, err
}

// Replaceable implements store.Tx.
func (t organizationTx) Replaceable(ctx context.Context, id string, limit int) ([]string, error) {
	return sqldb.CollectAll(ctx, t.tx, sqldb.Value[string], listReplaceable, t.organization, id, limit)
}

// MarkDeleted implements store.Tx.
func (t organizationTx) MarkDeleted(ctx context.Context, now time.Time) error {
	_, err := t.tx.Exec(ctx, markDirectoriesDeleted, sqldb.Time(&now), t.organization)
	return err
}

// Revise implements store.Tx.
func (t organizationTx) Revise(ctx context.Context) (newest int64, err error) {
	revised, err := t.tx.Exec(ctx, reviseDirectories, t.organization)
	if err != nil || revised == 0 {
		return 0, err
	}
	return t.take(ctx, revised)
}

// RemoveDirectories implements store.Tx.
func (t organizationTx) RemoveDirectories(ctx context.Context, limit int) (int, error) {
	n, err := t.tx.Exec(ctx, deleteDirectories, t.organization, limit)
	return int(n), err
}
