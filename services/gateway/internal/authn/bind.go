package authn

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/wait"
)

// recheckTimeout limits the check of a client's credential that begins when its key lease ends. A stream continues until then, so
// it is short.
const recheckTimeout = time.Second

// Bind returns a context for serving a client as long as its credential is valid. At the end of each key lease, the credential is looked
// up again. If it was revoked, has expired or cannot be checked, or if the operator's token was removed, the context ends, and
// Because returns the reason. stop ends the checks, and waits until they have ended.
func (c Clients) Bind(ctx context.Context, client Client) (bound context.Context, stop func()) {
	if client.token != nil {
		return client.token.bind(ctx)
	}
	bound, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { cancel(c.ended(bound, client)) })
	return bound, func() {
		cancel(nil)
		watching.Wait()
	}
}

// ended waits until the credential is no longer valid, and returns the reason. It returns nil if the context ends first.
func (c Clients) ended(ctx context.Context, client Client) error {
	for until := client.lease.Until; ; {
		if !client.expires.IsZero() && client.expires.Before(until) {
			until = client.expires
		}
		// No key lease is longer than this, even if the wall clock changes meanwhile.
		if !wait.Sleep(ctx, min(time.Until(until), keylease.MaxLease)) {
			return nil
		}
		if err := client.checkExpiry(c.now()); err != nil {
			return endedBy{err}
		}
		again, cancel := context.WithTimeout(ctx, recheckTimeout)
		lease, err := c.leases.of(again, client.digest)
		cancel()
		switch {
		case err != nil:
			return endedBy{fault.Wrap(err, fault.Unavailable, "the credential cannot be checked now").Retry(time.Second)}
		case !client.opens(lease):
			return endedBy{fault.New(fault.Unauthenticated, "the credential is not valid any more")}
		}
		until = lease.Until
	}
}

// endedBy is the cause of the end of a bound context.
type endedBy struct{ error }

func (e endedBy) Unwrap() error { return e.error }

// Because returns the error that the client gets: the reason why its credential ended, if this ended the context; otherwise err.
func Because(ctx context.Context, err error) error {
	var ended endedBy
	if err != nil && errors.As(context.Cause(ctx), &ended) {
		return ended.error
	}
	return err
}
