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
	ReplacesID       string
	Closed           bool
}

// Place is a place in the feed of directories. Revisions of different epochs cannot be compared.
type Place struct {
	Epoch    string
	Revision int64
}

// MaxIgnored is the most ignored attributes that are stored per directory. The IdP chooses their names, so there is no other
// limit.
const MaxIgnored = 100

// DialectCount counts how often one quirk, or one ignored attribute, appeared in a directory's messages.
type DialectCount struct {
	Scope
	Ignored       bool   // true: an ignored attribute; false: a quirk
	Name          string // the quirk's name, or the attribute's path
	Messages      int64
	FirstTime     time.Time
	LastTime      time.Time
	LastMessageID string
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
