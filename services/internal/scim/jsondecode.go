package scim

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// text is a message as a string, without a copy: a group's may have 64 MiB. Nobody changes it afterwards.
func text(message []byte) string {
	return unsafe.String(unsafe.SliceData(message), len(message)) //nolint:gosec // see above
}

// decoder reads JSON (RFC 8259) into values. It is our own because encoding/json lets
// pass what a directory must not store (a key twice, half a surrogate pair) and
// gives maps. Strings without escapes are slices of the source, so a body is
// read with little more than one allocation an object.
type decoder struct {
	src    string
	pos    int
	limits Limits // with defaults
	stream *elementStream
	// Objects and arrays under construction; finished ones are copied to their size.
	fields []field
	items  []value
}

// elementStream takes the elements of one array as they are read, so that the members
// of a large group never stand in memory as a tree. The array is the value of key
// in the top-level object, or the top-level value itself.
type elementStream struct {
	key  string
	take func(value) error
	used bool
}

// decodeJSON reads the one JSON value that src is. Errors are invalidSyntax, except for
// strings that are too long or hold NUL: these are invalidValue.
func decodeJSON(src string, l Limits, stream *elementStream) (value, error) {
	d := decoder{src: src, limits: l, stream: stream}
	if len(src) > 256 {
		// Growing step by step would cost a user's body a third of its allocations.
		d.fields, d.items = make([]field, 0, 32), make([]value, 0, 8)
	}
	d.space()
	v, err := d.value(1)
	if err != nil {
		return value{}, d.located(err)
	}
	d.space()
	if d.pos < len(d.src) {
		return value{}, d.syntax("there is text after the end of the JSON value")
	}
	return v, nil
}

// located names the keys that led to an error of the decoder's own. What the taker
// of a stream found has its path already.
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

// takerError carries what elementStream.take returned past the decoder's own words.
type takerError struct{ err error }

func (e *takerError) Error() string { return e.err.Error() }

