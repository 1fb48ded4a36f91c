package scim

import "slices"

// editAll changes a multi-valued attribute as a whole.
func (e *editor) editAll(c change, a *Attribute, current value) (value, error) {
	if c.op == opRemove {
		if !c.given || c.value.isNull() {
			return value{}, nil
		}
		return e.removeGiven(a, current, c.value)
	}
	given, err := e.attribute(a, c.value)
	if err != nil {
		return value{}, err
	}
	if c.op == opReplace || current.isNull() {
		if c.op == opAdd && given.isNull() {
			return current, nil
		}
		return given, nil
	}
	return e.appended(a, current, given)
}

// appended adds values to the existing ones (RFC 7644 §3.5.2.1). It does not add a value that exists already, apart from
// being primary.
func (e *editor) appended(a *Attribute, current, given value) (value, error) {
	if given.isNull() {
		return current, nil
	}
	primary := a.inPrimary
	items, before := current.items, len(current.items)
	known := e.newValueSet(items, primary, len(given.items))
	var again []int // values that existed before, and are written as primary
	for _, v := range given.items {
		at := known.find(items, &v)
		if at == len(items) {
			if items = append(items, v); len(items) > e.limits.ValuesPerAttribute {
				return value{}, e.checkCount(a, len(items))
			}
		} else if primaryOf(&v, primary) {
			items[at].set(primary, boolValue(true))
			if at < before {
				again = append(again, at)
			}
		}
	}
	items, err := e.onePrimary(a, items, func(i int) bool { return i >= before || slices.Contains(again, i) })
	return arrayOf(items), err
}

func primaryOf(v *value, primary *Attribute) bool {
	if primary == nil {
		return false
	}
	p := v.find(primary)
	return p != nil && p.truth
}

// removeGiven removes the values that a remove lists: those with the same "value", and the same "type" if it is listed;
// without a "value", those that have all listed sub-attributes. Other sub-attributes beside a "value" may be outdated, so
// they do not count. RFC 7644 §3.5.2.2 does not define this value. Ignoring it, as the RFC says, would also remove all
// values that the client wants to keep.
func (e *editor) removeGiven(a *Attribute, current, v value) (value, error) {
	given, err := e.attribute(a, v)
	if err != nil {
		return value{}, err
	}
	e.quirk(QuirkRemoveWithValue)
	listed := listing{of: a}
	for i := range given.items {
		listed.add(&given.items[i])
	}
	items := current.items[:0]
	for i := range current.items {
		if !listed.covers(&current.items[i]) {
			items = append(items, current.items[i])
		}
	}
	return arrayOf(items), nil
}

// listing has the values that a remove lists, grouped by their sub-attributes. There is nearly always one group, so one map
// access replaces all comparisons.
type listing struct {
	of   *Attribute
	sets []listed
}

type listed struct {
	attrs []*Attribute
	keys  map[string]bool
}

func (l *listing) add(v *value) {
	identified := v.find(l.of.inValue) != nil
	attrs := make([]*Attribute, 0, len(v.fields))
	for i := range v.fields {
		if sub := v.fields[i].attr; !identified || sub == l.of.inValue || sub.Name == "type" {
			attrs = append(attrs, sub)
		}
	}
	key, _ := comparisonKey(l.of, v, attrs)
	for _, same := range l.sets {
		if slices.Equal(same.attrs, attrs) {
			same.keys[key] = true
			return
		}
	}
	l.sets = append(l.sets, listed{attrs: attrs, keys: map[string]bool{key: true}})
}

// covers reports whether a listed value names v, compared as caseExact says.
func (l *listing) covers(v *value) bool {
	for _, each := range l.sets {
		if key, ok := comparisonKey(l.of, v, each.attrs); ok && each.keys[key] {
			return true
		}
	}
	return false
}

// comparisonKey returns equal keys for values that are equal in the sub-attributes attrs. ok is false if v lacks one of
// them. A plain value is compared as it is.
func comparisonKey(of *Attribute, v *value, attrs []*Attribute) (key string, ok bool) {
	if v.kind != kindObject {
		return string(appendComparable(nil, of, *v)), true
	}
	var b []byte
	for _, a := range attrs {
		sub := v.find(a)
		if sub == nil {
			return "", false
		}
		b = append(appendComparable(b, a, *sub), ',')
	}
	return string(b), true
}

func appendComparable(dst []byte, a *Attribute, v value) []byte {
	if !a.CaseExact {
		v.text = Casefold(v.text)
	}
	return v.appendJSON(dst)
}

// editEach changes a sub-attribute of every value: emails.type, without a filter.
func (e *editor) editEach(c change, a, sub *Attribute, current value) (value, error) {
	if len(current.items) > 0 {
		return e.editWhere(c, a, sub, current, func(*value) bool { return true })
	}
	if c.op == opRemove {
		return value{}, nil
	}
	if e.strict() {
		return value{}, newError(NoTarget, sub.path, "There is no value of %s, so no %s can be set.", a.path, sub.Name)
	}
	return e.created(c, a, sub, current, value{kind: kindObject})
}

