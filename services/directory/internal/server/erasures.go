package server

import (
	"context"
	"slices"
	"strings"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// erasers are the services that store data of organizations, besides this one.
var erasers = []string{
	rpc.CallerName(commonv1.Caller_CALLER_IDENTITY), rpc.CallerName(commonv1.Caller_CALLER_RULE), rpc.CallerName(commonv1.Caller_CALLER_FAILEDEVENTS),
}

// erasingServices lists the services that have not erased an organization yet. This service is the last one.
func erasingServices(o store.Organization) []string {
	if !o.Erasing() {
		return nil
	}
	return append(strings.Fields(o.Waiting), rpc.CallerName(commonv1.Caller_CALLER_DIRECTORY))
}

func (s *Server) EraseOrganization(ctx context.Context, r *directoryv1.EraseOrganizationRequest) (*directoryv1.EraseOrganizationResponse, error) {
	o, err := s.core.EraseOrganization(ctx, r.GetOrganizationId(), erasers)
	if err != nil {
		return nil, err
	}
	return &directoryv1.EraseOrganizationResponse{Organization: organizationProto(o)}, nil
}

func (s *Server) ListErasures(ctx context.Context, _ *directoryv1.ListErasuresRequest) (*directoryv1.ListErasuresResponse, error) {
	caller := rpc.CallerName(rpc.CallerOf(ctx))
	all, err := s.core.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	response := &directoryv1.ListErasuresResponse{Epoch: s.core.Epoch()}
	for _, e := range all {
		response.Erasures = append(response.Erasures, &directoryv1.Erasure{
			OrganizationId: e.ID, Revision: e.EraseRevision, EraseTime: timeProto(e.EraseTime),
			Confirmed: !slices.Contains(strings.Fields(e.Waiting), caller), Pending: s.core.Pending(e),
		})
	}
	return response, nil
}

func (s *Server) ConfirmErasure(ctx context.Context, r *directoryv1.ConfirmErasureRequest) (*directoryv1.ConfirmErasureResponse, error) {
	if err := s.core.ConfirmErasure(ctx, r.GetOrganizationId(), rpc.CallerName(rpc.CallerOf(ctx))); err != nil {
		return nil, err
	}
	return &directoryv1.ConfirmErasureResponse{}, nil
}
