package scim

import (
	"errors"
	"fmt"
)

// ErrorType is a scimType, a detail error keyword of RFC 7644 §3.12, table 9.
type ErrorType string

// The keywords of RFC 7644 §3.12, and those of RFC 9865 §2.1 for pages by cursor. This
// package makes no TooMany, Uniqueness or InvalidVers, and none of the last
// three: who stores resources, or serves them, does. Nobody makes "sensitive": a filter in an address is answered.
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

// Error is a client's violation of the protocol, in the terms of RFC 7644 §3.12.
// Every error that this package returns for a client's input is an *Error.
type Error struct {
	Type ErrorType
	// Path is the attribute or PATCH path concerned, empty when there is none.
	Path string
	// Offset is the byte position in the filter or path text, -1 when there is none.
	Offset int
	// Detail is a sentence that a person can act on. It holds names from schemas and
	// keys, operators and positions, never the value of an attribute.
	Detail string
}

func (e *Error) Error() string { return string(e.Type) + ": " + e.Detail }

func newError(t ErrorType, path, format string, args ...any) *Error {
	return &Error{Type: t, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}

func newErrorAt(t ErrorType, offset int, format string, args ...any) *Error {
	return &Error{Type: t, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}

// inOperation says which PATCH operation failed, counted from 1 as people do.
func inOperation(err error, index int) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	located := *e
	located.Detail = fmt.Sprintf("Operation %d: %s", index+1, e.Detail)
	return &located
}

// shown makes a client's key or operator fit for an error's text: quoted, and cut
// when it is long.
func shown(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q...", most, s)
	}
	return fmt.Sprintf("%q", s)
}
