package scim

import (
	"slices"
	"strings"
)

// Match reports whether a resource matches the filter, as RFC 7644 §3.4.2.2 says: by the attribute's type and caseExact;
// times are compared as times. A comparison on a multi-valued attribute is true if it is true for some value; "ne" is also
// true if there is no value. A comparison that CheckFilter would refuse is false. members and groups are taken from m, and
// are missing if m lacks them.
func (f *Filter) Match(t *ResourceType, doc *Document, m Envelope) bool {
	return (&matcher{t: t, doc: doc, envelope: m}).node(f.root)
}

// MatchMember matches a filter on the sub-attributes of a member, as in the path members[type eq "Group"]. $ref is the URL
// that a client sees below baseURL, as with Match: members[$ref eq "..."] in a query matches the groups with a member that
// matches here.
func (f *Filter) MatchMember(m Member, baseURL string) bool {
	a := GroupType().members
	v := m.value(a, baseURL)
	return matchValue(f.root, a, &v)
}

type matcher struct {
	t        *ResourceType
	doc      *Document
	envelope Envelope
}

func (m *matcher) node(n *node) bool {
	switch n.kind {
	case nodeAnd:
		return !slices.ContainsFunc(n.kids, func(kid *node) bool { return !m.node(kid) })
	case nodeOr:
		return slices.ContainsFunc(n.kids, m.node)
	case nodeNot:
		return !m.node(n.kids[0])
	}
	to, ok := m.t.resolve(n.path)
	if !ok || to.leaf() == nil {
		return false
	}
	v := m.find(to)
	if n.kind == nodeCompare {
		if v == nil && to.attr != nil && to.attr == m.t.active && n.comparesValues() {
			active := boolValue(true) // a user without active counts as active (RFC 7643 §4.1.1 leaves it open)
			v = &active
		}
		return matchPath(n, to, v)
	}
	if to.sub != nil || to.attr == nil || v == nil {
		return false
	}
	return slices.ContainsFunc(values(v), func(each value) bool { return matchValue(n.kids[0], to.attr, &each) })
}

// find returns the value of the attribute, or extension, that contains to; nil if unassigned.
func (m *matcher) find(to target) *value {
	if to.ext != nil {
		in := m.doc.root.find(to.ext)
		if in == nil || to.attr == nil {
			return in
		}
		return in.find(to.attr)
	}
	switch to.attr {
	case m.t.id, m.t.meta, m.t.members, m.t.groups:
		return m.envelope.find(m.t, to.attr)
	}
	if to.attr.Name == "schemas" {
		v := m.doc.schemas()
		return &v
	}
	return m.doc.root.find(to.attr)
}

// values returns the elements of an array, or any other value as the only element.
func values(v *value) []value {
	if v.kind == kindArray {
		return v.items
	}
	return []value{*v}
}

// matchPath compares each value of an attribute, or of a sub-attribute in each.
func matchPath(n *node, to target, v *value) bool {
	leaf := to.leaf()
	if to.sub == nil && leaf.Type == TypeComplex && n.op != opPr {
		to.sub = leaf.inValue
		if leaf = to.sub; leaf == nil {
			return false
		}
	}
	none := true
	if v != nil {
		for _, each := range values(v) {
			at := &each
			if to.sub != nil {
				at = n.part(to.attr, to.sub, &each)
			}
			if at == nil {
				continue
			}
			none = false
			if n.compare(leaf, at) {
				return true
			}
		}
	}
	return none && n.compare(leaf, nil)
}

// matchValue matches a filter in brackets with one value of a complex attribute.
func matchValue(n *node, a *Attribute, v *value) bool {
	switch n.kind {
	case nodeAnd:
		return !slices.ContainsFunc(n.kids, func(kid *node) bool { return !matchValue(kid, a, v) })
	case nodeOr:
		return slices.ContainsFunc(n.kids, func(kid *node) bool { return matchValue(kid, a, v) })
	case nodeNot:
		return !matchValue(n.kids[0], a, v)
	case nodeCompare:
		if sub := a.inBrackets(n.path.name); sub != nil {
			return n.compare(sub, n.part(a, sub, v))
		}
	}
	return false
}

// part returns the compared part of one value of a complex attribute; nil if it is unassigned. A value without "primary"
// compares as not primary (RFC 7643 §2.4), but "primary" is not present in it.
func (n *node) part(a, sub *Attribute, v *value) *value {
	if sub == a {
		return v
	}
	at := v.find(sub)
	if at == nil && sub == a.inPrimary && n.comparesValues() {
		silent := boolValue(false)
		return &silent
	}
	return at
}

// comparesValues reports whether a comparison needs a value. `pr`, and comparisons with null, only ask whether a value exists.
func (n *node) comparesValues() bool { return n.op != opPr && n.literal.kind != kindNull }

// compare compares one value; nil is an unassigned value, which equals null and differs from everything else.
func (n *node) compare(a *Attribute, v *value) bool {
	if v != nil && v.kind == kindArray { // for a multi-valued sub-attribute, one value must match
		return slices.ContainsFunc(v.items, func(each value) bool { return n.compare(a, &each) })
	}
	switch {
	case n.op == opPr:
		return v != nil && !v.empty()
	case n.literal.kind == kindNull:
		return n.op == opEq && v == nil || n.op == opNe && v != nil
	case v == nil:
		return n.op == opNe
	}
	switch a.Type {
	case TypeBoolean:
		truth, ok := n.literal.boolean()
		return ok && (n.op == opEq && truth == v.truth || n.op == opNe && truth != v.truth)
	case TypeInteger, TypeDecimal:
		return n.literal.kind == kindNumber && n.op.matches(compareNumbers(v.text, n.literal.text))
	case TypeDateTime:
		if at, err := parseDateTime(v.text); err == nil {
			if with, err := parseDateTime(n.literal.text); err == nil && n.op != opCo && n.op != opSw && n.op != opEw {
				return n.op.matches(at.Compare(with))
			}
		}
	}
	if n.literal.kind != kindString {
		return false
	}
	have, want := v.text, n.literal.text
	if !a.CaseExact {
		have, want = Casefold(have), n.literal.folded
	}
	switch n.op {
	case opCo:
		return strings.Contains(have, want)
	case opSw:
		return strings.HasPrefix(have, want)
	case opEw:
		return strings.HasSuffix(have, want)
	}
	return n.op.matches(strings.Compare(have, want))
}

// empty reports whether "pr" is false for the value: for the empty string, and for a complex value without other content (RFC
// 7644 §3.4.2.2, table 3).
func (v *value) empty() bool {
	switch v.kind {
	case kindString:
		return v.text == ""
	case kindArray:
		return !slices.ContainsFunc(v.items, func(each value) bool { return !each.empty() })
	case kindObject:
		return !slices.ContainsFunc(v.fields, func(each field) bool { return !each.value.empty() })
	}
	return false
}

// matches reports whether an operator is true for the sign of a comparison.
func (o operator) matches(sign int) bool {
	switch o {
	case opEq:
		return sign == 0
	case opNe:
		return sign != 0
	case opGt:
		return sign > 0
	case opGe:
		return sign >= 0
	case opLt:
		return sign < 0
	case opLe:
		return sign <= 0
	}
	return false
}
