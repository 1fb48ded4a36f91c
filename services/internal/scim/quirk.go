package scim

import "slices"

// The readings of tolerant mode, as Result.Quirks names them. The names are stable:
// they label metrics, and tell an operator what an identity provider does.
const (
	// QuirkOpCapitalised: an op spelled "Add", "REPLACE", ... (Entra ID).
	QuirkOpCapitalised = "op-capitalised"
	// QuirkBooleanAsString: "True" or "False" where a boolean belongs (Entra ID).
	QuirkBooleanAsString = "boolean-as-string"
	// QuirkNumberAsString: a number where a string belongs, kept digit by digit.
	QuirkNumberAsString = "number-as-string"
	// QuirkDottedKey: "name.givenName" as a key of a body or of a path-less value.
	QuirkDottedKey = "pathless-dotted-key"
	// QuirkURNKey: "urn:...:User:department" as a key, where the RFC nests
	// extensions; also the core schema's URN, as an object or before an attribute.
	QuirkURNKey = "pathless-urn-key"
	// QuirkFilterKey: `emails[type eq "work"].value` as a key (Entra ID).
	QuirkFilterKey = "pathless-filter-key"
	// QuirkSchemasMissing: `schemas` absent, or without the core schema.
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
	// QuirkArrayAsSingle: an array of one where a single value belongs.
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
)

// addOnce appends s unless it is there. The lists are as long as there are quirks,
// or ignored paths of a schema, so a scan beats a map.
func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
