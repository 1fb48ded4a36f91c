package sqlfile

import "strings"

// kind is the kind of a token.
type kind int

const (
	other    kind = iota // also a whole string, quoted identifier or cast
	space                // or a comment
	name                 // of an argument, with its colon
	position             // of an argument: $1 or ?
	end                  // a semicolon
	broken               // a string, an identifier or a comment without an end
)

// reader splits a statement into tokens, as far as arguments need it.
type reader struct {
	dialect Dialect
	rest    string
	before  string // the token before
}

// next reads one token. The rest must not be empty.
func (r *reader) next() (kind, string) {
	kind, length := r.peek()
	if length < 0 {
		kind, length = broken, len(r.rest)
	}
	token := r.rest[:length]
	r.rest, r.before = r.rest[length:], token
	return kind, token
}

// peek returns the kind and the length in bytes of the next token. The length is negative if the token has no end.
func (r *reader) peek() (kind, int) {
	switch first := r.rest[0]; first {
	case ' ', '\t', '\r', '\n':
		return space, 1
	case ';':
		return end, 1
	case '\'':
		// E'...' has escapes: a quote after a backslash does not end it.
		return other, quoted(r.rest, r.dialect == Postgres && strings.EqualFold(r.before, "E"))
	case '"', '`':
		return other, quoted(r.rest, false)
	case '-', '/':
		if length := r.comment(); length != 0 {
			return space, length
		}
	case '?':
		if r.dialect == SQLite {
			return position, 1
		}
	case '$':
		return r.dollar()
	case ':':
		if strings.HasPrefix(r.rest, "::") {
			return other, 2
		}
		if length := word(r.rest[1:]); length > 0 && !digit(r.rest[1]) {
			return name, 1 + length
		}
	default:
		if length := word(r.rest); length > 0 {
			return other, length
		}
	}
	return other, 1
}

// comment returns the length of a comment at the start: 0 if there is none, negative if it has no end.
func (r *reader) comment() int {
	if strings.HasPrefix(r.rest, "--") {
		line, _, _ := strings.Cut(r.rest, "\n")
		return len(line)
	}
	if !strings.HasPrefix(r.rest, "/*") {
		return 0
	}
	for at, depth := 2, 1; at < len(r.rest); at++ {
		switch {
		case strings.HasPrefix(r.rest[at:], "*/"):
			if depth--; depth == 0 {
				return at + 2
			}
			at++
		case r.dialect == Postgres && strings.HasPrefix(r.rest[at:], "/*"): // PostgreSQL nests these
			depth++
			at++
		}
	}
	return -1
}

// dollar reads a token that begins with a dollar: $1, or a string between $tag$ and $tag$.
func (r *reader) dollar() (kind, int) {
	if len(r.rest) > 1 && digit(r.rest[1]) {
		return position, 2
	}
	tag := 1 + word(r.rest[1:])
	if r.dialect != Postgres || tag == len(r.rest) || r.rest[tag] != '$' {
		return other, 1
	}
	inside := strings.Index(r.rest[tag+1:], r.rest[:tag+1])
	if inside < 0 {
		return broken, -1
	}
	return other, 2*(tag+1) + inside
}

// quoted returns the length of a quoted text. The first byte is the quote. Two quotes in a row are a part of the text.
func quoted(text string, escapes bool) int {
	for at := 1; at < len(text); at++ {
		switch {
		case escapes && text[at] == '\\':
			at++
		case text[at] != text[0]:
		case at+1 < len(text) && text[at+1] == text[0]:
			at++
		default:
			return at + 1
		}
	}
	return -1
}

// word returns the length of the first word, of letters, digits and underscores. All non-ASCII characters are letters.
func word(text string) int {
	for at := range len(text) {
		if c := text[at]; c != '_' && !digit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c < 0x80 {
			return at
		}
	}
	return len(text)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
