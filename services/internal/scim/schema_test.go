package scim

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSchemasAreTheThreeServed(t *testing.T) {
	var ids []string
	for _, s := range SchemasOf(ResourceTypes()) {
		ids = append(ids, s.ID)
	}
	requireEqual(t, "ids", ids, []string{UserSchema, EnterpriseUserSchema, GroupSchema})
}

func TestEveryAttributeIsWhole(t *testing.T) {
	var walk func(t *testing.T, a *Attribute)
	walk = func(t *testing.T, a *Attribute) {
		if a.Description == "" || a.Type == "" || a.Mutability == "" || a.Returned == "" || a.Uniqueness == "" {
			t.Errorf("%s lacks a characteristic: %+v", a.Path(), a)
		}
		if (a.Type == TypeComplex) != (len(a.SubAttributes) > 0) {
			t.Errorf("%s: sub-attributes belong to complex attributes, and only to these", a.Path())
		}
		if (a.Type == TypeReference || a.Type == TypeBinary) && !a.CaseExact {
			t.Errorf("%s: references and binaries are case exact (RFC 7643 §2.3.6, §2.3.7)", a.Path())
		}
		for _, s := range a.SubAttributes {
			walk(t, s)
		}
	}
	for _, s := range SchemasOf(ResourceTypes()) {
		for _, a := range s.Attributes {
			t.Run(a.Path(), func(t *testing.T) { walk(t, a) })
		}
	}
}

func TestAttributesKnowTheirPaths(t *testing.T) {
	for _, path := range []string{
		"userName", "name.givenName", "emails.value", "meta.created", EnterpriseUserSchema + ":manager.displayName",
	} {
		t.Run(path, func(t *testing.T) {
			p, ok := splitAttrPath(path)
			to, found := UserType().resolve(p)
			if !ok || !found || to.leaf().Path() != path {
				t.Fatalf("resolved to %+v", to)
			}
		})
	}
}

func TestSchemaJSON(t *testing.T) {
	text, err := json.Marshal(GroupType().Schema)
	requireNoError(t, err)
	var s struct {
		Schemas    []string
		ID         string
		Attributes []map[string]any
		Meta       any
	}
	requireNoError(t, json.Unmarshal(text, &s))
	requireEqual(t, "schemas", s.Schemas, []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"})
	requireEqual(t, "id", s.ID, GroupSchema)
	requireEqual(t, "meta", s.Meta, nil)
	displayName := s.Attributes[0]
	requireEqual(t, "displayName", displayName, map[string]any{
		"name": "displayName", "type": "string", "multiValued": false, "description": "The name of the group.", "required": true,
		"caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
	})
	for _, common := range s.Attributes {
		if common["name"] == "id" || common["name"] == "meta" {
			t.Errorf("common attributes belong to no schema (RFC 7643 §3.1), and %v is listed", common["name"])
		}
	}
}

// Entra ID's gallery test expects each attribute that it maps in /Schemas, also externalId.
func TestSchemasListExternalID(t *testing.T) {
	badgeType := badged(t)
	for _, c := range []struct {
		of         *ResourceType
		uniqueness string
	}{{UserType(), "server"}, {badgeType, "server"}, {GroupType(), "none"}} {
		var s struct{ Attributes []map[string]any }
		requireNoError(t, json.Unmarshal(must(c.of.Schema.Render("https://h")), &s))
		requireEqual(t, "attributes", len(s.Attributes), len(c.of.Schema.Attributes)+1)
		requireEqual(t, c.of.Name, s.Attributes[len(s.Attributes)-1], map[string]any{
			"name": "externalId", "type": "string", "multiValued": false, "description": "The identifier that the client gave.",
			"required": false, "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": c.uniqueness,
		})
		times := 0
		for _, a := range c.of.root.SubAttributes {
			if a.Name == "externalId" {
				times++
			}
		}
		requireEqual(t, "externalIds of a "+c.of.Name, times, 1)
	}
	for _, s := range []*Schema{UserType().Extensions[0].Schema, badgeType.Extensions[1].Schema} {
		if text := string(must(s.MarshalJSON())); strings.Contains(text, `"externalId"`) {
			t.Errorf("an extension lists it: %s", text)
		}
	}
}

func TestDiscoveryLocations(t *testing.T) {
	text, err := UserType().Schema.Render("https://h/scim/v2/d")
	requireNoError(t, err)
	if !strings.Contains(string(text), `"meta":{"resourceType":"Schema","location":"https://h/scim/v2/d/Schemas/`+UserSchema+`"}`) {
		t.Errorf("the schema has no location: %s", text)
	}
	text, err = UserType().Render("https://h/scim/v2/d")
	requireNoError(t, err)
	requireSameJSON(t, string(text), `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"User","name":"User",
		"endpoint":"/Users","description":"User Account","schema":"`+UserSchema+`",
		"schemaExtensions":[{"schema":"`+EnterpriseUserSchema+`","required":false}],
		"meta":{"resourceType":"ResourceType","location":"https://h/scim/v2/d/ResourceTypes/User"}}`)
	text, err = json.Marshal(GroupType())
	requireNoError(t, err)
	requireSameJSON(t, string(text), `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"Group","name":"Group",
		"endpoint":"/Groups","description":"Group","schema":"`+GroupSchema+`","schemaExtensions":[]}`)
}
