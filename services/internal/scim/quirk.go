package scim

import "slices"

// The quirks that tolerant mode understands, as Result.Quirks names them. The names are stable: they label metrics, and tell
// an operator what an identity provider does.
const (
	// QuirkOpCapitalised: the op is spelled "Add", "REPLACE", ... (Entra ID).
	QuirkOpCapitalised = "op-capitalised"
	// QuirkBooleanAsString: "True" or "False" is sent for a boolean (Entra ID).
	QuirkBooleanAsString = "boolean-as-string"
	// QuirkDottedKey: "name.givenName" is a key of a body or of a path-less value.
	QuirkDottedKey = "pathless-dotted-key"
	// QuirkURNKey: "urn:...:User:department" is a key, although the RFC nests extensions; also the core schema's URN, as an
	// object or before an attribute.
	QuirkURNKey = "pathless-urn-key"
	// QuirkFilterKey: `emails[type eq "work"].value` is a key (Entra ID).
	QuirkFilterKey = "pathless-filter-key"
	// QuirkSchemasMissing: `schemas` is missing, or lacks the core schema or, in a PATCH, PatchOp, and names no other type
	// of message.
	QuirkSchemasMissing = "schemas-missing"
	// QuirkExtensionUndeclared: the body has attributes of an extension whose URN is missing in `schemas`.
	QuirkExtensionUndeclared = "extension-not-in-schemas"
	// QuirkStringAsValue: a plain string is sent for an object with "value": a manager's id, a role, a member.
	QuirkStringAsValue = "plain-string-as-value"
	// QuirkEmptyAsUnassigned: "" is sent for an object with "value", and means that there is none.
	QuirkEmptyAsUnassigned = "empty-string-as-unassigned"
	// QuirkSingleAsArray: one value is sent for an array.
	QuirkSingleAsArray = "single-value-as-array"
	// QuirkArrayAsSingle: an array of one object is sent for an object (Entra ID).
	QuirkArrayAsSingle = "array-as-single-value"
	// QuirkValueFromRef: a reference has no "value"; the end of its $ref is used.
	QuirkValueFromRef = "value-from-ref"
	// QuirkRemoveWithValue: a remove lists the values to remove (Entra ID).
	QuirkRemoveWithValue = "remove-with-value"
	// QuirkCreatedByFilter: a value filter matched nothing, and so described the value to create (Entra ID).
	QuirkCreatedByFilter = "created-by-filter"
	// QuirkSeveralPrimaries: there is more than one primary value; the first one stays primary.
	QuirkSeveralPrimaries = "several-primaries"
	// QuirkPathWithoutURN: the path of a PATCH names an attribute of an extension without the extension's URN, and no other
	// attribute has that name (Entra ID).
	QuirkPathWithoutURN = "path-without-urn"
	// QuirkDotAfterURN: the path of a PATCH has a dot instead of the colon after a schema's URN (Entra ID).
	QuirkDotAfterURN = "path-dot-after-urn"
	// QuirkFilterInAttributes: the parameter `attributes` contains `emails[type eq "work"]`, which asks for emails (Entra
	// ID).
	QuirkFilterInAttributes = "attributes-with-filter"
	// QuirkJSONText: a string contains the JSON of an expected object, or of an array of objects: as the value of an
	// operation without a path (SCIM for Keycloak), or of an attribute.
	QuirkJSONText = "json-text-as-object"
)

// QuirkExplanation explains a quirk to people.
type QuirkExplanation struct {
	Meaning       string // what was sent and how it was understood, as a sentence
	Specification string // the section that the quirk departs from, such as "RFC 7644 §3.5.2"
}

// ExplainQuirk explains a quirk. For an unknown name, which another version of Usher may have stored, the result is empty.
func ExplainQuirk(name string) QuirkExplanation {
	switch name {
	case QuirkOpCapitalised:
		return QuirkExplanation{"An operation's op with capital letters, such as \"Add\", was read as its lower-case form.", "RFC 7644 §3.5.2"}
	case QuirkBooleanAsString:
		return QuirkExplanation{"A string such as \"True\" was read as the boolean.", "RFC 7643 §2.3.2"}
	case QuirkDottedKey:
		return QuirkExplanation{"A key such as \"name.givenName\" was read as the sub-attribute.", "RFC 7643 §2.1"}
	case QuirkURNKey:
		return QuirkExplanation{"A key that begins with a schema's URN was read as the attribute of that schema.", "RFC 7643 §3.3"}
	case QuirkFilterKey:
		return QuirkExplanation{"A key such as \"emails[type eq \\\"work\\\"].value\" was read as a path.", "RFC 7644 §3.5.2"}
	case QuirkSchemasMissing:
		return QuirkExplanation{"A message whose schemas lack the core schema, or PatchOp, was read as its endpoint and method require.", "RFC 7643 §3"}
	case QuirkExtensionUndeclared:
		return QuirkExplanation{"Attributes of an extension that schemas does not name were kept.", "RFC 7643 §3"}
	case QuirkStringAsValue:
		return QuirkExplanation{"A plain string was read as an object with that value.", "RFC 7643 §2.3.8"}
	case QuirkEmptyAsUnassigned:
		return QuirkExplanation{"An empty string, where an object belongs, was read as no value.", "RFC 7643 §2.5"}
	case QuirkSingleAsArray:
		return QuirkExplanation{"One value was read as an array of it.", "RFC 7643 §2.4"}
	case QuirkArrayAsSingle:
		return QuirkExplanation{"An array of one object was read as the object in it.", "RFC 7643 §2.3"}
	case QuirkValueFromRef:
		return QuirkExplanation{"A reference without a value was given the id at the end of its $ref.", "RFC 7643 §2.4"}
	case QuirkRemoveWithValue:
		return QuirkExplanation{"A remove that lists values removed only these, not all values of its path.", "RFC 7644 §3.5.2.2"}
	case QuirkCreatedByFilter:
		return QuirkExplanation{"A path whose filter matches nothing created the value that the filter describes.", "RFC 7644 §3.5.2.3"}
	case QuirkSeveralPrimaries:
		return QuirkExplanation{"Only the first one of several primary values stayed primary.", "RFC 7643 §2.4"}
	case QuirkPathWithoutURN:
		return QuirkExplanation{"A path that names an attribute of an extension without its URN was read as that attribute.", "RFC 7644 §3.5.2"}
	case QuirkDotAfterURN:
		return QuirkExplanation{"A path with a dot after a schema's URN was read as if the dot were a colon.", "RFC 7644 §3.10"}
	case QuirkFilterInAttributes:
		return QuirkExplanation{"The filter in a requested attribute such as \"emails[type eq \\\"work\\\"]\" was ignored.", "RFC 7644 §3.9"}
	case QuirkJSONText:
		return QuirkExplanation{"A string that contains the JSON of an object, or of an array, was read as that JSON.", "RFC 7644 §3.5.2"}
	}
	return QuirkExplanation{}
}

// addOnce appends s if the list does not contain it. The lists are short, at most the number of quirks or of ignored paths
// of a schema, so a scan is faster than a map.
func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
