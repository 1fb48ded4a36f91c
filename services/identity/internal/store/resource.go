package store

import (
	"slices"
	"time"

	"github.com/usher-scim/usher/services/internal/scim"
)

// Scope is one directory of one organization.
type Scope struct {
	OrganizationID string
	DirectoryID    string
}

// Type is a resource type, by its name (RFC 7643 §6).
type Type string

// The types that every engine stores.
const (
	User  Type = "User"
	Group Type = "Group"
)

// Resource is a stored resource of any type. A group's members are stored apart.
type Resource struct {
	Scope
	Type        Type
	ID          string
	Name        string // the userName of a user, the displayName of a group, as sent
	NameFolded  string
	ExternalID  string
	DisplayName string // of a user: what members show of it. A group shows its Name.
	Active      bool   // of a user
	Version     int64
	Document    []byte // canonical, without id, meta, and what is stored apart
	CreateTime  time.Time
	UpdateTime  time.Time
	Search      []scim.SearchValue // of a user: written with it, and not read
	Groups      []scim.GroupRef    // of a user: see UserGroups. Nil if they were not read.
}

// A Selector has at most one field set, and selects the resources with this value. An empty Selector selects none. Values are as stored. In a
// directory, an ID selects one resource, and so do a Name and an ExternalID if the type has unique ones.
type Selector struct {
	ID         string
	Name       string // casefolded
	ExternalID string
	// Only for Find.
	Email string // casefolded, of users
	All   bool   // every resource
}

// Criterion is the field by which a Selector selects.
type Criterion int

// The criteria.
const (
	WithID Criterion = iota
	WithName
	WithExternalID
	WithEmail
	Every
)

// Criterion returns the criterion, and its value.
func (by Selector) Criterion() (criterion Criterion, value string) {
	switch {
	case by.Name != "":
		return WithName, by.Name
	case by.ExternalID != "":
		return WithExternalID, by.ExternalID
	case by.Email != "":
		return WithEmail, by.Email
	case by.All:
		return Every, ""
	}
	return WithID, by.ID
}

// Order is an order that an index has: by id, or by casefolded name and then by id.
type Order struct {
	ByName     bool
	Descending bool
}

// Bytes returns the bytes of the documents of resources.
func Bytes(read []Resource) (sum int) {
	for i := range read {
		sum += len(read[i].Document)
	}
	return sum
}

// Full reports whether documents have at least this many bytes. If so, the list ended there, and there may be more.
func Full(read []Resource, bytes int) bool { return Bytes(read) >= bytes }

// Facts is what other services need of a resource of any directory. A summary is Facts with only Scope, Type, ID, Name, ExternalID,
// Active, Version, UpdateTime and Detached: the fields that need no document.
type Facts struct {
	Resource
	Detached bool
}

// FactsBounds limits one read of facts.
type FactsBounds struct {
	Bytes int // of documents; one user is read whatever its size
	Edges int // the most memberships that are read to find the users' groups
	// Live limits the reading of groups to users that are active and not detached.
	Live bool
}

// FactsPage is a part of the users, all read at one moment.
type FactsPage struct {
	Users []Facts  // by id
	Rest  []string // the ids after the last user read, ascending; they may be missing
	Edges []Edge   // the users' memberships and those of their groups: see NewAround
	// More means that there are more memberships than FactsBounds.Edges. Then Edges is incomplete and must not be used.
	More bool
}

// NewFactsPage creates a page from what an engine read for ids: users by id, where existing of the ids exist, and at most one
// membership more than the bounds allow.
func NewFactsPage(ids []string, users []Facts, existing int, edges []Edge, most FactsBounds) FactsPage {
	p := FactsPage{Users: users, Edges: edges, More: len(edges) > most.Edges}
	if len(users) < existing {
		last := users[len(users)-1].ID
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if id > last {
				p.Rest = append(p.Rest, id)
			}
		}
	}
	return p
}
