package scimhttp

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/arrival"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Media types of SCIM (RFC 7644 §3.1).
const (
	mediaSCIM = "application/scim+json"
	mediaJSON = "application/json"
)

const (
	// ahead is how much room a body gets on the word of its header alone.
	ahead = 1 << 20
	// small is the largest body that is held without counting it: most messages are far smaller, and must not wait for
	// large ones.
	small = 1 << 20
)

// readBody reads a JSON body that may have limit bytes. A large one counts among those in flight until the message is
// answered.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, m *message, limit int64) ([]byte, error) {
	if err := checkMediaType(r); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if err := h.hold(r, m, limit); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		// With the room that ReadFrom wants to see the end: most bodies take one allocation.
		body.Grow(int(min(r.ContentLength, ahead)) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return nil, unreadable(err, limit)
	}
	m.bodyRead = true
	arrival.Complete(w)
	if body.Len() == 0 {
		return nil, noBody()
	}
	return body.Bytes(), nil
}

func noBody() error { return invalidSyntax("The request has no body; it needs a JSON object.") }

// unreadable is why a body of at most limit bytes could not be read.
func unreadable(err error, limit int64) error {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{
			status: http.StatusRequestTimeout, reason: fault.Deadline, detail: "The body did not arrive in time.",
		}
	default:
		return &problem{
			status: http.StatusBadRequest, reason: fault.InvalidRequest,
			detail: "The body could not be read: the connection ended, or its framing is not valid HTTP.",
			remedy: "Look at what stands between the identity provider and Usher, such as a proxy that cuts connections.",
		}
	}
}

// hold counts a large body among those in flight, and waits for others to go when there is no room.
func (h *Handler) hold(r *http.Request, m *message, limit int64) error {
	size := r.ContentLength
	if size < 0 {
		size = limit // it may become as large
	}
	if size <= small || m.within != "" { // a Bulk's operations are held with it
		return nil
	}
	if err := h.bodies.Acquire(r.Context(), size); err != nil {
		return &problem{
			status: http.StatusServiceUnavailable, reason: fault.Unavailable, retryAfter: time.Second,
			detail: "Usher holds as many large messages as it has room for. Try again.",
		}
	}
	m.held = size
	return nil
}

func tooLarge(limit int64) *problem {
	return &problem{
		status: http.StatusRequestEntityTooLarge, reason: fault.Limit,
		detail: fmt.Sprintf("The body is larger than the limit of %d bytes.", limit),
	}
}

// checkMediaType takes SCIM and JSON. Some clients name no type at all: theirs is taken for JSON.
func checkMediaType(r *http.Request) error {
	unsupported := func(detail string) error {
		return &problem{status: http.StatusUnsupportedMediaType, reason: fault.InvalidRequest, detail: detail}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("Compressed bodies are not accepted: send the body without Content-Encoding.")
	}
	given := r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(given)
	if err != nil || media != mediaSCIM && media != mediaJSON {
		return unsupported("The body must be " + mediaSCIM + " or " + mediaJSON + ".")
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return unsupported("The body must be UTF-8.")
	}
	return nil
}
