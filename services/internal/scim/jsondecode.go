package scim

import (
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// text returns a body as a string, without a copy: a group may have 64 MiB. Nobody may change the body afterwards.
func text(body []byte) string {
	return unsafe.String(unsafe.SliceData(body), len(body)) //nolint:gosec // see above
}

// decoder parses JSON (RFC 8259) into values. It is our own because encoding/json accepts what a directory must not store (a
// repeated key, half a surrogate pair), and returns maps. Strings without escapes are slices of the source, so reading a
// body takes little more than one allocation per object.
//
// It counts the values while it reads them, because a value takes many times the bytes of its text: it stops at a message
// with more than Limits.Values. If it knows the attribute that it reads, it checks values that no schema knows without
// storing them.
type decoder struct {
	src     string
	pos     int
	limits  Limits // with defaults
	values  int    // counted so far
	stream  *elementStream
	inPlace bool // the next object is used before the next value is read, so it need not be copied
	// Objects and arrays under construction; finished ones are copied to their size.
	fields []field
	items  []value
}

// elementStream receives the elements of one array while they are read, so that the members of a large group are never in
// memory as a tree. The array is the value of key in the top-level object, or the top-level value itself. The limit of
// values applies to each element, not to all of them together. The value that take gets is valid only during the call,
// except for strings.
type elementStream struct {
	key  string
	take func(value) error
	used bool
	// The bytes of the text that were read from the array's beginning when take is called, and the bytes that are left.
	read, left int
}

// decode parses src as one JSON value for the attribute a, or for any use if a is nil. Errors are invalidSyntax, except for
// too many values, and strings that are too long or contain NUL: these are invalidValue.
//
// Values that a does not know, and values that a client may not write, become kindSkipped. If an array has more values than a
// may have, decode returns just enough of them to show that.
func (d *decoder) decode(a *Attribute) (value, error) {
	if len(d.src) > 256 {
		// Growing step by step would be a third of all allocations for a user's body.
		d.fields, d.items = make([]field, 0, 32), make([]value, 0, 8)
	}
	d.space()
	v, err := d.value(1, a)
	if err != nil {
		return value{}, d.located(err)
	}
	d.space()
	if d.pos < len(d.src) {
		return value{}, d.syntax("there is text after the end of the JSON value")
	}
	return v, nil
}

// decodeJSON parses a text that is not from a message and not for an attribute.
func decodeJSON(src string, l Limits) (value, error) {
	d := decoder{src: src, limits: l}
	return d.decode(nil)
}

// located adds the path to an error of the decoder. An error from the taker of a stream has its path already.
func (d *decoder) located(err error) error {
	var taken *takerError
	if errors.As(err, &taken) {
		return taken.err
	}
	var e *Error
	if errors.As(err, &e) && e.Path != "" {
		e.Detail = e.Path + ": " + e.Detail
	}
	return err
}

// takerError carries an error of elementStream.take through the decoder unchanged.
type takerError struct{ err error }

func (e *takerError) Error() string { return e.err.Error() }

func (d *decoder) syntax(format string, args ...any) *Error {
	e := newError(InvalidSyntax, "", format, args...)
	e.Detail = "The body is not valid JSON: " + e.Detail + " (at byte " + strconv.Itoa(d.pos) + ")."
	return e
}

func (d *decoder) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// next returns the byte at the position, 0 at the end. NUL is not valid in JSON either.
func (d *decoder) next() byte {
	if d.pos < len(d.src) {
		return d.src[d.pos]
	}
	return 0
}

func (d *decoder) tooMany() error {
	return newError(InvalidValue, "", "There are more than %d values.", d.limits.Values)
}

func (d *decoder) value(depth int, a *Attribute) (value, error) {
	if d.values++; d.values > d.limits.Values {
		return value{}, d.tooMany()
	}
	switch d.next() {
	case '"':
		s, err := d.string()
		return value{kind: kindString, text: s}, err
	case '{':
		return d.object(depth, a)
	case '[':
		return d.array(depth, a)
	}
	return d.literal()
}

// literal parses a value without quotes, braces or brackets.
func (d *decoder) literal() (value, error) {
	switch c := d.next(); {
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	case d.word("true"):
		return boolValue(true), nil
	case d.word("false"):
		return boolValue(false), nil
	case d.word("null"):
		return value{}, nil
	case d.pos == len(d.src):
		return value{}, d.syntax("it ends where a value is expected")
	default:
		return value{}, d.syntax("a value is expected here")
	}
}

func (d *decoder) word(w string) bool {
	if strings.HasPrefix(d.src[d.pos:], w) {
		d.pos += len(w)
		return true
	}
	return false
}

func (d *decoder) tooDeep(depth int) error {
	if depth > d.limits.BodyDepth {
		return d.syntax("arrays and objects nest deeper than %d", d.limits.BodyDepth)
	}
	return nil
}

func (d *decoder) object(depth int, a *Attribute) (value, error) {
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	start, inPlace := len(d.fields), d.inPlace || depth == 1
	d.inPlace = false
	var seen keySet
	unknown := 0
	more, err := d.opens('}')
	for more && err == nil {
		var key string
		if key, err = d.newKey(&seen, start); err != nil {
			return value{}, err
		}
		f := field{name: key}
		sub, known := (*Attribute)(nil), true
		if a != nil {
			sub, known = a.named(key)
		}
		switch {
		case !known:
			f.value.kind = kindSkipped
			if sub == nil {
				unknown++
			}
			if sub == nil && a.urn != "" && unknown <= mostNamed && begins(key, "urn:") {
				f.value.items = make([]value, 1)
				f.value.items[0], err = d.shape(depth+1, shownLevels)
			} else {
				err = d.skip(depth + 1)
			}
		case depth == 1 && d.stream != nil && d.stream.key != "" && d.next() == '[' && sameName(key, d.stream.key):
			f.value, err = d.streamed(depth+1, sub)
		default:
			f.attr = sub
			f.value, err = d.value(depth+1, sub)
		}
		if err != nil {
			return value{}, under(key, err)
		}
		if unknown <= mostNamed || known || sub != nil {
			if len(d.fields) == cap(d.fields) {
				d.fields = doubled(d.fields, d.more())
			}
			d.fields = append(d.fields, f)
		}
		more, err = d.goesOn('}', objectGoesOn)
	}
	if err != nil || len(d.fields) == start {
		return value{kind: kindObject}, err
	}
	fields := d.fields[start:]
	if !inPlace {
		fields = append(make([]field, 0, len(fields)), fields...)
		d.fields = d.fields[:start]
	}
	return value{kind: kindObject, fields: fields}, nil
}

// mostNamed is how many unknown keys of one object are kept, without their values, so that the reader can report them: one
// more than it reports.
const mostNamed = mostIgnored + 1

// named returns the attribute that a key of an object for a means: one of its sub-attributes or, in a resource and in an
// extension, the attribute at the key as a path. known is false if the key means nothing, or if clients may not write it.
func (a *Attribute) named(key string) (means *Attribute, known bool) {
	means = a.sub(key)
	if means == nil && (a.urn != "" || a.isExtension()) {
		means = a.below(key)
	}
	return means, means != nil && (means.Mutability != ReadOnly || means.Name == "schemas")
}

// below finds the attribute at a path in a resource or an extension.
func (a *Attribute) below(path string) *Attribute {
	if a.urn != "" && begins(path, "urn:") {
		if sameName(path, a.urn) {
			return a
		}
		if begins(path, a.urn+":") {
			return a.below(path[len(a.urn)+1:])
		}
		for _, s := range a.SubAttributes {
			if s.isExtension() && begins(path, s.Name+":") {
				return s.below(path[len(s.Name)+1:])
			}
		}
		return nil
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return a.sub(path)
	}
	head := a.sub(path[:end])
	if head == nil {
		return nil
	}
	rest := path[end:]
	if rest[0] == '[' { // a filter
		rest = rest[strings.LastIndexByte(rest, ']')+1:]
	}
	if rest == "" {
		return head
	}
	return head.sub(rest[1:])
}

// doubled makes room for one more element, if at most more elements may follow. Unlike append, which grows a large slice by
// less than double, it avoids copying the bytes several times.
func doubled[T any](all []T, more int) []T {
	if n := len(all); n == cap(all) {
		return append(make([]T, 0, n+min(max(4, n), more+1)), all...)
	}
	return all
}

// more is how many values may follow.
func (d *decoder) more() int { return max(0, d.limits.Values-d.values) }

// opens consumes the opening of an object or array, and reports whether there is anything before its end.
func (d *decoder) opens(end byte) (more bool, err error) {
	d.pos++
	d.space()
	if d.next() == end {
		d.pos++
		return false, nil
	}
	return true, nil
}

// goesOn consumes what follows a member or element: a comma, or the end.
func (d *decoder) goesOn(end byte, otherwise string) (more bool, err error) {
	d.space()
	switch d.next() {
	case ',':
		d.pos++
		d.space()
		return true, nil
	case end:
		d.pos++
		return false, nil
	}
	return false, d.syntax("%s", otherwise)
}

const (
	objectGoesOn = "a comma or the end of the object is expected here"
	arrayGoesOn  = "a comma or the end of the array is expected here"
)

// newKey parses a key of the object whose fields begin at start, and refuses a repeated one.
func (d *decoder) newKey(seen *keySet, start int) (string, error) {
	key, err := d.key()
	if err != nil {
		return "", err
	}
	if earlier, twice := seen.add(d.fields[start:], key); twice {
		return "", d.twice(earlier, key)
	}
	return key, nil
}

// skip parses a value as d.value does, and drops it.
func (d *decoder) skip(depth int) error {
	if d.values++; d.values > d.limits.Values {
		return d.tooMany()
	}
	switch d.next() {
	case '"':
		_, err := d.quoted(false)
		return err
	case '{':
		return d.skipObject(depth)
	case '[':
		if err := d.tooDeep(depth); err != nil {
			return err
		}
		more, err := d.opens(']')
		for more && err == nil {
			if err = d.skip(depth + 1); err == nil {
				more, err = d.goesOn(']', arrayGoesOn)
			}
		}
		return err
	}
	_, err := d.literal()
	return err
}

func (d *decoder) skipObject(depth int) error {
	if err := d.tooDeep(depth); err != nil {
		return err
	}
	start := len(d.fields)
	var seen keySet
	more, err := d.opens('}')
	for more && err == nil {
		var key string
		if key, err = d.newKey(&seen, start); err != nil {
			return err
		}
		if len(d.fields)-start < scannedKeys {
			d.fields = append(doubled(d.fields, d.more()), field{name: key})
		}
		if err = d.skip(depth + 1); err != nil {
			return under(key, err)
		}
		more, err = d.goesOn('}', objectGoesOn)
	}
	d.fields = d.fields[:start]
	return err
}

// shownLevels is how deep shape looks: into an extension, its attributes and their sub-attributes.
const shownLevels = 2

// shape parses a value as skip does, and returns its kind. Down to some levels it also returns the keys of an object with the shapes of
// their values, and the shape of an array's first element that is not null.
func (d *decoder) shape(depth, levels int) (v value, err error) {
	switch c := d.next(); c {
	case '"':
		v.kind = kindString
	case '{':
		v.kind = kindObject
	case '[':
		v.kind = kindArray
	case 't', 'f':
		v.kind = kindBool
	case 'n':
	default:
		v.kind = kindNumber // or nothing that JSON has, which skip refuses
	}
	if v.kind == kindArray {
		err = d.arrayShape(depth, levels, &v)
		return v, err
	}
	if v.kind == kindObject && levels > 0 {
		err = d.objectShape(depth, levels, &v)
		return v, err
	}
	return v, d.skip(depth)
}

func (d *decoder) arrayShape(depth, levels int, v *value) error {
	if d.values++; d.values > d.limits.Values {
		return d.tooMany()
	}
	if err := d.tooDeep(depth); err != nil {
		return err
	}
	more, err := d.opens(']')
	for more && err == nil {
		if len(v.items) > 0 {
			err = d.skip(depth + 1)
		} else if item, failed := d.shape(depth+1, levels); failed != nil || item.kind != kindNull {
			v.items, err = []value{item}, failed
		}
		if err == nil {
			more, err = d.goesOn(']', arrayGoesOn)
		}
	}
	return err
}

func (d *decoder) objectShape(depth, levels int, v *value) error {
	if d.values++; d.values > d.limits.Values {
		return d.tooMany()
	}
	if err := d.tooDeep(depth); err != nil {
		return err
	}
	start := len(d.fields)
	var seen keySet
	more, err := d.opens('}')
	for more && err == nil {
		var f field
		if f.name, err = d.newKey(&seen, start); err != nil {
			return err
		}
		if f.value, err = d.shape(depth+1, levels-1); err != nil {
			return under(f.name, err)
		}
		if len(d.fields)-start < mostNamed {
			d.fields = append(d.fields, f)
		}
		more, err = d.goesOn('}', objectGoesOn)
	}
	v.fields = slices.Clone(d.fields[start:])
	d.fields = d.fields[:start]
	return err
}

// key parses a key and the colon after it.
func (d *decoder) key() (string, error) {
	if d.next() != '"' {
		return "", d.syntax("a key in double quotes is expected here")
	}
	key, err := d.string()
	if err != nil {
		return "", err
	}
	d.space()
	if d.next() != ':' {
		return "", d.syntax("a colon is expected after the key %s", shown(key))
	}
	d.pos++
	d.space()
	return key, nil
}

// twice refuses a repeated key. Parsers differ in which value they use, so a proxy before Usher may have seen another one.
func (d *decoder) twice(earlier, key string) error {
	if earlier == key {
		return newError(InvalidSyntax, key, "The key %s is repeated in one object.", shown(key))
	}
	return newError(InvalidSyntax, key, "The keys %s and %s differ only by case in one object; attribute names are case-insensitive.",
		shown(earlier), shown(key))
}

func (d *decoder) array(depth int, a *Attribute) (value, error) {
	if depth == 1 && d.stream != nil && d.stream.key == "" {
		return d.streamed(depth, a)
	}
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	start, most := len(d.items), d.mostItems(a)
	more, err := d.opens(']')
	for more && err == nil {
		if len(d.items)-start < most {
			var v value
			if v, err = d.value(depth+1, a); err == nil {
				if len(d.items) == cap(d.items) {
					d.items = doubled(d.items, d.more())
				}
				d.items = append(d.items, v)
			}
		} else {
			err = d.skip(depth + 1)
		}
		if err == nil {
			more, err = d.goesOn(']', arrayGoesOn)
		}
	}
	if err != nil {
		return value{}, err
	}
	items := append(make([]value, 0, len(d.items)-start), d.items[start:]...)
	d.items = d.items[:start]
	return value{kind: kindArray, items: items}, nil
}

// mostItems is how many values of an array are stored: one more than the attribute may have, so that its reader refuses the
// array.
func (d *decoder) mostItems(a *Attribute) int {
	switch {
	case a == nil || a.unlimited:
		return d.limits.Values
	case a.MultiValued:
		return d.limits.ValuesPerAttribute + 1
	}
	return 2
}

func (d *decoder) streamed(depth int, a *Attribute) (value, error) {
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	d.stream.used = true
	before, start, begin := d.values, len(d.fields), d.pos
	more, err := d.opens(']')
	for more && err == nil {
		d.inPlace = true
		v, err := d.value(depth+1, a)
		if err != nil {
			return value{}, err
		}
		d.stream.read, d.stream.left = d.pos-begin, len(d.src)-d.pos
		if err := d.stream.take(v); err != nil {
			return value{}, &takerError{err}
		}
		d.inPlace, d.fields, d.values = false, d.fields[:start], before
		if more, err = d.goesOn(']', arrayGoesOn); err != nil {
			return value{}, err
		}
	}
	return value{kind: kindArray}, err
}

// number checks the grammar of RFC 8259 §6 and keeps the text.
func (d *decoder) number() (value, error) {
	start := d.pos
	if d.next() == '-' {
		d.pos++
	}
	switch c := d.next(); {
	case c == '0':
		d.pos++
	case '1' <= c && c <= '9':
		d.digits()
	default:
		return value{}, d.syntax("a number needs a digit here")
	}
	if d.next() == '.' {
		d.pos++
		if d.digits() == 0 {
			return value{}, d.syntax("a number needs a digit after its point")
		}
	}
	if c := d.next(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.next(); c == '+' || c == '-' {
			d.pos++
		}
		if d.digits() == 0 {
			return value{}, d.syntax("a number needs a digit in its exponent")
		}
	}
	if d.pos-start > d.limits.StringBytes {
		return value{}, newError(InvalidValue, "", "A number is longer than %d bytes.", d.limits.StringBytes)
	}
	return value{kind: kindNumber, text: d.src[start:d.pos]}, nil
}

func (d *decoder) digits() int {
	start := d.pos
	for c := d.next(); '0' <= c && c <= '9'; c = d.next() {
		d.pos++
	}
	return d.pos - start
}

// string parses a string, with its opening quote at the position.
func (d *decoder) string() (string, error) { return d.quoted(true) }

// quoted checks a string, and returns it if keep is true.
func (d *decoder) quoted(keep bool) (string, error) {
	d.pos++
	start := d.pos
	ascii := true
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '"':
			s := d.src[start:d.pos]
			if !ascii && !utf8.ValidString(s) {
				return "", d.syntax("a string is not valid UTF-8")
			}
			d.pos++
			return s, d.tooLong(len(s))
		case c == '\\':
			return d.escaped(start, keep)
		case c < ' ':
			return "", d.syntax("a control character in a string must be escaped")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		d.pos++
	}
	return "", d.syntax("a string has no closing quote")
}

