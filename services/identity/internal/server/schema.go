package server

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/update"
)

func (s *Server) PutSchema(ctx context.Context, r *identityv1.PutSchemaRequest) (*identityv1.PutSchemaResponse, error) {
	given := r.GetSchema()
	if given.GetId() != "" && given.GetId() != r.GetId() {
		return nil, fault.Invalid("schema.id", "differs from the schema's id in the request")
	}
	definition, err := given.GetDefinition().MarshalJSON()
	if err != nil {
		return nil, err
	}
	extends := store.User
	if given.GetResourceType() == identityv1.ResourceType_RESOURCE_TYPE_GROUP {
		extends = store.Group
	}
	schema, err := s.core.PutSchema(ctx, directoryScope(r), r.GetId(), extends, definition, func(before store.Schema) error {
		if given.GetEtag() == "" {
			return nil
		}
		if before.ID == "" {
			return fault.New(fault.Conflict, "schema %q does not exist, so no etag matches it", r.GetId())
		}
		now, err := schemaProto(before)
		if err != nil {
			return err
		}
		return update.Matches(given.GetEtag(), now)
	})
	if err != nil {
		return nil, err
	}
	answer, err := schemaProto(schema)
	return &identityv1.PutSchemaResponse{Schema: answer}, err
}

func (s *Server) ListSchemas(ctx context.Context, r *identityv1.ListSchemasRequest) (*identityv1.ListSchemasResponse, error) {
	all, err := s.core.Schemas(ctx, directoryScope(r))
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListSchemasResponse{}
	for _, schema := range all {
		answer, err := schemaProto(schema)
		if err != nil {
			return nil, err
		}
		response.Schemas = append(response.Schemas, answer)
	}
	return response, nil
}

func (s *Server) DeleteSchema(ctx context.Context, r *identityv1.DeleteSchemaRequest) (*identityv1.DeleteSchemaResponse, error) {
	if err := s.core.DeleteSchema(ctx, directoryScope(r), r.GetId()); err != nil {
		return nil, err
	}
	return &identityv1.DeleteSchemaResponse{}, nil
}

func schemaProto(s store.Schema) (*identityv1.Schema, error) {
	definition := &structpb.Struct{}
	if err := definition.UnmarshalJSON(s.Definition); err != nil {
		return nil, err
	}
	answer := &identityv1.Schema{
		Id: s.ID, ResourceType: resourceType(s.Type), Definition: definition,
		CreateTime: timestamppb.New(s.CreateTime), UpdateTime: timestamppb.New(s.UpdateTime),
	}
	answer.Etag = update.Etag(answer)
	return answer, nil
}
