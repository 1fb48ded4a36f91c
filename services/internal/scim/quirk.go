package scim

import "slices"

// The readings of tolerant mode, as Result.Quirks names them. The names are stable:
// they label metrics, and tell an operator what an identity provider does.
const (
	// QuirkOpCapitalised: an op spelled "Add", "REPLACE", ... (Entra ID).
	QuirkOpCapitalised = "op-capitalised"
	// QuirkBooleanAsString: "True" or "False" where a boolean belongs (Entra ID).
	QuirkBooleanAsString = "boolean-as-string"
	// QuirkDottedKey: "name.givenName" as a key of a body or of a path-less value.
	QuirkDottedKey = "pathless-dotted-key"
	// QuirkURNKey: "urn:...:User:department" as a key, where the RFC nests
	// extensions; also the core schema's URN, as an object or before an attribute.
	QuirkURNKey = "pathless-urn-key"
	// QuirkFilterKey: `emails[type eq "work"].value` as a key (Entra ID).
	QuirkFilterKey = "pathless-filter-key"
	// QuirkSchemasMissing: `schemas` absent, or without the core schema; of a PATCH, without PatchOp, where
	// they name no other message.
	QuirkSchemasMissing = "schemas-missing"
	// QuirkExtensionUndeclared: extension attributes whose URN `schemas` lacks.
	QuirkExtensionUndeclared = "extension-not-in-schemas"
	// QuirkStringAsValue: a plain string where an object with "value" belongs: a
	// manager's id, a role, a member.
	QuirkStringAsValue = "plain-string-as-value"
	// QuirkEmptyAsUnassigned: "" for an object with "value" means that there is none.
	QuirkEmptyAsUnassigned = "empty-string-as-unassigned"
	// QuirkSingleAsArray: one value where an array belongs.
	QuirkSingleAsArray = "single-value-as-array"
	// QuirkArrayAsSingle: an array of one object where an object belongs (Entra ID).
	QuirkArrayAsSingle = "array-as-single-value"
	// QuirkValueFromRef: a reference without "value"; the end of its $ref is it.
	QuirkValueFromRef = "value-from-ref"
	// QuirkRemoveWithValue: a remove that lists the values to remove (Entra ID).
	QuirkRemoveWithValue = "remove-with-value"
	// QuirkCreatedByFilter: a value filter that matched nothing, and so described the
	// value to create (Entra ID).
	QuirkCreatedByFilter = "created-by-filter"
	// QuirkSeveralPrimaries: more than one primary value; the first one stays so.
	QuirkSeveralPrimaries = "several-primaries"
	// QuirkPathWithoutURN: the path of a PATCH names an attribute of an extension, and not the
	// extension, where nothing else has that name (Entra ID).
	QuirkPathWithoutURN = "path-without-urn"
	// QuirkDotAfterURN: the path of a PATCH has a dot after a schema's URN, for the colon
	// (Entra ID).
	QuirkDotAfterURN = "path-dot-after-urn"
	// QuirkFilterInAttributes: the parameter `attributes` holds `emails[type eq "work"]`, which
	// asks for emails (Entra ID).
	QuirkFilterInAttributes = "attributes-with-filter"
	// QuirkJSONText: a string that holds the JSON of an object, or of an array of them, where
	// these belong: of an operation without a path (SCIM for Keycloak), or of an attribute.
	QuirkJSONText = "json-text-as-object"
)

// Reading says what a quirk means, for whoever looks at a directory.
type Reading struct {
	Meaning       string // what was sent, and what it was taken to mean: a sentence
	Specification string // the section that it departs from, such as "RFC 7644 §3.5.2"
}

// QuirkReading explains a quirk. A name that is none of the constants, as another version of Usher may have stored, has an empty one.
func QuirkReading(name string) Reading {
	switch name {
	case QuirkOpCapitalised:
		return Reading{"An operation's op in capitals, such as \"Add\", was read as its lower-case form.", "RFC 7644 §3.5.2"}
	case QuirkBooleanAsString:
		return Reading{"A string such as \"True\" was read as the boolean.", "RFC 7643 §2.3.2"}
	case QuirkDottedKey:
		return Reading{"A key such as \"name.givenName\" was read as the sub-attribute.", "RFC 7643 §2.1"}
	case QuirkURNKey:
		return Reading{"A key that begins with a schema's URN was read as the attribute of that schema.", "RFC 7643 §3.3"}
	case QuirkFilterKey:
		return Reading{"A key such as \"emails[type eq \\\"work\\\"].value\" was read as a path.", "RFC 7644 §3.5.2"}
	case QuirkSchemasMissing:
		return Reading{"A message whose schemas lack the core schema, or PatchOp, was taken for what its endpoint and method say.", "RFC 7643 §3"}
	case QuirkExtensionUndeclared:
		return Reading{"Attributes of an extension that schemas does not name were kept.", "RFC 7643 §3"}
	case QuirkStringAsValue:
		return Reading{"A plain string was read as an object with that value.", "RFC 7643 §2.3.8"}
	case QuirkEmptyAsUnassigned:
		return Reading{"An empty string, where an object belongs, was read as no value.", "RFC 7643 §2.5"}
	case QuirkSingleAsArray:
		return Reading{"One value was read as an array of it.", "RFC 7643 §2.4"}
	case QuirkArrayAsSingle:
		return Reading{"An array of one object was read as the object in it.", "RFC 7643 §2.3"}
	case QuirkValueFromRef:
		return Reading{"A reference without a value was given the id at the end of its $ref.", "RFC 7643 §2.4"}
	case QuirkRemoveWithValue:
		return Reading{"A remove that lists values removed these alone, not all that its path names.", "RFC 7644 §3.5.2.2"}
	case QuirkCreatedByFilter:
		return Reading{"A path whose filter matches nothing created the value that the filter describes.", "RFC 7644 §3.5.2.3"}
	case QuirkSeveralPrimaries:
		return Reading{"Of several primary values only the first stayed primary.", "RFC 7643 §2.4"}
	case QuirkPathWithoutURN:
		return Reading{"A path that names an attribute of an extension without its URN was read as that attribute.", "RFC 7644 §3.5.2"}
	case QuirkDotAfterURN:
		return Reading{"A path with a dot after a schema's URN was read as if the dot were a colon.", "RFC 7644 §3.10"}
	case QuirkFilterInAttributes:
		return Reading{"Of a name such as \"emails[type eq \\\"work\\\"]\" among the attributes that are asked for, the filter was passed over.", "RFC 7644 §3.9"}
	case QuirkJSONText:
		return Reading{"A string that holds the JSON of an object, or of an array, was read as that.", "RFC 7644 §3.5.2"}
	}
	return Reading{}
}

// addOnce appends s unless it is there. The lists are as long as there are quirks,
// or ignored paths of a schema, so a scan beats a map.
func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
