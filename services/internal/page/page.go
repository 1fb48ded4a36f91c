// Package page is the paging of admin lists (AIP-158): sizes, and opaque tokens bound to the list that gave them out.
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

// Size is how many to answer with, for a request's page_size.
func Size(requested int32) int {
	switch {
	case requested <= 0:
		return defaultSize
	case requested > maxSize:
		return maxSize
	default:
		return int(requested)
	}
}

// token is what a page token holds: where the page before ended, and which list it was of.
type token struct {
	List  []byte   `json:"l"`
	After []string `json:"a"`
}

// digest binds a token to a list: its name and each of its filters.
func digest(list []string) []byte {
	text, _ := json.Marshal(list) // a []string always marshals
	sum := sha256.Sum256(text)
	return sum[:6]
}

// Token makes the next_page_token of a list, named by its RPC and all filters, whose page ended at the sort key after.
func Token(after []string, list ...string) string {
	text, _ := json.Marshal(token{List: digest(list), After: after})
	return base64.RawURLEncoding.EncodeToString(text)
}

// After gives the sort key that a page starts after, of as many parts as want; all empty for an empty token. A token
// that this list did not give out is fault.PageToken.
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
		return nil, fault.New(fault.PageToken, "page_token was not given out by this list with these filters")
	}
	return t.After, nil
}

// Cut keeps at most size of items, which were read with one more than size, and says whether there are more.
func Cut[T any](items []T, size int) ([]T, bool) {
	if len(items) > size {
		return items[:size], true
	}
	return items, false
}
