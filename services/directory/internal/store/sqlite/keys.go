package sqlite

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const keyColumns = `k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time`

// Keys implements store.Store.
func (s *Store) Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]store.Key, error) {
	return sqldb.CollectAll(ctx, s.db, store.KeyFields, `SELECT `+keyColumns+` FROM keys k
		WHERE k.organization_id = ?1 AND k.directory_id = ?2 ORDER BY k.id DESC LIMIT ?3`, organizationID, directoryID, limit)
}

// Resolve implements store.Store.
func (s *Store) Resolve(ctx context.Context, digest [sha256.Size]byte) (store.Key, store.Directory, error) {
	r, err := sqldb.CollectOne(ctx, s.db, store.ResolvedFields, store.ErrUnknownKey, `SELECT `+keyColumns+`, `+directoryColumns+` FROM keys k
		JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
		JOIN organizations o ON o.id = d.organization_id WHERE k.digest = ?1`, digest[:])
	return r.Key, r.Directory, err
}

// Key implements store.Tx.
func (t organizationTx) Key(ctx context.Context, directoryID, id string) (store.Key, error) {
	return sqldb.CollectOne(ctx, t.tx, store.KeyFields, fault.Missing("key", id), `SELECT `+keyColumns+` FROM keys k
		WHERE k.organization_id = ?1 AND k.directory_id = ?2 AND k.id = ?3`, t.organization, directoryID, id)
}

// CreateKey implements store.Tx.
func (t organizationTx) CreateKey(ctx context.Context, k store.Key) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO keys (organization_id, directory_id, id, display_name, digest, create_time,
		expire_time, revoke_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)`, t.organization, k.DirectoryID, k.ID, k.DisplayName,
		k.Digest[:], sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// PutKey implements store.Tx.
func (t organizationTx) PutKey(ctx context.Context, k store.Key) error {
	_, err := t.tx.Exec(ctx, `UPDATE keys SET revoke_time = ?1 WHERE organization_id = ?2 AND directory_id = ?3 AND id = ?4`,
		sqldb.Time(&k.RevokeTime), t.organization, k.DirectoryID, k.ID)
	return err
}

// CountKeys implements store.Tx.
func (t organizationTx) CountKeys(ctx context.Context, directoryID string, at time.Time) (int, error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int], nil, `SELECT count(*) FROM keys WHERE organization_id = ?1
		AND directory_id = ?2 AND revoke_time = 0 AND (expire_time = 0 OR expire_time > ?3)`, t.organization, directoryID, sqldb.Time(&at))
}

// Digests implements store.Tx.
func (t organizationTx) Digests(ctx context.Context, directoryID string) ([][sha256.Size]byte, error) {
	return sqldb.CollectAll(ctx, t.tx, store.DigestField, `SELECT digest FROM keys
		WHERE organization_id = ?1 AND (?2 = '' OR directory_id = ?2)`, t.organization, directoryID)
}

// RemoveKeys implements store.Tx.
func (t organizationTx) RemoveKeys(ctx context.Context, limit int) (int, error) {
	n, err := t.tx.Exec(ctx, `DELETE FROM keys WHERE (organization_id, directory_id, id) IN
		(SELECT organization_id, directory_id, id FROM keys WHERE organization_id = ?1 LIMIT ?2)`, t.organization, limit)
	return int(n), err
}
