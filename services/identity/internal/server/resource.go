package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
)

func (s *Server) GetResource(ctx context.Context, r *identityv1.GetResourceRequest) (*identityv1.GetResourceResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, err := s.core.Get(ctx, c, r.GetTarget().GetResourceType(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetResourceResponse{Resource: resource}, nil
}

func (s *Server) ListResources(ctx context.Context, r *identityv1.ListResourcesRequest) (*identityv1.ListResourcesResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	var found *identityv1.ListResult
	if of := r.GetTarget().GetResourceType(); of == "" {
		found, err = s.core.Across(ctx, c, r.GetQuery())
	} else {
		found, err = s.core.List(ctx, c, of, r.GetQuery())
	}
	if err != nil {
		return nil, err
	}
	return &identityv1.ListResourcesResponse{Result: found}, nil
}

func (s *Server) DeleteResource(ctx context.Context, r *identityv1.DeleteResourceRequest) (*identityv1.DeleteResourceResponse, error) {
	c, err := call(ctx, r.GetTarget(), nil)
	if err != nil {
		return nil, err
	}
	_, result, err := s.core.Write(ctx, c, core.Write{
		Type: r.GetTarget().GetResourceType(), Op: core.Delete, ID: r.GetId(), IfMatch: r.GetIfMatch(),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.DeleteResourceResponse{Result: result}, nil
}

func (s *Server) WriteResource(ctx context.Context, r *identityv1.WriteResourceRequest) (*identityv1.WriteResourceResponse, error) {
	resource, result, err := s.write(ctx, r.GetTarget(), r.GetWrite(), r.GetDocument())
	if err != nil {
		return nil, err
	}
	return &identityv1.WriteResourceResponse{Resource: resource, Result: result}, nil
}

func (s *Server) write(ctx context.Context, target *identityv1.Target, w *identityv1.Write, document []byte) (*identityv1.Resource, *identityv1.WriteResult, error) {
	var op core.Op
	switch w.GetOperation() {
	case identityv1.Write_OPERATION_CREATE:
		op = core.Create
	case identityv1.Write_OPERATION_REPLACE:
		op = core.Replace
	case identityv1.Write_OPERATION_PATCH:
		op = core.Patch
	default: // the first request of a stream may lack it
		return nil, nil, fault.Invalid("write.operation", "must be CREATE, REPLACE or PATCH")
	}
	c, err := call(ctx, target, w.GetProjection())
	if err != nil {
		return nil, nil, err
	}
	return s.core.Write(ctx, c, core.Write{
		Type: target.GetResourceType(), Op: op, ID: w.GetId(), IfMatch: w.GetIfMatch(), Document: document, Omit: w.GetOmitResource(),
	})
}

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
	return &identityv1.ListDescriptionsResponse{Descriptions: found}, nil
}
