// Package arrival bounds how long a request may hold its connection while its body does not come. The HTTP server has no
// such bound for all requests: a stream lives for hours.
package arrival

import (
	"net/http"
	"time"
)

// grace is how long a refused client may still send: an answer on a connection that is cut under it would be lost.
const grace = time.Second

// Within gives a request's body so long to arrive, on the real clock. A request without a body has nothing to be late
// with. Where the connection knows no deadlines, whoever made it bounds it.
func Within(w http.ResponseWriter, r *http.Request, timeout time.Duration) {
	if r.ContentLength != 0 {
		setDeadline(w, time.Now().Add(timeout))
	}
}

// Complete lifts the bound once the body was read. The server goes on reading to see whether the client leaves, and would
// take a deadline that passes for just that.
func Complete(w http.ResponseWriter) { setDeadline(w, time.Time{}) }

// Refuse is for an answer that goes out before the body was read. The server must not wait for the body first, as it does
// to use the connection again.
func Refuse(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		setDeadline(w, time.Now().Add(grace))
	}
}

func setDeadline(w http.ResponseWriter, at time.Time) {
	_ = http.NewResponseController(w).SetReadDeadline(at)
}
