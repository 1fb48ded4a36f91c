package scim

import (
	"encoding/json"
	"slices"
	"sync"
)

// ResourceType is a resource type of RFC 7643 §6, with the methods that read and change its resources. UserType and
// GroupType return the two types that SCIM defines, and Extend returns types with more extensions. It is safe for concurrent
// use and must not be modified.
type ResourceType struct {
	ID          string
	Name        string
	Endpoint    string // "/Users", below the Base URL
	Description string
	Schema      *Schema
	Extensions  []Extension

	// root is the resource as one complex attribute: the common attributes, those of the core schema, one complex attribute
	// for each extension, and meta.
	root        *Attribute
	id          *Attribute
	meta        *Attribute
	members     *Attribute          // for groups, else nil
	groups      *Attribute          // for users, else nil
	roles       *Attribute          // for users, else nil
	active      *Attribute          // for users, else nil
	externalIDs AttributeUniqueness // the uniqueness of externalId
	define      func() ResourceType
	defined     int      // how many extensions are SCIM's own; Extend added the others
	schemasJSON [][]byte // `{"schemas":[...` by the set of SCIM's own extensions that are present, one bit each
}

// Extension is a schema that extends a resource type (RFC 7643 §6).
type Extension struct {
	Schema   *Schema
	Required bool
}

// UserType is the User of RFC 7643 §4.1 with the enterprise extension of §4.3.
func UserType() *ResourceType { return userType() }

// GroupType is the Group of RFC 7643 §4.2.
func GroupType() *ResourceType { return groupType() }

// ResourceTypes returns the types that /ResourceTypes lists without registered schemas.
func ResourceTypes() []*ResourceType { return []*ResourceType{UserType(), GroupType()} }

// SchemasOf returns the schemas that /Schemas lists for these resource types.
func SchemasOf(types []*ResourceType) []*Schema {
	var all []*Schema
	for _, t := range types {
		all = append(all, t.Schema)
		for _, e := range t.Extensions {
			all = append(all, e.Schema)
		}
	}
	return all
}

var userType = sync.OnceValue(func() *ResourceType { return NewResourceType(defineUser()) })

func defineUser() ResourceType {
	return ResourceType{
		ID: "User", Name: "User", Endpoint: "/Users", Description: "User Account",
		Schema:     userSchema(),
		Extensions: []Extension{{Schema: enterpriseUserSchema()}},
		define:     defineUser, defined: 1,
		externalIDs: UniqueServer, // in a directory: two users with the same externalId would be one adopted user
	}
}

var groupType = sync.OnceValue(func() *ResourceType { return NewResourceType(defineGroup()) })

func defineGroup() ResourceType {
	return ResourceType{
		ID: "Group", Name: "Group", Endpoint: "/Groups", Description: "Group",
		Schema: groupSchema(),
		define: defineGroup, externalIDs: UniqueNone,
	}
}

// NewResourceType creates a type from its exported fields. Its resources also have the attributes that RFC 7643 §3 gives to all. Only
// UserType and GroupType can be extended.
func NewResourceType(t ResourceType) *ResourceType {
	t.root = &Attribute{Type: TypeComplex, urn: t.Schema.ID}
	before, after := commonAttributes(t.externalIDs)
	t.root.SubAttributes = append(before, t.Schema.Attributes...)
	for _, e := range t.Extensions {
		t.root.SubAttributes = append(t.root.SubAttributes, &Attribute{
			Name: e.Schema.ID, Type: TypeComplex, Description: e.Schema.Description, SubAttributes: e.Schema.Attributes,
			Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone,
		})
	}
	t.root.SubAttributes = append(t.root.SubAttributes, after...)
	t.root.place("")
	t.id, t.meta = t.root.sub("id"), t.root.sub("meta")
	t.members, t.groups, t.roles = t.root.sub("members"), t.root.sub("groups"), t.root.sub("roles")
	t.active = t.root.sub("active")
	if t.members != nil {
		t.members.unlimited = true
	}
	t.Schema.listed = append(slices.Clip(t.Schema.Attributes), t.root.sub("externalId"))
	for set := range 1 << t.defined {
		spelled := append([]byte(`{"schemas":[`), appendString(nil, t.Schema.ID)...)
		for i, e := range t.Extensions[:t.defined] {
			if set&(1<<i) != 0 {
				spelled = append(append(spelled, ','), appendString(nil, e.Schema.ID)...)
			}
		}
		t.schemasJSON = append(t.schemasJSON, spelled)
	}
	return &t
}

// MarshalJSON returns the resource of RFC 7643 §6 without meta. See Render.
func (t *ResourceType) MarshalJSON() ([]byte, error) { return t.Render("") }

// Render returns the resource that /ResourceTypes serves, with meta.location below baseURL (no trailing slash). An empty
// baseURL leaves out meta.
func (t *ResourceType) Render(baseURL string) ([]byte, error) {
	type extension struct {
		Schema   string `json:"schema"`
		Required bool   `json:"required"`
	}
	extensions := make([]extension, 0, len(t.Extensions))
	for _, e := range t.Extensions {
		extensions = append(extensions, extension{e.Schema.ID, e.Required})
	}
	return json.Marshal(struct {
		Schemas          []string       `json:"schemas"`
		ID               string         `json:"id"`
		Name             string         `json:"name"`
		Endpoint         string         `json:"endpoint"`
		Description      string         `json:"description"`
		Schema           string         `json:"schema"`
		SchemaExtensions []extension    `json:"schemaExtensions"`
		Meta             *discoveryMeta `json:"meta,omitempty"`
	}{[]string{resourceTypeSchema}, t.ID, t.Name, t.Endpoint, t.Description, t.Schema.ID, extensions,
		newDiscoveryMeta("ResourceType", baseURL, "/ResourceTypes/"+t.ID)})
}

// extension returns the container of an extension by its URN, in any case.
func (t *ResourceType) extension(urn string) *Attribute {
	for _, e := range t.Extensions {
		if sameName(e.Schema.ID, urn) {
			return t.root.sub(e.Schema.ID)
		}
	}
	return nil
}
