package scimhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// message is one request on its way.
type message struct {
	id            string
	start         time.Time
	request       *http.Request // as it came
	route         route
	body          body
	authenticated bool
	refusal       string // why it is not authenticated
	lease         authn.Opened
	baseURL       string
	hold          inflight.Hold // what it takes of the memory in flight
	turn          *inflight.Turn
	ends          []func() // what else is to be called in the end
}

// end gives back all that the message holds.
func (m *message) end() {
	m.hold.Close()
	for _, end := range m.ends {
		end()
	}
}

// restart gives the work on a message its whole time once its body is here, if that came slowly: how long it may take is
// not the work's time. The operations of a Bulk, whose data is here, share the time of the Bulk.
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

// untilGone gives a context that also ends with the message, and when the client leaves.
func (m *message) untilGone(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.request.Context(), func() { cancel(context.Canceled) })
	m.ends = append(m.ends, func() {
		stop()
		cancel(context.Canceled)
	})
	return ctx, cancel
}

// patience bounds how long a stream may keep Usher waiting each time; how long its client does is not the stream's time.
type patience struct {
	stream  context.Context //nolint:containedctx // to ask why it ended
	timeout time.Duration
	timer   *time.Timer
	end     func() // ends the stream; the message does so too
}

// patient makes a context for a stream, which ends when Usher waits for it longer than the timeout.
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
