package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

var (
	listSigningKeys          = statements.Load("list_signing_keys")
	insertSigningKey         = statements.Load("insert_signing_key", "id", "secret", "create_time", "expire_time")
	deleteExpiredSigningKeys = statements.Load("delete_expired_signing_keys", "now")
)

func signingKeys(ctx context.Context, q sqldb.SQLiteReader) ([]store.SigningKey, error) {
	return sqldb.CollectAll(ctx, q, store.SigningKeyFields, listSigningKeys)
}

// SigningKeys implements store.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return signingKeys(ctx, s.db)
}

// SigningKeys implements store.AllTx.
func (t allTx) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return signingKeys(ctx, t.tx)
}

// AddSigningKey implements store.AllTx.
func (t allTx) AddSigningKey(ctx context.Context, k store.SigningKey) error {
	_, err := t.tx.Exec(ctx, insertSigningKey, k.ID, k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// RemoveSigningKeys implements store.AllTx.
func (t allTx) RemoveSigningKeys(ctx context.Context, now time.Time) error {
	_, err := t.tx.Exec(ctx, deleteExpiredSigningKeys, sqldb.Time(&now))
	return err
}
