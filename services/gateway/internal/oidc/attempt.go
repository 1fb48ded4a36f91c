package oidc

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

const (
	// attemptLasts is how long a person may take to sign in at the provider.
	attemptLasts = 10 * time.Minute
	// longestAttempt is how many bytes an encoded attempt may have, so that it fits into a cookie.
	longestAttempt = 4 << 10
)

// Attempt is a sign-in that has begun. The browser keeps it, encoded, until the provider sends the person back: any replica can finish it.
// It is neither encrypted nor signed (the decision record says why), so nothing in it is trusted but by comparison with what the provider
// says.
type Attempt struct {
	// Provider is the name of the provider.
	Provider string `json:"p"`
	// State and Nonce bind the answer and the ID token to this attempt. Verifier is the secret of PKCE.
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	// Begun is when it began, in seconds since 1970.
	Begun int64 `json:"t"`
	// ReturnTo is the path where the person wanted to go.
	ReturnTo string `json:"r"`
	// Organization is the organization that the person has chosen, or empty.
	Organization string `json:"o,omitempty"`
}

// Encode returns the attempt as a text for a cookie, of at most 4 KiB.
func (a Attempt) Encode() string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it would make some characters six times as long
	if err := encoder.Encode(a); err != nil {
		panic("oidc: an attempt has only texts and a number: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text.Bytes())
}

// DecodeAttempt reads an encoded attempt. The error is Malformed, or WrongReturnTo: ReturnTo of a decoded attempt is always a path of this
// origin.
func DecodeAttempt(text string) (Attempt, error) {
	var a Attempt
	if len(text) > longestAttempt {
		return a, Malformed.because("the attempt has %d bytes, and the limit is %d", len(text), longestAttempt)
	}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || json.Unmarshal(plain, &a) != nil {
		return Attempt{}, Malformed.because("the attempt cannot be decoded")
	}
	if a.State == "" || a.Nonce == "" || a.Verifier == "" {
		return Attempt{}, Malformed.because("the attempt is not complete")
	}
	if err := CheckReturnTo(a.ReturnTo); err != nil {
		return Attempt{}, err
	}
	return a, nil
}

// CheckReturnTo requires a path of this origin, such as /organizations?page=2, of at most 1 KiB. The error is WrongReturnTo. Browsers take
// a second slash or a backslash at the beginning as the beginning of a host, and they skip control characters.
func CheckReturnTo(path string) error {
	u, err := url.Parse(path)
	if err != nil || len(path) > longestReturnTo || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || u.Host != "" ||
		strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return WrongReturnTo
	}
	return nil
}

// expired reports whether too much time has passed.
func (a Attempt) expired(now time.Time) bool {
	begun := time.Unix(a.Begun, 0)
	return now.Sub(begun) > attemptLasts || begun.Sub(now) > skew
}

// same compares two texts, of which a stranger may choose one, in a time that does not depend on the other.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
