package server

import (
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
)

// maxFactsAnswer is the most bytes of one response of StreamUserFacts. The limits of the domain keep a single user within
// it.
const maxFactsAnswer = 1 << 20

func (s *Server) StreamUserFacts(r *identityv1.StreamUserFactsRequest, stream grpc.ServerStreamingServer[identityv1.StreamUserFactsResponse]) error {
	var users []*identityv1.UserFacts
	size := 0
	send := func() error {
		if len(users) == 0 {
			return nil
		}
		err := stream.Send(&identityv1.StreamUserFactsResponse{Users: users})
		users, size = nil, 0
		return err
	}
	err := s.core.AccessFacts(stream.Context(), core.AccessQuery{
		OrganizationID: r.GetOrganizationId(), IDs: lowered(r.GetIds()), RoleValues: r.GetRoleValues(), Filters: r.GetFilters(),
		StatusOnly: r.GetStatusOnly(),
	}, func(facts *identityv1.UserFacts) error {
		takes := sizeWithin(proto.Size(facts))
		if size+takes > maxFactsAnswer {
			if err := send(); err != nil {
				return err
			}
		}
		users, size = append(users, facts), size+takes
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}
