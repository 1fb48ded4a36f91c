package scim

import "errors"

// Document is a validated resource in canonical form; see the package comment. It is
// immutable and safe for concurrent use.
type Document struct {
	t    *ResourceType
	root value // fields of t.root without schemas
	raw  []byte
}

// errNotCanonical is what ParseStored says of bytes that JSON never gave. It is no
// *Error: a store that holds such bytes is broken, not a client.
var errNotCanonical = errors.New("scim: stored document is not canonical")

// ParseStored reads what JSON gave, perhaps long ago. It trusts the store for the
// values and checks no more than the shape; data must not be modified afterwards.
func ParseStored(t *ResourceType, data []byte) (*Document, error) {
	root, err := decodeJSON(text(data), storedLimits)
	if err != nil {
		return nil, errors.Join(errNotCanonical, err)
	}
	if root.kind != kindObject || len(root.fields) == 0 || root.fields[0].name != "schemas" {
		return nil, errNotCanonical
	}
	root.fields = root.fields[1:]
	added := t.cutAdded(&root)
	if !bind(t.root, &root) {
		return nil, errNotCanonical
	}
	for _, f := range added {
		if extension := t.root.sub(f.name); extension != nil {
			if v := t.fit(extension, f.value); !v.isNull() {
				root.set(extension, v)
			}
		}
	}
	return &Document{t: t, root: root, raw: data}, nil
}

// storedLimits let pass whatever was let in under an earlier configuration.
var storedLimits = Limits{BodyDepth: 8, StringBytes: 1 << 30, Values: 1 << 30}.withDefaults()

// bind tells each key its attribute. Canonical names are exact, and in order.
func bind(a *Attribute, v *value) bool {
	last := -1
	for i := range v.fields {
		f := &v.fields[i]
		for _, s := range a.SubAttributes[last+1:] {
			if s.Name == f.name {
				f.attr = s
				break
			}
		}
		if f.attr == nil {
			return false
		}
		last = f.attr.order
		if f.attr.Type != TypeComplex {
			continue
		}
		if f.value.kind != kindArray {
			if !bind(f.attr, &f.value) {
				return false
			}
			continue
		}
		for j := range f.value.items {
			if !bind(f.attr, &f.value.items[j]) {
				return false
			}
		}
	}
	return true
}

// newDocument writes a resource that has about so many bytes: a large one is measured, since to grow, or to hold room that it
// does not need, would take several times its bytes.
func newDocument(t *ResourceType, root value, sizeHint int) *Document {
	d := &Document{t: t, root: root}
	if sizeHint > largeBody {
		sizeHint = len(`{"schemas":[],`) + d.root.lengthJSON() + (1+len(t.Extensions))*longestURN
	}
	dst := make([]byte, 0, sizeHint)
	present := d.extensions()
	dst = append(dst, t.schemasJSON[present&(1<<t.defined-1)]...)
	for i, e := range t.added() {
		if present&(1<<(t.defined+i)) != 0 {
			dst = appendString(append(dst, ','), e.Schema.ID)
		}
	}
	dst = append(dst, ']')
	for i := range root.fields {
		dst = append(dst, ',')
		dst = appendString(dst, root.fields[i].name)
		dst = append(dst, ':')
		dst = root.fields[i].value.appendJSON(dst)
	}
	d.raw = append(dst, '}')
	return d
}

// extensions gives the set of extensions present, a bit each in the type's order.
func (d *Document) extensions() int {
	set := 0
	for i, e := range d.t.Extensions {
		for j := len(d.root.fields) - 1; j >= 0; j-- {
			if d.root.fields[j].name == e.Schema.ID {
				set |= 1 << i
			}
		}
	}
	return set
}

// schemas computes the value of `schemas` (RFC 7643 §3).
func (d *Document) schemas() value {
	v := value{kind: kindArray, items: []value{stringValue(d.t.Schema.ID)}}
	set := d.extensions()
	for i, e := range d.t.Extensions {
		if set&(1<<i) != 0 {
			v.items = append(v.items, stringValue(e.Schema.ID))
		}
	}
	return v
}

// Type is the type of the resource.
func (d *Document) Type() *ResourceType { return d.t }

// JSON gives the canonical bytes, which must not be modified. Equal documents have
// equal bytes.
func (d *Document) JSON() []byte { return d.raw }

// Values counts the values in it, objects and arrays and what is in them, as Limits.Values does for a message.
func (d *Document) Values() int { return d.root.count() }

// Str gives the string at a path such as "userName", "name.givenName" or
// "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department".
func (d *Document) Str(path string) (string, bool) {
	v := d.at(path)
	if v == nil || v.kind != kindString {
		return "", false
	}
	return v.text, true
}

// Bool gives the boolean at a path, such as "active".
func (d *Document) Bool(path string) (value, ok bool) {
	v := d.at(path)
	if v == nil || v.kind != kindBool {
		return false, false
	}
	return v.truth, true
}

// Succeeding gives what becomes of d where it takes the place of old, as the whole of a message: a user that is inactive, and of
// which d does not say whether it is active, stays inactive, and its document says so. Nothing but true activates a user.
func (d *Document) Succeeding(old *Document) *Document {
	if !d.t.stillInactive(&d.root, old) {
		return d
	}
	root := d.root
	root.fields = append(make([]field, 0, len(root.fields)+1), root.fields...)
	root.set(d.t.active, boolValue(false))
	return newDocument(d.t, root, len(d.raw)+len(`,"active":false`))
}

// stillInactive says whether a resource, as it is after the whole of a message, lacks `active` where the document before says false:
// false does not pass to unassigned, which would count as true (RFC 7643 §4.1.1 leaves that open). What operations of the message
// made of it in between does not count.
func (t *ResourceType) stillInactive(after *value, before *Document) bool {
	if t.active == nil || after.find(t.active) != nil {
		return false
	}
	was := before.root.find(before.t.active)
	return was != nil && was.kind == kindBool && !was.truth
}

// at gives what is at a path of singular attributes, nil if it is unassigned.
func (d *Document) at(path string) *value {
	p, ok := splitAttrPath(path)
	if !ok {
		return nil
	}
	to, ok := d.t.resolve(p)
	if !ok {
		return nil
	}
	v := &d.root
	for _, a := range [...]*Attribute{to.ext, to.attr, to.sub} {
		if a == nil {
			continue
		}
		if v = v.find(a); v == nil {
			return nil
		}
	}
	return v
}
