package scim

import "strings"

type opKind uint8

const (
	opAdd opKind = iota
	opReplace
	opRemove
)

// editor applies the operations of a PATCH, or the keys of a body, to a resource. The resource's values may be shared with a
// Document, so the editor copies each one before its first change.
type editor struct {
	reader
	root   value
	owned  uint64 // which values of root are the editor's own copies, as one bit for each order
	visits int    // values inspected so far
	// written are the values that an operation has written; the next operation reuses the slice.
	written []bool
	inBody  bool // true for a POST or PUT body, where read-only values are ignored
}

func newEditor(t *ResourceType, o Options) *editor {
	return &editor{reader: reader{t: t, mode: o.Mode, limits: o.Limits.withDefaults(), result: &Result{}}}
}

// own returns the editor's own copy of a top-level value, null if it is unassigned.
func (e *editor) own(a *Attribute) value {
	v := e.root.find(a)
	if v == nil {
		return value{}
	}
	if bit := uint64(1) << a.order; e.owned&bit == 0 {
		e.owned |= bit
		*v = v.clone()
	}
	return *v
}

// assign assigns an attribute in an object, or makes it unassigned if v is unassigned.
func assign(in *value, a *Attribute, v value) {
	if v.isNull() {
		in.unset(a)
	} else {
		in.set(a, v)
	}
}

// keys applies an add or replace without a path: each key of v names an attribute.
func (e *editor) keys(op opKind, v value) error {
	for _, f := range v.fields {
		if err := e.field(op, f); err != nil {
			return err
		}
	}
	return nil
}

// field applies an add or replace to the attribute or extension URN that a key of a body, or of a path-less value, names
// (RFC 7644 §3.5.2.1). In tolerant mode the key may also be a path.
func (e *editor) field(op opKind, f field) error {
	key, v := f.name, f.value
	if a := e.t.root.of(&f); a != nil {
		switch {
		case a.Name == "schemas" && e.inBody:
			return nil // checkSchemas has checked it
		case a.Mutability == ReadOnly:
			return e.readOnlyKey(a)
		case a.isExtension():
			return e.apply(op, target{ext: a}, nil, v)
		}
		return e.apply(op, target{attr: a}, nil, v)
	}
	if e.strict() || !strings.ContainsAny(key, ".:[") {
		return e.unknown(nil, key)
	}
	path, err := ParsePath(key, e.limits)
	if err != nil {
		return e.unknown(nil, key)
	}
	to, err := e.t.resolvePath(path)
	if err != nil {
		e.unregistered(key, v)
		return e.unknown(nil, key)
	}
	readOnly := to.attr != nil && (to.attr.Mutability == ReadOnly || to.sub != nil && to.sub.Mutability == ReadOnly)
	if v.kind == kindSkipped && !readOnly {
		return e.unknown(nil, key)
	}
	switch {
	case path.filter != nil:
		e.quirk(QuirkFilterKey)
	case path.attr.urn != "":
		e.quirk(QuirkURNKey)
	default:
		e.quirk(QuirkDottedKey)
	}
	if readOnly {
		return e.readOnlyKey(to.leaf())
	}
	return e.apply(op, to, path.filter, v)
}

// readOnlyKey handles a key that names a read-only attribute. RFC 7644 §3.3 and §3.5.1 say to ignore it: clients send back
// what they received.
func (e *editor) readOnlyKey(a *Attribute) error {
	if e.strict() && !e.inBody {
		return errReadOnly(a)
	}
	e.ignore(a.path)
	return nil
}

func errReadOnly(a *Attribute) *Error {
	return newError(Mutability, a.path, "%s is read-only.", a.path)
}

// apply applies add or replace of v to a target.
func (e *editor) apply(op opKind, to target, filter *Filter, v value) error {
	return e.change(change{op: op, value: v, given: true}, to, filter)
}

// change is an operation without its target.
type change struct {
	op    opKind
	value value
	given bool // for remove: a value was sent
}

