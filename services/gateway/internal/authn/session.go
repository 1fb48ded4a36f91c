package authn

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/scope"
	"github.com/usher-scim/usher/services/internal/secret"
)

// OrganizationHeader is the header, and the key of the metadata, with the organization that the owner of an access token acts for, if the
// token gives several.
const OrganizationHeader = "Usher-Organization"

// CSRFHeader is the header with the CSRF token of a request that changes something.
const CSRFHeader = "Usher-Csrf-Token"

// SessionCookie is the name of the cookie with the secret of a session. A browser accepts a name with the prefix __Host- only from this
// host, over https, and for all paths (RFC 6265bis §4.1.3.2).
func SessionCookie(https bool) string {
	if https {
		return "__Host-usher"
	}
	return "usher"
}

// CSRFToken returns the token that a page of a session sends with each change. Another site can make a browser send the cookie, but does not
// know the token.
func CSRFToken(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("usher csrf token"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Browser recognizes people by the session in a cookie.
type Browser struct {
	clients Clients
	cookie  string
	origin  string // of the admin listener, as browsers see it
	rate    *SessionRate
}

// NewBrowser creates a Browser. adminURL is the address of the admin listener for browsers. rate may be nil.
func NewBrowser(clients Clients, adminURL *url.URL, rate *SessionRate) Browser {
	return Browser{clients: clients, rate: rate, cookie: SessionCookie(adminURL.Scheme == "https"), origin: adminURL.Scheme + "://" + adminURL.Host}
}

// Authenticate returns the client of a request from a browser, if it has no Authorization. csrf is the CSRF token of a request that changes
// something. The errors are those of Clients.Authenticate, and ErrSessionRate.
func (b Browser) Authenticate(r *http.Request, csrf string) (Client, error) {
	cookie := b.Secret(r)
	switch {
	case cookie == "":
		return Client{}, NoBearer
	case b.CrossSite(r):
		return Client{}, CrossSite
	case r.Method != http.MethodGet && r.Method != http.MethodHead && subtle.ConstantTimeCompare([]byte(csrf), []byte(CSRFToken(cookie))) != 1:
		return Client{}, NoCSRFToken
	}
	secret, ok := bearer.Session.Parse(cookie)
	if !ok {
		return Client{}, Malformed
	}
	client, err := b.clients.leased(r.Context(), SourceOf(r), secret.Digest())
	if err != nil {
		return Client{}, err
	}
	if err := b.rate.take(secret.Digest()); err != nil { // after the look-up: invented sessions have no bucket
		return Client{}, err
	}
	return client, nil
}

// Secret returns the secret of a session: the value of the only cookie with the name, or nothing. A sibling domain can add a second cookie
// where the name has no prefix __Host-.
func (b Browser) Secret(r *http.Request) string {
	all := r.CookiesNamed(b.cookie)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

// CrossSite reports whether a page of another site caused the request. Browsers say so; what says nothing is no browser, and has no cookie
// of a person.
func (b Browser) CrossSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" {
		return true
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != b.origin && origin != "http://"+r.Host && origin != "https://"+r.Host
}

// Digest returns the digest of the secret of a session.
func Digest(session string) keylease.Digest { return secret.Text(session).Digest() }

// ScopesOf returns the scopes of a principal.
func ScopesOf(p *commonv1.Principal) []commonv1.Scope { return scope.Set(p.GetScopes()).List() }
