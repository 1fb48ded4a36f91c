package scimhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// bulkIDPrefix begins a reference to what another operation of the same Bulk creates (RFC 7644 §3.7.2).
const bulkIDPrefix = "bulkId:"

// resolver gives the id that a bulkId stands for; false leaves the reference, and the value that it is, out.
type resolver func(bulkID string) (id string, keep bool)

// resolve writes data with ids in place of bulkIds. A reference is a string that begins with `bulkId:`, wherever it stands
// but as a name, and a `$ref` whose last segment does. All other numbers and strings keep their bytes: identity judges
// them as they were sent.
func resolve(data []byte, with resolver) ([]byte, error) {
	// An escape may hide a letter of the prefix.
	if !bytes.Contains(data, []byte(bulkIDPrefix)) && !bytes.ContainsRune(data, '\\') {
		return data, nil
	}
	w := &resolving{data: data, tokens: json.NewDecoder(bytes.NewReader(data)), with: with}
	w.tokens.UseNumber() // a number beyond a float's range is not ours to refuse
	token, raw, err := w.next()
	if err != nil {
		return nil, err
	}
	if _, err := w.value(token, raw, ""); err != nil {
		return nil, err
	}
	return w.out, nil
}

// references lists the bulkIds that data refers to, as often as it does.
func references(data []byte) (all []string, err error) {
	_, err = resolve(data, func(bulkID string) (string, bool) {
		all = append(all, bulkID)
		return "", true
	})
	return all, err
}

// reference reads a string that may refer to a bulkId; before is what precedes the reference.
func reference(name, text string) (before, bulkID string, ok bool) {
	if name == "$ref" {
		slash := strings.LastIndexByte(text, '/') + 1
		before, text = text[:slash], text[slash:]
	}
	bulkID, ok = strings.CutPrefix(text, bulkIDPrefix)
	return before, bulkID, ok
}

// resolving is one run through data.
type resolving struct {
	data   []byte
	tokens *json.Decoder
	with   resolver
	out    []byte
}

// next reads a token, and its bytes.
func (w *resolving) next() (json.Token, []byte, error) {
	from := w.tokens.InputOffset()
	token, err := w.tokens.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return token, bytes.TrimLeft(w.data[from:w.tokens.InputOffset()], " \t\r\n:,"), err
}

// left says what became of a value.
type left int

const (
	kept    left = iota
	leftOut      // the value refers to what is not there yet
	// leftOutWhole: the value is the "value" or "$ref" of an object, which is nothing without it.
	leftOutWhole
)

// value writes the value that a token begins; name is the member that it is, if any.
func (w *resolving) value(token json.Token, raw []byte, name string) (left, error) {
	switch token := token.(type) {
	case string:
		return w.text(token, raw, name), nil
	case json.Delim:
		if token == '{' {
			return w.object()
		}
		return kept, w.array()
	default:
		w.out = append(w.out, raw...)
		return kept, nil
	}
}

func (w *resolving) text(text string, raw []byte, name string) left {
	before, bulkID, ok := reference(name, text)
	if !ok {
		w.out = append(w.out, raw...)
		return kept
	}
	id, keep := w.with(bulkID)
	if !keep {
		if name == "value" || name == "$ref" {
			return leftOutWhole
		}
		return leftOut
	}
	quoted, err := json.Marshal(before + id)
	if err != nil {
		quoted = raw // strings always marshal
	}
	w.out = append(w.out, quoted...)
	return kept
}

// object writes an object without what is left out of it.
func (w *resolving) object() (left, error) {
	begin, whole := len(w.out), kept
	w.out = append(w.out, '{')
	for w.tokens.More() {
		key, raw, err := w.next()
		if err != nil {
			return kept, err
		}
		before := len(w.out)
		if w.out[before-1] != '{' {
			w.out = append(w.out, ',')
		}
		w.out = append(append(w.out, raw...), ':')
		token, raw, err := w.next()
		if err != nil {
			return kept, err
		}
		name, _ := key.(string) // a member begins with nothing else
		what, err := w.value(token, raw, name)
		if err != nil {
			return kept, err
		}
		if what != kept {
			w.out = w.out[:before]
		}
		if what == leftOutWhole {
			whole = leftOut
		}
	}
	if _, _, err := w.next(); err != nil {
		return kept, err
	}
	if whole != kept {
		w.out = w.out[:begin]
		return whole, nil
	}
	w.out = append(w.out, '}')
	return kept, nil
}

// array writes an array without the elements that are left out.
func (w *resolving) array() error {
	w.out = append(w.out, '[')
	for w.tokens.More() {
		before := len(w.out)
		if w.out[before-1] != '[' {
			w.out = append(w.out, ',')
		}
		token, raw, err := w.next()
		if err != nil {
			return err
		}
		what, err := w.value(token, raw, "")
		if err != nil {
			return err
		}
		if what != kept {
			w.out = w.out[:before]
		}
	}
	_, _, err := w.next()
	w.out = append(w.out, ']')
	return err
}
