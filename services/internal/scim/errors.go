package scim

import (
	"errors"
	"fmt"
)

// ErrorType is a scimType, a detail error keyword of RFC 7644 §3.12, table 9.
type ErrorType string

// The keywords of RFC 7644 §3.12, and those of RFC 9865 §2.1 for pages by cursor. This package does not use TooMany,
// Uniqueness and InvalidVers, nor the last three: code that stores or serves resources does. No code uses "sensitive",
// because Usher answers a filter in a URL.
const (
	InvalidFilter ErrorType = "invalidFilter"
	TooMany       ErrorType = "tooMany"
	Uniqueness    ErrorType = "uniqueness"
	Mutability    ErrorType = "mutability"
	InvalidSyntax ErrorType = "invalidSyntax"
	InvalidPath   ErrorType = "invalidPath"
	NoTarget      ErrorType = "noTarget"
	InvalidValue  ErrorType = "invalidValue"
	InvalidVers   ErrorType = "invalidVers"
	InvalidCursor ErrorType = "invalidCursor"
	ExpiredCursor ErrorType = "expiredCursor"
	InvalidCount  ErrorType = "invalidCount"
)

// Error is a client's violation of the protocol, in the terms of RFC 7644 §3.12. Every error of this package about a
// client's input is an *Error.
type Error struct {
	Type ErrorType
	// Path is the attribute or PATCH path concerned, empty if there is none.
	Path string
	// Offset is the byte position in the filter or path text, -1 if there is none.
	Offset int
	// Detail is a sentence that helps a person to act. It contains names from schemas, keys, operators and positions, never
	// the value of an attribute.
	Detail string
}

func (e *Error) Error() string { return string(e.Type) + ": " + e.Detail }

func newError(t ErrorType, path, format string, args ...any) *Error {
	return &Error{Type: t, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}

func newErrorAt(t ErrorType, offset int, format string, args ...any) *Error {
	return &Error{Type: t, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}

// inOperation adds the number of the failed PATCH operation, counted from 1.
func inOperation(err error, index int) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	located := *e
	located.Detail = fmt.Sprintf("Operation %d: %s", index+1, e.Detail)
	return &located
}

// shown quotes a client's key or operator for the text of an error, and shortens a long one.
func shown(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q...", most, s)
	}
	return fmt.Sprintf("%q", s)
}
