package core

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/ids"
)

const (
	// signingTerm is how long a signing key signs. It stays valid for as long again, so two keys are valid at a time.
	signingTerm = 24 * time.Hour
	// signingKeyBytes is the length of the key's MAC.
	signingKeyBytes = 32
	// rereadSigningKeys is how often the keys are read again: the database may have been restored.
	rereadSigningKeys = time.Minute
)

// signing caches the key that signs.
type signing struct {
	mu   sync.Mutex
	key  store.SigningKey
	read time.Time
}

// SigningKeys lists the valid signing keys, newest first.
func (c *Core) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	all, err := c.store.SigningKeys(ctx)
	now := c.now()
	var valid []store.SigningKey
	for _, k := range all {
		if now.Before(k.ExpireTime) {
			valid = append(valid, k)
		}
	}
	return valid, err
}

// SigningKey returns the key to sign with now. It creates a key if there is none.
func (c *Core) SigningKey(ctx context.Context) (store.SigningKey, error) {
	c.signing.mu.Lock()
	defer c.signing.mu.Unlock()
	now := c.now()
	fresh := func(k store.SigningKey) bool { return k.ID != "" && now.Before(k.CreateTime.Add(signingTerm)) }
	if since := now.Sub(c.signing.read); fresh(c.signing.key) && 0 <= since && since < rereadSigningKeys {
		return c.signing.key, nil
	}
	key, err := newestSigningKey(c.store.SigningKeys(ctx))
	if err == nil && !fresh(key) {
		key, err = c.addSigningKey(ctx, now, fresh)
	}
	if err != nil {
		return store.SigningKey{}, err
	}
	c.signing.key, c.signing.read = key, now
	return key, nil
}

// addSigningKey creates a key, unless another process was faster.
func (c *Core) addSigningKey(ctx context.Context, now time.Time, fresh func(store.SigningKey) bool) (key store.SigningKey, err error) {
	next := store.SigningKey{ID: ids.New(), Secret: make([]byte, signingKeyBytes), CreateTime: now, ExpireTime: now.Add(2 * signingTerm)}
	_, _ = rand.Read(next.Secret) // it never fails
	err = c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		if key, err = newestSigningKey(tx.SigningKeys(ctx)); err != nil || fresh(key) {
			return err
		}
		key = next
		if err := tx.DeleteSigningKeys(ctx, now); err != nil {
			return err
		}
		return tx.AddSigningKey(ctx, next)
	})
	return key, err
}

// newestSigningKey returns the first key; if there is none, one without an id.
func newestSigningKey(all []store.SigningKey, err error) (newest store.SigningKey, _ error) {
	if len(all) > 0 {
		newest = all[0]
	}
	return newest, err
}
