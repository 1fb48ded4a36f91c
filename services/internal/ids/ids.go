// Package ids makes the ids of everything that Usher names itself: UUIDv7, so that they sort by creation.
package ids

import "github.com/google/uuid"

// New makes an id. Those that one process makes are strictly increasing.
func New() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The system has no randomness left to give: nothing secure can be done from here on.
		panic("ids: no randomness: " + err.Error())
	}
	return id.String()
}
