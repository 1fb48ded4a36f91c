package rpc

import (
	"context"

	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/fault"
)

// WithoutMessages removes the texts of errors from the spans of a handler, because they may quote a client. The code and the reason remain.
func WithoutMessages(h stats.Handler) stats.Handler { return messageless{h} }

type messageless struct{ stats.Handler }

func (m messageless) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if end, ok := s.(*stats.End); ok && end.Error != nil {
		reasonOnly := *end
		reasonOnly.Error = status.Error(Status(end.Error).Code(), fault.ReasonName(Fault(end.Error).Reason))
		s = &reasonOnly
	}
	m.Handler.HandleRPC(ctx, s)
}