// editMatching changes the values that a filter selects (RFC 7644 §3.5.2).
func (e *editor) editMatching(c change, a, sub *Attribute, filter *Filter, current value) (value, error) {
	if err := e.visit(a, len(current.items)*filter.root.size()); err != nil {
		return value{}, err
	}
	matches := func(v *value) bool { return matchValue(filter.root, a, v) }
	for i := range current.items {
		if matches(&current.items[i]) {
			return e.editWhere(c, a, sub, current, matches)
		}
	}
	if c.op == opRemove || c.value.isNull() {
		return current, nil
	}
	if !e.strict() {
		if described, ok := e.describedBy(filter.root, a); ok {
			e.quirk(QuirkCreatedByFilter)
			return e.created(c, a, sub, current, described)
		}
	}
	return value{}, newError(NoTarget, a.path, "No value of %s matches the filter in the path.", a.path)
}

// mostVisits bounds the values that the operations of one PATCH inspect. A comparison of a filter with a value counts as
// one. A thousand operations on two hundred values with a filter of four comparisons stay below it. A thousand operations on
// a thousand values, with the longest possible filters, would take seconds.
const mostVisits = 1_000_000

func (e *editor) visit(a *Attribute, values int) error {
	if e.visits += values; e.visits > mostVisits {
		return newError(InvalidValue, a.path, "The operations up to this one compare too many values of %s; send fewer at a time.", a.path)
	}
	return nil
}

// editWhere changes the selected values: whole values, or one sub-attribute of each. A replace replaces a whole value; an
// add sets its sub-attributes.
func (e *editor) editWhere(c change, a, sub *Attribute, current value, selected func(*value) bool) (value, error) {
	if err := e.visit(a, len(current.items)); err != nil {
		return value{}, err
	}
	if sub == nil && c.op != opRemove {
		var err error
		if c.value, err = e.pruned(a, c.value); err != nil {
			return value{}, err
		}
	}
	items, written := current.items[:0], e.written[:0]
	for i := range current.items {
		isSelected := selected(&current.items[i])
		v := current.items[i]
		if isSelected {
			var err error
			if v, err = e.editOne(c, a, sub, v); err != nil {
				return value{}, err
			}
		}
		if !v.isNull() {
			items = append(items, v)
			written = append(written, isSelected && c.op != opRemove)
		}
	}
	e.written = written
	items, err := e.onePrimary(a, items, func(i int) bool { return written[i] })
	return arrayOf(e.withoutRepetitions(items)), err
}

// pruned returns the relevant part of a value that is meant for several values: it parses its text or its array once, and handles
// unknown and read-only keys once. Otherwise an object of a hundred thousand keys would be copied and read for each of a thousand
// values.
func (e *editor) pruned(a *Attribute, v value) (value, error) {
	var err error
	if v = e.unquoted(a, v); v.kind == kindArray {
		if v, err = e.unwrapped(a, v); err != nil {
			return value{}, err
		}
	}
	if a.Type != TypeComplex || v.isNull() {
		return v, nil
	}
	if v, err = e.object(a, v); err != nil {
		return value{}, err
	}
	var kept []field
	for _, f := range v.fields {
		switch sub := a.of(&f); {
		case sub == nil:
			if err := e.unknown(a, f.name); err != nil {
				return value{}, err
			}
		case sub.Mutability == ReadOnly:
			e.ignore(sub.path)
		default:
			kept = append(kept, f)
		}
	}
	v.fields = kept
	return v, nil
}

func (e *editor) editOne(c change, a, sub *Attribute, v value) (value, error) {
	given := c
	if sub != nil || c.op != opAdd || !c.value.isFlat() { // readers work in place, and the value is used again
		if e.values += len(c.value.fields) + len(c.value.items); e.values > e.limits.Values {
			return value{}, newError(InvalidValue, a.path, "The operations up to this one write more than %d values; send fewer at a time.", e.limits.Values)
		}
		given.value = c.value.clone()
	}
	switch {
	case sub != nil:
		return e.editSub(given, a, sub, v)
	case c.op == opRemove:
		return value{}, nil
	case c.op == opReplace || a.isList():
		if given.value.isNull() {
			return value{}, nil
		}
		return e.single(a, given.value)
	default:
		return e.merge(c.op, a, v, given.value)
	}
}

// created adds the value that a filter without matches describes.
func (e *editor) created(c change, a, sub *Attribute, current, described value) (value, error) {
	var v value
	var err error
	if sub != nil {
		v, err = e.editSub(c, a, sub, described)
	} else {
		v, err = e.merge(opAdd, a, described, c.value)
	}
	if err != nil || v.isNull() {
		return current, err
	}
	return e.appended(a, value{kind: kindArray, items: current.items}, arrayOf([]value{v}))
}

// describedBy returns the value that a conjunction of equalities describes. An equality on "value" describes none: a change
// of a missing role must not grant the role.
func (e *editor) describedBy(n *node, a *Attribute) (value, bool) {
	described := value{kind: kindObject}
	equalities := []*node{n}
	if n.kind == nodeAnd {
		equalities = n.kids
	}
	for _, eq := range equalities {
		if eq.kind != nodeCompare || eq.op != opEq || eq.literal.kind == kindNull {
			return value{}, false
		}
		sub := a.sub(eq.path.name)
		if sub == nil || sub == a.inValue || sub.Mutability == ReadOnly || described.find(sub) != nil {
			return value{}, false
		}
		v, err := e.attribute(sub, value{kind: eq.literal.kind, truth: eq.literal.truth, text: eq.literal.text})
		if err != nil {
			return value{}, false
		}
		described.set(sub, v)
	}
	return described, true
}
