package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// SigningKeys implements store.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return sqldb.ReadAll(ctx, s.db, func(k *store.SigningKey) []any {
		return []any{&k.ID, &k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime)}
	}, `SELECT id, secret, create_time, expire_time FROM signing_keys ORDER BY create_time DESC, id DESC`)
}

// AddSigningKey implements store.Store.
func (s *Store) AddSigningKey(ctx context.Context, k store.SigningKey, after time.Time) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		// Who adds one at the same time would not see this one. Reads go on.
		if _, err := tx.Exec(ctx, `LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM signing_keys WHERE expire_time <= $1`, sqldb.Time(&k.CreateTime)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, secret, create_time, expire_time) SELECT $1, $2, $3, $4
			WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE create_time > $5)`,
			k.ID, k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime), sqldb.Time(&after))
		return err
	})
}
