package scim

// Result is what New, Replace and Patch make of a message. Its strings share memory with
// the message: who keeps one for long should clone it.
type Result struct {
	Document *Document
	// Changed tells that the canonical bytes differ from before. Members are apart.
	Changed bool
	// Members are the edits of a group's members, in the order of the operations. New
	// gives one ReplaceMembers if the body has members, Replace always gives one.
	Members []MemberEdit
	// Ignored lists the paths of read-only and unknown values that were not kept, each
	// once, the first hundred; "..." stands for more.
	Ignored []string
	// Quirks lists the readings of tolerant mode that were used, each once: the
	// Quirk constants.
	Quirks []string
	// Password tells that a password was sent. It is accepted and never kept
	// (RFC 7643 §4.1.1, §7: writeOnly, returned never).
	Password bool
}
