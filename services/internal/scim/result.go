package scim

// Result is the result of New, Replace or Patch. Its strings share memory with the message: clone a string that you keep for
// long.
type Result struct {
	Document *Document
	// Changed reports whether the canonical bytes changed. Members do not count.
	Changed bool
	// Members are the edits of a group's members, in the order of the operations. New returns one ReplaceMembers if the body
	// has members; Replace always returns one.
	Members []MemberEdit
	// Ignored lists the paths of read-only and unknown values that were not stored, each once, the first hundred; "..."
	// stands for more.
	Ignored []string
	// Unregistered lists the attributes of extensions that the type does not have, each once, at most a hundred, in a form that
	// Suggest reads: names and types, no value.
	Unregistered []string
	// Quirks lists the quirks of the message, each once: the Quirk constants.
	Quirks []string
	// Password reports whether a password was sent. It is accepted and never stored (RFC 7643 §4.1.1, §7: writeOnly,
	// returned never).
	Password bool
}