func (d *decoder) tooLong(n int) error {
	if n > d.limits.StringBytes {
		return newError(InvalidValue, "", "A string is longer than %d bytes.", d.limits.StringBytes)
	}
	return nil
}

// escaped continues to parse a string at its first backslash. It measures the result first: growing would take several times
// its bytes.
func (d *decoder) escaped(start int, keep bool) (string, error) {
	length := d.pos - start
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '"':
			written := d.src[start:d.pos] // valid if its meaning is valid, because escapes are ASCII
			if !utf8.ValidString(written) {
				return "", d.syntax("a string is not valid UTF-8")
			}
			d.pos++
			if err := d.tooLong(length); err != nil || !keep {
				return "", err
			}
			return unescaped(written, length), nil
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			length += utf8.RuneLen(r)
			continue
		case c < ' ':
			return "", d.syntax("a control character in a string must be escaped")
		}
		length++
		d.pos++
	}
	return "", d.syntax("a string has no closing quote")
}

// unescaped returns the meaning of a valid string, with a known length.
func unescaped(written string, length int) string {
	b := make([]byte, 0, length)
	d := decoder{src: written}
	for d.pos < len(written) {
		if c := written[d.pos]; c != '\\' {
			b = append(b, c)
			d.pos++
			continue
		}
		r, _ := d.escape()
		b = utf8.AppendRune(b, r)
	}
	return text(b)
}

