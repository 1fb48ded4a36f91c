// Package ids creates the ids of everything that Usher itself names, and recognizes those that people choose. Its own are UUIDv7, so they
// sort by creation time.
package ids

import (
	"regexp"

	"github.com/google/uuid"
)

// slug is the form of the names that people choose as ids: of organizations, tenants, roles and sign-in providers.
var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// IsSlug reports whether a text has the form of an id that people choose: 1 to 63 lower-case letters, digits and hyphens, with no hyphen at
// the ends.
func IsSlug(text string) bool { return slug.MatchString(text) }

// New creates an id. The ids of one process are strictly increasing.
func New() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The system has no randomness, so nothing secure can be done any more.
		panic("ids: no randomness: " + err.Error())
	}
	return id.String()
}
