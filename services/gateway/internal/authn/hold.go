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

// lookAgainWithin is how long a look at a client's credential may take when its lease has run out. Until it is over a
// stream goes on, so it is short.
const lookAgainWithin = time.Second

// Hold gives a context for serving a client for as long as its credential opens something: at the end of each lease it is
// looked up again, and once it was revoked or has expired, or that cannot be told, the context ends. Because says why.
// stop ends the looking, and waits for that.
func (c Clients) Hold(ctx context.Context, client Client) (held context.Context, stop func()) {
	if client.lease.Credential == nil {
		return ctx, func() {} // the bootstrap token is good as long as the process lives
	}
	held, cancel := context.WithCancelCause(ctx)
	var looking sync.WaitGroup
	looking.Go(func() { cancel(c.ended(held, client)) })
	return held, func() {
		cancel(nil)
		looking.Wait()
	}
}

// ended waits until the credential opens nothing any more, and says why; nil when the context ends before.
func (c Clients) ended(ctx context.Context, client Client) error {
	for until := client.lease.Until; ; {
		// No lease is longer, whatever the time of day has become meanwhile.
		if !wait.Sleep(ctx, min(time.Until(until), keylease.MaxLease)) {
			return nil
		}
		again, cancel := context.WithTimeout(ctx, lookAgainWithin)
		lease, err := c.leases.of(again, client.digest)
		cancel()
		switch {
		case err != nil:
			return endedBy{fault.Wrap(err, fault.Unavailable, "the credential cannot be checked now").Retry(time.Second)}
		case lease.Unknown || lease.Credential == nil:
			return endedBy{fault.New(fault.Unauthenticated, "the credential is not valid any more")}
		}
		until = lease.Until
	}
}

// endedBy is the cause of a held context's end.
type endedBy struct{ error }

func (e endedBy) Unwrap() error { return e.error }

// Because gives the error to answer a client with: why its credential ended, if that ended the context, or else err.
func Because(ctx context.Context, err error) error {
	var ended endedBy
	if err != nil && errors.As(context.Cause(ctx), &ended) {
		return ended.error
	}
	return err
}
