package scim

import (
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strings"
)

// reader converts the input of a client to canonical values, attribute by attribute. It works in place: the input was
// decoded only for it.
type reader struct {
	t      *ResourceType
	mode   Mode
	limits Limits // with defaults
	result *Result
	// stored: the input is a stored document, accepted under a schema that may have changed since, so the reader accepts
	// more than from a message.
	stored bool
	values int // values of the message counted so far
	// used by value sets, one after another
	slots  []uint32
	buffer []byte
}

// decode parses a text of the message for the attribute a: see decoder.decode.
func (r *reader) decode(src string, a *Attribute, stream *elementStream) (value, error) {
	d := decoder{src: src, limits: r.limits, values: r.values, stream: stream}
	v, err := d.decode(a)
	r.values = d.values
	return v, err
}

func (r *reader) strict() bool { return r.mode == Strict }

func (r *reader) quirk(name string) { r.result.Quirks = addOnce(r.result.Quirks, name) }

// mostIgnored bounds Result.Ignored, because a body may have a hundred thousand unknown keys.
const mostIgnored = 100

func (r *reader) ignore(path string) {
	path = strings.ToValidUTF8(path, "\uFFFD") // it may be cut, and it is stored
	if len(r.result.Ignored) < mostIgnored {
		r.result.Ignored = addOnce(r.result.Ignored, path)
	} else if len(r.result.Ignored) == mostIgnored {
		r.result.Ignored = append(r.result.Ignored, "...")
	}
}

// unknown handles a key that is not an attribute. RFC 7644 §3.3 and §3.5.2 leave this open.
func (r *reader) unknown(parent *Attribute, name string) error {
	path := pathHead(name)
	if parent != nil && parent.path != "" {
		separator := "."
		if parent.isExtension() {
			separator = ":"
		}
		path = parent.path + separator + path
	}
	if r.strict() {
		return newError(InvalidSyntax, path, "%s has no attribute %s.", r.t.Name, shown(path))
	}
	r.ignore(path)
	return nil
}

// attribute reads the whole value of an attribute. A null result means unassigned, like null and the empty array (RFC 7643
// §2.5).
func (r *reader) attribute(a *Attribute, v value) (value, error) {
	v = r.unquoted(a, v)
	switch {
	case v.isNull():
		return v, nil
	case a.MultiValued:
		return r.multi(a, v)
	case v.kind == kindArray:
		one, err := r.unwrapped(a, v)
		if err != nil {
			return value{}, err
		}
		return r.single(a, one)
	default:
		return r.single(a, v)
	}
}

// unwrapped takes an object out of an array if the attribute has one value: Entra ID sends a manager in this form. No client
// is known to send a string, a number or a boolean in an array. An empty array unassigns only multi-valued attributes.
func (r *reader) unwrapped(a *Attribute, v value) (value, error) {
	if r.stored && len(v.items) == 1 {
		return v.items[0], nil
	}
	if r.strict() || a.Type != TypeComplex || len(v.items) != 1 || v.items[0].kind != kindObject {
		return value{}, wrongType(a, v)
	}
	r.quirk(QuirkArrayAsSingle)
	return v.items[0], nil
}

// unquoted parses a string that contains a JSON object or array, if the attribute has objects. A client that encodes a value
// twice means the inner value; the text itself would be stored as, for example, an address. Roles keep such texts: the method
// Roles returns their meaning.
func (r *reader) unquoted(a *Attribute, v value) value {
	if v.kind != kindString || a.Type != TypeComplex || a == r.t.roles || r.strict() {
		return v
	}
	if text := strings.TrimSpace(v.text); !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return v
	}
	inner, err := r.decode(v.text, a, nil)
	if err != nil || a.inValue != nil && a.isStrangeTo(inner) {
		return v // a plain string in spite of its first character
	}
	r.quirk(QuirkJSONText)
	return inner
}

// isStrangeTo reports whether an object has keys and none of them is a sub-attribute: then nothing of it would be kept.
// Entitlements are free text, which may be such an object.
func (a *Attribute) isStrangeTo(v value) bool {
	return len(v.fields) > 0 && !slices.ContainsFunc(v.fields, func(f field) bool { return a.sub(f.name) != nil })
}

func (r *reader) multi(a *Attribute, v value) (value, error) {
	items := v.items
	if v.kind != kindArray {
		if r.strict() {
			return value{}, newError(InvalidValue, a.path, "%s must be an array, not %s.", a.path, v.kind.withArticle())
		}
		r.quirk(QuirkSingleAsArray)
		items = []value{v}
	}
	if err := r.checkCount(a, len(items)); err != nil {
		return value{}, err
	}
	read := items[:0]
	for _, item := range items {
		if item.isNull() {
			continue
		}
		one, err := r.single(a, item)
		if err != nil {
			return value{}, err
		}
		if !one.isNull() {
			read = append(read, one)
		}
	}
	read, err := r.onePrimary(a, r.withoutRepetitions(read), func(int) bool { return true })
	return arrayOf(read), err
}

