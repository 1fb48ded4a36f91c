package scimhttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/pace"
)

// The media types of SCIM (RFC 7644 §3.1).
const (
	mediaSCIM = "application/scim+json"
	mediaJSON = "application/json"
)

const (
	// bytesPerByte is how much memory the work on a body takes for each of its bytes: for the body itself, its parsed form, and the stored
	// document.
	bytesPerByte = 8
	// messageBytes is the memory that every message reserves. It is enough for a body of bodyRoom.
	messageBytes = 64 << 10
	// bodyRoom is the memory that a body gets before it arrives, whatever length its header announces. Most need no more.
	bodyRoom = messageBytes / bytesPerByte
	// small is the largest body of a group that is not forwarded in parts.
	small = 1 << 20
)

// MostInFlight is how much memory in flight a message with the largest body takes.
func MostInFlight(body int64) int64 { return messageBytes + bytesPerByte*(body+1) }

// body is the body of a message, or the data of one operation of a Bulk.
type body struct {
	w    http.ResponseWriter
	r    *http.Request // nil: data is the whole body, and was not received here
	data []byte        // nil before all has read it
	read bool          // to its end
}

// length returns the number of bytes, or a negative number if it is not known.
func (b *body) length() int64 {
	if b.r == nil {
		return int64(len(b.data))
	}
	return b.r.ContentLength
}

// open starts to read a JSON body of at most limit bytes.
func (b *body) open(limit int64) (io.Reader, error) {
	if b.r != nil {
		if err := checkMediaType(b.r); err != nil {
			return nil, err
		}
	}
	if b.length() > limit {
		return nil, tooLarge(limit)
	}
	if b.r == nil {
		return bytes.NewReader(b.data), nil
	}
	return http.MaxBytesReader(b.w, b.r.Body, limit), nil
}

// all reads a JSON body of at most limit bytes, and reserves memory for the bytes that arrive.
func (b *body) all(limit int64, reserved *inflight.Reservation) ([]byte, error) {
	from, err := b.open(limit)
	if err != nil {
		return nil, err
	}
	data := b.data
	if b.r != nil {
		most := limit
		if b.length() >= 0 {
			most = b.length()
		}
		data, err = reserved.ReadAll(from, most, bodyRoom, bytesPerByte)
	}
	if err != nil {
		return nil, unreadable(err, limit)
	}
	b.read, b.data = true, data
	if len(data) == 0 {
		return nil, noBody()
	}
	return data, nil
}

func noBody() error { return invalidSyntax("The request has no body; it needs a JSON object.") }

// unreadable returns the reason why a body of at most limit bytes could not be read.
func unreadable(err error, limit int64) error {
	var refused *fault.Error
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &refused): // no memory could be reserved
		return refused
	case errors.As(err, &over):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{
			status: http.StatusRequestTimeout, reason: fault.Deadline,
			detail: fmt.Sprintf("The body did not arrive in time: it needs %d bytes a second once %s are over.", pace.Rate, pace.Grace),
		}
	default:
		return &problem{
			status: http.StatusBadRequest, reason: fault.InvalidRequest,
			detail: "The body could not be read: the connection ended, or its framing is not valid HTTP.",
			remedy: "Look at what stands between the identity provider and Usher, such as a proxy that cuts connections.",
		}
	}
}

func tooLarge(limit int64) error {
	return fault.New(fault.Limit, "The body is larger than the limit of %d bytes.", limit)
}

// checkMediaType accepts SCIM and JSON. Some clients send no media type; their body counts as JSON.
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
