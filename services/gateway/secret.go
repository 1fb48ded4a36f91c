package gateway

import "log/slog"

// Secret is a text that prints as nothing.
type Secret string

const hidden = "***"

// String keeps the secret out of texts.
func (Secret) String() string { return hidden }

// GoString keeps the secret out of %#v.
func (Secret) GoString() string { return hidden }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText keeps the secret out of JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
