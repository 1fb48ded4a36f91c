// Package ids creates the ids of everything that Usher itself names. They are UUIDv7, so they sort by creation time.
package ids

import "github.com/google/uuid"

// New creates an id. The ids of one process are strictly increasing.
func New() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The system has no randomness, so nothing secure can be done any more.
		panic("ids: no randomness: " + err.Error())
	}
	return id.String()
}
