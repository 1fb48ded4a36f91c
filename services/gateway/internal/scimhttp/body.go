package scimhttp

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Media types of SCIM (RFC 7644 §3.1).
const (
	mediaSCIM = "application/scim+json"
	mediaJSON = "application/json"
)

// readBody reads a JSON body that may have limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := checkMediaType(r); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	// A slow sender must not hold the handler longer than the message may take. Servers that cannot do this bound it
	// themselves.
	if deadline, ok := r.Context().Deadline(); ok {
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		// One allocation, with the room that ReadFrom wants to see the end: a group may have tens of megabytes.
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var over *http.MaxBytesError
		switch {
		case errors.As(err, &over):
			return nil, tooLarge(limit)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, &problem{
				status: http.StatusRequestTimeout, reason: fault.Deadline, detail: "The body did not arrive in time.",
			}
		default:
			return nil, &problem{
				status: http.StatusBadRequest, reason: fault.InvalidRequest,
				detail: "The body could not be read: the connection ended, or its framing is not valid HTTP.",
				remedy: "Look at what stands between the identity provider and Usher, such as a proxy that cuts connections.",
			}
		}
	}
	if body.Len() == 0 {
		return nil, invalidSyntax("The request has no body; it needs a JSON object.")
	}
	return body.Bytes(), nil
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
