package postgres

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const credentialColumns = `id, display_name, organization_ids, all_organizations, may_write, digest, create_time, expire_time, revoke_time`

func credentialFields(c *store.Credential) []any {
	return store.CredentialFields(c, &c.OrganizationIDs)
}

// Credentials implements store.Store.
func (s *Store) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	return sqldb.ReadAll(ctx, s.db, credentialFields, `SELECT `+credentialColumns+` FROM service_credentials
		WHERE $1 = '' OR id COLLATE "C" < $1 ORDER BY id COLLATE "C" DESC LIMIT $2`, before, limit)
}

// ResolveCredential implements store.Store.
func (s *Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	return sqldb.ReadOne(ctx, s.db, credentialFields, store.ErrUnknownKey,
		`SELECT `+credentialColumns+` FROM service_credentials WHERE digest = $1`, digest[:])
}

// Credentials implements store.Tx.
func (t *organizationTx) Credentials(ctx context.Context) ([]store.Credential, error) {
	return sqldb.ReadAll(ctx, t.conn, credentialFields,
		`SELECT `+credentialColumns+` FROM service_credentials WHERE $1 = ANY (organization_ids) FOR UPDATE`, t.organization)
}

// PutScope implements store.Tx.
func (t *organizationTx) PutScope(ctx context.Context, c store.Credential) error {
	_, err := t.conn.Exec(ctx, `UPDATE service_credentials SET organization_ids = $1 WHERE id = $2`, c.OrganizationIDs, c.ID)
	return err
}

// RemoveCredential implements store.Tx.
func (t *organizationTx) RemoveCredential(ctx context.Context, id string) error {
	_, err := t.conn.Exec(ctx, `DELETE FROM service_credentials WHERE id = $1`, id)
	return err
}

// Credential implements store.AllTx.
func (t allTx) Credential(ctx context.Context, id string) (store.Credential, error) {
	return sqldb.ReadOne(ctx, t.conn, credentialFields, fault.Missing("service credential", id),
		`SELECT `+credentialColumns+` FROM service_credentials WHERE id = $1`, id)
}

// CreateCredential implements store.AllTx.
func (t allTx) CreateCredential(ctx context.Context, c store.Credential) error {
	_, err := t.conn.Exec(ctx, `INSERT INTO service_credentials (`+credentialColumns+`)
		VALUES ($1, $2, coalesce($3, '{}'::text[]), $4, $5, $6, $7, $8, 0)`,
		c.ID, c.DisplayName, c.OrganizationIDs, c.All, c.Write, c.Digest[:], sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime))
	return err
}

// PutCredential implements store.AllTx.
func (t allTx) PutCredential(ctx context.Context, c store.Credential) error {
	_, err := t.conn.Exec(ctx, `UPDATE service_credentials SET revoke_time = $1 WHERE id = $2`, sqldb.Time(&c.RevokeTime), c.ID)
	return err
}

// CountCredentials implements store.AllTx.
func (t allTx) CountCredentials(ctx context.Context, at time.Time) (int, error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int], nil, `SELECT count(*) FROM service_credentials
		WHERE revoke_time = 0 AND (expire_time = 0 OR expire_time > $1)`, sqldb.Time(&at))
}
