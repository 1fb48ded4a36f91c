package store

import (
	"bytes"
	"strings"
	"time"
)

// Directory is what identity knows of a directory.
type Directory struct {
	OrganizationID   string
	ID               string
	Strict           bool
	UniqueGroupNames bool
	ReplacesID       string
	Closed           bool
}

// Place is one in the feed of directories. Revisions of two epochs cannot be compared.
type Place struct {
	Epoch    string
	Revision int64
}

// MaxIgnored is how many ignored attributes are kept of a directory: their names are the IdP's, and may be any.
const MaxIgnored = 100

// Oddity is something in a directory's messages that was understood otherwise than the RFCs have it, or ignored, with how
// often it came.
type Oddity struct {
	Scope
	Ignored       bool   // it is an attribute that was ignored; else a quirk
	Name          string // the quirk's name, or the attribute's path
	Messages      int64
	FirstTime     time.Time
	LastTime      time.Time
	LastMessageID string
}

// Schema is an extension that was registered for a directory.
type Schema struct {
	Scope
	ID         string // its URN
	Type       Type   // which it extends
	Definition []byte // JSON of RFC 7643 §7
	CreateTime time.Time
	UpdateTime time.Time
}

// Replace gives the one of a directory's schemas that s replaces, and the others. The zero Schema: it replaces none. s takes from the one
// that it replaces what stays.
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
