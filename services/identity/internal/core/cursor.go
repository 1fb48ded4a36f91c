package core

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// A cursor (RFC 9865) consists of the version of its format, a dot, and in base64 a digest, the page size, and the place after which
// the list continues. A cursor names a place and gives no right to it: every call is authorized by itself. The digest binds the cursor
// to its list, so a client that changes the query between two pages gets an error. Usher stores nothing for a cursor, so a cursor does
// not expire.
const (
	cursorVersion = "2"
	// cursorDigest is how many bytes of the digest a cursor contains. They protect against mistakes; nobody gains anything
	// by forging a cursor.
	cursorDigest = 12
	// maxCursor is longer than any cursor.
	maxCursor = 2048
)

// listed is the list that a cursor belongs to: its directory and its query, without the chosen attributes.
type listed struct {
	scope    store.Scope
	resource string // such as "User"
	filter   string // in canonical form, like the order
	order    string
}

// cursor names the place after an id or, in a sorted list, after a number of resources. count is the page size.
func (l listed) cursor(after string, count int) string {
	place := append(binary.AppendUvarint(nil, uint64(count)), after...) //nolint:gosec // a count is 1 at least
	return cursorVersion + "." + base64.RawURLEncoding.EncodeToString(append(l.digest(place), place...))
}

// place parses a cursor of this list. It returns the place after which the list continues, and the page size. For the empty
// cursor, which is the beginning, both are zero.
func (l listed) place(cursor string) (after string, count int, err error) {
	if cursor == "" {
		return "", 0, nil
	}
	version, text, ok := strings.Cut(cursor, ".")
	if !ok || len(cursor) > maxCursor {
		return "", 0, invalidCursor()
	}
	if version != cursorVersion {
		if version == "" || strings.Trim(version, "0123456789") != "" {
			return "", 0, invalidCursor()
		}
		return "", 0, fault.New(fault.ExpiredCursor, "The cursor was given by another version of Usher: begin the list again, with an empty cursor.")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= cursorDigest {
		return "", 0, invalidCursor()
	}
	digest, place := raw[:cursorDigest], raw[cursorDigest:]
	size, n := binary.Uvarint(place)
	if n <= 0 || size < 1 || size > scim.MaxPageSize || !bytes.Equal(digest, l.digest(place)) {
		return "", 0, invalidCursor()
	}
	return string(place[n:]), int(size), nil
}

func invalidCursor() error {
	return fault.New(fault.InvalidCursor, "The cursor does not belong to this list: send the nextCursor of the page before, "+
		"with the same parameters, or an empty cursor to begin.")
}

func (l listed) digest(place []byte) []byte {
	h := sha256.New()
	for _, part := range []string{l.scope.OrganizationID, l.scope.DirectoryID, l.resource, l.filter, l.order, string(place)} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // writing to a hash never fails
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:cursorDigest]
}