func (d *decoder) syntax(format string, args ...any) *Error {
	e := newError(InvalidSyntax, "", format, args...)
	e.Detail = "The body is not the JSON that it should be: " + e.Detail + " (at byte " + strconv.Itoa(d.pos) + ")."
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

// next gives the byte at the position, 0 at the end. NUL is no part of JSON either.
func (d *decoder) next() byte {
	if d.pos < len(d.src) {
		return d.src[d.pos]
	}
	return 0
}

func (d *decoder) value(depth int) (value, error) {
	switch c := d.next(); {
	case c == '"':
		s, err := d.string()
		return value{kind: kindString, text: s}, err
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	case d.word("true"):
		return boolValue(true), nil
	case d.word("false"):
		return boolValue(false), nil
	case d.word("null"):
		return value{}, nil
	case d.pos == len(d.src):
		return value{}, d.syntax("it ends where a value should stand")
	default:
		return value{}, d.syntax("a value should stand here")
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

func (d *decoder) object(depth int) (value, error) {
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	start := len(d.fields)
	defer func() { d.fields = d.fields[:start] }()
	var seen keySet
	d.pos++
	d.space()
	if d.next() == '}' {
		d.pos++
		return value{kind: kindObject}, nil
	}
	for {
		key, err := d.key()
		if err != nil {
			return value{}, err
		}
		if earlier, twice := seen.add(d.fields[start:], key); twice {
			return value{}, d.twice(earlier, key)
		}
		var v value
		if depth == 1 && d.stream != nil && d.stream.key != "" && d.next() == '[' && sameName(key, d.stream.key) {
			v, err = d.streamed(depth + 1)
		} else {
			v, err = d.value(depth + 1)
		}
		if err != nil {
			return value{}, under(key, err)
		}
		d.fields = append(d.fields, field{name: key, value: v})
		d.space()
		switch d.next() {
		case ',':
			d.pos++
			d.space()
		case '}':
			d.pos++
			fields := make([]field, len(d.fields)-start)
			copy(fields, d.fields[start:])
			return value{kind: kindObject, fields: fields}, nil
		default:
			return value{}, d.syntax("a comma or the end of the object should stand here")
		}
	}
}

// key reads a key and the colon after it.
func (d *decoder) key() (string, error) {
	if d.next() != '"' {
		return "", d.syntax("a key in double quotes should stand here")
	}
	key, err := d.string()
	if err != nil {
		return "", err
	}
	d.space()
	if d.next() != ':' {
		return "", d.syntax("a colon should stand after the key %s", shown(key))
	}
	d.pos++
	d.space()
	return key, nil
}

// twice refuses a repeated key. Which of the values would count differs from parser
// to parser, and with it what a proxy on the way saw.
func (d *decoder) twice(earlier, key string) error {
	if earlier == key {
		return newError(InvalidSyntax, key, "The key %s stands twice in one object.", shown(key))
	}
	return newError(InvalidSyntax, key, "The keys %s and %s differ only by case and stand in one object; attribute names are case-insensitive.",
		shown(earlier), shown(key))
}

func (d *decoder) array(depth int) (value, error) {
	if depth == 1 && d.stream != nil && d.stream.key == "" {
		return d.streamed(depth)
	}
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	start := len(d.items)
	defer func() { d.items = d.items[:start] }()
	err := d.elements(depth, func(v value) error {
		d.items = append(d.items, v)
		return nil
	})
	if err != nil {
		return value{}, err
	}
	items := make([]value, len(d.items)-start)
	copy(items, d.items[start:])
	return value{kind: kindArray, items: items}, nil
}

func (d *decoder) streamed(depth int) (value, error) {
	if err := d.tooDeep(depth); err != nil {
		return value{}, err
	}
	d.stream.used = true
	err := d.elements(depth, func(v value) error {
		if err := d.stream.take(v); err != nil {
			return &takerError{err}
		}
		return nil
	})
	return value{kind: kindArray}, err
}

func (d *decoder) elements(depth int, take func(value) error) error {
	return d.elementsBy(func() error {
		v, err := d.value(depth + 1)
		if err != nil {
			return err
		}
		return take(v)
	})
}

// elementsBy walks through the array here; each reads one element.
func (d *decoder) elementsBy(each func() error) error {
	d.pos++
	d.space()
	if d.next() == ']' {
		d.pos++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		d.space()
		switch d.next() {
		case ',':
			d.pos++
			d.space()
		case ']':
			d.pos++
			return nil
		default:
			return d.syntax("a comma or the end of the array should stand here")
		}
	}
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

// string reads a string, its opening quote at the position.
func (d *decoder) string() (string, error) {
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
			return d.escaped(start)
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

// escaped goes on reading a string at its first backslash.
func (d *decoder) escaped(start int) (string, error) {
	b := []byte(d.src[start:d.pos])
	for d.pos < len(d.src) {
		c := d.src[d.pos]
		switch {
		case c == '"':
			if !utf8.Valid(b) {
				return "", d.syntax("a string is not valid UTF-8")
			}
			d.pos++
			return string(b), d.tooLong(len(b))
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			continue
		case c < ' ':
			return "", d.syntax("a control character in a string must be escaped")
		}
		b = append(b, c)
		d.pos++
	}
	return "", d.syntax("a string has no closing quote")
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
	return 0, d.syntax("a string holds an escape that JSON has not")
}

func (d *decoder) unicodeEscape() (rune, error) {
	r, ok := d.hex4()
	if !ok {
		return 0, d.syntax("\\u needs four hexadecimal digits")
	}
	if r == 0 {
		// Databases can't keep it in a text: PostgreSQL refuses U+0000.
		return 0, newError(InvalidValue, "", "A string holds the character U+0000, which can't be kept.")
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
	return 0, d.syntax("\\u escapes hold half a surrogate pair")
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

// under puts the key that led to an error into its path.
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
	// Hostile input nests deep, and its keys may be long.
	if len(e.Path) > 256 {
		e.Path = strings.ToValidUTF8(e.Path[:256], "")
	}
	return e
}

// keySet finds keys that an object repeats. Objects are small, so it scans; a large
// one gets a map, or a hostile one would cost quadratic time.
type keySet struct{ large map[string]string }

const scannedKeys = 24

func (s *keySet) add(fields []field, key string) (earlier string, twice bool) {
	if len(fields) < scannedKeys {
		for i := range fields {
			if sameName(fields[i].name, key) {
				return fields[i].name, true
			}
		}
		return "", false
	}
	if s.large == nil {
		s.large = make(map[string]string, 4*scannedKeys)
		for i := range fields {
			s.large[asciiLower(fields[i].name)] = fields[i].name
		}
	}
	folded := asciiLower(key)
	if earlier, twice = s.large[folded]; twice {
		return earlier, true
	}
	s.large[folded] = key
	return "", false
}

func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}
