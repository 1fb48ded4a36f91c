package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// ErrChanged means that a resource was changed or deleted after it was read. Nothing was written; read it again.
var ErrChanged = errors.New("the resource changed since it was read")

// The engines share these errors, so that their texts are equal.

// Missing reports that no resource of a type has an id.
func Missing(t Type, id string) error { return fault.Missing(strings.ToLower(string(t)), id) }

// MissingBy reports that no resource of a type has the requested name or other attribute. The text does not contain the value,
// which may identify a person.
func MissingBy(t Type, attribute string) error {
	kind := strings.ToLower(string(t))
	return fault.New(fault.NotFound, "there is no %s of that %s", kind, attribute).With("resource", kind)
}

// Missing reports that no resource of a type matches the selector.
func (by Selector) Missing(t Type) error {
	switch criterion, value := by.Criterion(); criterion {
	case WithName:
		return MissingBy(t, "name")
	case WithExternalID:
		return MissingBy(t, "externalId")
	case WithEmail:
		return MissingBy(t, "e-mail address")
	default:
		return Missing(t, value)
	}
}

// Taken refuses the value of an attribute that another resource of the type and directory has.
func Taken(t Type, attribute string) error {
	return fault.New(fault.Uniqueness, "another %s of this directory has this %s", strings.ToLower(string(t)), attribute).With("attribute", attribute)
}

// NotReady refuses a write to a directory that is not known yet.
func NotReady(directoryID string) error {
	return fault.New(fault.NotReady, "directory %q is not ready yet", directoryID)
}

// Closed refuses a write to a directory that is closed.
func Closed(directoryID string) error {
	return fault.New(fault.Deleted, "directory %q was deleted", directoryID)
}

// NoMember refuses a member that is not a resource of the directory.
func NoMember(id string) error {
	return fault.New(fault.InvalidValue, "members: %q is no user or group of this directory", id)
}

// NotDetached refuses to change or erase a user whose directory is not closed.
func NotDetached(id string) error {
	return fault.New(fault.NotDetached, "user %q is managed by a directory that is not deleted: change or delete it there", id).With("resource", "user")
}

// NotClosed refuses to erase an organization that has an open directory.
func NotClosed(organizationID string) error {
	return fault.New(fault.Conflict, "organization %q has a directory that is not deleted, so it is not erased", organizationID)
}

// NoTable reports that an engine does not store a resource type.
func NoTable(t Type) error { return fmt.Errorf("there is no table of the type %q", t) }
