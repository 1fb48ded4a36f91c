package store

import (
	"bytes"
	"strings"
	"time"
)

// Directory is what identity knows about a directory.
type Directory struct {
	OrganizationID   string
	ID               string
	Strict           bool
	UniqueGroupNames bool
	// AdoptByName says that a resource is adopted by its name even if both sides have an externalId and they differ.
	AdoptByName bool
	ReplacesID  string
	Closed      bool
}

// Place is a place in the feed of directories. Revisions of different epochs cannot be compared.
type Place struct {
	Epoch    string
	Revision int64
}

// MaxIgnored is the most ignored attributes, and the most unregistered ones, that are stored per directory. The IdP chooses their names,
// so there is no other limit.
const MaxIgnored = 100

// CountKind says what a MessageCount counts.
type CountKind int

// What a MessageCount counts. The database contains these numbers.
const (
	Quirk     CountKind = iota + 1 // named as in package scim
	Ignored                        // an ignored attribute, named by its path
	Milestone                      // named as the value of identityv1.MilestoneKind
	// Unregistered is an attribute of an extension that is not registered, named by the resource type, a space, and what
	// scim.Result.Unregistered says.
	Unregistered
)

// MessageCount counts the messages of a directory in which something appeared.
type MessageCount struct {
	Scope
	Kind          CountKind
	Name          string
	Messages      int64
	FirstTime     time.Time
	LastTime      time.Time
	LastMessageID string
}

// Totals is how much a directory has.
type Totals struct {
	DirectoryID     string
	Users, Groups   int64
	Quirks, Ignored int32 // different ones
}

// Schema is an extension that is registered for a directory.
type Schema struct {
	Scope
	ID         string // its URN
	Type       Type   // the resource type that it extends
	Definition []byte // JSON of RFC 7643 §7
	CreateTime time.Time
	UpdateTime time.Time
}

// Replace returns the schema of the same id among a directory's schemas, or the zero Schema, and the other ones. It copies to s the
// times that stay.
func (s *Schema) Replace(all []Schema) (before Schema, others []Schema) {
	for _, other := range all {
		if !strings.EqualFold(other.ID, s.ID) {
			others = append(others, other)
			continue
		}
		before = other
		s.CreateTime = other.CreateTime
		if other.ID == s.ID && other.Type == s.Type && bytes.Equal(other.Definition, s.Definition) {
			s.UpdateTime = other.UpdateTime
		}
	}
	return before, others
}
