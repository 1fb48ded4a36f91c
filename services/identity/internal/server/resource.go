package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
)

// GetResource implements the RPC.
func (s *Server) GetResource(ctx context.Context, r *identityv1.GetResourceRequest) (*identityv1.GetResourceResponse, error) {
	c, of, err := s.callOf(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, err := of.get(ctx, c, r.GetId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetResourceResponse{Resource: resourceMessage(resource)}, nil
}

// ListResources implements the RPC.
func (s *Server) ListResources(ctx context.Context, r *identityv1.ListResourcesRequest) (*identityv1.ListResourcesResponse, error) {
	list := s.core.Across
	if resourceType := r.GetTarget().GetResourceType(); resourceType != "" {
		of, err := s.of(resourceType)
		if err != nil {
			return nil, err
		}
		list = of.list
	}
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, query(r.GetQuery()))
	if err != nil {
		return nil, err
	}
	return &identityv1.ListResourcesResponse{Result: listMessage(found)}, nil
}

// DeleteResource implements the RPC.
func (s *Server) DeleteResource(ctx context.Context, r *identityv1.DeleteResourceRequest) (*identityv1.DeleteResourceResponse, error) {
	c, of, err := s.callOf(ctx, r.GetTarget(), nil)
	if err != nil {
		return nil, err
	}
	outcome, err := of.remove(ctx, c, r.GetId(), r.GetIfMatch())
	if err != nil {
		return nil, err
	}
	return &identityv1.DeleteResourceResponse{Result: resultMessage(outcome)}, nil
}

// WriteResource implements the RPC.
func (s *Server) WriteResource(ctx context.Context, r *identityv1.WriteResourceRequest) (*identityv1.WriteResourceResponse, error) {
	resource, outcome, err := s.write(ctx, r.GetTarget(), r.GetWrite(), r.GetDocument())
	if err != nil {
		return nil, err
	}
	return &identityv1.WriteResourceResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

func (s *Server) write(ctx context.Context, target *identityv1.Target, w *identityv1.Write, document []byte) (r core.Resource, o core.Outcome, err error) {
	c, of, err := s.callOf(ctx, target, w.GetProjection())
	if err != nil {
		return r, o, err
	}
	switch w.GetOperation() {
	case identityv1.Write_OPERATION_CREATE:
		return of.create(ctx, c, document)
	case identityv1.Write_OPERATION_REPLACE:
		return of.replace(ctx, c, w.GetId(), document, w.GetIfMatch())
	case identityv1.Write_OPERATION_PATCH:
		return of.patch(ctx, c, w.GetId(), document, w.GetIfMatch(), !w.GetOmitResource())
	default: // the first message of a stream may lack it
		return r, o, fault.Invalid("write.operation", "must be CREATE, REPLACE or PATCH")
	}
}

// ListDescriptions implements the RPC.
func (s *Server) ListDescriptions(ctx context.Context, r *identityv1.ListDescriptionsRequest) (*identityv1.ListDescriptionsResponse, error) {
	c, err := call(ctx, r.GetTarget(), nil)
	if err != nil {
		return nil, err
	}
	describe := s.core.DescribeTypes
	if r.GetEndpoint() == identityv1.ListDescriptionsRequest_ENDPOINT_SCHEMAS {
		describe = s.core.DescribeSchemas
	}
	found, err := describe(ctx, c, r.GetId())
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListDescriptionsResponse{}
	for _, one := range found {
		response.Descriptions = append(response.Descriptions, &identityv1.Description{Id: one.ID, Document: one.Document})
	}
	return response, nil
}
