package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

const (
	// freshMetadata is how old the metadata of a provider may be before Usher asks again.
	freshMetadata = 24 * time.Hour
	// freshKeys is the same for its keys. It limits how long a key is trusted that the provider has removed.
	freshKeys = time.Hour
	// usableLonger is for how long after that Usher uses what it knows, if the provider does not answer.
	usableLonger = 24 * time.Hour
	// retryAfter is the shortest time between two requests for the same document.
	retryAfter = 10 * time.Second
	// answerWithin is how long a provider may take for an answer.
	answerWithin = 10 * time.Second
	// longestAnswer is how many bytes an answer of a provider may have.
	longestAnswer = 1 << 20
	// mostKeys is how many keys of a provider are used.
	mostKeys = 100
	// mostRedirects is how many redirects of one request are followed.
	mostRedirects = 3
)

// metadata is what the discovery document says (OpenID Connect Discovery §3).
type metadata struct {
	endpoint oauth2.Endpoint
	keysURL  string
	// sendsIssuer says that each answer to a sign-in names the issuer (RFC 9207).
	sendsIssuer bool
}

// discover asks the provider for its metadata.
func (p *provider) discover(ctx context.Context) (metadata, error) {
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	var mismatch *oidc.IssuerMismatchError
	var network *url.Error
	switch {
	case errors.As(err, &mismatch):
		return metadata{}, ProviderError.because("its discovery document names another issuer")
	case errors.As(err, &network):
		return metadata{}, ProviderUnreachable.because("%w", err)
	case err != nil:
		return metadata{}, ProviderError.because("its discovery document cannot be read")
	}
	var more struct {
		KeysURL     string   `json:"jwks_uri"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		SendsIssuer bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return metadata{}, ProviderError.because("its discovery document cannot be read")
	}
	m := metadata{endpoint: found.Endpoint(), keysURL: more.KeysURL, sendsIssuer: more.SendsIssuer}
	for name, address := range map[string]string{
		"authorization_endpoint": m.endpoint.AuthURL, "token_endpoint": m.endpoint.TokenURL, "jwks_uri": m.keysURL,
	} {
		if u, err := url.Parse(address); err != nil || u.Hostname() == "" || !Secure(u) {
			return metadata{}, ProviderError.because("the %s in its discovery document is not an https address", name)
		}
	}
	switch {
	case p.ClientSecretFile == "", !slices.Contains(more.AuthMethods, "client_secret_basic") && slices.Contains(more.AuthMethods, "client_secret_post"):
		m.endpoint.AuthStyle = oauth2.AuthStyleInParams
	default:
		m.endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default of the standard
	}
	return m, nil
}

// fetchKeys asks the provider for its public keys.
func (p *provider) fetchKeys(ctx context.Context) ([]jose.JSONWebKey, error) {
	m, err := p.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.keysURL, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return nil, ProviderUnreachable.because("%w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if answer.StatusCode != http.StatusOK {
		return nil, ProviderUnreachable.because("status %d for its keys", answer.StatusCode)
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, ProviderError.because("its keys cannot be read")
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys[:min(len(set.Keys), mostKeys)] {
		var key jose.JSONWebKey
		// A provider may have keys that Usher does not understand, or for other purposes (RFC 7517 §5).
		if key.UnmarshalJSON(text) == nil && key.IsPublic() && key.Valid() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// document is a document of a provider, which is fetched when it is needed first, and again when it is old. If a fetch fails, the last
// document remains usable for some time.
type document[T any] struct {
	fetch func(context.Context) (T, error)
	fresh time.Duration
	now   func() time.Time

	mu      sync.Mutex
	value   T
	fetched time.Time     // zero if there is no value
	tried   time.Time     // when the last fetch began
	err     error         // of the last fetch
	done    chan struct{} // closes when the fetch under way ends; nil if there is none
}

func newDocument[T any](fetch func(context.Context) (T, error), fresh time.Duration, now func() time.Time) *document[T] {
	return &document[T]{fetch: fetch, fresh: fresh, now: now}
}

// get returns the document. It fetches it if it is missing or old, but does not wait for a fetch while an old document is usable.
func (d *document[T]) get(ctx context.Context) (T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := d.now().Sub(d.fetched)
	usable := !d.fetched.IsZero() && age < d.fresh+usableLonger
	if usable && (age < d.fresh || d.done != nil) {
		return d.value, nil
	}
	err := d.update(ctx)
	if err != nil && !usable {
		return *new(T), err
	}
	return d.value, nil
}

// again returns the document after it fetched it again, or waited for the fetch under way. If the last fetch was too short a time ago, it
// returns the document as it is.
func (d *document[T]) again(ctx context.Context) (T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.update(ctx); err != nil {
		return *new(T), err
	}
	return d.value, nil
}

// update fetches the document, unless it was tried a short time ago. It returns the error of the last fetch. d.mu is locked before and after
// it, and not meanwhile.
func (d *document[T]) update(ctx context.Context) error {
	if d.done != nil {
		return d.wait(ctx, d.done)
	}
	if !d.tried.IsZero() && d.now().Sub(d.tried) < retryAfter {
		return d.err
	}
	d.tried, d.err, d.done = d.now(), ProviderUnreachable, make(chan struct{})
	d.mu.Unlock()
	defer func() { // also after a panic: others wait
		d.mu.Lock()
		close(d.done)
		d.done = nil
	}()
	// The fetch is for everybody: it does not end with the request that began it.
	fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	value, err := d.fetch(fetching)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = err; err == nil {
		d.value, d.fetched = value, d.now()
	}
	return err
}

// wait waits for the fetch under way, and returns its error.
func (d *document[T]) wait(ctx context.Context, done <-chan struct{}) error {
	d.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
	d.mu.Lock()
	if ctx.Err() != nil {
		return ProviderUnreachable.because("%w", ctx.Err())
	}
	return d.err
}

// newClient creates the HTTP client for providers. Its answers have a limit, and it follows redirects to the same origin only: a redirect
// elsewhere could take a client secret along, or let somebody else answer for the provider.
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: answerWithin / 2}
	return &http.Client{
		Timeout: answerWithin,
		Transport: limited{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: answerWithin / 2,
			ResponseHeaderTimeout: answerWithin, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2, MaxConnsPerHost: 20,
			IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(request *http.Request, before []*http.Request) error {
			from := before[0].URL
			if len(before) > mostRedirects || request.URL.Host != from.Host || request.URL.Scheme != from.Scheme {
				return errors.New("it redirects to another place, or too often")
			}
			return nil
		},
	}
}

// limited limits the size of answers.
type limited struct{ *http.Transport }

func (l limited) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := l.Transport.RoundTrip(request)
	if err == nil {
		answer.Body = &limitedBody{ReadCloser: answer.Body, left: longestAnswer + 1}
	}
	return answer, err
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", longestAnswer)
	}
	n, err := b.ReadCloser.Read(into[:min(len(into), b.left)])
	b.left -= n
	return n, err
}

// registered are the error codes of OAuth 2.0 and OpenID Connect. Only these are in errors: others could contain anything.
var registered = strings.Fields("access_denied account_selection_required consent_required interaction_required invalid_client invalid_grant " +
	"invalid_request invalid_request_object invalid_request_uri invalid_scope login_required registration_not_supported request_not_supported " +
	"request_uri_not_supported server_error temporarily_unavailable unauthorized_client unmet_authentication_requirements unsupported_grant_type " +
	"unsupported_response_type")

// providerError is the error for an error code of the provider.
func providerError(code string) error {
	if !slices.Contains(registered, code) {
		code = "unknown"
	}
	return ProviderError.because("it answered with the error %s", code)
}
