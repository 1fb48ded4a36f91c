package scim

import "slices"

// RenderGroup appends the Group that a client gets (RFC 7643 §4.2): the canonical bytes, with id, members and meta. It
// parses them only for a projection. The error means that the bytes are not canonical.
func (t *ResourceType) RenderGroup(dst []byte, canonical []byte, e Envelope, members []Member, p Projection) ([]byte, error) {
	r, err := t.NewGroupRenderer(canonical, e, p)
	if err != nil {
		return dst, err
	}
	return r.End(r.Members(r.Begin(slices.Grow(dst, len(r.head)+len(r.tail)+r.room(members))), members)), nil
}

// GroupRenderer renders a Group with members that come in pages, so that at most one page is in memory. Begin, any number of
// calls of Members, and End together append the same as RenderGroup.
type GroupRenderer struct {
	t          *ResourceType
	baseURL    string
	head, tail []byte
	selected   selection
	whole      bool // members are shown whole, without a projection
	any        bool // a member was shown
}

// NewGroupRenderer prepares the rendering. It ignores the members of e. The error means that the bytes are not canonical.
func (t *ResourceType) NewGroupRenderer(canonical []byte, e Envelope, p Projection) (*GroupRenderer, error) {
	e.Groups, e.Members = nil, nil
	r := &GroupRenderer{t: t, baseURL: e.BaseURL, whole: p.IsDefault() && t.isPlain(canonical)}
	if r.whole {
		head, err := t.appendHead(nil, canonical, e)
		r.head, r.tail = head, append(e.appendMeta(nil, t), '}')
		return r, err
	}
	r.selected = t.selection(p)
	kept, err := t.project(canonical, e, r.selected)
	if err != nil {
		return nil, err
	}
	// Every resource begins with `schemas`, which is always returned, so there is a comma before and after the members.
	after := len(kept.fields)
	for i, f := range kept.fields {
		if f.attr.order > t.members.order {
			after = min(after, i)
		}
	}
	head, tail := kept, kept
	head.fields, tail.fields = kept.fields[:after], kept.fields[after:]
	r.head, r.tail = head.appendJSON(nil), tail.appendJSON(nil)
	r.head = r.head[:len(r.head)-1]
	if r.tail[0] = ','; len(tail.fields) == 0 {
		r.tail = r.tail[1:]
	}
	return r, nil
}

// Begin appends the part before the members.
func (r *GroupRenderer) Begin(dst []byte) []byte { return append(dst, r.head...) }

// End appends the part after the members.
func (r *GroupRenderer) End(dst []byte) []byte {
	if r.any {
		dst = append(dst, ']')
	}
	return append(dst, r.tail...)
}

// Members appends the next members.
func (r *GroupRenderer) Members(dst []byte, page []Member) []byte {
	for _, m := range page {
		if r.whole {
			dst = r.appendMember(r.before(dst), m)
			continue
		}
		one := value{kind: kindArray, items: []value{m.value(r.t.members, r.baseURL)}}
		if one = r.selected.keep(target{attr: r.t.members}, one); len(one.items) == 1 {
			dst = one.items[0].appendJSON(r.before(dst))
		}
	}
	return dst
}

// before appends the separator before a member.
func (r *GroupRenderer) before(dst []byte) []byte {
	if r.any {
		return append(dst, ',')
	}
	r.any = true
	return append(dst, `,"members":[`...)
}

// appendMember writes what Member.value returns, without building it: a group may have 250,000 members.
func (r *GroupRenderer) appendMember(dst []byte, m Member) []byte {
	dst = append(dst, `{"value":`...)
	dst = appendForeign(dst, m.Value)
	if endpoint := m.endpoint(); endpoint != "" && r.baseURL != "" {
		dst = append(dst, `,"$ref":`...)
		dst = appendForeign(dst, r.baseURL, endpoint, m.Value)
	}
	if m.Type != "" {
		dst = append(dst, `,"type":`...)
		dst = appendForeign(dst, m.Type)
	}
	if m.Display != "" {
		dst = append(dst, `,"display":`...)
		dst = appendForeign(dst, m.Display)
	}
	return append(dst, '}')
}

// room estimates how many bytes members add: growing step by step would copy them several times.
func (r *GroupRenderer) room(members []Member) int {
	const each = 80 // names and punctuation
	size := len(`,"members":[]`)
	for i := range members {
		m := &members[i]
		size += each + len(r.baseURL) + 2*len(m.Value) + len(m.Display)
	}
	return size
}
