package scimhttp

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// The functions of this file find parts of a JSON text that is known to be valid. They copy nothing. encoding/json would keep several
// copies of the text in memory, and a token for each few bytes.

// valueEnd returns the end of the value that begins at a position of a valid text.
func valueEnd[T string | []byte](text T, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ' ', '\t', '\n', '\r', ',', ':':
			at++
			continue // they end no value
		default:
			at = literalEnd(text, at)
		}
		if depth == 0 {
			break
		}
	}
	return at
}

// stringEnd returns the end of the string that begins at a position.
func stringEnd[T string | []byte](text T, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return at
}

// literalEnd returns the end of a number, true, false or null.
func literalEnd[T string | []byte](text T, at int) int {
	for at < len(text) && !strings.ContainsRune(" \t\n\r,:]}", rune(text[at])) {
		at++
	}
	return at
}

// pastSpace skips white space, and separators between values.
func pastSpace[T string | []byte](text T, at int) int {
	for at < len(text) && strings.ContainsRune(" \t\n\r,:", rune(text[at])) {
		at++
	}
	return at
}

// unquoted returns the text of a valid JSON string in quotes.
func unquoted(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 && utf8.ValidString(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // it is valid
	return s
}

// maxMembers is how many members an object of a Bulk may have, unless it is a resource. SCIM defines only a few.
const maxMembers = 1000

// objectMembers returns the members of a JSON object by their names in lower case. A repeated name is an error, because one of the values
// would be lost. The values are parts of the text, which may be large. Errors contain nothing of the text.
func objectMembers(text []byte) (map[string][]byte, error) {
	if !json.Valid(text) {
		return nil, errors.New("it is not valid JSON")
	}
	at := pastSpace(text, 0)
	if text[at] != '{' {
		return nil, errors.New("it is not an object")
	}
	members := map[string][]byte{}
	for at = pastSpace(text, at+1); text[at] != '}'; at = pastSpace(text, at) {
		if len(members) == maxMembers {
			return nil, errors.New("it has more than 1000 members")
		}
		keyEnd := stringEnd(text, at)
		name := strings.ToLower(unquoted(string(text[at:keyEnd])))
		if _, twice := members[name]; twice {
			return nil, errors.New("it has a member twice")
		}
		at = pastSpace(text, keyEnd)
		end := valueEnd(text, at)
		members[name] = text[at:end:end]
		at = end
	}
	return members, nil
}

// elements returns the first elements of an array, up to most, as parts of a valid text. For any other value it returns none.
func elements(text []byte, most int) (all [][]byte) {
	at := pastSpace(text, 0)
	if at == len(text) || text[at] != '[' {
		return nil
	}
	for at = pastSpace(text, at+1); len(all) < most && text[at] != ']'; at = pastSpace(text, at) {
		end := valueEnd(text, at)
		all = append(all, text[at:end:end])
		at = end
	}
	return all
}
