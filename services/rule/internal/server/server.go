// Package server answers the rule service's RPCs: it turns requests into calls of the core and what the core gives into
// responses. Errors pass as they are; package rpc maps them.
package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

// Register registers every service of usher.rule.v1 on r.
func Register(r grpc.ServiceRegistrar, c *core.Core) {
	rulev1.RegisterTenantServiceServer(r, &tenants{core: c})
	rulev1.RegisterRoleServiceServer(r, &roles{core: c})
	rulev1.RegisterRuleServiceServer(r, &rules{core: c})
	rulev1.RegisterSyncServiceServer(r, &syncs{core: c})
	rulev1.RegisterAccessServiceServer(r, &access{core: c})
}

// stamp is a time on the wire; the zero time is unset.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// each maps a list.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}
