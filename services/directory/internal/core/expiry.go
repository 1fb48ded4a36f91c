package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

const day = 24 * time.Hour

// EarlyWarning and LateWarning are how long before the expiry of a key or a credential Usher warns.
const (
	EarlyWarning = 30 * day
	LateWarning  = 7 * day
)

// defaultLifetime is how long a service credential is valid if its creator does not choose.
const defaultLifetime = 365 * day

// checkExpiry refuses an expire_time in the past. field is the name of the request's field.
func checkExpiry(field string, expire, create time.Time) error {
	if !expire.IsZero() && !expire.After(create) {
		return fault.Invalid(field+".expire_time", "must be in the future")
	}
	return nil
}

// Now returns the time that decides whether a key or a credential has expired.
func (c *Core) Now() time.Time { return c.now() }

// Expiring counts the keys and the credentials that have expired within a day, that expire within LateWarning, and that expire within
// EarlyWarning.
func (c *Core) Expiring(ctx context.Context) ([]store.Expiring, error) {
	now := c.now()
	return c.store.Expiring(ctx, now.Add(-day), now, now.Add(LateWarning), now.Add(EarlyWarning))
}
