package scim

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of a registered schema.
const (
	mostAttributes    = 100 // per schema
	mostSubAttributes = 50  // per complex attribute
	mostCanonical     = 200 // of canonicalValues, and of referenceTypes
	longestURN        = 200
	longestText       = 1000 // bytes of a name, a description or a canonical value
)

// ParseSchema parses the definition of an extension, in the JSON form of RFC 7643 §7, with the defaults of §2.2 for missing
// characteristics. The path of an error is like `attributes[2].type`. Errors are invalidSyntax for other JSON, and
// invalidValue for characteristics that Usher cannot guarantee:
//
//   - "mutability" of "writeOnly" and "returned" of "never": Usher does not store values that it does not show;
//   - "mutability" of "immutable" for sub-attributes: values of a multi-valued attribute have no identity;
//   - "uniqueness" other than "none";
//   - complex attributes in complex ones (RFC 7643 §2.3.8).
func ParseSchema(definition []byte) (*Schema, error) {
	root, err := decodeJSON(text(definition), Limits{}.withDefaults())
	if err != nil {
		return nil, err
	}
	p := schemaParser{}
	s := &Schema{}
	if root.kind != kindObject {
		p.fail(InvalidSyntax, "", "A schema must be a JSON object, not %s.", root.kind.withArticle())
		return nil, p.err
	}
	p.members("", root, map[string]func(path string, v value){
		"schemas": func(path string, v value) {
			if all := p.texts(path, v); p.err == nil && !(len(all) == 1 && sameName(all[0], schemaSchema)) {
				p.fail(InvalidSyntax, path, "schemas must name %s and nothing else.", schemaSchema)
			}
		},
		"id":          func(path string, v value) { s.ID = p.text(path, v) },
		"name":        func(path string, v value) { s.Name = p.text(path, v) },
		"description": func(path string, v value) { s.Description = p.text(path, v) },
		"attributes":  func(path string, v value) { s.Attributes = p.attributes(path, v, nil) },
		"meta":        func(string, value) {}, // as in a response of /Schemas
	})
	switch {
	case p.err != nil:
	case !isSchemaURN(s.ID):
		p.fail(InvalidValue, "id", "id must be a URN, such as \"urn:example:2.0:User\", of at most %d letters, digits and \"-._$:\".", longestURN)
	case len(s.Attributes) == 0:
		p.fail(InvalidSyntax, "attributes", "attributes must be an array of one or more.")
	case s.Name == "":
		s.Name = s.ID[strings.LastIndexByte(s.ID, ':')+1:]
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// isSchemaURN reports whether id is a URN (RFC 8141 §2) that can be put before an attribute's name in a path.
func isSchemaURN(id string) bool {
	if len(id) > longestURN || len(id) < 4 || !sameName(id[:4], "urn:") || strings.Count(id, ":") < 2 {
		return false
	}
	for part := range strings.SplitSeq(id, ":") {
		if part == "" {
			return false
		}
	}
	for i := range len(id) {
		if !isPathByte(id[i]) {
			return false
		}
	}
	return true
}

// schemaParser keeps the first error.
type schemaParser struct{ err error }

func (p *schemaParser) fail(t ErrorType, path, format string, args ...any) {
	if p.err == nil {
		p.err = newError(t, path, format, args...)
	}
}

// members calls the function in read for each member of an object. Another member is an error: a misspelled characteristic
// must not silently get its default.
func (p *schemaParser) members(path string, object value, read map[string]func(path string, v value)) {
	for _, f := range object.fields {
		at := f.name
		if path != "" {
			at = path + "." + f.name
		}
		known := false
		for name, take := range read {
			if sameName(name, f.name) {
				known = true
				if !f.value.isNull() {
					take(at, f.value)
				}
			}
		}
		if !known {
			p.fail(InvalidSyntax, at[:min(len(at), longestURN)], "%s is no part of a schema (RFC 7643 §7).", shown(at))
		}
	}
}

func (p *schemaParser) text(path string, v value) string {
	if v.kind != kindString {
		p.fail(InvalidSyntax, path, "%s must be a string, not %s.", path, v.kind.withArticle())
	} else if len(v.text) > longestText {
		p.fail(InvalidValue, path, "%s is longer than %d bytes.", path, longestText)
	}
	return strings.Clone(v.text)
}

func (p *schemaParser) truth(path string, v value) bool {
	if v.kind != kindBool {
		p.fail(InvalidSyntax, path, "%s must be true or false, not %s.", path, v.kind.withArticle())
	}
	return v.truth
}

func (p *schemaParser) texts(path string, v value) (all []string) {
	for i, item := range p.items(path, v, mostCanonical) {
		all = append(all, p.text(fmt.Sprintf("%s[%d]", path, i), item))
	}
	return all
}

func (p *schemaParser) items(path string, v value, most int) []value {
	if v.kind != kindArray {
		p.fail(InvalidSyntax, path, "%s must be an array, not %s.", path, v.kind.withArticle())
	} else if len(v.items) > most {
		p.fail(InvalidValue, path, "%s has more than %d entries.", path, most)
		return nil
	}
	return v.items
}

// attributes parses the attributes of a schema, or the sub-attributes of an attribute.
func (p *schemaParser) attributes(path string, v value, in *Attribute) (all []*Attribute) {
	most := mostAttributes
	if in != nil {
		most = mostSubAttributes
	}
	for i, item := range p.items(path, v, most) {
		a := p.attribute(fmt.Sprintf("%s[%d]", path, i), item, in != nil)
		if slices.ContainsFunc(all, func(other *Attribute) bool { return sameName(other.Name, a.Name) }) {
			p.fail(InvalidValue, fmt.Sprintf("%s[%d].name", path, i), "%s[%d].name is the name of another attribute, %s.", path, i, shown(a.Name))
		}
		all = append(all, a)
	}
	return all
}

func (p *schemaParser) attribute(path string, v value, isSub bool) *Attribute {
	a := define("", "")
	if v.kind != kindObject {
		p.fail(InvalidSyntax, path, "%s must be an object, not %s.", path, v.kind.withArticle())
		return a
	}
	p.members(path, v, map[string]func(string, value){
		"name":            func(path string, v value) { a.Name = p.text(path, v) },
		"type":            func(path string, v value) { a.Type = AttributeType(p.text(path, v)) },
		"subAttributes":   func(path string, v value) { a.SubAttributes = p.attributes(path, v, a) },
		"multiValued":     func(path string, v value) { a.MultiValued = p.truth(path, v) },
		"description":     func(path string, v value) { a.Description = p.text(path, v) },
		"required":        func(path string, v value) { a.Required = p.truth(path, v) },
		"canonicalValues": func(path string, v value) { a.CanonicalValues = p.texts(path, v) },
		"caseExact":       func(path string, v value) { a.CaseExact = p.truth(path, v) },
		"mutability":      func(path string, v value) { a.Mutability = AttributeMutability(p.text(path, v)) },
		"returned":        func(path string, v value) { a.Returned = AttributeReturned(p.text(path, v)) },
		"uniqueness":      func(path string, v value) { a.Uniqueness = AttributeUniqueness(p.text(path, v)) },
		"referenceTypes":  func(path string, v value) { a.ReferenceTypes = p.texts(path, v) },
	})
	if a.Type == TypeBinary || a.Type == TypeReference { // RFC 7643 §2.3.6, §2.3.7
		a.CaseExact = true
	}
	if !isName(a.Name) || a.Name[0] == '$' && !isSub {
		p.fail(InvalidValue, path+".name", "%s.name must begin with a letter and contain letters, digits, \"-\" and \"_\" (RFC 7643 §2.1).", path)
	}
	p.characteristics(path, a, isSub)
	return a
}

// characteristics checks the characteristics of an attribute.
func (p *schemaParser) characteristics(path string, a *Attribute, isSub bool) {
	keyword(p, path+".type", a.Type, "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex")
	keyword(p, path+".mutability", a.Mutability, "readWrite", "readOnly", "immutable", "writeOnly")
	keyword(p, path+".returned", a.Returned, "default", "always", "request", "never")
	keyword(p, path+".uniqueness", a.Uniqueness, "none", "server", "global")
	switch {
	case a.Type == TypeComplex && isSub:
		p.fail(InvalidValue, path+".type", "%s.type is complex, which a sub-attribute cannot be (RFC 7643 §2.3.8).", path)
	case a.Type == TypeComplex && len(a.SubAttributes) == 0:
		p.fail(InvalidValue, path+".subAttributes", "%s.subAttributes must contain the sub-attributes of a complex attribute.", path)
	case a.Type != TypeComplex && len(a.SubAttributes) > 0:
		p.fail(InvalidValue, path+".subAttributes", "%s.subAttributes cannot be: only a complex attribute has any.", path)
	case a.Mutability == WriteOnly:
		p.fail(InvalidValue, path+".mutability", "%s.mutability is writeOnly: Usher keeps no value that it does not show.", path)
	case a.Mutability == Immutable && isSub:
		p.fail(InvalidValue, path+".mutability", "%s.mutability is immutable, which a sub-attribute of an extension cannot be here.", path)
	case a.Returned == ReturnedNever:
		p.fail(InvalidValue, path+".returned", "%s.returned is never: Usher keeps no value that it does not show.", path)
	case a.Uniqueness != UniqueNone:
		p.fail(InvalidValue, path+".uniqueness", "%s.uniqueness must be none: Usher does not check that values of extensions are unique.", path)
	}
}

// keyword checks a keyword of RFC 7643 §7.
func keyword[T ~string](p *schemaParser, path string, got T, known ...T) {
	if !slices.Contains(known, got) {
		p.fail(InvalidValue, path, "%s is %s; it must be one of %v.", path, shown(string(got)), known)
	}
}
