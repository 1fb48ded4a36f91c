package scim

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendJSON writes v without white space. Each value has exactly one encoding.
func (v *value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case kindBool:
		if v.truth {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case kindNumber:
		return append(dst, v.text...)
	case kindString:
		return appendString(dst, v.text)
	case kindArray:
		dst = append(dst, '[')
		for i := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.items[i].appendJSON(dst)
		}
		return append(dst, ']')
	case kindObject:
		dst = append(dst, '{')
		for i := range v.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, v.fields[i].name)
			dst = append(dst, ':')
			dst = v.fields[i].value.appendJSON(dst)
		}
		return append(dst, '}')
	default:
		return append(dst, "null"...)
	}
}

// appendJSONBut writes v without one sub-attribute, so that values that are equal for equalBut have equal encodings. The result
// is not valid JSON.
func (v *value) appendJSONBut(dst []byte, except *Attribute) []byte {
	if except == nil || v.kind != kindObject {
		return v.appendJSON(dst)
	}
	for i := range v.fields {
		if f := &v.fields[i]; f.attr != except {
			dst = f.value.appendJSON(append(appendString(dst, f.name), ':'))
		}
	}
	return dst
}

// lengthJSON returns an upper bound of the bytes that appendJSON writes.
func (v *value) lengthJSON() int {
	n := lengthString(v.text) + len("false")
	for i := range v.items {
		n += 1 + v.items[i].lengthJSON()
	}
	for i := range v.fields {
		n += 2 + lengthString(v.fields[i].name) + v.fields[i].value.lengthJSON()
	}
	return n
}

// lengthString returns an upper bound of the bytes that appendString writes.
func lengthString(s string) int {
	n := len(s) + 2
	for i := range len(s) {
		if c := s[i]; c < ' ' {
			n += len(`u0000`)
		} else if c == '"' || c == '\\' {
			n++
		}
	}
	return n
}

// appendString escapes what RFC 8259 §7 demands and nothing else: there are no HTML escapes.
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(dst, s[start:]...)
}

// appendForeign is appendString for text, in parts, that this package has not validated.
func appendForeign(dst []byte, parts ...string) []byte {
	dst = append(dst, '"')
	for _, s := range parts {
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		dst = appendEscaped(dst, s)
	}
	return append(dst, '"')
}
