// Package bearer defines the form of the secrets that whoever has them can use: API keys, service credentials, and the secrets of sessions
// and portal links. The directory service creates them, and the gateway recognizes them.
//
// A secret is the prefix of its kind, 43 characters with 256 random bits in base 62, and 6 characters of checksum. The prefix lets scanners
// find leaked secrets, and separates the kinds. The checksum makes it possible to refuse a mistyped secret without a look-up.
package bearer

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
	"strings"

	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	randomLength   = 43
	checksumLength = 6
	alphabet       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Kind is what a secret opens, as the prefix of the secret.
type Kind string

// The kinds.
const (
	APIKey            Kind = "ush_" // a directory, over SCIM
	ServiceCredential Kind = "usc_" // the public gRPC API and the admin REST API, within its scopes
	Session           Kind = "uss_" // the admin REST API, as a cookie, for a person who has signed in
	PortalLink        Kind = "upl_" // a session, once
)

// New creates a secret.
func (k Kind) New() secret.Text {
	var random [32]byte
	// rand.Read never fails: if the system has no randomness, it ends the process.
	_, _ = rand.Read(random[:])
	body := base62(new(big.Int).SetBytes(random[:]), randomLength)
	return secret.Text(string(k) + body + checksum(body))
}

// Parse parses a secret, and reports whether it has the form of a secret of this kind. It does not check whether the secret opens anything.
func (k Kind) Parse(text string) (secret.Text, bool) {
	body, ok := strings.CutPrefix(text, string(k))
	if !ok || len(body) != randomLength+checksumLength {
		return "", false
	}
	if checksum(body[:randomLength]) != body[randomLength:] {
		return "", false
	}
	return secret.Text(text), true
}

func checksum(body string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))), checksumLength)
}

// base62 returns n with exactly length digits.
func base62(n *big.Int, length int) string {
	digits := make([]byte, length)
	base, digit := big.NewInt(int64(len(alphabet))), new(big.Int)
	for i := length - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		digits[i] = alphabet[digit.Int64()]
	}
	return string(digits)
}
