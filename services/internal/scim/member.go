package scim

// Member is a member of a group (RFC 7643 §4.2).
type Member struct {
	Value   string // the id, compared exactly
	Type    string // "", "User" or "Group"
	Display string // derived from the member; never set by a client
}

// MemberEditKind is what a MemberEdit does.
type MemberEditKind int

const (
	// AddMembers adds members; existing ones stay as they are.
	AddMembers MemberEditKind = iota + 1
	// RemoveMembers removes members by their ids; missing ones are ignored.
	RemoveMembers
	// RemoveMatching removes the members that match Filter; see Filter.MatchMember.
	RemoveMatching
	// ReplaceMembers replaces all members with these. Without ids, it removes all.
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

// MemberEdit is one edit of a group's members. IDs contains no duplicates.
type MemberEdit struct {
	Kind   MemberEditKind
	IDs    []string // compared exactly
	Filter *Filter  // only for RemoveMatching
}

// memberList reads members one at a time, so that a large group is never in memory as a tree.
type memberList struct {
	r      *reader
	seen   keySet
	stream *elementStream // the source of the members, or nil
}

func newMemberList(r *reader) *memberList { return &memberList{r: r, seen: keySet{exact: true}} }

// from returns the stream of the members under a key; see elementStream.
func (l *memberList) from(key string) *elementStream {
	l.stream = &elementStream{key: key, take: l.take}
	return l.stream
}

func (l *memberList) ids() []string { return l.seen.names }

func (l *memberList) take(v value) error {
	if v.isNull() {
		return nil
	}
	counted := l.r.values
	defer func() { l.r.values = counted }() // a member may be a string with values inside
	id, err := l.r.member(v)
	if err != nil {
		return err
	}
	l.room()
	l.seen.insert(id)
	return nil
}

// room makes room for as many members as are probably coming, at most twice as many as have come: a large group is not followed by
// others.
func (l *memberList) room() {
	names := l.seen.names
	n := len(names)
	if n < cap(names) || n < 64 || l.stream == nil || l.stream.read == 0 {
		return
	}
	coming := n * l.stream.left / l.stream.read
	l.seen.names = append(make([]string, 0, n+min(n, coming+coming/16+1)), names...)
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

// member reads one member, and returns its id. The id tells whether it is a user or a group.
func (r *reader) member(v value) (id string, err error) {
	a := r.t.members
	if v = r.unquoted(a, v); v.kind == kindString && v.text != "" && !r.strict() {
		r.quirk(QuirkStringAsValue) // like object, but there may be a million members
		v, err = r.string(a.inValue, v)
		return v.text, err
	}
	if v, err = r.complex(a, v); err != nil {
		return "", err
	}
	kind := ""
	for i := range v.fields {
		switch text := v.fields[i].value.text; v.fields[i].name {
		case "value":
			id = text
		case "type":
			kind = text
		}
	}
	if id == "" {
		return "", newError(InvalidValue, "members.value", "Each member needs a \"value\", the id of a user or group.")
	}
	if kind != "" && !sameName(kind, "User") && !sameName(kind, "Group") {
		if r.strict() {
			return "", newError(InvalidValue, "members.type", "The type of a member must be User or Group.")
		}
		r.ignore("members.type")
	}
	return id, nil
}

// value returns the member as a resource shows it. An empty baseURL leaves out $ref.
func (m Member) value(a *Attribute, baseURL string) value {
	v := value{kind: kindObject, fields: make([]field, 0, 4)}
	add := func(name, text string) {
		if text != "" {
			v.set(a.sub(name), stringValue(text))
		}
	}
	add("value", m.Value)
	if endpoint := m.endpoint(); endpoint != "" && baseURL != "" {
		add("$ref", baseURL+endpoint+m.Value)
	}
	add("type", m.Type)
	add("display", m.Display)
	return v
}

// endpoint is the part of the member's URI before the id, "" if its type is not known.
func (m Member) endpoint() string {
	switch m.Type {
	case "User":
		return "/Users/"
	case "Group":
		return "/Groups/"
	}
	return ""
}
