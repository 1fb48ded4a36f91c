package scimhttp

import identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"

// kind is a resource type, by its SCIM name.
type kind string

const (
	users  kind = "User"
	groups kind = "Group"
)

// endpoint returns the path of the resources of the kind, below the Base URL.
func (k kind) endpoint() string { return "/" + string(k) + "s" }

// target returns the directory and resource type of a call to identity.
func (m *message) target(k kind) *identityv1.Target {
	return &identityv1.Target{
		OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID, BaseUrl: m.baseURL, ResourceType: string(k),
	}
}

// location returns the URL of a resource.
func (m *message) location(k kind, id string) string { return m.baseURL + k.endpoint() + "/" + id }
