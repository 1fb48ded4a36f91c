// Package bearer is the form of the secrets that clients present as bearer tokens: API keys and service credentials. They
// are made by the directory service and recognised by the gateway.
//
// A secret is its kind's prefix, 43 characters that hold 256 random bits in base 62, and 6 characters of checksum. The
// prefix lets scanners find leaked secrets, and keeps the kinds apart; the checksum lets a mistyped one be refused without
// asking anybody.
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

// Kind is what a secret opens, and the prefix that says so.
type Kind string

// The kinds.
const (
	APIKey            Kind = "ush_" // a directory, over SCIM
	ServiceCredential Kind = "usc_" // the public gRPC face and the admin REST, within its scope
)

// New makes a secret.
func (k Kind) New() secret.Text {
	var random [32]byte
	// rand.Read never fails: it ends the process where the system gives no randomness.
	_, _ = rand.Read(random[:])
	body := base62(new(big.Int).SetBytes(random[:]), randomLength)
	return secret.Text(string(k) + body + checksum(body))
}

// Parse reads a secret, and says whether it has the form of one of this kind. It says nothing of whether it opens anything.
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

// base62 writes n with exactly length digits.
func base62(n *big.Int, length int) string {
	digits := make([]byte, length)
	base, digit := big.NewInt(int64(len(alphabet))), new(big.Int)
	for i := length - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		digits[i] = alphabet[digit.Int64()]
	}
	return string(digits)
}
