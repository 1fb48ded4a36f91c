package scimhttp

import (
	"cmp"
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

// problemOfFault is the problem of a reason, by its options. A reason that no SCIM request fails with is a fault of ours.
func problemOfFault(f *fault.Error) *problem {
	options := fault.OptionsOf(f.Reason)
	p := &problem{
		status: int(options.GetScimStatus()), scimType: scim.ErrorType(options.GetScimType()), reason: f.Reason, detail: f.Message,
		retryAfter: f.RetryAfter, budget: f.Metadata[inflight.BudgetKey],
	}
	switch p.status {
	case http.StatusNotFound:
		// The message may quote what the client named, which need not be an id.
		p.detail = "There is no such resource in this directory."
	case http.StatusUnauthorized:
		// The key died with its directory: whoever holds it learns no more than the holder of any dead key.
		p.detail = keyDetail
	case http.StatusRequestEntityTooLarge:
		// With a time to wait it is a rate or a share, without one a size.
		if p.retryAfter > 0 {
			p.status = http.StatusTooManyRequests
		}
	case http.StatusServiceUnavailable:
		p.retryAfter = max(p.retryAfter, time.Second)
	case 0:
		p.status, p.reason, p.detail = http.StatusInternalServerError, fault.Internal, internalDetail
	}
	return p
}

func invalidValue(detail string) error { return fault.New(fault.InvalidValue, "%s", detail) }

func invalidSyntax(detail string) error { return fault.New(fault.InvalidSyntax, "%s", detail) }

// remedyOf is what somebody can do about a failed message.
func remedyOf(p *problem) string { return cmp.Or(p.remedy, fault.OptionsOf(p.reason).GetRemedy()) }
