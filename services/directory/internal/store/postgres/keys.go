package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const keyColumns = `k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time`

// storedKey is a row of keyColumns.
type storedKey struct {
	store.Key
	digest []byte
}

func keyFields(k *storedKey) []any {
	return []any{
		&k.OrganizationID, &k.DirectoryID, &k.ID, &k.DisplayName, &k.digest,
		sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime), sqldb.Time(&k.RevokeTime),
	}
}

// key is the row with its digest in place.
func (k storedKey) key() store.Key {
	copy(k.Digest[:], k.digest)
	return k.Key
}

func insertKey(ctx context.Context, tx pgx.Tx, k store.Key) error {
	_, err := tx.Exec(ctx, `INSERT INTO keys (organization_id, directory_id, id, display_name, digest, create_time,
		expire_time, revoke_time) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`, k.OrganizationID, k.DirectoryID, k.ID, k.DisplayName,
		k.Digest[:], sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// CreateKey implements store.Store.
func (s *Store) CreateKey(ctx context.Context, k store.Key) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		// The directory is locked: keys that are created at once would each count too few, or outlive it.
		d, err := directory(ctx, tx, k.OrganizationID, k.DirectoryID, lockDirectory)
		if err != nil {
			return err
		}
		if d.Deleted() {
			return fault.New(fault.Deleted, "directory %q was deleted", d.ID)
		}
		var valid int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM keys WHERE organization_id = $1 AND directory_id = $2
			AND revoke_time = 0 AND (expire_time = 0 OR expire_time > $3)`,
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
	stored, err := sqldb.ReadAll(ctx, s.db, keyFields, `SELECT `+keyColumns+` FROM keys k
		WHERE k.organization_id = $1 AND k.directory_id = $2 ORDER BY k.id COLLATE "C" DESC LIMIT $3`, organizationID, directoryID, limit)
	var keys []store.Key
	for _, k := range stored {
		keys = append(keys, k.key())
	}
	return keys, err
}

// RevokeKey implements store.Store.
func (s *Store) RevokeKey(ctx context.Context, organizationID, directoryID, id string, now time.Time) (k store.Key, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		stored, err := sqldb.ReadOne(ctx, tx, keyFields, fault.Missing("key", id), `SELECT `+keyColumns+` FROM keys k
			WHERE k.organization_id = $1 AND k.directory_id = $2 AND k.id = $3 FOR UPDATE`, organizationID, directoryID, id)
		if k = stored.key(); err != nil || !k.RevokeTime.IsZero() {
			return err
		}
		k.RevokeTime = now
		_, err = tx.Exec(ctx, `UPDATE keys SET revoke_time = $1 WHERE organization_id = $2 AND directory_id = $3 AND id = $4`,
			sqldb.Time(&now), organizationID, directoryID, id)
		return err
	})
	return k, err
}

// Resolve implements store.Store.
func (s *Store) Resolve(ctx context.Context, digest [sha256.Size]byte) (store.Key, store.Directory, error) {
	var k storedKey
	var d store.Directory
	err := s.db.QueryRow(ctx, `SELECT `+keyColumns+`, `+directoryColumns+` FROM keys k
		JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
		JOIN organizations o ON o.id = d.organization_id WHERE k.digest = $1`, digest[:]).
		Scan(append(keyFields(&k), directoryFields(&d)...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Key{}, d, fault.New(fault.NotFound, "no key has this digest").With("resource", "key")
	}
	return k.key(), d, sqldb.Reach(err)
}
