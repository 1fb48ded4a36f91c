package scimhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// message is the state of one request.
type message struct {
	id            string
	start         time.Time
	request       *http.Request // as it arrived
	route         route
	body          body
	authenticated bool
	refusal       string // why it is not authenticated
	failed        bool   // it, or an operation of its Bulk, became a failed event
	lease         authn.Opened
	baseURL       string
	reserved      inflight.Reservation // its part of the memory in flight
	turn          *inflight.Turn
	ends          []func() // other functions to call at the end
}

// end releases everything that the message has reserved.
func (m *message) end() {
	m.reserved.Close()
	for _, end := range m.ends {
		end()
	}
}

// restart gives the work on a message its whole time after its body has arrived, if that was slow: the time of the body does not count. The
// operations of a Bulk, whose data has arrived, share the time of the Bulk.
func (m *message) restart(ctx context.Context, b *body, timeout time.Duration) context.Context {
	deadline, bounded := ctx.Deadline()
	if b.r == nil || !bounded || time.Until(deadline) > timeout-time.Second {
		return ctx
	}
	ctx, _ = m.untilGone(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, timeout)
	m.ends = append(m.ends, cancel)
	return ctx
}

// untilGone returns a context that also ends with the message, and when the client leaves.
func (m *message) untilGone(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.request.Context(), func() { cancel(context.Canceled) })
	m.ends = append(m.ends, func() {
		stop()
		cancel(context.Canceled)
	})
	return ctx, cancel
}

// patience limits how long a stream may make Usher wait each time. The time in which Usher waits for the client does not count.
type patience struct {
	stream  context.Context //nolint:containedctx // it tells why the stream ended
	timeout time.Duration
	timer   *time.Timer
	end     func() // ends the stream; the message does so, too
}

// patient creates a context for a stream. It ends when Usher waits longer than the timeout for the stream.
func (m *message) patient(ctx context.Context, timeout time.Duration) *patience {
	ctx, cancel := m.untilGone(ctx)
	p := &patience{stream: ctx, timeout: timeout, timer: time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })}
	p.timer.Stop()
	p.end = func() {
		p.timer.Stop()
		cancel(context.Canceled)
	}
	m.ends = append(m.ends, p.end)
	return p
}

// await waits for the stream.
func (p *patience) await(stream func() error) error {
	p.timer.Reset(p.timeout)
	err := stream()
	p.timer.Stop()
	if err != nil && errors.Is(context.Cause(p.stream), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}
