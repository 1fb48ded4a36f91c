package supportbundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// shortest is the length of the shortest secret that is searched for. A shorter one is in too many words.
const shortest = 6

// hidden replaces a secret.
const hidden = "[secret]"

// Redactor replaces secrets in texts. The zero value knows no secret, but the forms that secrets have.
type Redactor struct{ secrets [][]byte }

// NewRedactor creates a redactor for secrets, also as they are in URLs and in JSON.
func NewRedactor(secrets []string) *Redactor {
	r := &Redactor{}
	for _, secret := range secrets {
		if len(secret) < shortest {
			continue
		}
		quoted, err := json.Marshal(secret)
		if err != nil {
			quoted = nil
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:], strings.Trim(string(quoted), `"`)} {
			if len(form) >= shortest {
				r.secrets = append(r.secrets, []byte(form))
			}
		}
	}
	// A secret may contain another one.
	slices.SortFunc(r.secrets, func(a, b []byte) int { return cmp.Or(cmp.Compare(len(b), len(a)), bytes.Compare(a, b)) })
	r.secrets = slices.CompactFunc(r.secrets, bytes.Equal)
	return r
}

// forms are texts that are secrets whatever they are: the part of a URL before the host, the keys of Usher, and bearer tokens.
var forms = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`://[^/@\s"']+@`), "://" + hidden + "@"},
	{regexp.MustCompile(`(?i)\b(bearer|basic) +[a-z0-9._~+/=-]{8,}`), "$1 " + hidden},
	{regexp.MustCompile(`(?i)\bpassword=[^\s"'&]+`), "password=" + hidden},
	{regexp.MustCompile(`\b(ush|usc|uss|upl)_[A-Za-z0-9]{20,}`), hidden},
}

// Text returns the text without secrets.
func (r *Redactor) Text(text []byte) []byte {
	for _, secret := range r.secrets {
		text = bytes.ReplaceAll(text, secret, []byte(hidden))
	}
	for _, f := range forms {
		text = f.pattern.ReplaceAll(text, []byte(f.instead))
	}
	return text
}
