package scim

import "time"

// CheckFilter checks that f is valid for the type: its attributes exist, and have the compared types. Errors are
// invalidFilter (RFC 7644 §3.4.2.2, §3.12) with the offset.
//
// The strings "True" and "False" count as booleans in both modes, because Entra ID sends them for primary and active.
func (t *ResourceType) CheckFilter(f *Filter) error {
	return t.checkNode(f.root)
}

func (t *ResourceType) checkNode(n *node) error {
	switch n.kind {
	case nodeCompare:
		to, ok := t.resolve(n.path)
		if !ok || to.leaf() == nil {
			return n.fail("%s has no attribute %s", t.Name, shown(n.path.String()))
		}
		if to.attr != nil && to.attr.Returned == ReturnedNever {
			return n.fail("%s is never returned, and can't be compared", to.attr.path)
		}
		return n.checkComparison(to.leaf())
	case nodeValuePath:
		to, ok := t.resolve(n.path)
		if !ok || to.attr == nil {
			return n.fail("%s has no attribute %s", t.Name, shown(n.path.String()))
		}
		if to.sub != nil || to.attr.Type != TypeComplex && !to.attr.isList() {
			return n.fail("%s has no sub-attributes that could stand in brackets", to.leaf().path)
		}
		return checkValueFilter(n.kids[0], to.attr)
	}
	for _, kid := range n.kids {
		if err := t.checkNode(kid); err != nil {
			return err
		}
	}
	return nil
}

// checkValueFilter checks the filter in brackets after a.
func checkValueFilter(n *node, a *Attribute) error {
	if n.kind == nodeCompare {
		sub := a.inBrackets(n.path.name)
		if sub == nil || n.path.sub != "" || n.path.urn != "" {
			return n.fail("%s has no sub-attribute %s", a.path, shown(n.path.String()))
		}
		return n.checkComparison(sub)
	}
	for _, kid := range n.kids {
		if err := checkValueFilter(kid, a); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) fail(format string, args ...any) *Error {
	e := newErrorAt(InvalidFilter, n.offset, format, args...)
	e.Path = n.path.String()
	e.Detail = "The filter can't be used: " + e.Detail + "."
	return e
}

func (n *node) checkComparison(a *Attribute) error {
	if n.op == opPr {
		return nil
	}
	if a.Type == TypeComplex {
		// "value" stands for the complex attribute (RFC 7643 §2.4).
		if a = a.inValue; a == nil {
			return n.fail("%s is complex; compare one of its sub-attributes", n.path)
		}
	}
	name, op := a.path, operatorNames[n.op]
	if n.literal.kind == kindNull {
		if n.op != opEq && n.op != opNe {
			return n.fail("null can be compared by eq and ne, not by %s", op)
		}
		return nil
	}
	switch a.Type {
	case TypeBoolean:
		if n.op != opEq && n.op != opNe {
			return n.fail("%s is a boolean, which can be compared by eq and ne, not by %s", name, op)
		}
		if _, ok := n.literal.boolean(); !ok {
			return n.fail("%s is a boolean; compare it with true or false", name)
		}
	case TypeInteger, TypeDecimal:
		if n.literal.kind != kindNumber || n.op == opCo || n.op == opSw || n.op == opEw {
			return n.fail("%s is a number; compare it with a number, by eq, ne, gt, ge, lt or le", name)
		}
	case TypeDateTime:
		_, err := parseDateTime(n.literal.text)
		if n.literal.kind != kindString || err != nil && (n.op.ordering() || n.op == opEq || n.op == opNe) {
			return n.fail("%s is a time; compare it with one such as \"2026-01-31T12:00:00Z\"", name)
		}
	default:
		if a.Type == TypeBinary && n.op.ordering() {
			return n.fail("%s is binary, which has no order", name)
		}
		if n.literal.kind != kindString {
			return n.fail("%s is a string; compare it with a string in double quotes", name)
		}
	}
	return nil
}

func (l literal) boolean() (truth, ok bool) {
	if l.kind == kindString {
		return parseBoolean(l.text)
	}
	return l.truth, l.kind == kindBool
}

// parseBoolean parses a boolean that was sent as a string.
func parseBoolean(s string) (truth, ok bool) {
	return sameName(s, "true"), sameName(s, "true") || sameName(s, "false")
}

// parseDateTime parses an xsd:dateTime with a time zone (RFC 7643 §2.3.5).
func parseDateTime(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
