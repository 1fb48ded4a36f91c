// Package pace bounds how slowly a client may send the body of an HTTP request, and read the answer. In either direction,
// Usher waits for the client 10 seconds, and a second more for each 64 KiB that went, but never 30 seconds for one part. So a large
// body arrives over a slow line, and a client that stands still holds nothing for long, whatever it read before. The time that Usher itself takes does not count, so a stream may
// live for hours.
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
	// Rate is how many bytes a second a client must send or read on average once Grace is over.
	Rate = 64 << 10
	// Still is how long Usher waits for one part of a body or an answer, however fast the client was before: a watch has sent
	// much over the hours. Parts of answers have 64 KiB at most.
	Still = 30 * time.Second
)

const (
	// step is how many bytes go between two looks at the pace.
	step = 64 << 10
	// stale is after how long a deadline is set anew: the time that Usher takes must not count.
	stale = 100 * time.Millisecond
	// grace is how long a refused client may still send: an answer on a connection that is cut under it would be lost.
	grace = time.Second
	// refusedRate and refusedBurst are how many bytes a second of refused bodies are read, of all clients together, and at once: who
	// sends what is refused must not have the cores.
	refusedRate, refusedBurst = 64 << 20, 8 << 20
)

// refused is what may be read of refused bodies.
var refused = newRefused()

func newRefused() *rate.Limiter { return rate.NewLimiter(refusedRate, refusedBurst) }

// Longest is how long Usher waits for so many bytes at most.
func Longest(bytes int64) time.Duration {
	return Grace + time.Duration(float64(bytes)/Rate*float64(time.Second))
}

// Handler serves with next, at the pace. A body that comes too slowly ends with os.ErrDeadlineExceeded; the connection of a
// client that reads too slowly is cut. It must be the outermost handler. The server must have a WriteTimeout, since the
// deadline of one answer would else hold for what the server itself writes next, such as 100 Continue.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := *http.NewResponseController(w)
		x := &exchange{
			body:   reader{line: line{control: control}, body: r.Body},
			answer: writer{line: line{control: control, write: true}, ResponseWriter: w},
		}
		if r.ContentLength != 0 {
			x.body.look(0) // also where nobody reads it: then the server does, to use the connection again
			r.Body = &x.body
		}
		next.ServeHTTP(&x.answer, r)
		x.answer.look(0) // for what the server has yet to send
	})
}

// exchange is a request and its answer, in one allocation.
type exchange struct {
	body   reader
	answer writer
}

// Refuse sends an answer before the body was read, and closes the connection: the server would else wait for the body first, to use
// the connection again. What the client still sends is read for a second, since a connection that is closed meanwhile is reset, and
// the answer lost with it; where many are refused at once, less of it is.
func Refuse(w http.ResponseWriter, r *http.Request, send func()) {
	if r.ContentLength == 0 {
		send()
		return
	}
	body, control := r.Body, http.NewResponseController(w)
	if x, ok := body.(*reader); ok {
		body = x.body // without the pace, which would give it longer
	}
	w.Header().Set("Connection", "close")
	send()
	_ = control.Flush()
	if control.SetReadDeadline(time.Now().Add(grace)) == nil { // a test's recorder knows no deadlines
		discard(r.Context(), body, refused)
	}
}

// discard reads a refused body, as far as that is allowed.
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
	write   bool          // to the client
	moved   int64         // how many bytes went
	waited  time.Duration // for the client
	at      time.Time     // when the deadline was set, or zero
	after   int64         // how many bytes had gone then
}

// set sets its deadline. A connection that knows none is bounded by whoever made it.
func (l *line) set(at time.Time) {
	if l.write {
		_ = l.control.SetWriteDeadline(at)
		return
	}
	_ = l.control.SetReadDeadline(at)
}

// look sets the deadline for the next bytes, if the last one is old, and gives the time.
func (l *line) look(next int) time.Time {
	now := time.Now()
	if l.at.IsZero() || l.moved-l.after >= step || now.Sub(l.at) > stale {
		l.at, l.after = now, l.moved
		l.set(now.Add(min(Longest(l.moved+int64(next))-l.waited, Still)))
	}
	return now
}

// went counts bytes, and what they took.
func (l *line) went(bytes int, since time.Time) {
	l.moved += int64(bytes)
	l.waited += time.Since(since)
}

// reader is a body at the pace.
type reader struct {
	line
	body io.ReadCloser
}

func (r *reader) Read(p []byte) (int, error) {
	start := r.look(0)
	n, err := r.body.Read(p)
	r.went(n, start)
	if errors.Is(err, io.EOF) {
		// The server goes on reading to see whether the client leaves, and would take a deadline that passes for just that.
		r.set(time.Time{})
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }

// writer is an answer at the pace.
type writer struct {
	http.ResponseWriter
	line
}

func (w *writer) Write(p []byte) (written int, err error) {
	for {
		part := p[written:min(len(p), written+step)]
		start := w.look(len(part))
		n, err := w.ResponseWriter.Write(part)
		w.went(n, start)
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// FlushError sends what was written; http.ResponseController calls it.
func (w *writer) FlushError() error {
	start := w.look(0)
	err := w.control.Flush()
	w.went(0, start)
	return err
}

func (w *writer) Flush() { _ = w.FlushError() } // the next write says so

// Unwrap lets http.ResponseController set deadlines.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
