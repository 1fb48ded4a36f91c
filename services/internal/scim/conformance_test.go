package scim

import (
	"regexp"
	"slices"
	"testing"
)

// attributeName is the ATTRNAME of RFC 7643 §2.1, and the $ref of §2.4 that its grammar forgets.
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9$_-]*|\$ref)$`)

func TestSchemasKeepToTheRFC(t *testing.T) {
	t.Parallel()
	types := []AttributeType{TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference, TypeComplex}
	mutabilities := []AttributeMutability{ReadOnly, ReadWrite, Immutable, WriteOnly}
	returned := []AttributeReturned{ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest}
	uniqueness := []AttributeUniqueness{UniqueNone, UniqueServer, UniqueGlobal}
	var walk func(t *testing.T, a *Attribute, depth int)
	walk = func(t *testing.T, a *Attribute, depth int) {
		if !attributeName.MatchString(a.Name) {
			t.Errorf("%s is no attribute name (RFC 7643 §2.1)", a.Path())
		}
		if !slices.Contains(types, a.Type) || !slices.Contains(mutabilities, a.Mutability) || !slices.Contains(returned, a.Returned) ||
			!slices.Contains(uniqueness, a.Uniqueness) {
			t.Errorf("%s has a characteristic that is none (RFC 7643 §7): %+v", a.Path(), a)
		}
		if (a.Type == TypeReference) != (len(a.ReferenceTypes) > 0) {
			t.Errorf("%s: referenceTypes belong to references, and only to these (RFC 7643 §7)", a.Path())
		}
		if a.Mutability == WriteOnly && a.Returned != ReturnedNever {
			t.Errorf("%s is writeOnly, and returned (RFC 7643 §7)", a.Path())
		}
		if depth > 0 && a.Type == TypeComplex {
			t.Errorf("%s is complex within a complex attribute (RFC 7643 §2.3.8)", a.Path())
		}
		for _, s := range a.SubAttributes {
			walk(t, s, depth+1)
		}
	}
	for _, s := range Schemas() {
		for _, a := range s.Attributes {
			t.Run(a.Path(), func(t *testing.T) { walk(t, a, 0) })
		}
	}
}

func TestAnExtensionRedefinesNothing(t *testing.T) {
	t.Parallel()
	before, after := commonAttributes()
	for _, of := range ResourceTypes() {
		taken := slices.Concat(before, after, of.Schema.Attributes)
		for _, e := range of.Extensions {
			for _, a := range e.Schema.Attributes {
				if slices.ContainsFunc(taken, func(b *Attribute) bool { return sameName(a.Name, b.Name) }) {
					t.Errorf("%s redefines an attribute of %s (RFC 7643 §3.3)", a.Path(), of.Name)
				}
			}
		}
	}
}