func (e *editor) change(c change, to target, filter *Filter) error {
	switch {
	case to.attr == nil && to.ext == nil:
		return e.changeCore(c)
	case to.attr == nil:
		return e.changeExtension(c, to.ext)
	case to.attr == e.t.members:
		return e.changeMembers(c, to, filter)
	case to.ext == nil:
		current := e.own(to.attr)
		next, err := e.edit(c, to.attr, to.sub, filter, current)
		if err == nil {
			assign(&e.root, to.attr, next)
		}
		return err
	}
	in := e.own(to.ext)
	in.kind = kindObject
	var current value
	if v := in.find(to.attr); v != nil {
		current = *v
	}
	next, err := e.edit(c, to.attr, to.sub, filter, current)
	if err != nil {
		return err
	}
	assign(&in, to.attr, next)
	if len(in.fields) == 0 {
		in = value{}
	}
	assign(&e.root, to.ext, in)
	return nil
}

// changeCore changes the resource itself, which the URN of the core schema names.
func (e *editor) changeCore(c change) error {
	if c.op == opRemove {
		return newError(NoTarget, e.t.Schema.ID, "A PATCH can't remove a whole %s; name an attribute.", e.t.Name)
	}
	if c.value.kind != kindObject {
		return newError(InvalidValue, e.t.Schema.ID, "The value for %s must be an object, not %s.", e.t.Schema.ID, c.value.kind.withArticle())
	}
	return e.keys(c.op, c.value)
}

// changeExtension changes a whole extension. It is complex, so the given attributes are set and the others stay (RFC 7644
// §3.5.2.3).
func (e *editor) changeExtension(c change, ext *Attribute) error {
	if c.op == opRemove || c.op == opReplace && c.value.isNull() {
		e.root.unset(ext)
		return nil
	}
	if c.value.isNull() {
		return nil
	}
	if c.value.kind != kindObject {
		return newError(InvalidValue, ext.path, "%s must be an object, not %s.", ext.path, c.value.kind.withArticle())
	}
	for _, f := range c.value.fields {
		to, ok := e.extensionKey(ext, f.name)
		if !ok || f.value.kind == kindSkipped && to.leaf().Mutability != ReadOnly {
			if err := e.unknown(ext, f.name); err != nil {
				return err
			}
			continue
		}
		if to.leaf().Mutability == ReadOnly {
			if err := e.readOnlyKey(to.leaf()); err != nil {
				return err
			}
			continue
		}
		if err := e.change(change{op: c.op, value: f.value, given: true}, to, nil); err != nil {
			return err
		}
	}
	return nil
}

// extensionKey finds the attribute that a key within an extension names, or in tolerant mode a sub-attribute.
func (e *editor) extensionKey(ext *Attribute, key string) (target, bool) {
	if a := ext.sub(key); a != nil {
		return target{ext: ext, attr: a}, true
	}
	p, ok := splitAttrPath(key)
	if !ok || p.sub == "" || p.urn != "" || e.strict() {
		return target{}, false
	}
	a := ext.sub(p.name)
	if a == nil {
		return target{}, false
	}
	sub := a.sub(p.sub)
	if sub == nil {
		return target{}, false
	}
	e.quirk(QuirkDottedKey)
	return target{ext: ext, attr: a, sub: sub}, true
}

// edit returns the value that an attribute has after c. current is the editor's own copy; null means unassigned, before and
// after.
func (e *editor) edit(c change, a, sub *Attribute, filter *Filter, current value) (value, error) {
	if err := e.checkWritable(a, sub); err != nil {
		return value{}, err
	}
	if c.op == opRemove && c.given && e.strict() {
		return value{}, newError(InvalidValue, a.path, "A remove takes no value (RFC 7644 §3.5.2.2); select values by a filter in the path.")
	}
	switch {
	case a.Mutability == WriteOnly:
		return value{}, e.takePassword(c, a)
	case filter != nil:
		return e.editMatching(c, a, sub, filter, current)
	case a.MultiValued && sub != nil:
		return e.editEach(c, a, sub, current)
	case a.MultiValued:
		return e.editAll(c, a, current)
	case sub != nil:
		return e.editSub(c, a, sub, current)
	default:
		return e.editSingular(c, a, current)
	}
}

