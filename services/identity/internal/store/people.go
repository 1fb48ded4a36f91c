package store

import "context"

// People are the reads of an organization's users and groups for people who search them.
type People interface {
	// SearchUsers lists users of any directory by what a part of a search looks at, then by id, at most limit. A user appears once for
	// each value of an attribute with several values.
	SearchUsers(ctx context.Context, organizationID string, s Search, limit int) ([]Found, error)
	// SearchGroups lists summaries of groups of any directory by casefolded displayName, then by id, at most limit. It ignores the part
	// and the directory.
	SearchGroups(ctx context.Context, organizationID string, s Search, limit int) ([]Found, error)

	// GetAny reads a whole resource of any directory.
	GetAny(ctx context.Context, organizationID string, t Type, id string) (Facts, error)
	// Names reads at most 1,000 users by id, in any directory of the organization, in no order: only ID, Name, DisplayName and Active. It
	// leaves out missing ones.
	Names(ctx context.Context, organizationID string, userIDs []string) ([]Resource, error)
	// Above reads the memberships of a user or group, and of all groups that it is in, directly or through others, in no order, each
	// once, at most limit.
	Above(ctx context.Context, organizationID, id string, limit int) ([]Edge, error)
	// CarriedEdges returns those of at most 1,000 memberships that are carried, in no order.
	CarriedEdges(ctx context.Context, organizationID string, edges []Edge) ([]Edge, error)
	// Nested lists the ids of the groups that are direct members of a group or, if containers is true, of the groups that have it as a
	// direct member. The order is by id. The list starts after an id, and has at most limit ids.
	Nested(ctx context.Context, organizationID, groupID string, containers bool, after string, limit int) ([]string, error)
	// TallyMembers counts the different users in at least one of at most 1,000 groups, directly or, if deep is true, through other groups.
	TallyMembers(ctx context.Context, organizationID string, groupIDs []string, deep bool, most TallyBounds) (Tally, error)
	// TallyRole counts the users with a role value, at most limit.
	TallyRole(ctx context.Context, organizationID, value string, limit int) (Tally, error)
	// RoleValues lists the different role values from low on, less than high, after one, at most limit. It counts at most users users of
	// each.
	RoleValues(ctx context.Context, organizationID, low, high, after string, limit, users int) ([]RoleValue, error)
	// CountOrganizations counts the resources of each type of at most 100 organizations, in all their directories, in no order. It may
	// leave out zeros. The numbers are exact, as those of Count.
	CountOrganizations(ctx context.Context, organizationIDs []string) ([]Size, error)
}

// Part is what a search looks at. Page tokens contain these numbers.
type Part int

// The parts of a search for users.
const (
	ByUserName Part = iota + 1
	ByDisplayName
	ByEmail
)

// Search is a range of casefolded values.
type Search struct {
	Part Part
	// DirectoryID, if not empty, limits a search by userName to a directory.
	DirectoryID string
	// Low is the least value of the whole search. The list has values less than High, after Value and ID.
	Low, High string
	Value, ID string
}

// Found is one result of a search: a summary.
type Found struct {
	Facts        // of a user also with NameFolded and DisplayName
	Value string // the value that was found
	// Repeated says that the user has a smaller value of the same attribute, not less than Search.Low.
	Repeated bool
}

// RoleValuesAttribute is the attribute of search values that are a user's role values: see scim.Document.Roles. Unlike other search
// values, they keep their case.
const RoleValuesAttribute = "roleValues"

// Size is how many resources of a type an organization has.
type Size struct {
	OrganizationID string
	Type           Type
	Count          int64
}

// RoleValue is a role value, and how many users have it.
type RoleValue struct {
	Value string
	Users int
}

// TallyBounds limit one count of members.
type TallyBounds struct {
	Groups      int // the most groups whose members are read
	Memberships int // the most memberships that are read
}

// TallyExamples is the most examples of a Tally.
const TallyExamples = 10

// Tally is a number of users.
type Tally struct {
	Users int
	// More means that a bound ended the count, so that there may be more users.
	More     bool
	Examples []string // the first ones of the counted users, by id
}

// NewTally makes the Tally of what an engine read: how many users, groups and memberships it counted, and the examples.
func NewTally(users, groups, memberships int, examples []string, most TallyBounds) Tally {
	return Tally{Users: users, More: groups >= most.Groups || memberships >= most.Memberships, Examples: examples}
}
