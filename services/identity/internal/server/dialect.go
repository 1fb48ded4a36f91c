package server

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

func (s *Server) ListQuirks(ctx context.Context, r *identityv1.ListQuirksRequest) (*identityv1.ListQuirksResponse, error) {
	all, err := s.core.MessageCounts(ctx, directoryScope(r))
	if err != nil {
		return nil, err
	}
	suggested, err := s.core.SuggestSchemas(ctx, directoryScope(r), all)
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListQuirksResponse{}
	for _, schema := range suggested {
		definition := &structpb.Struct{}
		if err := definition.UnmarshalJSON(schema.Definition); err != nil {
			return nil, err
		}
		response.SuggestedSchemas = append(response.SuggestedSchemas, &identityv1.SuggestedSchema{
			Id: schema.ID, ResourceType: resourceType(schema.Type), Definition: definition,
		})
	}
	for _, o := range all {
		first, last := timestamppb.New(o.FirstTime), timestamppb.New(o.LastTime)
		switch o.Kind {
		case store.Quirk:
			explanation := scim.ExplainQuirk(o.Name)
			response.Quirks = append(response.Quirks, &identityv1.Quirk{
				Name: o.Name, Meaning: explanation.Meaning, Specification: explanation.Specification,
				MessageCount: o.Messages, FirstTime: first, LastTime: last, LastMessageId: o.LastMessageID,
			})
		case store.Ignored:
			response.IgnoredValues = append(response.IgnoredValues, &identityv1.IgnoredValue{
				Path: o.Name, MessageCount: o.Messages, FirstTime: first, LastTime: last, LastMessageId: o.LastMessageID,
			})
		}
	}
	return response, nil
}
