package postgres

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

func signingKeys(ctx context.Context, q sqldb.Reader) ([]store.SigningKey, error) {
	return sqldb.ReadAll(ctx, q, store.SigningKeyFields,
		`SELECT id, secret, create_time, expire_time FROM signing_keys ORDER BY create_time DESC, id DESC`)
}

// SigningKeys implements store.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return signingKeys(ctx, s.db)
}

// SigningKeys implements store.AllTx.
func (t allTx) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return signingKeys(ctx, t.conn)
}

// AddSigningKey implements store.AllTx.
func (t allTx) AddSigningKey(ctx context.Context, k store.SigningKey) error {
	_, err := t.conn.Exec(ctx, `INSERT INTO signing_keys (id, secret, create_time, expire_time) VALUES ($1, $2, $3, $4)`,
		k.ID, k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	return err
}

// RemoveSigningKeys implements store.AllTx.
func (t allTx) RemoveSigningKeys(ctx context.Context, now time.Time) error {
	_, err := t.conn.Exec(ctx, `DELETE FROM signing_keys WHERE expire_time <= $1`, sqldb.Time(&now))
	return err
}
