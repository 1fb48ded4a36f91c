package scimhttp

import (
	"strings"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

func TestEveryReasonHasItsAnswer(t *testing.T) {
	t.Parallel()
	type answer struct {
		status   int
		scimType scim.ErrorType
	}
	want := map[fault.Reason]answer{
		fault.InvalidRequest: {400, "invalidValue"}, fault.NotFound: {404, ""}, fault.AlreadyExists: {409, "uniqueness"},
		fault.Unavailable: {503, ""}, fault.Deadline: {503, ""}, fault.Limit: {413, ""}, fault.Conflict: {412, ""},
		fault.NotFederated: {403, ""}, fault.Deleted: {401, ""}, fault.NotReady: {503, ""},
		fault.Uniqueness: {409, "uniqueness"}, fault.InvalidFilter: {400, "invalidFilter"},
		fault.InvalidSyntax: {400, "invalidSyntax"}, fault.InvalidPath: {400, "invalidPath"}, fault.NoTarget: {400, "noTarget"},
		fault.InvalidValue: {400, "invalidValue"}, fault.Mutability: {400, "mutability"}, fault.TooMany: {400, "tooMany"},
		fault.InvalidVersion: {400, "invalidVers"},
		fault.InvalidCursor:  {400, "invalidCursor"}, fault.ExpiredCursor: {400, "expiredCursor"}, fault.InvalidCount: {400, "invalidCount"},
	}
	for number, name := range commonv1.ErrorReason_name {
		reason := fault.Reason(number)
		if reason == commonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		expected, ok := want[reason]
		if o := fault.OptionsOf(reason); !ok && o.GetScimStatus() != 0 {
			expected = answer{int(o.GetScimStatus()), scim.ErrorType(o.GetScimType())}
		} else if !ok { // no SCIM request can fail with it, so it is an internal error
			expected = answer{status: 500}
		}
		// As it arrives over the wire.
		p := problemOf(rpc.Status(fault.New(reason, "its own words")).Err())
		if p.status != expected.status || p.scimType != expected.scimType {
			t.Errorf("%s: %d %q", name, p.status, p.scimType)
		}
		if remedy, adminAction := p.actions(); remedy == "" && adminAction == "" || p.detail == "" {
			t.Errorf("%s has no detail, or nobody can do something about it", name)
		}
		if (p.retryAfter > 0) != (p.status == 503) {
			t.Errorf("%s: try again after %s", name, p.retryAfter)
		}
		if hides := p.status == 500 || p.status == 401 || p.status == 404; hides == strings.Contains(p.detail, "its own words") {
			t.Errorf("%s: the detail is %q", name, p.detail)
		}
		if p.status == 500 && p.reason != fault.Internal {
			t.Errorf("%s: the event's reason is %s", name, p.reason)
		}
	}
	if p := problemOf(fault.New(fault.Limit, "x").Retry(time.Second)); p.status != 429 {
		t.Errorf("a limit with a time to wait is %d", p.status)
	}
	if p := problemOf(fault.New(fault.NotReady, "x").Retry(1500 * time.Millisecond)); p.retryAfter != 1500*time.Millisecond {
		t.Errorf("the time to wait is %s", p.retryAfter)
	}
}
