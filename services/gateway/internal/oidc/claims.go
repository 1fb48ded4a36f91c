package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// claims are the claims of a token, by their exact names. Numbers are json.Number.
type claims map[string]any

// skew is how much the clocks of Usher and of a provider may differ.
const skew = time.Minute

// parseClaims reads a JSON object.
func parseClaims(text []byte) (claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var c claims
	if err := decoder.Decode(&c); err != nil || c == nil {
		return nil, Malformed.because("the claims are not a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, Malformed.because("text follows the claims")
	}
	return c, nil
}

// at returns the claim at a path. A claim that is null is not found.
func (c claims) at(path []string) (value any, found bool) {
	value = map[string]any(c)
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		value = object[name]
	}
	return value, value != nil && len(path) > 0
}

// has reports whether there is a claim, even if it is null.
func (c claims) has(name string) bool {
	_, found := c[name]
	return found
}

// text returns a claim that is a text; empty if it is missing.
func (c claims) text(name string) (string, error) {
	text, ok := c[name].(string)
	if !ok && c[name] != nil {
		return "", Malformed.because("the claim %s is not a text", name)
	}
	return text, nil
}

// latest is the last time that a claim may contain, in seconds: the end of the year 9999.
const latest = 253402300799

// time returns a claim that is a time; zero if it is missing.
func (c claims) time(name string) (time.Time, error) {
	if c[name] == nil {
		return time.Time{}, nil
	}
	number, _ := c[name].(json.Number)
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > latest {
		return time.Time{}, Malformed.because("the claim %s is not a time", name)
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// audience returns the claim aud, which is a text or a list of texts.
func (c claims) audience() (all []string, err error) {
	for _, one := range elements(c["aud"]) {
		text, ok := one.(string)
		if !ok {
			return nil, Malformed.because("the claim aud is not a text or a list of texts")
		}
		all = append(all, text)
	}
	return all, nil
}

// subject returns the claim sub, which the token must have. It is ASCII (OpenID Connect Core §2).
func (c claims) subject() (string, error) {
	sub, err := c.text("sub")
	if err == nil && !printable.MatchString(sub) {
		err = Malformed.because("the claim sub is not 1 to %d printable ASCII characters", longestText)
	}
	return sub, err
}

// sessionID returns the claim sid, or an empty text.
func (c claims) sessionID() (string, error) {
	sid, err := c.text("sid")
	if err == nil && sid != "" && !printable.MatchString(sid) {
		err = Malformed.because("the claim sid is not 1 to %d printable ASCII characters", longestText)
	}
	return sid, err
}

// lifetime checks that the token is valid at a time, and returns when it was issued and when it expires. exp and iat are required.
func (c claims) lifetime(now time.Time) (issued, expires time.Time, err error) {
	issued, issuedErr := c.time("iat")
	expires, expiresErr := c.time("exp")
	notBefore, notBeforeErr := c.time("nbf")
	switch err := errors.Join(issuedErr, expiresErr, notBeforeErr); {
	case err != nil:
		return issued, expires, err
	case issued.IsZero() || expires.IsZero():
		return issued, expires, Malformed.because("the claims iat and exp must be set")
	case now.After(expires.Add(skew)):
		return issued, expires, Expired
	case notBefore.After(now.Add(skew)), issued.After(now.Add(skew)):
		return issued, expires, NotYetValid
	}
	return issued, expires, nil
}

// longestName is how many characters of a name are displayed.
const longestName = 100

var spaces = regexp.MustCompile(`\s+`)

// displayName returns the best name for people that a token has.
func (c claims) displayName() string {
	for _, claim := range []string{"name", "preferred_username", "email", "sub"} {
		text, _ := c[claim].(string)
		text = strings.Map(func(r rune) rune {
			if r == utf8.RuneError || !unicode.IsGraphic(r) && !unicode.IsSpace(r) {
				return -1
			}
			return r
		}, text)
		if text = strings.TrimSpace(spaces.ReplaceAllString(text, " ")); text != "" {
			runes := []rune(text)
			return string(runes[:min(len(runes), longestName)])
		}
	}
	return ""
}

// idToken checks the claims of an ID token (OpenID Connect Core §3.1.3.7), except for the issuer and the nonce.
func (c claims) idToken(clientID string, now time.Time) error {
	if _, _, err := c.lifetime(now); err != nil {
		return err
	}
	audience, err := c.audience()
	if err != nil {
		return err
	}
	azp, err := c.text("azp")
	switch {
	case err != nil:
		return err
	case !slices.Contains(audience, clientID):
		return WrongAudience
	case azp != clientID && (len(audience) > 1 || c.has("azp")):
		return WrongAudience.because("azp does not name the client")
	case c.has("events"):
		return WrongType.because("a logout token is no ID token")
	}
	return nil
}

// longestLived is how long an access token may be valid: nobody can revoke it.
const longestLived = time.Hour

// accessToken checks the claims of an access token (RFC 9068 §4), except for the issuer, and returns when it expires.
func (c claims) accessToken(s ProviderSettings, now time.Time) (expires time.Time, err error) {
	issued, expires, err := c.lifetime(now)
	if err != nil {
		return expires, err
	}
	audience, err := c.audience()
	onlyClient := len(audience) > 0 && !slices.ContainsFunc(audience, func(one string) bool { return one != s.ClientID })
	switch {
	case err != nil:
		return expires, err
	case c.has("nonce"), c.has("at_hash"), c.has("c_hash"), onlyClient:
		return expires, WrongType.because("an ID token is no access token")
	case c.has("events"):
		return expires, WrongType.because("a security event is no access token")
	case c.has("cnf"):
		// The token is bound to a key of its owner (RFC 7800), which Usher could not check: a thief could use it.
		return expires, WrongType.because("a token that is bound to a key is no bearer token")
	case s.Audience == "" || !slices.Contains(audience, s.Audience):
		return expires, WrongAudience
	case expires.Sub(issued) > longestLived:
		return expires, TooLongLived
	}
	return expires, nil
}

// logoutEvent is the member of the claim events that makes a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// longestLogout is how long a logout token may be valid. Its id is remembered until it expires.
const longestLogout = 10 * time.Minute

// logoutToken checks the claims of a logout token (OpenID Connect Back-Channel Logout §2.6), except for the issuer, and returns when it
// expires.
func (c claims) logoutToken(clientID string, now time.Time) (expires time.Time, err error) {
	issued, expires, err := c.lifetime(now)
	if err != nil {
		return expires, err
	}
	audience, err := c.audience()
	events, _ := c["events"].(map[string]any)
	_, isLogout := events[logoutEvent].(map[string]any)
	switch {
	case err != nil:
		return expires, err
	case !isLogout:
		return expires, WrongType.because("the claim events does not contain a logout")
	case c.has("nonce"):
		return expires, WrongType.because("a logout token has no nonce")
	case !slices.Contains(audience, clientID):
		return expires, WrongAudience
	case expires.Sub(issued) > longestLogout:
		return expires, TooLongLived
	case now.Sub(issued) > longestLogout+skew:
		return expires, Expired
	}
	return expires, nil
}
