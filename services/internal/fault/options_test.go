package fault_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/code"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// statuses is the HTTP status that each gRPC code in use has over the admin REST API.
var statuses = map[code.Code]int32{
	code.Code_INVALID_ARGUMENT: 400, code.Code_OUT_OF_RANGE: 400, code.Code_UNAUTHENTICATED: 401, code.Code_PERMISSION_DENIED: 403,
	code.Code_NOT_FOUND: 404, code.Code_ALREADY_EXISTS: 409, code.Code_ABORTED: 409, code.Code_FAILED_PRECONDITION: 409,
	code.Code_RESOURCE_EXHAUSTED: 429, code.Code_INTERNAL: 500, code.Code_UNAVAILABLE: 503, code.Code_DEADLINE_EXCEEDED: 504,
}

// scimTypes are the keywords of RFC 7644 §3.12 and RFC 9865 §2.1, except "sensitive", which Usher does not send.
var scimTypes = []scim.ErrorType{
	scim.InvalidFilter, scim.TooMany, scim.Uniqueness, scim.Mutability, scim.InvalidSyntax, scim.InvalidPath, scim.NoTarget,
	scim.InvalidValue, scim.InvalidVers, scim.InvalidCursor, scim.ExpiredCursor, scim.InvalidCount,
}

// failedEvents are reasons of failed events that no SCIM request fails with: a key that ends while its message is under way, a fault of
// Usher, and the reports of the rule service.
var failedEvents = []fault.Reason{fault.Unauthenticated, fault.Internal, fault.LastAdmin, fault.UsersSetAside, fault.AccessKept}

func TestEveryReasonHasOptions(t *testing.T) {
	t.Parallel()
	for number, name := range commonv1.ErrorReason_name {
		reason := fault.Reason(number)
		if reason == commonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		o := fault.OptionsOf(reason)
		if reason != fault.Internal && o == fault.OptionsOf(fault.Internal) {
			t.Errorf("%s has no option", name)
			continue
		}
		if want := statuses[o.GetCode()]; want == 0 || o.GetHttpStatus() != want {
			t.Errorf("%s has the HTTP status %d and the code %s, whose status is %d", name, o.GetHttpStatus(), o.GetCode(), want)
		}
		for _, text := range []string{o.GetRemedy(), o.GetAdminAction()} {
			if len(text) > 1000 || text != "" && !strings.HasSuffix(text, ".") {
				t.Errorf("%s has a text that is no sentence of at most 1,000 bytes: %q", name, text)
			}
		}
		if o.GetRemedy() == "" && o.GetAdminAction() == "" {
			t.Errorf("%s does not say what to do", name)
		}
		if failed := o.GetScimStatus() != 0 || slices.Contains(failedEvents, reason); o.GetAdminAction() != "" && !failed {
			t.Errorf("%s says what to do about a failed event, and no failed event has it", name)
		} else if remedy := o.GetRemedy(); failed && (strings.Contains(remedy, "operator") || strings.Contains(remedy, "usher ")) {
			t.Errorf("%s tells the admin of the identity provider what only an admin of Usher can do: %s", name, remedy)
		}
		scimType := scim.ErrorType(o.GetScimType())
		switch {
		case scimType != "" && !slices.Contains(scimTypes, scimType):
			t.Errorf("%s has the scimType %q, which no RFC has", name, scimType)
		case scimType == scim.Uniqueness && o.GetScimStatus() != 409, scimType != "" && scimType != scim.Uniqueness && o.GetScimStatus() != 400:
			t.Errorf("%s has the scimType %q and the SCIM status %d", name, scimType, o.GetScimStatus())
		case scimType == "" && (o.GetScimStatus() == 400 || o.GetScimStatus() == 409):
			t.Errorf("%s has the SCIM status %d and no scimType", name, o.GetScimStatus())
		case strings.HasPrefix(fault.ReasonName(reason), "SCIM_") && fault.OfSCIMType(string(scimType)) != reason:
			t.Errorf("%s has the scimType %q, which is that of %s", name, scimType, fault.OfSCIMType(string(scimType)))
		}
	}
	for _, scimType := range scimTypes {
		if fault.OfSCIMType(string(scimType)) == fault.Internal {
			t.Errorf("no SCIM_ reason has the scimType %q", scimType)
		}
	}
}

func TestANumberThatIsNotAReasonIsInternal(t *testing.T) {
	t.Parallel()
	if r := fault.OfSCIMType("sensitive"); r != fault.Internal {
		t.Errorf("a scimType that Usher does not send has the reason %s", fault.ReasonName(r))
	}
	for _, r := range []fault.Reason{0, 999} {
		if o := fault.OptionsOf(r); o.GetCode() != code.Code_INTERNAL || o.GetHttpStatus() != 500 {
			t.Errorf("%d has the options %v", r, o)
		}
	}
}

func TestReadingOptionsAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts the allocations of the process
	fault.OptionsOf(fault.NotFound) // the first call reads the descriptor
	if n := testing.AllocsPerRun(100, func() { _ = fault.OptionsOf(fault.Limit).GetRemedy() }); n > 0 {
		t.Errorf("reading the options of a reason allocates %v times", n)
	}
}
