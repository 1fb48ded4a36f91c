package rows

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// credentialFields are id, display_name, organization_ids, all_organizations, scopes, address_ranges, digest, create_time, expire_time,
// revoke_time, replaced_by_id, last_use_time, last_use_address.
func credentialFields(c *store.Credential) []any {
	return []any{
		&c.ID, &c.DisplayName, (*words)(&c.OrganizationIDs), &c.All, &c.Scopes, (*words)(&c.AddressRanges), dbtype.Digest(&c.Digest),
		dbtype.Time(&c.CreateTime), dbtype.Time(&c.ExpireTime), dbtype.Time(&c.RevokeTime), &c.ReplacedByID,
		dbtype.Time(&c.LastUse.Time), &c.LastUse.Address,
	}
}

// words scans a list of words: statements take and return them separated by spaces, however the engine stores them.
type words []string

func (w *words) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", value)
	}
	*w = strings.Fields(text)
	return nil
}

func (s Store) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	return ReadAll(ctx, s.Conn, credentialFields, s.sql.listCredentials, before, limit)
}

func (s Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	return ReadOne(ctx, s.Conn, credentialFields, store.ErrUnknownKey, s.sql.resolveCredential, digest[:])
}

func (t Tx) Credentials(ctx context.Context) ([]store.Credential, error) {
	return ReadAll(ctx, t.Conn, credentialFields, t.sql.listCredentialsOfOrganization, t.OrganizationID)
}

func (t Tx) PutScope(ctx context.Context, c store.Credential) error {
	_, err := t.Conn.Exec(ctx, t.sql.updateCredentialScope, strings.Join(c.OrganizationIDs, " "), c.ID)
	return err
}

func (t Tx) DeleteCredential(ctx context.Context, id string) error {
	_, err := t.Conn.Exec(ctx, t.sql.deleteCredential, id)
	return err
}

func (t AllTx) Credential(ctx context.Context, id string) (store.Credential, error) {
	return ReadOne(ctx, t.Conn, credentialFields, fault.Missing("service credential", id), t.sql.getCredential, id)
}

func (t AllTx) CreateCredential(ctx context.Context, c store.Credential) error {
	_, err := t.Conn.Exec(ctx, t.sql.insertCredential, c.ID, c.DisplayName, strings.Join(c.OrganizationIDs, " "), c.All, int64(c.Scopes),
		strings.Join(c.AddressRanges, " "), c.Digest[:], dbtype.Time(&c.CreateTime), dbtype.Time(&c.ExpireTime))
	return err
}

func (t AllTx) PutCredential(ctx context.Context, c store.Credential) error {
	_, err := t.Conn.Exec(ctx, t.sql.updateCredential, dbtype.Time(&c.ExpireTime), dbtype.Time(&c.RevokeTime), c.ReplacedByID, c.ID)
	return err
}

func (t AllTx) CountCredentials(ctx context.Context, at time.Time) (int, error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int], nil, t.sql.countValidCredentials, dbtype.Time(&at))
}
