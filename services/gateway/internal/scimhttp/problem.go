package scimhttp

import (
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

// problem is a SCIM error (RFC 7644 §3.12) before it is written.
type problem struct {
	status     int
	scimType   scim.ErrorType // empty where the RFC has none
	reason     fault.Reason   // for the failed event
	detail     string         // a sentence that a person can act on; identity's may quote what the client sent
	remedy     string         // for the failed event; empty: by reason
	allow      []string       // of 405
	retryAfter time.Duration
	budget     string // which budget of memory in flight is used up, if that is why
}

func (p *problem) Error() string { return fault.ReasonName(p.reason) + ": " + p.detail }

// internalDetail is all that a client learns of a fault of ours.
const internalDetail = "Usher could not process the message because of a fault of its own. The cause is in its logs under the message ID."

// keyDetail is all that a client learns of a key that opens nothing.
const keyDetail = "The API key is missing, or it is not one that opens this directory now."

// problemOf maps any error to what the client gets. Everything that a call can fail with goes through here.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	if status.Code(err) == codes.Unimplemented {
		// No server of identity's has the RPC yet, or any more. It must not read as a resource that is gone: an identity
		// provider acts on that.
		return problemOfFault(fault.New(fault.Unavailable, "A service cannot be reached."))
	}
	return problemOfFault(rpc.Fault(err))
}

// problemOfFault is the table. A reason that no SCIM call gives is a fault of ours; a test walks the enum.
func problemOfFault(f *fault.Error) *problem {
	p := &problem{reason: f.Reason, detail: f.Message, retryAfter: f.RetryAfter, budget: f.Metadata[inflight.BudgetKey]}
	switch f.Reason {
	case fault.Uniqueness, fault.AlreadyExists:
		p.status, p.scimType = http.StatusConflict, scim.Uniqueness
	case fault.InvalidFilter:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidFilter
	case fault.InvalidSyntax:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidSyntax
	case fault.InvalidPath:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidPath
	case fault.NoTarget:
		p.status, p.scimType = http.StatusBadRequest, scim.NoTarget
	case fault.InvalidValue, fault.InvalidRequest:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidValue
	case fault.Mutability:
		p.status, p.scimType = http.StatusBadRequest, scim.Mutability
	case fault.TooMany:
		p.status, p.scimType = http.StatusBadRequest, scim.TooMany
	case fault.InvalidVersion:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidVers
	case fault.InvalidCursor:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidCursor
	case fault.ExpiredCursor:
		p.status, p.scimType = http.StatusBadRequest, scim.ExpiredCursor
	case fault.InvalidCount:
		p.status, p.scimType = http.StatusBadRequest, scim.InvalidCount
	case fault.Conflict:
		p.status = http.StatusPreconditionFailed
	case fault.NotFound:
		// The message may quote what the client named, which need not be an id.
		p.status, p.detail = http.StatusNotFound, "There is no such resource in this directory."
	case fault.Limit:
		// With a time to wait it is a rate or a share, without one a size.
		p.status = http.StatusRequestEntityTooLarge
		if p.retryAfter > 0 {
			p.status = http.StatusTooManyRequests
		}
	case fault.NotFederated:
		p.status = http.StatusForbidden
	case fault.Deleted:
		// The key died with its directory: whoever holds it learns no more than the holder of any dead key.
		p.status, p.detail = http.StatusUnauthorized, keyDetail
	case fault.Unavailable, fault.NotReady, fault.Deadline:
		p.status, p.retryAfter = http.StatusServiceUnavailable, max(p.retryAfter, time.Second)
	default:
		p.status, p.reason, p.detail = http.StatusInternalServerError, fault.Internal, internalDetail
	}
	return p
}

func invalidValue(detail string) *problem {
	return &problem{status: http.StatusBadRequest, scimType: scim.InvalidValue, reason: fault.InvalidValue, detail: detail}
}

func invalidSyntax(detail string) *problem {
	return &problem{status: http.StatusBadRequest, scimType: scim.InvalidSyntax, reason: fault.InvalidSyntax, detail: detail}
}

// remedyOf is what somebody can do about a failed message, by why it failed.
func remedyOf(p *problem) string {
	if p.remedy != "" {
		return p.remedy
	}
	switch p.reason {
	case fault.Uniqueness, fault.AlreadyExists:
		return "Find the other resource of this directory that has the value. Change or delete one of the two at the identity provider, or let it match the existing one."
	case fault.InvalidFilter, fault.InvalidPath, fault.NoTarget:
		return "Look at the attribute mappings of the identity provider: one names an attribute or a value that is not there."
	case fault.InvalidSyntax:
		return "The identity provider sent something that is not valid SCIM. If the directory's mode is strict, tolerant may accept it."
	case fault.InvalidValue, fault.InvalidRequest:
		return "Correct the value at the identity provider, or its attribute mapping, and provision the resource again."
	case fault.Mutability:
		return "Take the attribute out of the identity provider's mappings: it cannot be written, or not once it has a value."
	case fault.TooMany:
		return "Use a narrower filter."
	case fault.InvalidCursor, fault.ExpiredCursor:
		return "Nothing, if the client begins the list again, with an empty cursor and the same parameters for every page."
	case fault.InvalidCount:
		return "The client should ask for no more than what maxPageSize in /ServiceProviderConfig says."
	case fault.Conflict, fault.InvalidVersion:
		return "Somebody changed the resource meanwhile. The identity provider should read it again and repeat its change."
	case fault.NotFound:
		return "The identity provider knows a resource that is not here. Restart its provisioning so that it matches or creates it again."
	case fault.Limit:
		return "Send less at a time, or let the operator raise the limit."
	case fault.NotFederated:
		return "Set up sign-in through the identity provider for this organization first; its directories work again then."
	case fault.Deleted, fault.Unauthenticated:
		return "Give the identity provider a Base URL and an API key of a directory that exists."
	case fault.Unavailable, fault.NotReady, fault.Deadline:
		return "Nothing, if the identity provider tries again, as most do. If it goes on, the operator should look at Usher's health."
	default:
		return "Ask the operator to look up the message ID in Usher's logs."
	}
}
