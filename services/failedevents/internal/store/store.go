// Package store is what the failedevents service keeps: failed events. Every engine means the same by this contract;
// package storetest checks it.
package store

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Event is one message, or its effect, that could not be carried out. The contract says what each field means.
type Event struct {
	OrganizationID  string
	ID              string // unique within the organization
	DirectoryID     string
	MessageID       string
	Source          int32 // the contract's number
	Time            time.Time
	Operation       string
	ResourceID      string
	Status          int32
	Reason          string
	SCIMType        string
	Detail          string
	Remedy          string
	TraceID         string
	AcknowledgeTime time.Time // zero: nobody has
	AcknowledgedBy  string
}

// Filter chooses among an organization's events; its zero value takes all.
type Filter struct {
	DirectoryID string // empty: any
	MessageID   string // empty: any
	OpenOnly    bool   // leave out acknowledged ones
}

// Place is where an event stands in the order of a list. The zero value is before the newest.
type Place struct {
	Time time.Time
	ID   string
}

// ErasureEnded is what Erase gets for an erasure that has ended.
func ErasureEnded(organizationID string) error {
	return fault.New(fault.Conflict, "this erasure of organization %q has ended", organizationID)
}

// Store keeps events. Times come from the caller and are kept to the microsecond. What is not there is fault.NotFound.
// A write has happened, durably, when its method returns without error.
type Store interface {
	// Record adds events, all or none. One whose id the organization has already is left as it is. One that is not after the last
	// Erase of its organization is dropped; dropped says how many are.
	Record(ctx context.Context, events []Event) (dropped int, err error)
	Event(ctx context.Context, organizationID, id string) (Event, error)
	// Events lists an organization's events by time, then id, descending: those after a place, at most limit.
	Events(ctx context.Context, organizationID string, filter Filter, after Place, limit int) ([]Event, error)
	// Acknowledge notes who has seen to an event, and when. A second time changes nothing.
	Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (Event, error)

	// Erase removes at most limit events of an organization, whose erasure was asked for at a time, and says how many. From then
	// on Record drops those that are not after now. An erasure that Unmark has ended is fault.Conflict: the organization is
	// another one now.
	Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (int, error)
	// Marked gives when erasing them was asked for, of the organizations that are being erased.
	Marked(ctx context.Context) (map[string]time.Time, error)
	// Unmark ends an erasure. One that was asked for at another time goes on.
	Unmark(ctx context.Context, organizationID string, asked time.Time) error

	Close() error
}
