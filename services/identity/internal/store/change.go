package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
)

// Cause is the reason for a write. Each change record contains it.
type Cause struct {
	MessageID   string
	Traceparent string
	Time        time.Time
}

// Written is the result of a write.
type Written struct {
	Version    int64
	UpdateTime time.Time
	Cursor     feed.Cursor // after the write's change records; zero if nothing changed
}

// ChangeKind is what happened to a resource. The database stores the numbers.
type ChangeKind int

// The kinds.
const (
	Created ChangeKind = iota + 1
	Updated
	Deleted
	MemberAdded
	MemberRemoved
	DirectoryClosed // about the directory itself, not about a resource
)

// Change is one record of the feed.
type Change struct {
	Scope
	Cursor      feed.Cursor
	Type        Type // undefined for DirectoryClosed
	ResourceID  string
	Revision    int64
	Kind        ChangeKind
	MemberID    string
	MemberType  Type // undefined without a MemberID
	MessageID   string
	Traceparent string
	Time        time.Time
}
