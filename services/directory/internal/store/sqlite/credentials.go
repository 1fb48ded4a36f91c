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

var (
	listCredentials               = statements.Load("list_credentials", "before", "limit")
	resolveCredential             = statements.Load("resolve_credential", "digest")
	listCredentialsOfOrganization = statements.Load("list_credentials_of_organization", "organization_id")
	updateCredentialScope         = statements.Load("update_credential_scope", "organization_ids", "id")
	deleteCredential              = statements.Load("delete_credential", "id")
	getCredential                 = statements.Load("get_credential", "id")
	insertCredential              = statements.Load("insert_credential",
		"id", "display_name", "organization_ids", "all_organizations", "may_write", "digest", "create_time",
		"expire_time")
	revokeCredential      = statements.Load("revoke_credential", "revoke_time", "id")
	countValidCredentials = statements.Load("count_valid_credentials", "at")
)

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
	return sqldb.CollectAll(ctx, s.db, credentialFields, listCredentials, before, limit)
}

// ResolveCredential implements store.Store.
func (s *Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	return sqldb.CollectOne(ctx, s.db, credentialFields, store.ErrUnknownKey, resolveCredential, digest[:])
}

// Credentials implements store.Tx.
func (t organizationTx) Credentials(ctx context.Context) ([]store.Credential, error) {
	return sqldb.CollectAll(ctx, t.tx, credentialFields, listCredentialsOfOrganization, t.organization)
}

// PutScope implements store.Tx.
func (t organizationTx) PutScope(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, updateCredentialScope, strings.Join(c.OrganizationIDs, " "), c.ID)
	return err
}

// RemoveCredential implements store.Tx.
func (t organizationTx) RemoveCredential(ctx context.Context, id string) error {
	_, err := t.tx.Exec(ctx, deleteCredential, id)
	return err
}

// Credential implements store.AllTx.
func (t allTx) Credential(ctx context.Context, id string) (store.Credential, error) {
	return sqldb.CollectOne(ctx, t.tx, credentialFields, fault.Missing("service credential", id), getCredential, id)
}

// CreateCredential implements store.AllTx.
func (t allTx) CreateCredential(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, insertCredential,
		c.ID, c.DisplayName, strings.Join(c.OrganizationIDs, " "), c.All, c.Write, c.Digest[:], sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime))
	return err
}

// PutCredential implements store.AllTx.
func (t allTx) PutCredential(ctx context.Context, c store.Credential) error {
	_, err := t.tx.Exec(ctx, revokeCredential, sqldb.Time(&c.RevokeTime), c.ID)
	return err
}

// CountCredentials implements store.AllTx.
func (t allTx) CountCredentials(ctx context.Context, at time.Time) (int, error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int], nil, countValidCredentials, sqldb.Time(&at))
}
