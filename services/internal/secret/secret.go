// Package secret is the type of texts that must not be printed: tokens, keys, and addresses that contain a password.
package secret

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// Text prints as [secret] in fmt, slog, JSON and YAML, or as nothing if it is empty. Do not use it in two places: package fmt prints the
// contents of unexported fields, and encoding/json prints the keys of a map.
type Text string

// Reveal returns the text itself, to give it to its owner or to the service that it opens.
func (t Text) Reveal() string { return string(t) }

// Digest returns the SHA-256 of a secret, which is stored and looked up instead of it. The digest protects only a secret of random bits.
func (t Text) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(t)) }

// String hides the secret, but shows whether there is one.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return "[secret]"
}

// Format hides the secret from package fmt. For every verb, also one that does not fit a text, it prints what String returns.
func (t Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }

// LogValue hides the secret from logs.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText hides the secret from JSON and YAML.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
