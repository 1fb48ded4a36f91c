package scim

import (
	"slices"
	"unicode/utf8"
)

// Condition is a comparison that an index of a store can answer: some value of an attribute is between Low and High, both
// included. All resources that match the comparison meet the condition; a few others may meet it, too.
type Condition struct {
	// Attribute is "id", "externalId", "userName", "displayName", "active", "groups", "members", or an attribute that
	// SearchValues lists. For a multi-valued attribute, it stands for the "value" of its values.
	Attribute string
	// Low and High are in the form that Match compares: casefolded unless the attribute is case-exact. An empty High means
	// no upper bound. For "active" both are "false".
	Low, High string
	// Values, if not empty, are the only values between Low and High that meet the condition.
	Values []string
}

// Equal reports whether the condition is for exactly one value.
func (c Condition) Equal() bool { return c.Low == c.High }

// Condition returns a condition that every match of the filter meets and that an index can answer: for a conjunction, the
// comparison that probably leaves the fewest resources. rest is the filter that remains for these resources, nil for none.
// ok is false if there is no such comparison.
func (f *Filter) Condition(t *ResourceType) (c Condition, rest *Filter, ok bool) {
	if f.root.kind != nodeAnd {
		found := t.conditions(f.root)
		if len(found) == 0 {
			return Condition{}, nil, false
		}
		c = best(found)
		if t.exact(f.root, c) {
			return c, nil, true
		}
		return c, f, true
	}
	var all []Condition
	for i, kid := range f.root.kids {
		found := t.conditions(kid)
		if len(found) == 1 && found[0].Attribute == "members" && t.exact(kid, found[0]) {
			// Reading all members of a group costs more than anything else.
			return found[0], f.without(i), true
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return Condition{}, nil, false
	}
	return best(all), f, true
}

// without returns the conjunction without one kid.
func (f *Filter) without(i int) *Filter {
	kids := slices.Delete(slices.Clone(f.root.kids), i, i+1)
	if len(kids) == 1 {
		return &Filter{root: kids[0]}
	}
	return &Filter{root: &node{kind: nodeAnd, offset: f.root.offset, kids: kids}}
}

// exact reports whether all resources that meet a condition made from n also match n.
func (t *ResourceType) exact(n *node, c Condition) bool {
	if !c.Equal() || n.kind == nodeValuePath && n.kids[0].kind != nodeCompare {
		return false
	}
	switch c.Attribute {
	case "members":
		return true
	case "id", "userName", "externalId": // the store reads the resource by these at once, so it cannot change in between
		return t.groups != nil
	}
	return false
}

// conditions lists the conditions for n. The brackets of a value path apply to one value, so each part of an "and" in them
// is a valid condition by itself.
func (t *ResourceType) conditions(n *node) []Condition {
	switch n.kind {
	case nodeOr:
		return oneOf(n.kids, t.conditions)
	case nodeCompare:
		to, ok := t.resolve(n.path)
		if !ok || to.ext != nil || to.attr == nil {
			return nil
		}
		return t.condition(n, to.attr, to.sub)
	case nodeValuePath:
		to, ok := t.resolve(n.path)
		if !ok || to.ext != nil || to.attr == nil || to.sub != nil {
			return nil
		}
		of := func(kid *node) []Condition {
			if kid.kind == nodeCompare {
				if sub := to.attr.sub(kid.path.name); sub != nil {
					return t.condition(kid, to.attr, sub)
				}
			}
			return nil
		}
		switch inside := n.kids[0]; inside.kind {
		case nodeAnd:
			var all []Condition
			for _, kid := range inside.kids {
				all = append(all, of(kid)...)
			}
			return all
		case nodeOr:
			return oneOf(inside.kids, of)
		default:
			return of(inside)
		}
	}
	return nil
}

// oneOf returns the condition for a disjunction whose alternatives each name one value of the same attribute. Other
// disjunctions would need several reads: a resource that changes from one alternative to another in between could be missed.
func oneOf(alternatives []*node, conditions func(*node) []Condition) []Condition {
	var joined Condition
	for i, alternative := range alternatives {
		found := conditions(alternative)
		if len(found) == 0 {
			return nil
		}
		c := best(found)
		values := c.Values
		if len(values) == 0 && c.Equal() {
			values = []string{c.Low}
		}
		if len(values) == 0 || i > 0 && c.Attribute != joined.Attribute || c.Attribute == "active" || c.Attribute == "groups" || c.Attribute == "members" {
			return nil
		}
		joined.Attribute, joined.Values = c.Attribute, append(joined.Values, values...)
	}
	slices.Sort(joined.Values)
	joined.Values = slices.Compact(joined.Values)
	joined.Low, joined.High = joined.Values[0], joined.Values[len(joined.Values)-1]
	if joined.Equal() {
		joined.Values = nil
	}
	return []Condition{joined}
}

func (t *ResourceType) condition(n *node, a, sub *Attribute) []Condition {
	if sub != nil && sub != a.inValue {
		return nil
	}
	c := Condition{Attribute: a.Name}
	folded := true
	switch {
	case a.Name == "active":
		if truth, ok := n.literal.boolean(); !ok || truth || n.op != opEq || n.literal.kind == kindNull {
			return nil
		}
		c.Low, c.High = "false", "false"
		return []Condition{c}
	case a.Name == "id", a.Name == "externalId":
		folded = false
	case a.Name == "groups", a.Name == "members":
		if n.op != opEq {
			return nil
		}
		folded = false
	case a.Name == "userName", a.Name == "displayName", a.search:
	default:
		return nil
	}
	if n.literal.kind != kindString || n.literal.text == "" {
		return nil
	}
	value := n.literal.text
	if folded {
		value = n.literal.folded
	}
	switch n.op {
	case opEq:
		c.Low, c.High = value, value
	case opSw:
		c.Low, c.High = value, AfterPrefix(value)
	case opGt, opGe:
		c.Low = value
	case opLt, opLe:
		if a.Name == "externalId" {
			return nil // it is less than all values, and an index of unique values does not contain it
		}
		c.High = value
	default:
		return nil
	}
	return []Condition{c}
}

// AfterPrefix returns the least string above all strings with the prefix p, or "" if there is none. The result is valid
// UTF-8, which sorts by code point.
func AfterPrefix(p string) string {
	for p != "" {
		r, size := utf8.DecodeLastRuneInString(p)
		p = p[:len(p)-size]
		if r < utf8.MaxRune {
			if r++; r == 0xD800 {
				r = 0xE000 // UTF-8 has no surrogates
			}
			return p + string(r)
		}
	}
	return ""
}

// best joins the conditions of each singular attribute, and returns the one that probably leaves the fewest resources.
func best(all []Condition) Condition {
	joined := make([]Condition, 0, len(all))
	for _, c := range all {
		at := slices.IndexFunc(joined, func(o Condition) bool { return o.Attribute == c.Attribute && c.singular() })
		if at < 0 {
			joined = append(joined, c)
			continue
		}
		o := &joined[at]
		o.Low = max(o.Low, c.Low)
		if o.High == "" || c.High != "" && c.High < o.High {
			o.High = c.High
		}
		if len(o.Values) == 0 {
			o.Values = c.Values
		}
	}
	return slices.MinFunc(joined, func(a, b Condition) int { return a.rank() - b.rank() })
}

func (c Condition) singular() bool {
	return c.Attribute == "id" || c.Attribute == "externalId" || c.Attribute == "userName" || c.Attribute == "displayName"
}

// rank is lower if probably fewer resources meet the condition.
func (c Condition) rank() int {
	switch {
	case c.Attribute == "active":
		return 4
	case len(c.Values) > 0:
		return 2
	case !c.Equal() && (c.Low == "" || c.High == ""):
		return 5
	case !c.Equal():
		return 3
	case c.Attribute == "id" || c.Attribute == "userName" || c.Attribute == "externalId":
		return 0
	case c.Attribute == "groups":
		return 2
	}
	return 1
}
