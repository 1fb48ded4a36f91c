package scim

// groupSchema is the Group of RFC 7643 §4.2. displayName is required, as the text there says, although the JSON of §8.7.1
// says otherwise.
func groupSchema() *Schema {
	return &Schema{
		ID: GroupSchema, Name: "Group", Description: "Group",
		Attributes: []*Attribute{
			define("displayName", "The name of the group.", required, indexed),
			define("members", "The members of the group.", multi, withSubs(
				define("value", "The id of the member.", caseExact, indexed, mutability(Immutable)),
				define("$ref", "The URI of the member.", refersTo("User", "Group"), mutability(Immutable)),
				define("type", "The type of the member.", suggest("User", "Group"), mutability(Immutable)),
				define("display", "The name of the member.", mutability(ReadOnly)),
			)),
		},
	}
}
