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

// The types that every engine keeps.
const (
	User  Type = "User"
	Group Type = "Group"
)

// Resource is a stored resource of any type. The members of a group are apart from it.
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
	Document    []byte // canonical, without id, meta, and what is apart
	CreateTime  time.Time
	UpdateTime  time.Time
	Search      []scim.SearchValue // of a user: written with it. Read methods leave it empty.
	Groups      []scim.GroupRef    // of a user: what UserGroups gives. Nil where they were not read.
}

// Lookup names resources in one way; the other fields are empty. An empty one names none. Values are as they are stored. Within a directory an ID names one
// resource, and so do a Name and an ExternalID where the type has them unique.
type Lookup struct {
	ID         string
	Name       string // casefolded
	ExternalID string
	// For Find alone.
	Email string // casefolded, of users
	All   bool   // every resource
}

// Way is in which way a Lookup names resources.
type Way int

// The ways.
const (
	WithID Way = iota
	WithName
	WithExternalID
	WithEmail
	Every
)

// Way gives the way, and the value that the resources have.
func (by Lookup) Way() (way Way, value string) {
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

// Order is one that an index has: by id, or by name, casefolded, and then by id.
type Order struct {
	ByName     bool
	Descending bool
}

// Bytes is how many bytes the documents of resources have.
func Bytes(read []Resource) (sum int) {
	for i := range read {
		sum += len(read[i].Document)
	}
	return sum
}

// Full says whether documents have so many bytes: then whoever lists resources ended there, and there may be more.
func Full(read []Resource, bytes int) bool { return Bytes(read) >= bytes }

// Facts is what others need of a resource, which may be of any directory. A summary is facts of which there are Scope, Type, ID, Name,
// ExternalID, Active, Version, UpdateTime and Detached alone: what needs no document.
type Facts struct {
	Resource
	Detached bool
}

// FactsBounds is how much one read of facts takes.
type FactsBounds struct {
	Bytes int // of documents; one user is read whatever it has
	Edges int // how many memberships are read to find the users' groups
	// Live says that the groups are asked for only of users that are active and not detached.
	Live bool
}

// FactsPage is some users, of one moment.
type FactsPage struct {
	Users []Facts  // by id
	Rest  []string // ids that were not reached, ascending; they need not be there
	Edges []Edge   // the users' memberships and those of their groups: see NewAround
	// More says that there are more memberships than FactsBounds.Edges: then Edges is a part of them that means nothing.
	More bool
}

// NewFactsPage makes one of what an engine read for some ids: users by id, of how many that are there, and at most one membership
// more than the bounds allow.
func NewFactsPage(ids []string, users []Facts, there int, edges []Edge, most FactsBounds) FactsPage {
	p := FactsPage{Users: users, Edges: edges, More: len(edges) > most.Edges}
	if len(users) < there {
		last := users[len(users)-1].ID
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if id > last {
				p.Rest = append(p.Rest, id)
			}
		}
	}
	return p
}
