package rows

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// directoryFields are organization_id, id, display_name, strict, unique_group_names, adopt_by_name, replaces_id, create_time, update_time,
// delete_time, revision, its organization's federated, refused_count, last_refusal_time, last_refusal_reason.
func directoryFields(d *store.Directory) []any {
	return []any{
		&d.OrganizationID, &d.ID, &d.DisplayName, &d.Strict, &d.UniqueGroupNames, &d.AdoptByName, &d.ReplacesID,
		dbtype.Time(&d.CreateTime), dbtype.Time(&d.UpdateTime), dbtype.Time(&d.DeleteTime), &d.Revision, &d.Federated,
		&d.RefusedCount, dbtype.Time(&d.LastRefusalTime), &d.LastRefusalReason,
	}
}

func (e engine) getDirectory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return ReadOne(ctx, e.Conn, directoryFields, fault.Missing("directory", id), e.sql.getDirectory, organizationID, id)
}

func (s Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return s.getDirectory(ctx, organizationID, id)
}

func (s Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	return ReadAll(ctx, s.Conn, directoryFields, s.sql.listDirectories, organizationID, after, deleted, limit)
}

func (s Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return ReadAll(ctx, s.Conn, directoryFields, s.sql.listDirectoriesByRevision, revision, limit)
}

func (t Tx) Directory(ctx context.Context, id string) (store.Directory, error) {
	return t.getDirectory(ctx, t.OrganizationID, id)
}

func (t Tx) CreateDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int64], nil, t.sql.insertDirectory,
		t.OrganizationID, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.AdoptByName, d.ReplacesID,
		dbtype.Time(&d.CreateTime), dbtype.Time(&d.UpdateTime))
}

func (t Tx) PutDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int64], nil, t.sql.updateDirectory,
		d.DisplayName, d.Strict, d.UniqueGroupNames, d.AdoptByName, dbtype.Time(&d.UpdateTime), dbtype.Time(&d.DeleteTime), t.OrganizationID, d.ID)
}

func (t Tx) Replaceable(ctx context.Context, id string, limit int) ([]string, error) {
	return ReadAll(ctx, t.Conn, dbtype.Value[string], t.sql.listReplaceable, t.OrganizationID, id, limit)
}

func (t Tx) MarkDeleted(ctx context.Context, now time.Time) error {
	_, err := t.Conn.Exec(ctx, t.sql.markDirectoriesDeleted, dbtype.Time(&now), t.OrganizationID)
	return err
}

func (t Tx) EraseDirectories(ctx context.Context, limit int) (int, error) {
	removed, err := t.Conn.Exec(ctx, t.sql.deleteDirectories, t.OrganizationID, limit)
	return int(removed), err
}
