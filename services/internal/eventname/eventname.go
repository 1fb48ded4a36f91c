// Package eventname shortens the names of users and groups in failed events. The services that report failed events, and those that erase
// the names in them, must shorten them in the same way.
package eventname

import (
	"strings"
	"unicode/utf8"
)

// The metadata of a fault.Uniqueness that identity adds for the failed event: the id of the resource that has the value, and its name. The
// gateway does not pass them on to the client.
const (
	ConflictingID   = "conflicting_id"
	ConflictingName = "conflicting_name"
)

// most is the longest name, in bytes, as in the contract.
const most = 200

// Cut returns a name as a failed event has it: at most 200 bytes of valid UTF-8. It cuts between runes.
func Cut(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= most {
		return name
	}
	end := most
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
