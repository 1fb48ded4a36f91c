package rows

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
)

// signingKeyFields are id, secret, create_time, expire_time.
func signingKeyFields(k *store.SigningKey) []any {
	return []any{&k.ID, &k.Secret, dbtype.Time(&k.CreateTime), dbtype.Time(&k.ExpireTime)}
}

func (s Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return ReadAll(ctx, s.Conn, signingKeyFields, s.sql.listSigningKeys)
}

func (t AllTx) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return ReadAll(ctx, t.Conn, signingKeyFields, t.sql.listSigningKeys)
}

func (t AllTx) AddSigningKey(ctx context.Context, k store.SigningKey) error {
	_, err := t.Conn.Exec(ctx, t.sql.insertSigningKey, k.ID, k.Secret, dbtype.Time(&k.CreateTime), dbtype.Time(&k.ExpireTime))
	return err
}

func (t AllTx) DeleteSigningKeys(ctx context.Context, now time.Time) error {
	_, err := t.Conn.Exec(ctx, t.sql.deleteExpiredSigningKeys, dbtype.Time(&now))
	return err
}
