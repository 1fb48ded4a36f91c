// Package feed is what the services' change feeds share: cursors.
package feed

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Cursor is a place in a feed: after a record, or at the beginning when it is zero. Records are ordered by Transaction,
// then Sequence. An engine that commits in the order of sequences leaves Transaction at 0.
type Cursor struct {
	Epoch       string // of the database; a restored one has another
	Transaction uint64
	Sequence    int64
}

// String is the cursor as clients hold it: opaque to them. The zero cursor is empty.
func (c Cursor) String() string {
	if c.Epoch == "" {
		return ""
	}
	return c.Epoch + "." + strconv.FormatUint(c.Transaction, 36) + "." + strconv.FormatInt(c.Sequence, 36)
}

// Before says whether c comes before other. Only cursors of one epoch can be compared.
func (c Cursor) Before(other Cursor) bool {
	if c.Transaction != other.Transaction {
		return c.Transaction < other.Transaction
	}
	return c.Sequence < other.Sequence
}

// Parse reads a cursor. Text that no feed gave out is fault.CursorInvalid.
func Parse(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	invalid := fault.New(fault.CursorInvalid, "the cursor was not given out by a feed")
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

// CheckEpoch says whether a cursor can be followed in a feed of this epoch; else fault.CursorExpired.
func (c Cursor) CheckEpoch(epoch string) error {
	if c.Epoch != "" && c.Epoch != epoch {
		return Expired("the database was restored since the cursor was given out")
	}
	return nil
}

// Ahead is the fault.CursorExpired of a cursor that the feed has not come to: it was given out before the database was
// restored in a way that could not be noticed.
func Ahead() error { return Expired("the feed has not come as far as the cursor, as after a restore") }

// Trimmed is the fault.CursorExpired of a cursor before what the feed still holds.
func Trimmed() error { return Expired("the feed no longer holds what came after the cursor") }

// Expired is the fault.CursorExpired of a cursor that can no longer be followed.
func Expired(why string) error {
	return fault.New(fault.CursorExpired, "%s: take a new cursor, list, then follow", fmt.Sprint(why))
}
