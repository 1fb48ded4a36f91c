package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const organizationColumns = `id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time`

// CreateOrganization implements store.Store.
func (s *Store) CreateOrganization(ctx context.Context, o store.Organization) (created bool, err error) {
	tag, err := s.db.Exec(ctx, `INSERT INTO organizations (id, display_name, federated, create_time, update_time)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		o.ID, o.DisplayName, o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime))
	return tag.RowsAffected() > 0, sqldb.Reach(err)
}

// Organization implements store.Store.
func (s *Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return sqldb.ReadOne(ctx, s.db, store.OrganizationFields, fault.Missing("organization", id),
		`SELECT `+organizationColumns+` FROM organizations WHERE id = $1`, id)
}

// Organizations implements store.Store.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return sqldb.ReadAll(ctx, s.db, store.OrganizationFields,
		`SELECT `+organizationColumns+` FROM organizations WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2`, after, limit)
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context) ([]store.Organization, error) {
	return sqldb.ReadAll(ctx, s.db, store.OrganizationFields,
		`SELECT `+organizationColumns+` FROM organizations WHERE erase_time <> 0 ORDER BY erase_time, id`)
}

// FreeErased implements store.Store.
func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM organizations WHERE id = $1 AND clear_time <> 0`, organizationID)
	return sqldb.Reach(err)
}

// Organization implements store.Tx.
func (t *organizationTx) Organization(context.Context) (store.Organization, error) {
	if len(t.row) == 0 {
		return store.Organization{}, fault.Missing("organization", t.organization)
	}
	return t.row[0], nil
}

// PutOrganization implements store.Tx.
func (t *organizationTx) PutOrganization(ctx context.Context, o store.Organization) error {
	t.row = []store.Organization{o}
	_, err := t.conn.Exec(ctx, `UPDATE organizations SET display_name = $1, federated = $2, update_time = $3, erase_time = $4,
		erase_revision = $5, waiting = $6, clear_time = $7 WHERE id = $8`, o.DisplayName, o.Federated, sqldb.Time(&o.UpdateTime),
		sqldb.Time(&o.EraseTime), o.EraseRevision, o.Waiting, sqldb.Time(&o.ClearTime), t.organization)
	return err
}

// CountErasures implements store.Tx.
func (t *organizationTx) CountErasures(ctx context.Context) (int, error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int], nil, `SELECT count(*) FROM organizations WHERE erase_time <> 0`)
}

// Organizations implements store.AllTx.
func (t allTx) Organizations(ctx context.Context, ids []string) ([]store.Organization, error) {
	found, err := sqldb.ReadAll(ctx, t.conn, store.OrganizationFields,
		`SELECT `+organizationColumns+` FROM organizations WHERE id = ANY($1) ORDER BY id FOR SHARE`, ids)
	if sqldb.Unstorable(err) {
		return nil, nil // one of them can't be there
	}
	return found, err
}