// checkWritable refuses to change a read-only attribute by a path (RFC 7644 §3.5.2).
func (e *editor) checkWritable(a, sub *Attribute) error {
	for _, each := range [...]*Attribute{a, sub} {
		if each != nil && each.Mutability == ReadOnly {
			return errReadOnly(each)
		}
	}
	return nil
}

// takePassword checks a password and drops it. Usher authenticates no users.
func (e *editor) takePassword(c change, a *Attribute) error {
	if c.op == opRemove {
		return nil
	}
	v, err := e.attribute(a, c.value)
	e.result.Password = e.result.Password || err == nil && !v.isNull()
	return err
}

// editSingular changes a singular attribute as a whole.
func (e *editor) editSingular(c change, a *Attribute, current value) (value, error) {
	if c.op == opRemove {
		if a.Required {
			return value{}, errKept(a)
		}
		return value{}, nil
	}
	if a.Type == TypeComplex && !c.value.isNull() {
		return e.merge(c.op, a, current, c.value)
	}
	next, err := e.attribute(a, c.value)
	if err != nil {
		return value{}, err
	}
	if next.isNull() && c.op == opAdd {
		return current, nil
	}
	if a.Required && (next.isNull() || blank(next.text)) {
		return value{}, errRequired(a)
	}
	return next, nil
}

// merge sets the sub-attributes that v has and keeps the others (RFC 7644 §3.5.2.3). A replace with null makes one
// unassigned.
func (e *editor) merge(op opKind, a *Attribute, current, v value) (value, error) {
	if v = e.unquoted(a, v); v.kind == kindArray {
		var err error
		if v, err = e.unwrapped(a, v); err != nil {
			return value{}, err
		}
	}
	if !v.isNull() {
		var err error
		if v, err = e.object(a, v); err != nil {
			return value{}, err
		}
	}
	if v.isNull() {
		if op == opAdd {
			return current, nil
		}
		return value{}, nil
	}
	if current.kind = kindObject; current.fields == nil {
		current.fields = make([]field, 0, len(v.fields))
	}
	var given value // for settleReference
	for _, f := range v.fields {
		sub := a.of(&f)
		if sub == nil {
			if err := e.unknown(a, f.name); err != nil {
				return value{}, err
			}
			continue
		}
		if sub.Mutability == ReadOnly {
			e.ignore(sub.path)
			continue
		}
		next, err := e.attribute(sub, f.value)
		if err != nil {
			return value{}, err
		}
		if next.isNull() && op == opAdd {
			continue
		}
		assign(&current, sub, next)
		if sub == a.inRef || sub == a.inValue {
			given.set(sub, next)
		}
	}
	e.settleReference(a, &current, given)
	if len(current.fields) == 0 {
		return value{}, nil
	}
	return current, nil
}

// settleReference keeps value and $ref consistent: if only one of them is given, it removes the other one.
func (e *editor) settleReference(a *Attribute, v *value, given value) {
	inRef, inValue := a.inRef, a.inValue
	if inRef == nil || inValue == nil {
		return
	}
	ref, id := given.find(inRef), given.find(inValue)
	switch {
	case ref == nil && id != nil:
		v.unset(inRef)
	case ref != nil && id == nil:
		v.unset(inValue)
		e.valueFromRef(a, v)
	}
}

// editSub changes one sub-attribute of a singular attribute, or of one value.
func (e *editor) editSub(c change, a, sub *Attribute, current value) (value, error) {
	current.kind = kindObject
	var before value
	if v := current.find(sub); v != nil {
		before = *v
	}
	next, err := e.edit(c, sub, nil, nil, before)
	if err != nil {
		return value{}, err
	}
	if !next.equal(&before) {
		assign(&current, sub, next)
		if sub == a.inRef || sub == a.inValue && a.inRef != nil {
			var given value
			given.set(sub, next)
			e.settleReference(a, &current, given)
		}
	}
	if len(current.fields) == 0 {
		return value{}, nil
	}
	return current, nil
}
