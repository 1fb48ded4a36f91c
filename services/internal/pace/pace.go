// Package pace limits how slowly a client may send the body of an HTTP request and read the answer. In each direction, Usher waits for the
// client for 10 seconds, and one more second for each 64 KiB that were transferred, but never longer than 30 seconds for one part. So a
// large body can arrive over a slow line, and a client that stops keeps no resources for long, however much it read before. The time that
// Usher itself takes does not count, so a stream may live for hours.
package pace

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Grace is how long Usher waits for a client in any case, in each direction.
	Grace = 10 * time.Second
	// Rate is how many bytes per second a client must send or read on average after Grace is over.
	Rate = 64 << 10
	// Still is how long Usher waits for one part of a body or an answer, however fast the client was before: a watch may have transferred
	// much over the hours. The parts of an answer have 64 KiB at most.
	Still = 30 * time.Second
)

const (
	// step is how many bytes are transferred between two checks of the pace.
	step = 64 << 10
	// stale is the age at which a deadline is renewed, because the time that Usher takes must not count.
	stale = 100 * time.Millisecond
	// grace is how long a refused client may still send: if its connection were closed at once, the answer would be lost.
	grace = time.Second
	// refusedRate and refusedBurst are how many bytes of refused bodies are read, for all clients together: per second, and at once.
	// Clients that send refused bodies must not use up the processor.
	refusedRate, refusedBurst = 64 << 20, 8 << 20
)

// refused is how much of refused bodies may still be read.
var refused = newRefused()

func newRefused() *rate.Limiter { return rate.NewLimiter(refusedRate, refusedBurst) }

// Longest returns the longest time that Usher waits for so many bytes.
func Longest(bytes int64) time.Duration {
	return Grace + time.Duration(float64(bytes)/Rate*float64(time.Second))
}

// Handler serves requests with next, at the pace. A body that arrives too slowly ends with os.ErrDeadlineExceeded; the connection of a
// client that reads too slowly is closed. It must be the outermost handler. The server must have a WriteTimeout: otherwise the deadline of
// one answer would remain for the next text that the server itself writes, such as 100 Continue.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := *http.NewResponseController(w)
		x := &exchange{
			body:   reader{line: line{control: control}, body: r.Body},
			answer: writer{line: line{control: control, write: true}, ResponseWriter: w},
		}
		if r.ContentLength != 0 {
			x.body.renew(0) // also if nobody reads it: then the server does, to reuse the connection
			r.Body = &x.body
		}
		next.ServeHTTP(&x.answer, r)
		x.answer.renew(0) // for the rest that the server must send
	})
}

// exchange is a request and its answer, in one allocation.
type exchange struct {
	body   reader
	answer writer
}

// Refuse sends an answer before the body was read, and closes the connection: otherwise the server would first wait for the body, to reuse
// the connection. It reads the client's body for one more second, because a connection that is closed too early is reset, and the answer is
// lost. If many requests are refused at once, it reads less.
func Refuse(w http.ResponseWriter, r *http.Request, send func()) {
	if r.ContentLength == 0 {
		send()
		return
	}
	body, control := r.Body, http.NewResponseController(w)
	if x, ok := body.(*reader); ok {
		body = x.body // without the pace, which would give it more time
	}
	w.Header().Set("Connection", "close")
	send()
	_ = control.Flush()
	if control.SetReadDeadline(time.Now().Add(grace)) == nil { // the recorder of a test has no deadlines
		discard(r.Context(), body, refused)
	}
}

// discard reads a refused body, within the allowed rate.
func discard(ctx context.Context, body io.Reader, allowed *rate.Limiter) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for allowed.WaitN(ctx, step) == nil {
		if _, err := io.CopyN(io.Discard, body, step); err != nil {
			return
		}
	}
}

// line is one direction of a connection.
type line struct {
	control http.ResponseController
	write   bool          // towards the client
	moved   int64         // how many bytes were transferred
	waited  time.Duration // for the client
	at      time.Time     // when the deadline was set, or zero
	after   int64         // how many bytes were transferred then
}

// set sets the deadline. If a connection has no deadlines, its creator limits it.
func (l *line) set(at time.Time) {
	if l.write {
		_ = l.control.SetWriteDeadline(at)
		return
	}
	_ = l.control.SetReadDeadline(at)
}

// renew sets the deadline for the next bytes if the last deadline is old, and returns the present time.
func (l *line) renew(next int) time.Time {
	now := time.Now()
	if l.at.IsZero() || l.moved-l.after >= step || now.Sub(l.at) > stale {
		l.at, l.after = now, l.moved
		l.set(now.Add(min(Longest(l.moved+int64(next))-l.waited, Still)))
	}
	return now
}

// went counts bytes, and the time that they took.
func (l *line) went(bytes int, since time.Time) {
	l.moved += int64(bytes)
	l.waited += time.Since(since)
}

// reader is a body with a pace.
type reader struct {
	line
	body io.ReadCloser
}

func (r *reader) Read(p []byte) (int, error) {
	start := r.renew(0)
	n, err := r.body.Read(p)
	r.went(n, start)
	if errors.Is(err, io.EOF) {
		// The server continues to read, to notice when the client leaves. It would take an expired deadline for this.
		r.set(time.Time{})
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }

// writer is an answer with a pace.
type writer struct {
	http.ResponseWriter
	line
}

func (w *writer) Write(p []byte) (written int, err error) {
	for {
		part := p[written:min(len(p), written+step)]
		start := w.renew(len(part))
		n, err := w.ResponseWriter.Write(part)
		w.went(n, start)
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// FlushError sends the written bytes; http.ResponseController calls it.
func (w *writer) FlushError() error {
	start := w.renew(0)
	err := w.control.Flush()
	w.went(0, start)
	return err
}

func (w *writer) Flush() { _ = w.FlushError() } // the next write says so

// Unwrap lets http.ResponseController set deadlines.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
