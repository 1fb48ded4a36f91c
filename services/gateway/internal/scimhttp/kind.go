package scimhttp

import identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"

// kind is a resource type, by its SCIM name.
type kind string

const (
	users  kind = "User"
	groups kind = "Group"
)

// endpoint is where resources of the kind are, below the Base URL.
func (k kind) endpoint() string { return "/" + string(k) + "s" }

// target says whose resources of a kind identity is asked for.
func (m *message) target(k kind) *identityv1.Target {
	return &identityv1.Target{
		OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID, BaseUrl: m.baseURL, ResourceType: string(k),
	}
}

// location is where a resource of a kind is.
func (m *message) location(k kind, id string) string { return m.baseURL + k.endpoint() + "/" + id }