func (r *reader) checkCount(a *Attribute, n int) error {
	if n > r.limits.ValuesPerAttribute {
		return newError(InvalidValue, a.path, "%s has more than %d values.", a.path, r.limits.ValuesPerAttribute)
	}
	return nil
}

// arrayOf returns an array, or null for no values, which means unassigned.
func arrayOf(items []value) value {
	if len(items) == 0 {
		return value{}
	}
	return value{kind: kindArray, items: items}
}

// single reads one value of an attribute, multi-valued or not.
func (r *reader) single(a *Attribute, v value) (value, error) {
	switch a.Type {
	case TypeComplex:
		return r.complex(a, v)
	case TypeBoolean:
		return r.boolean(a, v)
	case TypeInteger, TypeDecimal:
		if v.kind != kindNumber || a.Type == TypeInteger && strings.ContainsAny(v.text, ".eE") {
			return value{}, wrongType(a, v)
		}
		return v, nil
	default:
		return r.string(a, v)
	}
}

func (r *reader) complex(a *Attribute, v value) (value, error) {
	v, err := r.object(a, v)
	if err != nil || v.isNull() {
		return v, err
	}
	read := v.fields[:0]
	for _, f := range v.fields {
		sub := a.of(&f)
		if sub == nil {
			if err := r.unknown(a, f.name); err != nil {
				return value{}, err
			}
			continue
		}
		if sub.Mutability == ReadOnly {
			r.ignore(sub.path)
			continue
		}
		one, err := r.attribute(sub, f.value)
		if err != nil {
			return value{}, err
		}
		if !one.isNull() {
			read = insertField(read, field{name: sub.Name, attr: sub, value: one})
		}
	}
	v.fields = read
	r.valueFromRef(a, &v)
	if len(v.fields) == 0 {
		return value{}, nil
	}
	return v, nil
}

// insertField inserts a field in the schema's order, which is nearly always at the end. The keys of an object differ, so its
// attributes differ, too.
func insertField(fields []field, f field) []field {
	fields = append(fields, f)
	for i := len(fields) - 1; i > 0 && fields[i-1].attr.order > f.attr.order; i-- {
		fields[i-1], fields[i] = fields[i], fields[i-1]
	}
	return fields
}

// object returns a value for a complex attribute as an object or null, or an error.
func (r *reader) object(a *Attribute, v value) (value, error) {
	if v = r.unquoted(a, v); v.kind == kindObject {
		return v, nil
	}
	inValue := a.inValue
	if v.kind != kindString || inValue == nil || r.strict() {
		return value{}, wrongType(a, v)
	}
	if v.text == "" {
		r.quirk(QuirkEmptyAsUnassigned)
		return value{}, nil
	}
	r.quirk(QuirkStringAsValue)
	return value{kind: kindObject, fields: []field{{name: inValue.Name, attr: inValue, value: v}}}, nil
}

// valueFromRef completes a reference that has only a URI.
func (r *reader) valueFromRef(a *Attribute, v *value) {
	inRef, inValue := a.inRef, a.inValue
	if inRef == nil || inValue == nil || r.strict() || v.find(inValue) != nil {
		return
	}
	if ref := v.find(inRef); ref != nil {
		if id := lastSegment(ref.text); id != "" && len(id) <= r.limits.KeyBytes {
			r.quirk(QuirkValueFromRef)
			v.set(inValue, stringValue(id))
		}
	}
}

// lastSegment returns the last part of a URI's path: the id of ".../Users/2819c223".
func lastSegment(uri string) string {
	return uri[strings.LastIndexByte(uri, '/')+1:]
}

func (r *reader) boolean(a *Attribute, v value) (value, error) {
	if v.kind == kindBool {
		return v, nil
	}
	if v.kind == kindString && !r.strict() {
		if truth, ok := parseBoolean(v.text); ok {
			r.quirk(QuirkBooleanAsString)
			return boolValue(truth), nil
		}
	}
	return value{}, wrongType(a, v)
}

