package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// SigningKeys implements store.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	rows, err := s.db.Query(ctx, `SELECT id, secret, create_time, expire_time FROM signing_keys ORDER BY create_time DESC, id DESC`)
	return sqldb.Collect(rows, err, func(scan func(...any) error) (k store.SigningKey, err error) {
		return k, scan(&k.ID, &k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime))
	})
}

// AddSigningKey implements store.Store.
func (s *Store) AddSigningKey(ctx context.Context, k store.SigningKey, after time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM signing_keys WHERE expire_time <= ?`, sqldb.Time(&k.CreateTime)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, secret, create_time, expire_time) SELECT ?, ?, ?, ?
			WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE create_time > ?)`,
			k.ID, k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime), sqldb.Time(&after))
		return err
	})
}
