package scimhttp

import (
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/eventname"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

// problem is a SCIM error (RFC 7644 §3.12) before it is sent.
type problem struct {
	status     int
	scimType   scim.ErrorType // empty if the RFC has none
	reason     fault.Reason   // for the failed event
	detail     string         // an instruction for a person; the text of identity may quote the client
	remedy     string         // for the failed event; empty: the remedy and the admin's action of the reason
	allow      []string       // of a 405
	retryAfter time.Duration
	budget     string // the budget of memory in flight that is used up, if this is the cause

	// The resource that has a unique value, for the failed event alone: the client must not learn it.
	conflictingID, conflictingName string
}

func (p *problem) Error() string { return fault.ReasonName(p.reason) + ": " + p.detail }

// internalDetail is the only text that a client gets for an internal error.
const internalDetail = "Usher could not process the message because of a fault of its own. The cause is in its logs under the message ID."

// keyDetail is the only text that a client gets for a key that opens nothing.
const keyDetail = "The API key is missing, or it is not one that opens this directory now."

// problemOf maps any error to the SCIM error that the client gets. Every error of a call goes through this function.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	if status.Code(err) == codes.Unimplemented {
		// No replica of identity has the RPC. The client must not take this for a deleted resource, because an IdP acts on that.
		return problemOfFault(fault.New(fault.Unavailable, "A service cannot be reached."))
	}
	return problemOfFault(rpc.Fault(err))
}

// problemOfFault returns the problem of a reason, by its options. A reason that no SCIM request can fail with is an internal error.
func problemOfFault(f *fault.Error) *problem {
	options := fault.OptionsOf(f.Reason)
	p := &problem{
		status: int(options.GetScimStatus()), scimType: scim.ErrorType(options.GetScimType()), reason: f.Reason, detail: f.Message,
		retryAfter: f.RetryAfter, budget: f.Metadata[inflight.BudgetKey],
		conflictingID: f.Metadata[eventname.ConflictingID], conflictingName: f.Metadata[eventname.ConflictingName],
	}
	switch p.status {
	case http.StatusNotFound:
		// The message may quote a text of the client that is not an id.
		p.detail = "There is no such resource in this directory."
	case http.StatusUnauthorized:
		// The key ended with its directory. Its owner learns no more than the owner of any other invalid key.
		p.detail = keyDetail
	case http.StatusRequestEntityTooLarge:
		// With a time to wait, the limit is a rate or a share. Without one, it is a size.
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

// actions returns what the admin of the identity provider can do about a failed message, and what an admin of the organization can do in
// Usher. One of them may be empty.
func (p *problem) actions() (remedy, adminAction string) {
	if p.remedy != "" {
		return p.remedy, ""
	}
	options := fault.OptionsOf(p.reason)
	return options.GetRemedy(), options.GetAdminAction()
}
