// Package store is the contract of the failedevents service's data. Every engine gives it the same meaning; package storetest
// checks it.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Event is a failed event: a message, or an effect of a message, that Usher could not carry out. The contract describes the fields.
type Event struct {
	OrganizationID  string
	ID              string // unique within the organization
	DirectoryID     string
	MessageID       string
	Source          int32 // the number in the contract
	Time            time.Time
	Operation       string
	ResourceID      string
	Status          int32
	Reason          string
	SCIMType        string
	Detail          string
	Remedy          string
	AdminAction     string
	TraceID         string
	AcknowledgeTime time.Time // zero before somebody acknowledges it
	AcknowledgedBy  string

	Subject               string // empty: none, or erased
	ConflictingResourceID string
	ConflictingName       string // empty: none, or erased
}

// Filter selects failed events of an organization. The zero value matches all.
type Filter struct {
	DirectoryID string // empty: any
	MessageID   string // empty: any
	OpenOnly    bool   // leave out acknowledged ones
	Reason      string // empty: any
	// Start and End limit the time: at Start or later, and before End. Zero: no limit.
	Start, End time.Time
}

// ReasonCount is the number of failed events with a reason.
type ReasonCount struct {
	Reason string
	Count  int
	Newest time.Time
}

// DeletedUser is a user whose names Store.EraseNames erases.
type DeletedUser struct {
	ID      string
	NameKey string    // of its userName; empty for none
	Until   time.Time // erases names in failed events until then
}

// NameKey returns the key of a name, by which names are compared: two names that differ in case only have the same key. It does not tell
// the name. The empty name has the empty key.
func NameKey(organizationID, name string) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(organizationID + "\x00" + scim.Casefold(name)))
	return hex.EncodeToString(sum[:16])
}

// Place is the position of a failed event in a list. The zero value is before the newest one.
type Place struct {
	Time time.Time
	ID   string
}

// ErasureEnded returns the error of Erase for an erasure that has ended.
func ErasureEnded(organizationID string) error {
	return fault.New(fault.Conflict, "this erasure of organization %q has ended", organizationID)
}

// Store stores failed events. The caller sets the times. They have microsecond precision. A missing failed event is fault.NotFound.
// If a write method returns no error, the write is durable.
type Store interface {
	// Record adds failed events, all or none. It does not change one whose id the organization already has. It drops those that are not
	// after the last Erase of their organization, and returns their number. It stores no name that EraseNames has erased.
	Record(ctx context.Context, events []Event) (dropped int, err error)
	Event(ctx context.Context, organizationID, id string) (Event, error)
	// Events lists an organization's failed events by time, then id, descending, after a place, at most limit.
	Events(ctx context.Context, organizationID string, filter Filter, after Place, limit int) ([]Event, error)
	// Acknowledge notes who has handled a failed event, and when. A second call changes nothing.
	Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (Event, error)

	// CountReasons counts an organization's failed events by reason, in the order of the reasons: of at most the given number of reasons, and
	// at most limit events of each. An empty directoryID means all directories.
	CountReasons(ctx context.Context, organizationID, directoryID string, openOnly bool, reasons, limit int) ([]ReasonCount, error)
	// AcknowledgeSome acknowledges the oldest open failed events with a reason, at most limit, that happened at the time until or before.
	// more is true if it found as many as limit. An empty directoryID means all directories.
	AcknowledgeSome(ctx context.Context, organizationID, directoryID, reason string, until time.Time, by string, now time.Time, limit int) (acknowledged int, more bool, err error)

	// EraseNames erases the names of deleted users of an organization: the subject of failed events whose subject or resource it is, and
	// the conflicting name likewise. It erases at most limit names of each kind of each user, and returns how many it erased; call it
	// until there are none. From its first call on, Record does not store them.
	EraseNames(ctx context.Context, organizationID string, users []DeletedUser, limit int) (int, error)
	// TrimErasedNames forgets at most limit deleted users with names until before, and returns how many it forgot.
	TrimErasedNames(ctx context.Context, before time.Time, limit int) (int, error)

	Tallies

	// Erase erases at most limit rows of each kind of an organization, for an erasure that was requested at the given time, and returns
	// how many. From then on Record and RecordTallies drop those that are not after now. It fails with fault.Conflict if Unmark has ended
	// this erasure: the id now means another organization.
	Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (int, error)
	// Marked returns the organizations that are being erased, and when each erasure was requested.
	Marked(ctx context.Context) (map[string]time.Time, error)
	// Unmark ends an erasure. An erasure that was requested at another time continues.
	Unmark(ctx context.Context, organizationID string, asked time.Time) error

	Close() error
}
