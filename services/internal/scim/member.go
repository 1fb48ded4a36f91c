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

// MemberEdit is one change of a group's members. IDs holds none twice.
type MemberEdit struct {
	Kind   MemberEditKind
	IDs    []string // compared exactly
	Filter *Filter  // RemoveMatching only
}

// memberList reads members one at a time, so that a large group is never held as a tree.
type memberList struct {
	r      *reader
	seen   keySet
	stream *elementStream // where they come from, else nil
}

func newMemberList(r *reader) *memberList { return &memberList{r: r, seen: keySet{exact: true}} }

// from gives the stream of the members that stand under a key; see elementStream.
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
	defer func() { l.r.values = counted }() // a member may be a text of values
	id, err := l.r.member(v)
	if err != nil {
		return err
	}
	l.room()
	l.seen.put(id)
	return nil
}

// room makes room for as many members as seem to come, and for twice as many as came at most: a large group has no others after it.
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

// member reads one member: its id. Whether it is a user or a group is known by that.
func (r *reader) member(v value) (id string, err error) {
	a := r.t.members
	if v = r.unquoted(a, v); v.kind == kindString && v.text != "" && !r.strict() {
		r.quirk(QuirkStringAsValue) // as object has it, but there may be a million of them
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
