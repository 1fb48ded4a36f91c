package scim

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attributeName is the ATTRNAME of RFC 7643 §2.1, and the $ref of §2.4 that its grammar does not include.
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
	for _, s := range SchemasOf(ResourceTypes()) {
		for _, a := range s.Attributes {
			t.Run(a.Path(), func(t *testing.T) { walk(t, a, 0) })
		}
	}
}

func TestAnExtensionRedefinesNothing(t *testing.T) {
	t.Parallel()
	before, after := commonAttributes(UniqueNone)
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

// The RFCs give these values formats, but do not require them of clients.
func TestValuesAreKeptAsTheyAreSent(t *testing.T) {
	t.Parallel()
	const sent = `{"userName":"A.Bee","displayName":" B ","profileUrl":"no URL","preferredLanguage":"elvish","locale":"en_us","timezone":"noon",` +
		`"emails":[{"value":"B@EXAMPLE.com","type":"Work"},{"value":"no address"}],"phoneNumbers":[{"value":"(201) 555 0123","type":"red"}],` +
		`"ims":[{"value":"B Jensen","type":"own"}],"photos":[{"value":"page.html"}],"addresses":[{"country":"Norway"}],` +
		`"x509Certificates":[{"value":"-----BEGIN"}]}`
	d := user(t, sent)
	requireEqual(t, "document", attributes(d), sent)
	strict, err := UserType().New([]byte(`{"schemas":["`+UserSchema+`"],`+strings.Replace(sent[1:], "-----BEGIN", "TUlJ", 1)), Options{Mode: Strict})
	requireNoError(t, err)
	requireEqual(t, "strict document", attributes(strict.Document), strings.Replace(sent, "-----BEGIN", "TUlJ", 1))
}

func TestReferencesCompareAsTexts(t *testing.T) {
	t.Parallel()
	d := user(t, `{"userName":"a",`+extension+`:{"manager":{"value":"m1","$ref":"https://h/v2/Users/m1"}}}`)
	for filter, want := range map[string]bool{
		EnterpriseUserSchema + `:manager.$ref eq "https://h/v2/Users/m1"`: true,
		EnterpriseUserSchema + `:manager.$ref eq "https://h/Users/m1"`:    false,
		EnterpriseUserSchema + `:manager.value eq "m1"`:                   true,
		EnterpriseUserSchema + `:manager.value eq "M1"`:                   false,
	} {
		f, err := ParseFilter(filter, Limits{})
		requireNoError(t, err)
		requireEqual(t, filter, f.Match(UserType(), d, Envelope{}), want)
	}
}
