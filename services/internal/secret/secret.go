// Package secret is the type of texts that must not be printed: tokens, keys, and addresses with a password in them.
package secret

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// Text prints as [secret] in fmt, slog, JSON and YAML, or as nothing where it is empty. Two places are
// not for it: package fmt prints what is in an unexported field, and encoding/json what is the key of a map.
type Text string

// Reveal gives the text itself, to hand it to its owner or to whom it opens something.
func (t Text) Reveal() string { return string(t) }

// Digest is what is stored and looked up in place of a secret: SHA-256. Only a secret of random bits is safe in it.
func (t Text) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(t)) }

// String keeps the secret out of texts; it tells whether there is one.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return "[secret]"
}

// Format keeps the secret out of package fmt, whatever the verb: for one that no text has it prints what String hides.
func (t Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }

// LogValue keeps the secret out of logs.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps the secret out of JSON and YAML.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
