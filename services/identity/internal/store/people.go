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
