// Package feed contains the cursors of the services' change feeds.
package feed

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Cursor is a position in a feed: after a record, or at the beginning if it is zero. Records are ordered by Transaction, then
// Sequence. An engine that commits in the order of sequences leaves Transaction at 0.
type Cursor struct {
	Epoch       string // of the database; a restored one has another epoch
	Transaction uint64
	Sequence    int64
}

// String returns the cursor for clients: opaque to them. The zero cursor is empty.
func (c Cursor) String() string {
	if c.Epoch == "" {
		return ""
	}
	return c.Epoch + "." + strconv.FormatUint(c.Transaction, 36) + "." + strconv.FormatInt(c.Sequence, 36)
}

// Before reports whether c is before other. Both must be of the same epoch.
func (c Cursor) Before(other Cursor) bool {
	if c.Transaction != other.Transaction {
		return c.Transaction < other.Transaction
	}
	return c.Sequence < other.Sequence
}

// Parse parses a cursor. A text that no feed issued is fault.CursorInvalid.
func Parse(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	invalid := fault.New(fault.CursorInvalid, "no feed issued this cursor")
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] == "" {
		return Cursor{}, invalid
	}
	transaction, err := strconv.ParseUint(parts[1], 36, 64)
	if err != nil {
		return Cursor{}, invalid
	}
	sequence, err := strconv.ParseInt(parts[2], 36, 64)
	if err != nil || sequence < 0 {
		return Cursor{}, invalid
	}
	return Cursor{Epoch: parts[0], Transaction: transaction, Sequence: sequence}, nil
}

// CheckEpoch fails with fault.CursorExpired if a feed of this epoch cannot follow the cursor.
func (c Cursor) CheckEpoch(epoch string) error {
	if c.Epoch != "" && c.Epoch != epoch {
		return Expired("the database was restored since the cursor was given out")
	}
	return nil
}

// Ahead returns the fault.CursorExpired of a cursor that the feed has not reached: the feed issued it before a restore that the
// service could not detect.
func Ahead() error { return Expired("the cursor is after the end of the feed, as after a restore") }

// Trimmed returns the fault.CursorExpired of a cursor from before the oldest record of the feed.
func Trimmed() error { return Expired("the feed no longer contains the records after the cursor") }

// Expired returns the fault.CursorExpired of a cursor that can no longer be followed.
func Expired(why string) error {
	return fault.New(fault.CursorExpired, "%s: take a new cursor, list, then follow", fmt.Sprint(why))
}
