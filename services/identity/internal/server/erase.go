package server

import (
	"context"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (s *Server) EraseUser(ctx context.Context, r *identityv1.EraseUserRequest) (*identityv1.EraseUserResponse, error) {
	cursor, err := s.core.EraseUser(ctx, core.Call{
		Scope: store.Scope{OrganizationID: r.GetOrganizationId()}, MessageID: rpc.MessageIDOf(ctx), Traceparent: traceparent(ctx),
	}, strings.ToLower(r.GetUserId()))
	if err != nil {
		return nil, err
	}
	return &identityv1.EraseUserResponse{ChangeCursor: cursor.String()}, nil
}
