package gateway

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// lastAdminStays is a connection to identity on which nobody can deactivate or erase a detached user who is the organization's last
// effective Organization Admin. Identity knows no access, so the gateway asks rule first. Two such requests at the same moment, for the
// last two admins, can both pass.
type lastAdminStays struct {
	grpc.ClientConnInterface
	access rulev1.AccessServiceClient
}

func (l lastAdminStays) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	if organization, user := endsAccess(request); user != "" {
		check := &rulev1.CheckAdminRemainsRequest{OrganizationId: organization, UserId: user}
		if _, err := l.access.CheckAdminRemains(ctx, check); err != nil {
			return err
		}
	}
	return l.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
}

// endsAccess returns the user whose access a request of an admin to identity ends, or an empty user.
func endsAccess(request any) (organization, user string) {
	switch r := request.(type) {
	case *identityv1.EraseUserRequest:
		return r.GetOrganizationId(), r.GetUserId()
	case *identityv1.UpdateUserRequest:
		fields := r.GetUpdateMask().GetPaths()
		if r.GetUser() == nil || r.User.Active == nil || r.User.GetActive() || len(fields) > 0 && !slices.Contains(fields, "active") {
			return "", ""
		}
		return r.GetOrganizationId(), r.GetUserId()
	default:
		return "", ""
	}
}
