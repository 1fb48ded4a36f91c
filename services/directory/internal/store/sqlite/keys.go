package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const keyColumns = `k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time`

// keyFields are where a row of keyColumns goes; the digest goes to raw.
func keyFields(k *store.Key, raw *[]byte) []any {
	return []any{
		&k.OrganizationID, &k.DirectoryID, &k.ID, &k.DisplayName, raw,
		sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime), sqldb.Time(&k.RevokeTime),
	}
}

func scanKey(scan func(...any) error) (k store.Key, err error) {
	var raw []byte
	err = scan(keyFields(&k, &raw)...)
	copy(k.Digest[:], raw)
	return k, err
}

func insertKey(ctx context.Context, tx *sqldb.Tx, k store.Key) error {
	_, err := tx.Exec(ctx, `INSERT INTO keys (organization_id, directory_id, id, display_name, digest, create_time,
		expire_time, revoke_time) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`, k.OrganizationID, k.DirectoryID, k.ID, k.DisplayName,
		k.Digest[:], sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// CreateKey implements store.Store.
func (s *Store) CreateKey(ctx context.Context, k store.Key) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		d, err := directory(ctx, tx, k.OrganizationID, k.DirectoryID)
		if err != nil {
			return err
		}
		if d.Deleted() {
			return fault.New(fault.Deleted, "directory %q was deleted", d.ID)
		}
		var valid int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM keys WHERE organization_id = ?1 AND directory_id = ?2
			AND revoke_time = 0 AND (expire_time = 0 OR expire_time > ?3)`,
			k.OrganizationID, k.DirectoryID, sqldb.Time(&k.CreateTime)).Scan(&valid); err != nil {
			return err
		}
		if valid >= store.MaxValidKeys {
			return fault.New(fault.Limit, "directory %q has %d valid keys already: revoke one first", d.ID, valid)
		}
		return insertKey(ctx, tx, k)
	})
}

// Keys implements store.Store.
func (s *Store) Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]store.Key, error) {
	if _, err := s.Directory(ctx, organizationID, directoryID); err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `SELECT `+keyColumns+` FROM keys k
		WHERE k.organization_id = ? AND k.directory_id = ? ORDER BY k.id DESC LIMIT ?`, organizationID, directoryID, limit)
	return sqldb.Collect(rows, err, scanKey)
}

// RevokeKey implements store.Store.
func (s *Store) RevokeKey(ctx context.Context, organizationID, directoryID, id string, now time.Time) (k store.Key, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		k, err = scanKey(tx.QueryRow(ctx, `SELECT `+keyColumns+` FROM keys k
			WHERE k.organization_id = ? AND k.directory_id = ? AND k.id = ?`, organizationID, directoryID, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("key", id)
		}
		if err != nil || !k.RevokeTime.IsZero() {
			return err
		}
		k.RevokeTime = now
		_, err := tx.Exec(ctx, `UPDATE keys SET revoke_time = ? WHERE organization_id = ? AND directory_id = ? AND id = ?`,
			sqldb.Time(&now), organizationID, directoryID, id)
		return err
	})
	return k, err
}

// Resolve implements store.Store.
func (s *Store) Resolve(ctx context.Context, digest [sha256.Size]byte) (k store.Key, d store.Directory, err error) {
	var raw []byte
	err = s.db.QueryRow(ctx, `SELECT `+keyColumns+`, `+directoryColumns+` FROM keys k
		JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
		JOIN organizations o ON o.id = d.organization_id WHERE k.digest = ?`, digest[:]).
		Scan(append(keyFields(&k, &raw), directoryFields(&d)...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return k, d, fault.New(fault.NotFound, "no key has this digest").With("resource", "key")
	}
	copy(k.Digest[:], raw)
	return k, d, err
}
