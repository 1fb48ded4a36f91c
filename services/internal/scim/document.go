package scim

import "errors"

// Document is a validated resource in canonical form; see the package comment. It is
// immutable and safe for concurrent use.
type Document struct {
	t    *ResourceType
	root value // fields of t.root without schemas
	raw  []byte
}

// errNotCanonical is the error of ParseStored for bytes that Document.JSON cannot have returned. It is not an *Error: the
// store is damaged, and the client made no mistake.
var errNotCanonical = errors.New("scim: stored document is not canonical")

// ParseStored parses bytes that JSON returned, perhaps long ago. It trusts the values and checks only the structure. The
// caller must not modify data afterwards.
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

// storedLimits accept everything that was accepted under an earlier configuration.
var storedLimits = Limits{BodyDepth: 8, StringBytes: 1 << 30, Values: 1 << 30}.withDefaults()

// bind sets the attribute of each key. Canonical names are exact, and in order.
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

// newDocument encodes a resource of about sizeHint bytes. It measures a large one before: growing step by step, or reserving
// too much, would take several times its bytes.
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

// extensions returns the set of extensions present, as one bit each, in the type's order.
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

// Type returns the type of the resource.
func (d *Document) Type() *ResourceType { return d.t }

// JSON returns the canonical bytes, which must not be modified. Equal documents have equal bytes.
func (d *Document) JSON() []byte { return d.raw }

// Values counts the values in the document: objects, arrays and everything in them, like Limits.Values for a message.
func (d *Document) Values() int { return d.root.count() }

// Str returns the string at a path such as "userName", "name.givenName" or
// "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department".
func (d *Document) Str(path string) (string, bool) {
	v := d.at(path)
	if v == nil || v.kind != kindString {
		return "", false
	}
	return v.text, true
}

// Bool returns the boolean at a path, such as "active".
func (d *Document) Bool(path string) (value, ok bool) {
	v := d.at(path)
	if v == nil || v.kind != kindBool {
		return false, false
	}
	return v.truth, true
}

// Succeeding returns d as it replaces old after one message: if the user was inactive and d does not say whether it is active,
// the user stays inactive, and its document says so. Only true activates a user.
func (d *Document) Succeeding(old *Document) *Document {
	if !d.t.stillInactive(&d.root, old) {
		return d
	}
	root := d.root
	root.fields = append(make([]field, 0, len(root.fields)+1), root.fields...)
	root.set(d.t.active, boolValue(false))
	return newDocument(d.t, root, len(d.raw)+len(`,"active":false`))
}

// stillInactive reports whether the resource lacks `active` after the whole message, although the document before says false. False
// must not become unassigned, which would count as true (RFC 7643 §4.1.1 leaves that open). Intermediate states between operations
// do not count.
func (t *ResourceType) stillInactive(after *value, before *Document) bool {
	if t.active == nil || after.find(t.active) != nil {
		return false
	}
	was := before.root.find(before.t.active)
	return was != nil && was.kind == kindBool && !was.truth
}

// at returns the value at a path of singular attributes, nil if it is unassigned.
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
