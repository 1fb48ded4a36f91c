package scim

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
	// kindSkipped is a value that was checked and not stored: see decoder.decode.
	kindSkipped
)

// withArticle returns the name of a JSON type for the text of an error.
func (k kind) withArticle() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object", "a value"}[k]
}

// value is a JSON value that keeps what map[string]any loses: the order of keys, the digits of numbers, and (after it was
// read with a schema) the attribute of each key.
type value struct {
	kind   kind
	truth  bool    // kindBool
	text   string  // kindString; kindNumber as it was written
	items  []value // kindArray
	fields []field // kindObject
}

// field is a key of an object. attr is nil until the object was read with a schema.
type field struct {
	name  string
	attr  *Attribute
	value value
}

func stringValue(s string) value { return value{kind: kindString, text: s} }
func boolValue(b bool) value     { return value{kind: kindBool, truth: b} }

func (v value) isNull() bool { return v.kind == kindNull }

// find returns the value of an attribute in a canonical object, nil if the attribute is unassigned.
func (v value) find(a *Attribute) *value {
	for i := range v.fields {
		if v.fields[i].attr == a {
			return &v.fields[i].value
		}
	}
	return nil
}

// set assigns an attribute of a canonical object, and keeps the schema's order.
func (v *value) set(a *Attribute, to value) {
	at := len(v.fields)
	for at > 0 && v.fields[at-1].attr.order >= a.order {
		at--
	}
	if at < len(v.fields) && v.fields[at].attr == a {
		v.fields[at].value = to
		return
	}
	v.fields = append(v.fields, field{})
	copy(v.fields[at+1:], v.fields[at:])
	v.fields[at] = field{name: a.Name, attr: a, value: to}
}

// unset makes an attribute of a canonical object unassigned.
func (v *value) unset(a *Attribute) {
	for i := range v.fields {
		if v.fields[i].attr == a {
			v.fields = append(v.fields[:i], v.fields[i+1:]...)
			return
		}
	}
}

// clone copies everything that set and unset could change.
func (v value) clone() value {
	if v.items != nil {
		items := make([]value, len(v.items))
		for i := range v.items {
			items[i] = v.items[i].clone()
		}
		v.items = items
	}
	if v.fields != nil {
		fields := make([]field, len(v.fields))
		for i, f := range v.fields {
			f.value = f.value.clone()
			fields[i] = f
		}
		v.fields = fields
	}
	return v
}

// count counts v and all values in it.
func (v *value) count() int {
	n := 1
	for i := range v.items {
		n += v.items[i].count()
	}
	for i := range v.fields {
		n += v.fields[i].value.count()
	}
	return n
}

// isFlat reports whether v is an object with only simple values.
func (v *value) isFlat() bool {
	for i := range v.fields {
		if in := &v.fields[i].value; len(in.items) > 0 || len(in.fields) > 0 {
			return false
		}
	}
	return v.kind == kindObject
}

// equal compares canonical values. Equal values have equal encodings.
func (v *value) equal(w *value) bool { return v.equalBut(w, nil) }

// equalBut compares canonical values without one sub-attribute.
func (v *value) equalBut(w *value, except *Attribute) bool {
	if v.kind != w.kind || v.truth != w.truth || v.text != w.text || len(v.items) != len(w.items) {
		return false
	}
	for i := range v.items {
		if !v.items[i].equalBut(&w.items[i], except) {
			return false
		}
	}
	i, j := 0, 0
	for {
		for i < len(v.fields) && except != nil && v.fields[i].attr == except {
			i++
		}
		for j < len(w.fields) && except != nil && w.fields[j].attr == except {
			j++
		}
		if i == len(v.fields) || j == len(w.fields) {
			return i == len(v.fields) && j == len(w.fields)
		}
		if v.fields[i].attr != w.fields[j].attr || !v.fields[i].value.equalBut(&w.fields[j].value, except) {
			return false
		}
		i, j = i+1, j+1
	}
}
