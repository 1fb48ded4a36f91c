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
	// signingTerm is for how long a signing key signs; it is valid for as long again, so two are valid at a time.
	signingTerm = 24 * time.Hour
	// signingKeyBytes is as long as what the key makes.
	signingKeyBytes = 32
	// rereadSigningKeys is how often they are read again: the database may have been restored.
	rereadSigningKeys = time.Minute
)

// signing remembers the key that signs.
type signing struct {
	mu   sync.Mutex
	key  store.SigningKey
	read time.Time
}

// SigningKeys lists those that are valid now, the newest first.
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

// SigningKey gives the key to sign with now. The first one is made when it is first asked for.
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

// addSigningKey makes a key, unless another process was quicker.
func (c *Core) addSigningKey(ctx context.Context, now time.Time, fresh func(store.SigningKey) bool) (key store.SigningKey, err error) {
	next := store.SigningKey{ID: ids.New(), Secret: make([]byte, signingKeyBytes), CreateTime: now, ExpireTime: now.Add(2 * signingTerm)}
	_, _ = rand.Read(next.Secret) // it never fails
	err = c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		if key, err = newestSigningKey(tx.SigningKeys(ctx)); err != nil || fresh(key) {
			return err
		}
		key = next
		if err := tx.RemoveSigningKeys(ctx, now); err != nil {
			return err
		}
		return tx.AddSigningKey(ctx, next)
	})
	return key, err
}

// newestSigningKey is the first of all; none has no id.
func newestSigningKey(all []store.SigningKey, err error) (newest store.SigningKey, _ error) {
	if len(all) > 0 {
		newest = all[0]
	}
	return newest, err
}
