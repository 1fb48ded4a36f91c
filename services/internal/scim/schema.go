package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

// URNs of the schemas and messages of RFC 7643 §8 and RFC 7644 §8.2.
const (
	UserSchema           = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema          = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	PatchOpSchema        = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// AttributeType is a data type of RFC 7643 §2.3.
type AttributeType string

// The data types of RFC 7643 §2.3.
const (
	TypeString    AttributeType = "string"
	TypeBoolean   AttributeType = "boolean"
	TypeDecimal   AttributeType = "decimal"
	TypeInteger   AttributeType = "integer"
	TypeDateTime  AttributeType = "dateTime"
	TypeBinary    AttributeType = "binary"
	TypeReference AttributeType = "reference"
	TypeComplex   AttributeType = "complex"
)

// AttributeMutability is when an attribute may be written (RFC 7643 §7).
type AttributeMutability string

// The mutabilities of RFC 7643 §7.
const (
	ReadOnly  AttributeMutability = "readOnly"
	ReadWrite AttributeMutability = "readWrite"
	Immutable AttributeMutability = "immutable"
	WriteOnly AttributeMutability = "writeOnly"
)

// AttributeReturned is when an attribute is in a response (RFC 7643 §7).
type AttributeReturned string

// The values of "returned" of RFC 7643 §7.
const (
	ReturnedAlways  AttributeReturned = "always"
	ReturnedNever   AttributeReturned = "never"
	ReturnedDefault AttributeReturned = "default"
	ReturnedRequest AttributeReturned = "request"
)

// AttributeUniqueness is the range in which a value must be unique (RFC 7643 §7).
type AttributeUniqueness string

// The values of "uniqueness" of RFC 7643 §7.
const (
	UniqueNone   AttributeUniqueness = "none"
	UniqueServer AttributeUniqueness = "server"
	UniqueGlobal AttributeUniqueness = "global"
)

// Attribute has the characteristics of an attribute (RFC 7643 §2.2, §7). Its JSON is that of RFC 7643 §7. Attributes belong
// to a schema and must not be modified.
type Attribute struct {
	Name            string              `json:"name"`
	Type            AttributeType       `json:"type"`
	SubAttributes   []*Attribute        `json:"subAttributes,omitempty"`
	MultiValued     bool                `json:"multiValued"`
	Description     string              `json:"description"`
	Required        bool                `json:"required"`
	CanonicalValues []string            `json:"canonicalValues,omitempty"`
	CaseExact       bool                `json:"caseExact"`
	Mutability      AttributeMutability `json:"mutability"`
	Returned        AttributeReturned   `json:"returned"`
	Uniqueness      AttributeUniqueness `json:"uniqueness"`
	ReferenceTypes  []string            `json:"referenceTypes,omitempty"`

	path   string // in the form of filters and PATCH paths, without the core schema's URN
	order  int    // its index among its siblings
	key    bool   // databases index it, so Limits.KeyBytes applies
	search bool   // SearchValues lists its values
	urn    string // for the attribute that stands for a whole resource: the URN of its core schema
	// unlimited: Limits.ValuesPerAttribute does not apply, because the values are not part of the document.
	unlimited bool

	// The sub-attributes with a meaning in RFC 7643 §2.4, nil if there are none. A sub-attribute with such a name and the
	// wrong type has no such meaning, and neither has any sub-attribute of a whole extension.
	inValue, inRef, inPrimary *Attribute
}

// Path is the attribute's name in filters and PATCH paths: "userName", "name.givenName",
// "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department".
func (a *Attribute) Path() string { return a.path }

// sub returns a sub-attribute by its name, in any case.
func (a *Attribute) sub(name string) *Attribute {
	for _, s := range a.SubAttributes {
		if s.Name == name {
			return s
		}
	}
	for _, s := range a.SubAttributes {
		if sameName(s.Name, name) {
			return s
		}
	}
	return nil
}

// of returns the sub-attribute of a field of an object. The decoder may have set it already.
func (a *Attribute) of(f *field) *Attribute {
	if s := f.attr; s != nil && s.order < len(a.SubAttributes) && a.SubAttributes[s.order] == s {
		return s
	}
	return a.sub(f.name)
}

// inBrackets returns the attribute for a name in brackets: a sub-attribute or, for "value", the value itself of a
// multi-valued attribute without sub-attributes (RFC 7644 §3.5.2.2).
func (a *Attribute) inBrackets(name string) *Attribute {
	if a.isList() && sameName(name, "value") {
		return a
	}
	return a.sub(name)
}

// isList reports whether an attribute is multi-valued with simple values.
func (a *Attribute) isList() bool { return a.MultiValued && a.Type != TypeComplex }

// isExtension reports whether an attribute is the container of an extension, with a URN as its name.
func (a *Attribute) isExtension() bool { return strings.IndexByte(a.Name, ':') >= 0 }

// place numbers sub-attributes and gives them their paths.
func (a *Attribute) place(prefix string) {
	if !a.isExtension() {
		a.inValue, a.inRef, a.inPrimary = a.meaning("value"), a.meaning("$ref", TypeReference), a.meaning("primary", TypeBoolean)
	}
	if v := a.inValue; v == nil || v.Type != TypeString && v.Type != TypeReference || v.Mutability == ReadOnly {
		a.inRef = nil // a $ref cannot be completed without it
	}
	for i, s := range a.SubAttributes {
		s.order = i
		s.path = prefix + s.Name
		if s.isExtension() {
			s.place(s.path + ":")
		} else {
			s.place(s.path + ".")
		}
	}
}

// meaning returns the sub-attribute of a name with a meaning in RFC 7643 §2.4, if it is singular and has one of these types.
func (a *Attribute) meaning(name string, types ...AttributeType) *Attribute {
	s := a.sub(name)
	if s == nil || s.MultiValued || len(types) > 0 && !slices.Contains(types, s.Type) {
		return nil
	}
	return s
}

// Schema is a schema of RFC 7643 §7, which also defines its JSON.
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute

	// listed are the attributes that /Schemas shows, nil for Attributes. The core schemas also show externalId, which is
	// common to all resources (RFC 7643 §3.1) and therefore in no schema: Entra ID expects there each attribute that it
	// maps.
	listed []*Attribute
}

// MarshalJSON returns the resource of RFC 7643 §7 without meta, which needs the base URL. See Render.
func (s *Schema) MarshalJSON() ([]byte, error) { return s.Render("") }

// Render returns the resource that /Schemas serves, with meta.location below baseURL (no trailing slash). An empty baseURL
// leaves out meta.
func (s *Schema) Render(baseURL string) ([]byte, error) {
	attributes := s.Attributes
	if s.listed != nil {
		attributes = s.listed
	}
	return json.Marshal(struct {
		Schemas     []string       `json:"schemas"`
		ID          string         `json:"id"`
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Attributes  []*Attribute   `json:"attributes"`
		Meta        *discoveryMeta `json:"meta,omitempty"`
	}{[]string{schemaSchema}, s.ID, s.Name, s.Description, attributes, newDiscoveryMeta("Schema", baseURL, "/Schemas/"+s.ID)})
}

// discoveryMeta is the meta of a resource that describes the service. It has no times.
type discoveryMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

func newDiscoveryMeta(resourceType, baseURL, path string) *discoveryMeta {
	if baseURL == "" {
		return nil
	}
	return &discoveryMeta{ResourceType: resourceType, Location: baseURL + path}
}
