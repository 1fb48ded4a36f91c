package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const credentialColumns = `id, display_name, organization_ids, all_organizations, may_write, digest, create_time, expire_time, revoke_time`

func scanCredential(scan func(...any) error) (c store.Credential, err error) {
	var organizations string
	var raw []byte
	err = scan(&c.ID, &c.DisplayName, &organizations, &c.All, &c.Write, &raw,
		sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime), sqldb.Time(&c.RevokeTime))
	copy(c.Digest[:], raw)
	if organizations != "" {
		c.OrganizationIDs = strings.Split(organizations, " ")
	}
	return c, err
}

// CreateCredential implements store.Store.
func (s *Store) CreateCredential(ctx context.Context, c store.Credential) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for i, id := range c.OrganizationIDs {
			switch o, err := organization(ctx, tx, id); {
			case fault.Is(err, fault.NotFound):
				return fault.Invalid(fmt.Sprintf("organization_ids[%d]", i), "there is no organization %q", id)
			case err != nil:
				return err
			case o.Erasing():
				return fault.Invalid(fmt.Sprintf("organization_ids[%d]", i), "organization %q is being erased", id)
			}
		}
		var valid int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM service_credentials
			WHERE revoke_time = 0 AND (expire_time = 0 OR expire_time > ?)`, sqldb.Time(&c.CreateTime)).Scan(&valid); err != nil {
			return err
		}
		if valid >= store.MaxValidCredentials {
			return fault.New(fault.Limit, "%d service credentials are valid already: revoke one first", valid)
		}
		_, err := tx.Exec(ctx, `INSERT INTO service_credentials (`+credentialColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
			c.ID, c.DisplayName, strings.Join(c.OrganizationIDs, " "), c.All, c.Write, c.Digest[:],
			sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime))
		return err
	})
}

// Credentials implements store.Store.
func (s *Store) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	rows, err := s.db.Query(ctx, `SELECT `+credentialColumns+` FROM service_credentials
		WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, limit)
	return sqldb.Collect(rows, err, scanCredential)
}

// RevokeCredential implements store.Store.
func (s *Store) RevokeCredential(ctx context.Context, id string, now time.Time) (c store.Credential, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		c, err = scanCredential(tx.QueryRow(ctx, `SELECT `+credentialColumns+` FROM service_credentials WHERE id = ?`, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("service credential", id)
		}
		if err != nil || !c.RevokeTime.IsZero() {
			return err
		}
		c.RevokeTime = now
		_, err := tx.Exec(ctx, `UPDATE service_credentials SET revoke_time = ? WHERE id = ?`, sqldb.Time(&now), id)
		return err
	})
	return c, err
}

// ResolveCredential implements store.Store.
func (s *Store) ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (store.Credential, error) {
	c, err := scanCredential(s.db.QueryRow(ctx, `SELECT `+credentialColumns+` FROM service_credentials WHERE digest = ?`, digest[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "no key has this digest").With("resource", "key")
	}
	return c, err
}
