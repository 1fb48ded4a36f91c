package rpc

import (
	"context"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/scope"
)

// It counts the allocations of the process, so it does not run in parallel.
func TestTheCheckOfFieldsAllocatesNothingForThoseWithTheScope(t *testing.T) {
	users := &identityv1.BatchGetUsersResponse{}
	for range 1000 {
		users.Users = append(users.Users, &identityv1.User{Id: "x", Email: "ann@example.com"})
	}
	method := admissionOf(identityv1.ReadService_BatchGetUsers_FullMethodName)
	request := &identityv1.LookupUserRequest{By: &identityv1.LookupUserRequest_Email{Email: "ann@example.com"}}
	lookup := admissionOf(identityv1.ReadService_LookupUser_FullMethodName)
	for _, c := range []struct {
		scopes scope.Set
		most   float64
		shown  string
	}{
		{scope.Of(commonv1.Scope_SCOPE_READ_PEOPLE), 0, "ann@example.com"},
		{scope.Of(commonv1.Scope_SCOPE_READ_ACCESS), 2, ""}, // a list of the users
	} {
		ctx := WithPrincipal(context.Background(), &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Scopes: uint32(c.scopes),
		})
		if got := testing.AllocsPerRun(10, func() { method.response.clear(ctx, users) }); got > c.most {
			t.Errorf("with %s, an answer costs %v allocations", c.scopes, got)
		}
		if got := users.GetUsers()[999].GetEmail(); got != c.shown {
			t.Errorf("with %s, it shows %q", c.scopes, got)
		}
		if c.most == 0 {
			if got := testing.AllocsPerRun(10, func() { _ = lookup.request.refuse(ctx, request) }); got != 0 {
				t.Errorf("a request costs %v allocations", got)
			}
		}
	}
}
