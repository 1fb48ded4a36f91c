package scim

import (
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strings"
)

// reader turns what a client sent into canonical values, attribute by attribute. It
// works in place: what is read from was decoded for it alone.
type reader struct {
	t      *ResourceType
	mode   Mode
	limits Limits // with defaults
	result *Result
	// stored: what is read was taken once, under a schema that has changed since, so that more of it is understood than of a
	// message.
	stored bool
	values int // of the message, counted so far
	// What value sets use, one after another.
	slots  []uint32
	buffer []byte
}

// decode reads a text of the message, which is meant for the attribute a: see decoder.decode.
func (r *reader) decode(src string, a *Attribute, stream *elementStream) (value, error) {
	d := decoder{src: src, limits: r.limits, values: r.values, stream: stream}
	v, err := d.decode(a)
	r.values = d.values
	return v, err
}

func (r *reader) strict() bool { return r.mode == Strict }

func (r *reader) quirk(name string) { r.result.Quirks = addOnce(r.result.Quirks, name) }

// mostIgnored bounds Result.Ignored, as a body may hold a hundred thousand unknown keys.
const mostIgnored = 100

func (r *reader) ignore(path string) {
	if len(r.result.Ignored) < mostIgnored {
		r.result.Ignored = addOnce(r.result.Ignored, path)
	} else if len(r.result.Ignored) == mostIgnored {
		r.result.Ignored = append(r.result.Ignored, "...")
	}
}

// unknown meets a key that is no attribute. RFC 7644 §3.3 and §3.5.2 leave it open.
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
	r.ignore(strings.ToValidUTF8(path, "\uFFFD"))
	return nil
}

// attribute reads the whole value of an attribute. A null result means unassigned, as
// null and the empty array do (RFC 7643 §2.5).
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

// unwrapped takes an object out of an array where one value belongs: Entra ID sends a manager so. Nobody is known to send a
// string, a number or a boolean in an array, and an empty one unassigns multi-valued attributes alone.
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

// unquoted reads a string that holds a JSON object or array as that, where objects belong: a client that encodes a value twice
// means what is in it, and as a plain value the text would stand where an address does. Roles keep such texts, of which Roles
// tells what they mean.
func (r *reader) unquoted(a *Attribute, v value) value {
	if v.kind != kindString || a.Type != TypeComplex || a == r.t.roles || r.strict() {
		return v
	}
	if text := strings.TrimSpace(v.text); !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return v
	}
	inner, err := r.decode(v.text, a, nil)
	if err != nil || a.inValue != nil && a.isStrangeTo(inner) {
		return v // a plain string, however it begins
	}
	r.quirk(QuirkJSONText)
	return inner
}

// isStrangeTo says of an object that it has keys and none is a sub-attribute: nothing would be left of it. Entitlements are free
// text, which may be such an object's.
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

// arrayOf gives null for no values: unassigned.
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

// insertField puts a field where the schema's order wants it; nearly always at the end.
// The keys of an object differ, so the attributes do.
func insertField(fields []field, f field) []field {
	fields = append(fields, f)
	for i := len(fields) - 1; i > 0 && fields[i-1].attr.order > f.attr.order; i-- {
		fields[i-1], fields[i] = fields[i], fields[i-1]
	}
	return fields
}

// object sees to it that a value for a complex attribute is an object, or null.
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

// valueFromRef completes a reference that came as a URI only.
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

// lastSegment gives the last part of a URI's path: of ".../Users/2819c223", the id.
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
		// RFC 7643 §2.3.6 wants base64. Directories are known to send line breaks and
		// PEM headers; tolerant mode keeps them for whoever reads the certificate.
		if _, err := base64.StdEncoding.DecodeString(v.text); err != nil {
			return value{}, newError(InvalidValue, a.path, "%s must be base64.", a.path)
		}
	}
	return v, nil
}

// wrongType says what an attribute should be and what came.
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

// withoutRepetitions drops values that equal an earlier one, in place.
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

// valueSet finds equal values. A few it compares one by one; many would take quadratic
// time, so it has a hash table of them, by their JSON.
type valueSet struct {
	r      *reader
	except *Attribute // not compared
	seed   maphash.Seed
	slots  []uint32 // the places of values in a list, from 1; nil for few. At least half of it is empty
}

const comparedValues = 12

// newValueSet finds values among items, to which so many more may be added. It is good until the reader makes another one.
func (r *reader) newValueSet(items []value, except *Attribute, more int) valueSet {
	s := valueSet{r: r, except: except}
	if more <= comparedValues {
		// Not by a table: hashing a thousand values for each of a thousand operations took four seconds.
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

// find gives the place among items of a value that is equal, else that at which this one is to be added.
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

// onePrimary leaves one primary value among those that were written, and, if there is
// one, takes it from all others (RFC 7643 §2.4, RFC 7644 §3.5.2). Values that are equal
// without it become one.
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
			return nil, newError(InvalidValue, a.path, "No more than one value of %s can be primary.", a.path)
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

// blank holds for strings of white space only.
func blank(s string) bool { return strings.TrimSpace(s) == "" }