func (r *reader) string(a *Attribute, v value) (value, error) {
	if r.stored && v.kind == kindNumber && a.Type == TypeString {
		v.kind = kindString
	}
	if v.kind != kindString {
		return value{}, wrongType(a, v)
	}
	if a.key && len(v.text) > r.limits.KeyBytes {
		return value{}, newError(InvalidValue, a.path, "%s is longer than %d bytes.", a.path, r.limits.KeyBytes)
	}
	if a.Type == TypeDateTime {
		if _, err := parseDateTime(v.text); err != nil {
			return value{}, newError(InvalidValue, a.path, "%s must be a time such as \"2026-01-31T12:00:00Z\".", a.path)
		}
	}
	if a.Type == TypeBinary && r.strict() {
		// RFC 7643 §2.3.6 requires base64. Identity providers send line breaks and PEM headers; tolerant mode keeps them for
		// the reader of the certificate.
		if _, err := base64.StdEncoding.DecodeString(v.text); err != nil {
			return value{}, newError(InvalidValue, a.path, "%s must be base64.", a.path)
		}
	}
	return v, nil
}

// wrongType says which type an attribute must have, and which type was sent.
func wrongType(a *Attribute, v value) error {
	want := map[AttributeType]string{
		TypeComplex: "an object", TypeBoolean: "true or false", TypeInteger: "a whole number", TypeDecimal: "a number",
	}[a.Type]
	if want == "" {
		want = "a string"
	}
	each := ""
	if a.MultiValued {
		each = "Each value of "
	}
	return newError(InvalidValue, a.path, "%s%s must be %s, not %s.", each, a.path, want, v.kind.withArticle())
}

// withoutRepetitions removes values that equal an earlier one, in place.
func (r *reader) withoutRepetitions(items []value) []value {
	out := items[:0]
	known := r.newValueSet(out, nil, len(items))
	for i := range items {
		if known.find(out, &items[i]) == len(out) {
			out = append(out, items[i])
		}
	}
	return out
}

// valueSet finds equal values. It compares a few values one by one. For many values, which would take quadratic time, it has
// a hash table by their JSON.
type valueSet struct {
	r      *reader
	except *Attribute // not compared
	seed   maphash.Seed
	slots  []uint32 // the indexes of values in a list, from 1; nil for few values; at least half of it is empty
}

const comparedValues = 12

// newValueSet finds values among items, and at most more values that are added. It is valid until the reader makes another
// one.
func (r *reader) newValueSet(items []value, except *Attribute, more int) valueSet {
	s := valueSet{r: r, except: except}
	if more <= comparedValues {
		// No table: hashing a thousand values for each of a thousand operations took four seconds.
		return s
	}
	size := 2 * (len(items) + more)
	if len(r.slots) < size {
		r.slots = make([]uint32, size)
	}
	s.seed, s.slots = maphash.MakeSeed(), r.slots[:size]
	clear(s.slots)
	for i := range items {
		s.find(items[:i], &items[i])
	}
	return s
}

// find returns the index of an equal value in items, or the index at which v is to be added.
func (s *valueSet) find(items []value, v *value) int {
	if s.slots == nil {
		for i := range items {
			if v.equalBut(&items[i], s.except) {
				return i
			}
		}
		return len(items)
	}
	s.r.buffer = v.appendJSONBut(s.r.buffer[:0], s.except)
	at := int(maphash.Bytes(s.seed, s.r.buffer) % uint64(len(s.slots))) //nolint:gosec // less than a length
	for s.slots[at] > 0 {
		if i := int(s.slots[at] - 1); v.equalBut(&items[i], s.except) {
			return i
		}
		at = (at + 1) % len(s.slots)
	}
	s.slots[at] = uint32(len(items) + 1) //nolint:gosec // there are not so many
	return len(items)
}

// onePrimary keeps at most one primary value among the written ones and, if there is one, makes all others not primary (RFC
// 7643 §2.4, RFC 7644 §3.5.2). Values that become equal by this become one.
func (r *reader) onePrimary(a *Attribute, items []value, written func(int) bool) ([]value, error) {
	primary := a.inPrimary
	if primary == nil {
		return items, nil
	}
	first := -1
	for i := range items {
		if p := items[i].find(primary); p == nil || !p.truth || !written(i) {
			continue
		}
		if first < 0 {
			first = i
			continue
		}
		if r.strict() {
			return nil, newError(InvalidValue, a.path, "At most one value of %s can be primary.", a.path)
		}
		r.quirk(QuirkSeveralPrimaries)
	}
	moved := false
	for i := range items {
		if p := items[i].find(primary); first >= 0 && i != first && p != nil && p.truth {
			items[i].set(primary, boolValue(false))
			moved = true
		}
	}
	if moved {
		items = r.withoutRepetitions(items)
	}
	return items, nil
}

// blank reports whether a string contains only white space.
func blank(s string) bool { return strings.TrimSpace(s) == "" }
