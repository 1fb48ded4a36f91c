// Package server implements the rule service's RPCs. It turns requests into calls of the core, and results into responses. It
// returns errors unchanged: package rpc maps them.
package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

type Server struct {
	rulev1.UnimplementedTenantServiceServer
	rulev1.UnimplementedRoleServiceServer
	rulev1.UnimplementedRuleServiceServer
	rulev1.UnimplementedSyncServiceServer
	rulev1.UnimplementedAccessServiceServer

	core *core.Core
}

// New creates a server.
func New(c *core.Core) *Server { return &Server{core: c} }

// Register adds the services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	rulev1.RegisterTenantServiceServer(r, s)
	rulev1.RegisterRoleServiceServer(r, s)
	rulev1.RegisterRuleServiceServer(r, s)
	rulev1.RegisterSyncServiceServer(r, s)
	rulev1.RegisterAccessServiceServer(r, s)
}

// operator reports whether a call is the operator's.
func operator(p *commonv1.Principal) bool {
	return p.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR
}

// timeProto returns nil for the zero time.
func timeProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// each maps a list with f.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}