func (d *decoder) escape() (rune, error) {
	d.pos++
	c := d.next()
	d.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return d.unicodeEscape()
	}
	d.pos--
	return 0, d.syntax("a string contains an escape that JSON does not define")
}

func (d *decoder) unicodeEscape() (rune, error) {
	r, ok := d.hex4()
	if !ok {
		return 0, d.syntax("\\u needs four hexadecimal digits")
	}
	if r == 0 {
		// Databases cannot store it in a text: PostgreSQL refuses U+0000.
		return 0, newError(InvalidValue, "", "A string contains the character U+0000, which can't be stored.")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if strings.HasPrefix(d.src[d.pos:], `\u`) {
		d.pos += 2
		if low, ok := d.hex4(); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, nil
			}
		}
	}
	return 0, d.syntax("\\u escapes contain half a surrogate pair")
}

func (d *decoder) hex4() (rune, bool) {
	if len(d.src)-d.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.src[d.pos : d.pos+4]) {
		switch c = lower(c); {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		default:
			return 0, false
		}
	}
	d.pos += 4
	return r, true
}

// under adds the key at which an error occurred to its path.
func under(key string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Path == "" {
		e.Path = key
	} else {
		e.Path = key + "." + e.Path
	}
	// Hostile input may be deeply nested, and its keys may be long.
	if len(e.Path) > 256 {
		e.Path = strings.ToValidUTF8(e.Path[:256], "")
	}
	return e
}

