package server

import (
	"context"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
)

func (s *Server) UpdateUser(ctx context.Context, r *identityv1.UpdateUserRequest) (*identityv1.UpdateUserResponse, error) {
	fields, err := update.Of("user", r.GetUser(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	user, cursor, err := s.core.UpdateDetachedUser(ctx, core.Call{
		Scope: store.Scope{OrganizationID: r.GetOrganizationId()}, MessageID: rpc.MessageIDOf(ctx), Traceparent: traceparent(ctx),
	}, core.DetachedUpdate{ID: strings.ToLower(r.GetUserId()), User: r.GetUser(), Fields: fields, Revision: r.GetRevision()})
	if err != nil {
		return nil, err
	}
	return &identityv1.UpdateUserResponse{User: user, ChangeCursor: cursor.String()}, nil
}
