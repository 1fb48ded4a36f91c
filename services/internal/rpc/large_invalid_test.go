package rpc_test

import (
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// A list has a largest number of values, but each value of a longer list could be wrong, too. It measures the allocations of the process, so
// it does not run in parallel.
func TestALargeInvalidRequestTakesLittleMemory(t *testing.T) {
	rules := rulev1.NewRuleServiceClient(standIn(t, reached).As(gateway))
	for _, c := range []struct {
		name           string
		grants, fields int
	}{
		{"a small request gets all its violations", 10, 10},
		{"a large one gets the first", 50_000, 1},
	} {
		rule := &rulev1.Rule{Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "x"}}}
		for range c.grants {
			rule.Grants = append(rule.Grants, &rulev1.Grant{}) // a grant without a role is not valid
		}
		request := &rulev1.CreateRuleRequest{OrganizationId: "acme", Rule: rule}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := rules.CreateRule(rpc.WithPrincipal(t.Context(), rpc.Operator("test")), request)
		runtime.ReadMemStats(&after)
		refused(t, c.name, err, fault.InvalidRequest)
		if got := len(rpc.Fault(err).Fields); got != c.fields {
			t.Errorf("%s: it names %d fields", c.name, got)
		}
		// The channel copies the request, and decoded grants take more than encoded ones.
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+200*proto.Size(request)); took > most {
			t.Errorf("%s: it takes %d bytes of memory", c.name, took)
		}
	}
}