// keySet finds repeated keys of an object. It scans the keys of small objects. Large ones get a hash table, because hostile
// input would otherwise take quadratic time.
type keySet struct {
	exact bool // keys are case-sensitive
	seed  maphash.Seed
	names []string
	slots []uint32 // a hash table of indexes in names, from 1; at least a quarter of it is empty
}

const scannedKeys = 24

// add adds a key, unless it exists. fields are the earlier fields of the object, at least scannedKeys of them if there are
// so many.
func (s *keySet) add(fields []field, key string) (earlier string, twice bool) {
	if s.slots == nil {
		for i := range fields {
			if sameName(fields[i].name, key) {
				return fields[i].name, true
			}
		}
		if len(fields) < scannedKeys {
			return "", false
		}
		for i := range fields {
			s.insert(fields[i].name)
		}
	}
	return s.insert(key)
}

func (s *keySet) insert(key string) (earlier string, twice bool) {
	if len(s.names) < scannedKeys {
		for _, name := range s.names {
			if s.same(name, key) {
				return name, true
			}
		}
		s.names = append(doubled(s.names, math.MaxInt32), key)
		return "", false
	}
	if 4*len(s.names) >= 3*len(s.slots) {
		if s.slots == nil {
			s.seed = maphash.MakeSeed()
		}
		s.slots = make([]uint32, max(2*scannedKeys, 2*len(s.slots)))
		for i, name := range s.names {
			s.slots[s.slot(name)] = uint32(i + 1)
		}
	}
	at := s.slot(key)
	if place := s.slots[at]; place > 0 {
		return s.names[place-1], true
	}
	s.names = append(doubled(s.names, math.MaxInt32), key)
	s.slots[at] = uint32(len(s.names)) //nolint:gosec // there are not so many
	return "", false
}

// slot finds the slot of a key, or the slot for adding it.
func (s *keySet) slot(key string) int {
	at := int(s.hash(key) % uint64(len(s.slots))) //nolint:gosec // less than a length
	for s.slots[at] > 0 && !s.same(s.names[s.slots[at]-1], key) {
		at = (at + 1) % len(s.slots)
	}
	return at
}

func (s *keySet) same(a, b string) bool { return a == b || !s.exact && sameName(a, b) }

func (s *keySet) hash(key string) uint64 {
	if s.exact {
		return maphash.String(s.seed, key)
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	for i := range len(key) {
		_ = h.WriteByte(lower(key[i])) // never fails
	}
	return h.Sum64()
}
