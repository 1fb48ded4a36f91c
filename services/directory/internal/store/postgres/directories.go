package postgres

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const directoryColumns = `d.organization_id, d.id, d.display_name, d.strict, d.unique_group_names, d.replaces_id,
	d.create_time, d.update_time, d.delete_time, d.revision, o.federated`

const directoryTables = ` FROM directories d JOIN organizations o ON o.id = d.organization_id `

func directory(ctx context.Context, q sqldb.Reader, organizationID, id string) (store.Directory, error) {
	return sqldb.ReadOne(ctx, q, store.DirectoryFields, fault.Missing("directory", id),
		`SELECT `+directoryColumns+directoryTables+`WHERE d.organization_id = $1 AND d.id = $2`, organizationID, id)
}

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return directory(ctx, s.db, organizationID, id)
}

// Directories implements store.Store.
func (s *Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	return sqldb.ReadAll(ctx, s.db, store.DirectoryFields, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.organization_id = $1 AND d.id COLLATE "C" > $2 AND (d.delete_time = 0 OR $3) ORDER BY d.id COLLATE "C" LIMIT $4`,
		organizationID, after, deleted, limit)
}

// DirectoriesAfter implements store.Store.
func (s *Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return sqldb.ReadAll(ctx, s.db, store.DirectoryFields, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.revision > $1 ORDER BY d.revision LIMIT $2`, revision, limit)
}

// Directory implements store.Tx.
func (t *organizationTx) Directory(ctx context.Context, id string) (store.Directory, error) {
	return directory(ctx, t.conn, t.organization, id)
}

// CreateDirectory implements store.Tx. The row of revision is locked until the commit.
func (t *organizationTx) CreateDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil,
		`WITH next AS (UPDATE revision SET newest = newest + 1 RETURNING newest)
		INSERT INTO directories (organization_id, id, display_name, strict, unique_group_names, replaces_id,
			create_time, update_time, delete_time, revision)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, 0, newest FROM next RETURNING revision`,
		t.organization, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.ReplacesID,
		sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime))
}

// PutDirectory implements store.Tx.
func (t *organizationTx) PutDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil,
		`WITH next AS (UPDATE revision SET newest = newest + 1 RETURNING newest)
		UPDATE directories SET display_name = $1, strict = $2, unique_group_names = $3, update_time = $4, delete_time = $5,
			revision = newest FROM next WHERE organization_id = $6 AND id = $7 RETURNING revision`,
		d.DisplayName, d.Strict, d.UniqueGroupNames, sqldb.Time(&d.UpdateTime), sqldb.Time(&d.DeleteTime), t.organization, d.ID)
}

// Replaceable implements store.Tx.
func (t *organizationTx) Replaceable(ctx context.Context, id string, limit int) ([]string, error) {
	return sqldb.ReadAll(ctx, t.conn, sqldb.Value[string],
		`SELECT d.id FROM directories d WHERE d.organization_id = $1 AND d.delete_time <> 0 AND ($2 = '' OR d.id = $2)
		AND NOT EXISTS (SELECT 1 FROM directories r WHERE r.organization_id = $1 AND r.replaces_id = d.id) LIMIT $3`,
		t.organization, id, limit)
}

// MarkDeleted implements store.Tx.
func (t *organizationTx) MarkDeleted(ctx context.Context, now time.Time) error {
	_, err := t.conn.Exec(ctx, `UPDATE directories SET delete_time = $1, update_time = $1 WHERE organization_id = $2 AND delete_time = 0`,
		sqldb.Time(&now), t.organization)
	return err
}

// Revise implements store.Tx.
func (t *organizationTx) Revise(ctx context.Context) (newest int64, err error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int64], nil,
		`WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM directories WHERE organization_id = $1),
		last AS (UPDATE revision SET newest = newest + (SELECT count(*) FROM numbered) RETURNING newest),
		revised AS (UPDATE directories d SET revision = newest - (SELECT count(*) FROM numbered) + n
			FROM numbered, last WHERE d.organization_id = $1 AND d.id = numbered.id RETURNING d.revision)
		SELECT coalesce(max(revision), 0) FROM revised`, t.organization)
}

// RemoveDirectories implements store.Tx.
func (t *organizationTx) RemoveDirectories(ctx context.Context, limit int) (int, error) {
	tag, err := t.conn.Exec(ctx, `DELETE FROM directories WHERE (organization_id, id) IN
		(SELECT organization_id, id FROM directories WHERE organization_id = $1 LIMIT $2)`, t.organization, limit)
	return int(tag.RowsAffected()), err
}
