package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key of a provider, with its private part.
type signingKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

func newKey(id string) signingKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("oidctest: no randomness: " + err.Error())
	}
	return signingKey{id, jose.ES256, private}
}

// ID returns the key id.
func (k signingKey) ID() string { return k.id }

// SignatureAlgorithm returns the algorithm that the key is for.
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.algorithm }

// Key returns the private key.
func (k signingKey) Key() any { return k.private }

// publicKey is the published part of a key.
type publicKey struct{ signingKey }

// Algorithm returns the algorithm that the key is for.
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.algorithm }

// Use says that the key signs.
func (publicKey) Use() string { return "sig" }

// Key returns the public key.
func (k publicKey) Key() any { return k.private.Public() }

// Rotate replaces the key of the provider. The old one is no longer published.
func (p *Provider) Rotate() { p.RotateTo(jose.ES256, newKey("").private) }

// RotateTo is Rotate to a key of the caller, such as an RSA key for RS256.
func (p *Provider) RotateTo(algorithm jose.SignatureAlgorithm, key crypto.Signer) {
	id := p.storage.newID()
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	p.storage.key = signingKey{id, algorithm, key}
}

// Sign signs claims with the provider's key. The header may contain more: typ; kid, to name another key; and alg, to use none, or HS256
// with the client's secret as the key.
func (p *Provider) Sign(header, claims map[string]any) string {
	p.storage.mu.Lock()
	key, secret := p.storage.key, p.storage.client.Secret
	p.storage.mu.Unlock()
	switch header["alg"] {
	case "none":
		return encode(p.t, header) + "." + encode(p.t, claims) + "."
	case "HS256":
		return sign(p.t, jose.HS256, []byte(secret+strings.Repeat(" ", 32)), key.id, header, claims)
	}
	return sign(p.t, key.algorithm, key.private, key.id, header, claims)
}

// Forge signs claims with a key that is not the provider's, under its key id.
func (p *Provider) Forge(header, claims map[string]any) string {
	p.storage.mu.Lock()
	id := p.storage.key.id
	p.storage.mu.Unlock()
	return sign(p.t, jose.ES256, newKey("").private, id, header, claims)
}

// sign signs claims. A kid in the header replaces the given one; alg is set from the algorithm.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid string, header, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	for name, value := range header {
		if name != "alg" {
			options = options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func encode(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parts returns the header and the claims of a token.
func parts(t testing.TB, token string) (header, claims map[string]any) {
	t.Helper()
	pieces := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(pieces[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatalf("the token of the provider: %v", err)
		}
	}
	return header, claims
}
