// Package page implements the paging of admin lists (AIP-158): sizes, and opaque tokens that are bound to their list.
package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/usher-scim/usher/services/internal/fault"
)

const (
	defaultSize = 100
	maxSize     = 1000
)

// Size returns how many items a page contains, for a request's page_size.
func Size(requested int32) int { return Within(requested, defaultSize, maxSize) }

// Within is Size for a list with other sizes: usual is the default, and most is the largest.
func Within(requested int32, usual, most int) int {
	switch {
	case requested <= 0:
		return usual
	case int(requested) > most:
		return most
	default:
		return int(requested)
	}
}

// token is the content of a page token: the end of the page before, and the list.
type token struct {
	List  []byte   `json:"l"`
	After []string `json:"a"`
}

// digest identifies a list by its name and filters.
func digest(list []string) []byte {
	text, _ := json.Marshal(list) // a []string always marshals
	sum := sha256.Sum256(text)
	return sum[:6]
}

// Token makes the next_page_token of a list. after is the sort key at the end of the page. list is the RPC's name and all filters.
func Token(after []string, list ...string) string {
	text, _ := json.Marshal(token{List: digest(list), After: after})
	return base64.RawURLEncoding.EncodeToString(text)
}

// After returns the sort key that a page starts after, in want parts; all empty for an empty token. A token of another list is
// fault.PageToken.
func After(pageToken string, want int, list ...string) ([]string, error) {
	if pageToken == "" {
		return make([]string, want), nil
	}
	var t token
	text, err := base64.RawURLEncoding.DecodeString(pageToken)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil || len(t.After) != want || string(t.List) != string(digest(list)) {
		return nil, fault.New(fault.PageToken, "page_token is not from this list with these filters")
	}
	return t.After, nil
}

// Cut keeps at most size items, and reports whether there are more. Read one more than size.
func Cut[T any](items []T, size int) ([]T, bool) {
	if len(items) > size {
		return items[:size], true
	}
	return items, false
}
