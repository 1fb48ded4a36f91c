// Package fault is Usher's one typed error: a reason from the contract's enum, with a text for people. It is created at the place where the
// fact is known, and each boundary has one mapping of it: package rpc maps it to a gRPC status, and the gateway to a SCIM error. Both read
// the codes of a reason from the contract; see OptionsOf. The reason, the message, the metadata, the field violations and the retry delay
// survive an RPC. The cause does not; it goes to the log.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// Reason is a short name for the contract's enum.
type Reason = commonv1.ErrorReason

// The reasons, with names that read well where an error is created. The contract defines their meanings.
const (
	Internal        = commonv1.ErrorReason_ERROR_REASON_INTERNAL
	InvalidRequest  = commonv1.ErrorReason_ERROR_REASON_INVALID_REQUEST
	Unauthenticated = commonv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED
	NotAllowed      = commonv1.ErrorReason_ERROR_REASON_CALLER_NOT_ALLOWED
	ScopeMissing    = commonv1.ErrorReason_ERROR_REASON_SCOPE_MISSING
	SubjectBlocked  = commonv1.ErrorReason_ERROR_REASON_SUBJECT_BLOCKED
	PortalLinkEnded = commonv1.ErrorReason_ERROR_REASON_PORTAL_LINK_ENDED
	NotFound        = commonv1.ErrorReason_ERROR_REASON_NOT_FOUND
	AlreadyExists   = commonv1.ErrorReason_ERROR_REASON_ALREADY_EXISTS
	Unavailable     = commonv1.ErrorReason_ERROR_REASON_UNAVAILABLE
	Deadline        = commonv1.ErrorReason_ERROR_REASON_DEADLINE
	Limit           = commonv1.ErrorReason_ERROR_REASON_LIMIT
	Conflict        = commonv1.ErrorReason_ERROR_REASON_CONFLICT
	PageToken       = commonv1.ErrorReason_ERROR_REASON_PAGE_TOKEN
	RequestIDReused = commonv1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED

	NotFederated   = commonv1.ErrorReason_ERROR_REASON_ORGANIZATION_NOT_FEDERATED
	Deleted        = commonv1.ErrorReason_ERROR_REASON_DIRECTORY_DELETED
	NotReplaceable = commonv1.ErrorReason_ERROR_REASON_DIRECTORY_NOT_REPLACEABLE
	NotReady       = commonv1.ErrorReason_ERROR_REASON_DIRECTORY_NOT_READY
	Erasing        = commonv1.ErrorReason_ERROR_REASON_ORGANIZATION_ERASING
	NotDetached    = commonv1.ErrorReason_ERROR_REASON_USER_NOT_DETACHED
	Ambiguous      = commonv1.ErrorReason_ERROR_REASON_USER_AMBIGUOUS

	CredentialEnded = commonv1.ErrorReason_ERROR_REASON_CREDENTIAL_ENDED

	Uniqueness     = commonv1.ErrorReason_ERROR_REASON_SCIM_UNIQUENESS
	InvalidFilter  = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_FILTER
	InvalidSyntax  = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_SYNTAX
	InvalidPath    = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_PATH
	NoTarget       = commonv1.ErrorReason_ERROR_REASON_SCIM_NO_TARGET
	InvalidValue   = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_VALUE
	Mutability     = commonv1.ErrorReason_ERROR_REASON_SCIM_MUTABILITY
	TooMany        = commonv1.ErrorReason_ERROR_REASON_SCIM_TOO_MANY
	InvalidVersion = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_VERSION
	InvalidCursor  = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_CURSOR
	ExpiredCursor  = commonv1.ErrorReason_ERROR_REASON_SCIM_EXPIRED_CURSOR
	InvalidCount   = commonv1.ErrorReason_ERROR_REASON_SCIM_INVALID_COUNT

	CursorExpired = commonv1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED
	CursorInvalid = commonv1.ErrorReason_ERROR_REASON_CURSOR_INVALID

	TenantInUse = commonv1.ErrorReason_ERROR_REASON_TENANT_IN_USE
	LastAdmin   = commonv1.ErrorReason_ERROR_REASON_LAST_ORGANIZATION_ADMIN
	SyncRunning = commonv1.ErrorReason_ERROR_REASON_SYNC_RUNNING
	SyncEnded   = commonv1.ErrorReason_ERROR_REASON_SYNC_ENDED
	RoleScope   = commonv1.ErrorReason_ERROR_REASON_ROLE_SCOPE
	RoleInUse   = commonv1.ErrorReason_ERROR_REASON_ROLE_IN_USE

	UsersSetAside = commonv1.ErrorReason_ERROR_REASON_USERS_SET_ASIDE
	AccessKept    = commonv1.ErrorReason_ERROR_REASON_ACCESS_KEPT
)

// Field is one invalid field of a request.
type Field struct {
	Path        string // such as `rule.grants[0].role_id`
	Description string
}

// Error is a failure with its reason. The zero value is not useful; create one with New or Wrap.
type Error struct {
	Reason     Reason
	Message    string            // for people; contains no secret and no internals
	Metadata   map[string]string // for programs
	Fields     []Field           // for InvalidRequest
	RetryAfter time.Duration     // if positive, the client may try again after this time
	cause      error
}

// New creates an error whose message is shown to the client.
func New(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Wrap creates an error with a cause, which is logged and never shown to the client.
func Wrap(cause error, reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...), cause: cause}
}

// Invalid creates an InvalidRequest for one field.
func Invalid(path, format string, args ...any) *Error {
	field := Field{Path: path, Description: fmt.Sprintf(format, args...)}
	return &Error{Reason: InvalidRequest, Message: field.Path + ": " + field.Description, Fields: []Field{field}}
}

// With adds metadata and returns the error.
func (e *Error) With(key, value string) *Error {
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	e.Metadata[key] = value
	return e
}

// Retry sets the time after which the client may try again, and returns the error.
func (e *Error) Retry(after time.Duration) *Error {
	e.RetryAfter = after
	return e
}

// Error returns the reason, the message and the cause, for logs.
func (e *Error) Error() string {
	text := ReasonName(e.Reason) + ": " + e.Message
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether err is, or wraps, an Error with this reason.
func Is(err error, reason Reason) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reason
}

// ReasonName returns the reason as an ErrorInfo and a failed event contain it: without the prefix of the enum.
func ReasonName(r Reason) string {
	return strings.TrimPrefix(r.String(), "ERROR_REASON_")
}

// ReasonOfName returns the reason with a name that ReasonName returns, and whether there is one.
func ReasonOfName(name string) (Reason, bool) {
	number, known := commonv1.ErrorReason_value["ERROR_REASON_"+name]
	return Reason(number), known && number > 0
}

// Missing creates a NotFound for a kind of resource, such as "rule", with an id that the message quotes.
func Missing(resource, id string) *Error {
	return New(NotFound, "there is no %s %q", resource, id).With("resource", resource)
}
