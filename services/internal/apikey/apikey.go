// Package apikey is the form of an API key's secret: made by the directory service, recognised by the gateway.
//
// A secret is `ush_`, 43 characters that hold 256 random bits in base 62, and 6 characters of checksum. The prefix lets
// scanners find leaked keys; the checksum lets a mistyped one be refused without asking anybody.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"log/slog"
	"math/big"
	"strings"
)

const (
	prefix         = "ush_"
	randomLength   = 43
	checksumLength = 6
	alphabet       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Secret is a key's secret. It prints as nothing; Reveal gives its text.
type Secret struct{ text string }

// New makes a secret.
func New() Secret {
	var random [32]byte
	// rand.Read never fails: it ends the process where the system gives no randomness.
	_, _ = rand.Read(random[:])
	body := base62(new(big.Int).SetBytes(random[:]), randomLength)
	return Secret{prefix + body + checksum(body)}
}

// Parse reads a secret, and says whether it has the form of one. It says nothing of whether the key exists.
func Parse(text string) (Secret, bool) {
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || len(body) != randomLength+checksumLength {
		return Secret{}, false
	}
	if checksum(body[:randomLength]) != body[randomLength:] {
		return Secret{}, false
	}
	return Secret{text}, true
}

// Reveal gives the secret's text, to hand it to its owner.
func (s Secret) Reveal() string { return s.text }

// Digest is what is stored and looked up: SHA-256 of the text.
func (s Secret) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(s.text)) }

// String keeps the secret out of texts.
func (Secret) String() string { return prefix + "…" }

// GoString keeps the secret out of %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue keeps the secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

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
