package server

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// How long WaitUntilCaughtUp waits, as in its contract.
const (
	defaultWait = 10 * time.Second
	longestWait = 60 * time.Second
)

// grantFromProto reads the grant that a request names.
func grantFromProto(r interface {
	GetTenantId() string
	GetRoleId() string
}) store.Grant {
	return store.Grant{TenantID: r.GetTenantId(), RoleID: r.GetRoleId()}
}

// accessProto returns nil for access without a source, because that is no access.
func accessProto(organizationID string, a store.Access) *rulev1.Access {
	if len(a.Sources) == 0 {
		return nil
	}
	return &rulev1.Access{
		OrganizationId: organizationID, UserId: a.UserID, TenantId: a.Grant.TenantID, RoleId: a.Grant.RoleID,
		Effective: a.Effective, Unknown: a.Unknown, Suspended: a.Suspended, Kept: a.Kept, Sources: each(a.Sources, sourceProto),
	}
}

func sourceProto(s store.Source) *rulev1.Source {
	kind := rulev1.SourceKind_SOURCE_KIND_RULE
	if s.Kind == store.Manual {
		kind = rulev1.SourceKind_SOURCE_KIND_MANUAL
	}
	return &rulev1.Source{Kind: kind, RuleId: s.RuleID, GrantedBy: s.GrantedBy, CreateTime: timeProto(s.CreateTime), Retained: s.Retained,
		Keep: s.Keep, KeptTime: timeProto(s.KeptTime)}
}

func (s *Server) CheckAccess(ctx context.Context, r *rulev1.CheckAccessRequest) (*rulev1.CheckAccessResponse, error) {
	a, err := s.core.CheckAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()), grantFromProto(r))
	if err != nil {
		return nil, err
	}
	return &rulev1.CheckAccessResponse{
		Allowed: a.Allowed, AsOfTime: timeProto(a.AsOf), Unknown: a.Unknown, Suspended: a.Suspended, Kept: a.Kept,
	}, nil
}

func (s *Server) ListAccess(ctx context.Context, r *rulev1.ListAccessRequest) (*rulev1.ListAccessResponse, error) {
	list := []string{"ListAccess", r.GetOrganizationId(), strings.ToLower(r.GetUserId()), r.GetTenantId(), r.GetRoleId()}
	after, err := page.After(r.GetPageToken(), 3, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, asOf, err := s.core.Access(ctx, r.GetOrganizationId(),
		store.AccessFilter{UserID: strings.ToLower(r.GetUserId()), TenantID: r.GetTenantId(), RoleID: r.GetRoleId()},
		store.AccessKey{UserID: after[0], TenantID: after[1], RoleID: after[2]}, size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListAccessResponse{
		Access: each(found, func(a store.Access) *rulev1.Access { return accessProto(r.GetOrganizationId(), a) }), AsOfTime: timeProto(asOf),
	}
	if more {
		last := found[len(found)-1]
		response.NextPageToken = page.Token([]string{last.UserID, last.Grant.TenantID, last.Grant.RoleID}, list...)
	}
	return response, nil
}

func (s *Server) GrantAccess(ctx context.Context, r *rulev1.GrantAccessRequest) (*rulev1.GrantAccessResponse, error) {
	principal := rpc.PrincipalOf(ctx)
	if r.GetKeep() && !operator(principal) && principal.GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN {
		return nil, fault.New(fault.NotAllowed, "keep: only the operator or an organization admin can grant access with keep")
	}
	a, err := s.core.GrantAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()), grantFromProto(r), r.GetKeep(), principal.GetSubject())
	if err != nil {
		return nil, err
	}
	return &rulev1.GrantAccessResponse{Access: accessProto(r.GetOrganizationId(), a)}, nil
}

func (s *Server) RevokeAccess(ctx context.Context, r *rulev1.RevokeAccessRequest) (*rulev1.RevokeAccessResponse, error) {
	a, err := s.core.RevokeAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()), grantFromProto(r), operator(rpc.PrincipalOf(ctx)))
	if err != nil {
		return nil, err
	}
	return &rulev1.RevokeAccessResponse{Access: accessProto(r.GetOrganizationId(), a)}, nil
}

func (s *Server) WatchAccess(r *rulev1.WatchAccessRequest, stream grpc.ServerStreamingServer[rulev1.WatchAccessResponse]) error {
	organizationID := r.GetOrganizationId()
	return s.core.WatchAccess(stream.Context(), organizationID, r.GetAfterCursor(), func(changes []store.Change, cursor string) error {
		for _, change := range changes {
			c := changeProto(organizationID, change)
			if err := stream.Send(&rulev1.WatchAccessResponse{Change: c, Cursor: c.GetCursor()}); err != nil {
				return err
			}
		}
		if len(changes) > 0 {
			return nil
		}
		return stream.Send(&rulev1.WatchAccessResponse{Cursor: cursor})
	})
}

func changeProto(organizationID string, c store.Change) *rulev1.AccessChange {
	kind := rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_ADDED
	if c.Kind == store.Removed {
		kind = rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED
	}
	return &rulev1.AccessChange{
		Cursor: c.Cursor.String(), OrganizationId: organizationID, UserId: c.UserID, TenantId: c.Grant.TenantID,
		RoleId: c.Grant.RoleID, Kind: kind, Revision: c.Revision, MessageId: c.MessageID, SyncId: c.SyncID,
		Traceparent: c.Traceparent, ChangeTime: timeProto(c.Time),
	}
}

func (s *Server) GetAccessCursor(ctx context.Context, _ *rulev1.GetAccessCursorRequest) (*rulev1.GetAccessCursorResponse, error) {
	cursor, err := s.core.AccessCursor(ctx)
	if err != nil {
		return nil, err
	}
	return &rulev1.GetAccessCursorResponse{Cursor: cursor}, nil
}

func (s *Server) WaitUntilCaughtUp(ctx context.Context, r *rulev1.WaitUntilCaughtUpRequest) (*rulev1.WaitUntilCaughtUpResponse, error) {
	wait, err := timeoutFromProto(r.GetTimeout())
	if err != nil {
		return nil, err
	}
	cursor, err := s.core.WaitUntilCaughtUp(ctx, r.GetOrganizationId(), r.GetChangeCursor(), wait)
	if err != nil {
		return nil, err
	}
	return &rulev1.WaitUntilCaughtUpResponse{ChangeCursor: cursor}, nil
}

func timeoutFromProto(timeout *durationpb.Duration) (time.Duration, error) {
	if timeout == nil {
		return defaultWait, nil
	}
	if err := timeout.CheckValid(); err != nil || timeout.AsDuration() < 0 {
		return 0, fault.Invalid("timeout", "must not be negative")
	}
	return min(timeout.AsDuration(), longestWait), nil
}
