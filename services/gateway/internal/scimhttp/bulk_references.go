package scimhttp

import (
	"bytes"
	"encoding/json"
	"strings"
)

// bulkIDPrefix begins a reference to a resource that another operation of the same Bulk creates (RFC 7644 §3.7.2).
const bulkIDPrefix = "bulkId:"

// longestReference is the greatest length of a reference with escapes, in bytes. Longer texts are not searched for a reference.
const longestReference = 4 << 10

// resolver returns the id for a bulkId. If keep is false, the reference and its value are left out.
type resolver func(bulkID string) (id string, keep bool)

// resolve returns valid data with ids in place of bulkIds. A reference is a string that begins with `bulkId:`, anywhere but as a name, or a
// `$ref` whose last segment begins so. All other numbers and strings keep their bytes, because identity judges them as they were sent.
func resolve(data []byte, with resolver) []byte {
	// An escape may hide a letter of the prefix.
	if !bytes.Contains(data, []byte(bulkIDPrefix)) && !bytes.ContainsRune(data, '\\') {
		return data
	}
	w := &resolving{text: string(data), with: with, out: make([]byte, 0, len(data))}
	w.at = pastSpace(w.text, 0)
	w.value("")
	return w.out
}

// references calls each for every reference to a bulkId in valid data, including repeated ones.
func references(data []byte, each func(bulkID string)) {
	resolve(data, func(bulkID string) (string, bool) {
		each(bulkID)
		return "", true
	})
}

// reference parses a string that may refer to a bulkId. before is the text before the reference.
func reference(name, text string) (before, bulkID string, ok bool) {
	if name == "$ref" {
		slash := strings.LastIndexByte(text, '/') + 1
		before, text = text[:slash], text[slash:]
	}
	bulkID, ok = strings.CutPrefix(text, bulkIDPrefix)
	return before, bulkID, ok
}

// resolving is one pass through data.
type resolving struct {
	text string
	at   int // the position of a value, or of the end of the object or array
	with resolver
	out  []byte
}

// next continues after something that ends at a position.
func (w *resolving) next(end int) { w.at = pastSpace(w.text, end) }

// left says what happened to a value.
type left int

const (
	kept    left = iota
	leftOut      // the resource that the value refers to does not exist yet
	// leftOutWhole means that the value is the "value" or "$ref" of an object, which is useless without it.
	leftOutWhole
)

// value writes the value at this position. name is the name of its member, if it has one.
func (w *resolving) value(name string) left {
	switch w.text[w.at] {
	case '"':
		end := stringEnd(w.text, w.at)
		quoted := w.text[w.at:end]
		w.next(end)
		return w.string(quoted, name)
	case '{':
		return w.object()
	case '[':
		w.array()
		return kept
	}
	end := literalEnd(w.text, w.at)
	w.out = append(w.out, w.text[w.at:end]...)
	w.next(end)
	return kept
}

func (w *resolving) string(quoted, name string) left {
	before, bulkID, ok := "", "", false
	if len(quoted) <= longestReference || strings.IndexByte(quoted, '\\') < 0 {
		before, bulkID, ok = reference(name, unquoted(quoted))
	}
	if !ok {
		w.out = append(w.out, quoted...)
		return kept
	}
	id, keep := w.with(bulkID)
	if !keep {
		if name == "value" || name == "$ref" {
			return leftOutWhole
		}
		return leftOut
	}
	if need := len(w.out) + len(quoted) + len(id); need > cap(w.out) {
		w.out = append(make([]byte, 0, 2*need), w.out...) // ids may be longer than bulkIds
	}
	// If there are no escapes and no invalid UTF-8, the text is the same as between the quotes.
	if before, as := strings.CutSuffix(quoted[:len(quoted)-1], bulkIDPrefix+bulkID); as &&
		strings.IndexByte(quoted, '\\') < 0 && strings.IndexByte(id, '"') < 0 && strings.IndexByte(id, '\\') < 0 {
		w.out = append(append(append(w.out, before...), id...), '"')
		return kept
	}
	written, err := json.Marshal(before + id)
	if err != nil {
		written = []byte(quoted) // strings always marshal
	}
	w.out = append(w.out, written...)
	return kept
}

// object writes an object without the members that are left out.
func (w *resolving) object() left {
	begin, whole := len(w.out), kept
	w.out = append(w.out, '{')
	for w.next(w.at + 1); w.text[w.at] != '}'; {
		before := len(w.out)
		if w.out[before-1] != '{' {
			w.out = append(w.out, ',')
		}
		end := stringEnd(w.text, w.at)
		key := w.text[w.at:end]
		w.out = append(append(w.out, key...), ':')
		w.next(end)
		what := w.value(unquoted(key))
		if what != kept {
			w.out = w.out[:before]
		}
		if what == leftOutWhole {
			whole = leftOut
		}
	}
	w.next(w.at + 1)
	if whole != kept {
		w.out = w.out[:begin]
		return whole
	}
	w.out = append(w.out, '}')
	return kept
}

// array writes an array without the elements that are left out.
func (w *resolving) array() {
	w.out = append(w.out, '[')
	for w.next(w.at + 1); w.text[w.at] != ']'; {
		before := len(w.out)
		if w.out[before-1] != '[' {
			w.out = append(w.out, ',')
		}
		if w.value("") != kept {
			w.out = w.out[:before]
		}
	}
	w.next(w.at + 1)
	w.out = append(w.out, ']')
}
