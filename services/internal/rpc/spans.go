package rpc

import (
	"context"

	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/fault"
)

// WithoutMessages keeps the texts of errors out of the spans that a handler writes: they may quote what a client sent. The
// code and the reason stay.
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
