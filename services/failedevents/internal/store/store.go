// Package store is the contract of the failedevents service's data. Every engine gives it the same meaning; package storetest
// checks it.
package store

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
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
	TraceID         string
	AcknowledgeTime time.Time // zero before somebody acknowledges it
	AcknowledgedBy  string
}

// Filter selects failed events of an organization. The zero value matches all.
type Filter struct {
	DirectoryID string // empty: any
	MessageID   string // empty: any
	OpenOnly    bool   // leave out acknowledged ones
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
	// after the last Erase of their organization, and returns their number.
	Record(ctx context.Context, events []Event) (dropped int, err error)
	Event(ctx context.Context, organizationID, id string) (Event, error)
	// Events lists an organization's failed events by time, then id, descending, after a place, at most limit.
	Events(ctx context.Context, organizationID string, filter Filter, after Place, limit int) ([]Event, error)
	// Acknowledge notes who has handled a failed event, and when. A second call changes nothing.
	Acknowledge(ctx context.Context, organizationID, id, by string, now time.Time) (Event, error)

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
