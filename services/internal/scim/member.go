package scim

// Member is a member of a group (RFC 7643 §4.2).
type Member struct {
	Value   string // the id, compared exactly
	Type    string // "", "User" or "Group"
	Display string // derived from the member; never taken from a client
}

// MemberEditKind says what a MemberEdit does.
type MemberEditKind int

const (
	// AddMembers adds Members; those there already stay as they are.
	AddMembers MemberEditKind = iota + 1
	// RemoveMembers removes Members by their Value; those not there don't matter.
	RemoveMembers
	// RemoveMatching removes the members for which Filter.MatchMember holds.
	RemoveMatching
	// ReplaceMembers makes Members the only ones. No Members means: remove all.
	ReplaceMembers
)

func (k MemberEditKind) String() string {
	switch k {
	case AddMembers:
		return "add members"
	case RemoveMembers:
		return "remove members"
	case RemoveMatching:
		return "remove matching members"
	case ReplaceMembers:
		return "replace members"
	}
	return "unknown edit"
}

// MemberEdit is one change of a group's members. Members hold no id twice.
type MemberEdit struct {
	Kind    MemberEditKind
	Members []Member
	Filter  *Filter // RemoveMatching only
}

// memberList reads members one at a time, so that a large group is never held as a tree.
type memberList struct {
	r       *reader
	members []Member
	seen    map[string]struct{}
}

func (l *memberList) take(v value) error {
	if v.isNull() {
		return nil
	}
	m, err := l.r.member(v)
	if err != nil {
		return err
	}
	if l.seen == nil {
		l.seen = make(map[string]struct{})
	}
	if _, twice := l.seen[m.Value]; !twice {
		l.seen[m.Value] = struct{}{}
		l.members = append(l.members, m)
	}
	return nil
}

// takeAll reads the value of `members`: an array, or in tolerant mode one member.
func (l *memberList) takeAll(v value) error {
	v = l.r.unquoted(l.r.t.members, v)
	items := v.items
	if v.kind != kindArray && !v.isNull() {
		if l.r.strict() {
			return newError(InvalidValue, "members", "members must be an array, not %s.", v.kind.withArticle())
		}
		l.r.quirk(QuirkSingleAsArray)
		items = []value{v}
	}
	for _, item := range items {
		if err := l.take(item); err != nil {
			return err
		}
	}
	return nil
}

// member reads one member: an id, and, from its $ref, what it is if "type" doesn't say.
func (r *reader) member(v value) (Member, error) {
	a := r.t.members
	v, err := r.complex(a, v)
	if err != nil {
		return Member{}, err
	}
	var m Member
	var ref string
	for i := range v.fields {
		switch text := v.fields[i].value.text; v.fields[i].name {
		case "value":
			m.Value = text
		case "type":
			m.Type = text
		case "$ref":
			ref = text
		}
	}
	if m.Value == "" {
		return Member{}, newError(InvalidValue, "members.value", "Each member needs a \"value\", the id of a user or group.")
	}
	switch {
	case sameName(m.Type, "User"):
		m.Type = "User"
	case sameName(m.Type, "Group"):
		m.Type = "Group"
	case m.Type != "" && r.strict():
		return Member{}, newError(InvalidValue, "members.type", "The type of a member must be User or Group.")
	default:
		if m.Type != "" {
			r.ignore("members.type")
		}
		m.Type = typeFromRef(ref)
	}
	return m, nil
}

// typeFromRef tells users from groups by the last but one segment of a URI.
func typeFromRef(ref string) string {
	id := lastSegment(ref)
	if len(ref) == len(id) {
		return ""
	}
	switch lastSegment(ref[:len(ref)-len(id)-1]) {
	case "Users":
		return "User"
	case "Groups":
		return "Group"
	}
	return ""
}

// value gives the member as a resource shows it. An empty baseURL leaves $ref out.
func (m Member) value(a *Attribute, baseURL string) value {
	v := value{kind: kindObject, fields: make([]field, 0, 4)}
	put := func(name, text string) {
		if text != "" {
			v.set(a.sub(name), stringValue(text))
		}
	}
	put("value", m.Value)
	if endpoint := m.endpoint(); endpoint != "" && baseURL != "" {
		put("$ref", baseURL+endpoint+m.Value)
	}
	put("type", m.Type)
	put("display", m.Display)
	return v
}

// endpoint is what stands before the id in the member's URI, "" if it isn't known
// what it is.
func (m Member) endpoint() string {
	switch m.Type {
	case "User":
		return "/Users/"
	case "Group":
		return "/Groups/"
	}
	return ""
}
