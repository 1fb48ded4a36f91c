package scim

import (
	"slices"
	"strings"
)

// longestSuggested is the longest attribute's name that Suggest can put into a schema, in bytes, with its sub-attribute.
const longestSuggested = 128

// unregistered notes which attributes a key without a meaning has, if it begins with the URN of an extension.
func (e *editor) unregistered(key string, v value) {
	if !begins(key, "urn:") {
		return
	}
	if v.kind == kindSkipped {
		if len(v.items) == 0 {
			return
		}
		v = v.items[0]
	}
	if v.kind != kindObject { // the key is the path of an attribute
		colon := strings.LastIndexByte(key, ':')
		e.unregisteredAttribute(key[:colon], key[colon+1:], v)
		return
	}
	for _, f := range v.fields {
		e.unregisteredAttribute(key, f.name, f.value)
	}
}

// unregisteredAttribute notes an attribute, and the sub-attributes of its value.
func (e *editor) unregisteredAttribute(urn, name string, v value) {
	attribute, sub, dotted := strings.Cut(name, ".")
	if !isSchemaURN(urn) || !isName(attribute) || attribute[0] == '$' || dotted && !isName(sub) {
		return
	}
	note := func(name, form string) {
		if form != "" && len(name) <= longestSuggested && len(e.result.Unregistered) < mostIgnored {
			e.result.Unregistered = addOnce(e.result.Unregistered, urn+" "+name+" "+form)
		}
	}
	form := formOf(v)
	if v.kind == kindArray && len(v.items) > 0 {
		v = v.items[0]
	}
	switch {
	case dotted && v.kind == kindObject:
	case dotted:
		note(attribute, string(TypeComplex))
		note(name, form)
	default:
		note(attribute, form)
		for _, f := range v.fields {
			if formOf(f.value) != string(TypeComplex) && isName(f.name) {
				note(attribute+"."+f.name, formOf(f.value))
			}
		}
	}
}

// severalValues ends the form of an array.
const severalValues = "[]"

// formOf returns the type that an attribute needs for a value, with severalValues for an array. It is empty if the value does not
// tell, or if no attribute can have it.
func formOf(v value) string {
	switch v.kind {
	case kindString:
		return string(TypeString)
	case kindNumber:
		return string(TypeDecimal) // a later number may have a fraction
	case kindBool:
		return string(TypeBoolean)
	case kindObject:
		return string(TypeComplex)
	case kindArray:
		if len(v.items) > 0 && v.items[0].kind != kindArray {
			if form := formOf(v.items[0]); form != "" {
				return form + severalValues
			}
		}
	}
	return ""
}

// Suggest returns extensions that have the attributes in Result.Unregistered of any number of messages, by URN. An attribute that
// had values of several types is in none. Of two URNs of which one begins with the other, only the shorter one has an extension.
func Suggest(unregistered []string) []*Schema {
	var schemas []*Schema
	attributes := map[string]*Attribute{} // by the URN and the path in lower case, nil after values of several types
	for _, seen := range slices.Compact(slices.Sorted(slices.Values(unregistered))) {
		urn, rest, _ := strings.Cut(seen, " ")
		path, form, _ := strings.Cut(rest, " ")
		if len(schemas) == 0 || schemas[len(schemas)-1].ID != urn {
			if len(schemas) > 0 && isWithin(urn, schemas[len(schemas)-1].ID) {
				continue
			}
			schemas = append(schemas, &Schema{ID: urn, Name: urn[strings.LastIndexByte(urn, ':')+1:]})
		}
		into, most, name := &schemas[len(schemas)-1].Attributes, mostAttributes, path
		if attribute, sub, dotted := strings.Cut(path, "."); dotted {
			parent := attributes[strings.ToLower(urn+" "+attribute)]
			if parent == nil || parent.Type != TypeComplex {
				continue
			}
			into, most, name = &parent.SubAttributes, mostSubAttributes, sub
		}
		single, several := strings.CutSuffix(form, severalValues)
		key := strings.ToLower(urn + " " + path)
		a, known := attributes[key]
		switch {
		case !known && len(*into) < most:
			a = define(name, "", ofType(AttributeType(single)))
			a.MultiValued = several
			attributes[key] = a
			*into = append(*into, a)
		case a != nil && string(a.Type) == single:
			a.MultiValued = a.MultiValued || several
		case a != nil:
			attributes[key] = nil
			*into = slices.DeleteFunc(*into, func(other *Attribute) bool { return other == a })
		}
	}
	for _, s := range schemas {
		s.Attributes = slices.DeleteFunc(s.Attributes, func(a *Attribute) bool { return a.Type == TypeComplex && len(a.SubAttributes) == 0 })
	}
	return slices.DeleteFunc(schemas, func(s *Schema) bool { return len(s.Attributes) == 0 })
}
