package sqlite

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const credentialColumns = `id, display_name, organization_ids, all_organizations, may_write, digest, create_time, expire_time, revoke_time`

func credentialFields(c *store.Credential) []any {
	return store.CredentialFields(c, (*scope)(&c.OrganizationIDs))
}

// scope is organization_ids, which have a space between them.
type scope []string

// Scan implements sql.Scanner.
func (s *scope) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("organization_ids are stored as %T", value)
	}
	*s = strings.Fields(text)
	return nil
}

// Credentials implements store.Store.
func (s *Store) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	return sqldb.CollectAll(ctx, s.db, credentialFields, `SELECT `+credentialColumns+` FROM service_credentials
		WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, limit)
}

// ResolveCredential implements store.Store.
func (s *Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	return sqldb.CollectOne(ctx, s.db, credentialFields, store.ErrUnknownKey,
		`SELECT `+credentialColumns+` FROM service_credentials WHERE digest = ?1`, digest[:])
}

// Credentials implements store.Tx.
func (t organizationTx) Credentials(ctx context.Context) ([]store.Credential, error) {
	return sqldb.CollectAll(ctx, t.tx, credentialFields,
		`SELECT `+credentialColumns+` FROM service_credentials
		WHERE instr(' ' || organization_ids || ' ', ' ' || ?1 || ' ') > 0`, t.organization)
}

// PutScope implements store.Tx.
func (t organizationTx) PutScope(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, `UPDATE service_credentials SET organization_ids = ?1 WHERE id = ?2`, strings.Join(c.OrganizationIDs, " "), c.ID)
	return err
}

// RemoveCredential implements store.Tx.
func (t organizationTx) RemoveCredential(ctx context.Context, id string) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM service_credentials WHERE id = ?1`, id)
	return err
}

// Credential implements store.AllTx.
func (t allTx) Credential(ctx context.Context, id string) (store.Credential, error) {
	return sqldb.CollectOne(ctx, t.tx, credentialFields, fault.Missing("service credential", id),
		`SELECT `+credentialColumns+` FROM service_credentials WHERE id = ?1`, id)
}

// CreateCredential implements store.AllTx.
func (t allTx) CreateCredential(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO service_credentials (`+credentialColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)`,
		c.ID, c.DisplayName, strings.Join(c.OrganizationIDs, " "), c.All, c.Write, c.Digest[:], sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime))
	return err
}

// PutCredential implements store.AllTx.
func (t allTx) PutCredential(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, `UPDATE service_credentials SET revoke_time = ?1 WHERE id = ?2`, sqldb.Time(&c.RevokeTime), c.ID)
	return err
}

// CountCredentials implements store.AllTx.
func (t allTx) CountCredentials(ctx context.Context, at time.Time) (int, error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int], nil, `SELECT count(*) FROM service_credentials
		WHERE revoke_time = 0 AND (expire_time = 0 OR expire_time > ?1)`, sqldb.Time(&at))
}
