package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const credentialColumns = `id, display_name, organization_ids, all_organizations, may_write, digest, create_time, expire_time, revoke_time`

// storedCredential is a row of credentialColumns.
type storedCredential struct {
	store.Credential
	digest []byte
}

func credentialFields(c *storedCredential) []any {
	return []any{
		&c.ID, &c.DisplayName, &c.OrganizationIDs, &c.All, &c.Write, &c.digest,
		sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime), sqldb.Time(&c.RevokeTime),
	}
}

// credential is the row with its digest in place, and no scope as nil.
func (c storedCredential) credential() store.Credential {
	copy(c.Digest[:], c.digest)
	if len(c.OrganizationIDs) == 0 {
		c.OrganizationIDs = nil
	}
	return c.Credential
}

// CreateCredential implements store.Store.
func (s *Store) CreateCredential(ctx context.Context, c store.Credential) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		// Credentials that are created at once would each count too few. Reads go on; credentials are created rarely.
		if _, err := tx.Exec(ctx, `LOCK TABLE service_credentials IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		// Locked, so that none begins to be erased meanwhile.
		there, err := sqldb.ReadAll(ctx, tx, organizationFields,
			`SELECT `+organizationColumns+` FROM organizations WHERE id = ANY($1) ORDER BY id FOR SHARE`, c.OrganizationIDs)
		if err != nil && !sqldb.Unstorable(err) {
			return err
		}
		for i, id := range c.OrganizationIDs {
			found := slices.IndexFunc(there, func(o store.Organization) bool { return o.ID == id })
			if found < 0 {
				return fault.Invalid(fmt.Sprintf("organization_ids[%d]", i), "there is no organization %q", id)
			}
			if there[found].Erasing() {
				return fault.Invalid(fmt.Sprintf("organization_ids[%d]", i), "organization %q is being erased", id)
			}
		}
		var valid int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM service_credentials
			WHERE revoke_time = 0 AND (expire_time = 0 OR expire_time > $1)`, sqldb.Time(&c.CreateTime)).Scan(&valid); err != nil {
			return err
		}
		if valid >= store.MaxValidCredentials {
			return fault.New(fault.Limit, "%d service credentials are valid already: revoke one first", valid)
		}
		_, err = tx.Exec(ctx, `INSERT INTO service_credentials (`+credentialColumns+`)
			VALUES ($1, $2, coalesce($3, '{}'::text[]), $4, $5, $6, $7, $8, 0)`,
			c.ID, c.DisplayName, c.OrganizationIDs, c.All, c.Write, c.Digest[:], sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime))
		return err
	})
}

// Credentials implements store.Store.
func (s *Store) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	stored, err := sqldb.ReadAll(ctx, s.db, credentialFields, `SELECT `+credentialColumns+` FROM service_credentials
		WHERE $1 = '' OR id COLLATE "C" < $1 ORDER BY id COLLATE "C" DESC LIMIT $2`, before, limit)
	var all []store.Credential
	for _, c := range stored {
		all = append(all, c.credential())
	}
	return all, err
}

// RevokeCredential implements store.Store.
func (s *Store) RevokeCredential(ctx context.Context, id string, now time.Time) (c store.Credential, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		stored, err := sqldb.ReadOne(ctx, tx, credentialFields, fault.Missing("service credential", id),
			`SELECT `+credentialColumns+` FROM service_credentials WHERE id = $1 FOR UPDATE`, id)
		if c = stored.credential(); err != nil || !c.RevokeTime.IsZero() {
			return err
		}
		c.RevokeTime = now
		_, err = tx.Exec(ctx, `UPDATE service_credentials SET revoke_time = $1 WHERE id = $2`, sqldb.Time(&now), id)
		return err
	})
	return c, err
}

// ResolveCredential implements store.Store.
func (s *Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	stored, err := sqldb.ReadOne(ctx, s.db, credentialFields, fault.New(fault.NotFound, "no key has this digest").With("resource", "key"),
		`SELECT `+credentialColumns+` FROM service_credentials WHERE digest = $1`, digest[:])
	return stored.credential(), err
}
