package sqlite

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

var (
	listKeys   = statements.Load("list_keys", "organization_id", "directory_id", "limit")
	resolveKey = statements.Load("resolve_key", "digest")
	getKey     = statements.Load("get_key", "organization_id", "directory_id", "id")
	insertKey  = statements.Load("insert_key",
		"organization_id", "directory_id", "id", "display_name", "digest", "create_time", "expire_time")
	revokeKey      = statements.Load("revoke_key", "revoke_time", "organization_id", "directory_id", "id")
	countValidKeys = statements.Load("count_valid_keys", "organization_id", "directory_id", "at")
	listDigests    = statements.Load("list_digests", "organization_id", "directory_id")
	deleteKeys     = statements.Load("delete_keys", "organization_id", "limit")
)

// Keys implements store.Store.
func (s *Store) Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]store.Key, error) {
	return sqldb.CollectAll(ctx, s.db, store.KeyFields, listKeys, organizationID, directoryID, limit)
}

// Resolve implements store.Store.
func (s *Store) Resolve(ctx context.Context, digest [sha256.Size]byte) (store.Key, store.Directory, error) {
	r, err := sqldb.CollectOne(ctx, s.db, store.ResolvedFields, store.ErrUnknownKey, resolveKey, digest[:])
	return r.Key, r.Directory, err
}

// Key implements store.Tx.
func (t organizationTx) Key(ctx context.Context, directoryID, id string) (store.Key, error) {
	return sqldb.CollectOne(ctx, t.tx, store.KeyFields, fault.Missing("key", id), getKey, t.organization, directoryID, id)
}

// CreateKey implements store.Tx.
func (t organizationTx) CreateKey(ctx context.Context, k store.Key) error {
	_, err := t.tx.Exec(ctx, insertKey, t.organization, k.DirectoryID, k.ID, k.DisplayName,
		k.Digest[:], sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// PutKey implements store.Tx.
func (t organizationTx) PutKey(ctx context.Context, k store.Key) error {
	_, err := t.tx.Exec(ctx, revokeKey, sqldb.Time(&k.RevokeTime), t.organization, k.DirectoryID, k.ID)
	return err
}

// CountKeys implements store.Tx.
func (t organizationTx) CountKeys(ctx context.Context, directoryID string, at time.Time) (int, error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int], nil, countValidKeys, t.organization, directoryID, sqldb.Time(&at))
}

// Digests implements store.Tx.
func (t organizationTx) Digests(ctx context.Context, directoryID string) ([][sha256.Size]byte, error) {
	return sqldb.CollectAll(ctx, t.tx, store.DigestField, listDigests, t.organization, directoryID)
}

// RemoveKeys implements store.Tx.
func (t organizationTx) RemoveKeys(ctx context.Context, limit int) (int, error) {
	n, err := t.tx.Exec(ctx, deleteKeys, t.organization, limit)
	return int(n), err
}
