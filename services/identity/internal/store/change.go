package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
)

// Cause is why something is written: it goes into each change record.
type Cause struct {
	MessageID   string
	Traceparent string
	Time        time.Time
}

// Written is what a write did.
type Written struct {
	Version    int64
	UpdateTime time.Time
	Cursor     feed.Cursor // after its change records; zero when it changed nothing
}

// ChangeKind says what happened to a resource. The numbers are stored.
type ChangeKind int

// The kinds.
const (
	Created ChangeKind = iota + 1
	Updated
	Deleted
	MemberAdded
	MemberRemoved
	DirectoryClosed // of the directory itself: no resource of a type
)

// Change is one record of the feed.
type Change struct {
	Scope
	Cursor      feed.Cursor
	Type        Type // means nothing where the Kind is DirectoryClosed
	ResourceID  string
	Revision    int64
	Kind        ChangeKind
	MemberID    string
	MemberType  Type // means nothing where there is no MemberID
	MessageID   string
	Traceparent string
	Time        time.Time
}
