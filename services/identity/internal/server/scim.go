// Package server is the identity service's gRPC interface: it converts requests to calls of the domain, and results to
// responses.
package server

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
)

type Server struct {
	identityv1.UnimplementedResourceServiceServer
	identityv1.UnimplementedFeedServiceServer
	identityv1.UnimplementedReadServiceServer
	identityv1.UnimplementedFactsServiceServer
	identityv1.UnimplementedAdoptionServiceServer
	identityv1.UnimplementedDetachedUserServiceServer
	identityv1.UnimplementedDialectServiceServer
	identityv1.UnimplementedSchemaServiceServer
	identityv1.UnimplementedProgressServiceServer
	identityv1.UnimplementedPeopleServiceServer
	identityv1.UnimplementedMatchServiceServer

	core      *core.Core
	stop      <-chan struct{}
	documents *inflight.Budget // for documents that come in parts
}

// New creates the server. Streams end when stop closes. documents is the memory budget for documents that come in parts.
func New(c *core.Core, documents *inflight.Budget, stop <-chan struct{}) *Server {
	return &Server{core: c, stop: stop, documents: documents}
}

// Register adds the services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	identityv1.RegisterResourceServiceServer(r, s)
	identityv1.RegisterFeedServiceServer(r, s)
	identityv1.RegisterReadServiceServer(r, s)
	identityv1.RegisterFactsServiceServer(r, s)
	identityv1.RegisterAdoptionServiceServer(r, s)
	identityv1.RegisterDetachedUserServiceServer(r, s)
	identityv1.RegisterDialectServiceServer(r, s)
	identityv1.RegisterSchemaServiceServer(r, s)
	identityv1.RegisterProgressServiceServer(r, s)
	identityv1.RegisterPeopleServiceServer(r, s)
	identityv1.RegisterMatchServiceServer(r, s)
}

// call converts what every SCIM call has.
func call(ctx context.Context, target *identityv1.Target, projection *identityv1.Projection) (core.Call, error) {
	p, err := core.ParseProjection(projection.GetAttributes(), projection.GetExcludedAttributes())
	if err != nil {
		return core.Call{}, err
	}
	return core.Call{
		Scope:      store.Scope{OrganizationID: target.GetOrganizationId(), DirectoryID: strings.ToLower(target.GetDirectoryId())},
		BaseURL:    target.GetBaseUrl(),
		Projection: p, MessageID: rpc.MessageIDOf(ctx), Traceparent: traceparent(ctx),
	}, nil
}

// traceparent is the W3C traceparent of the current span, or empty.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}
