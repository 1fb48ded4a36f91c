package authn

import (
	"context"

	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

type clientCtx struct{}

// WithClient gives a context for calls of services on a client's behalf.
func WithClient(ctx context.Context, client Client) context.Context {
	return rpc.WithPrincipal(context.WithValue(ctx, clientCtx{}, client), client.Principal)
}

// LookingAgain gives a connection whose calls that change something look the credential of WithClient up again: since the client was
// authenticated its request may have taken long to arrive. A revocation in this process waits for such a call.
func (c Clients) LookingAgain(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	return lookingAgain{conn, c}
}

type lookingAgain struct {
	grpc.ClientConnInterface
	clients Clients
}

func (l lookingAgain) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	client, ok := ctx.Value(clientCtx{}).(Client)
	if !ok || client.lease.Credential == nil || rpc.Reads(method) { // the bootstrap token is good as long as the process lives
		return l.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	lease, release, err := l.clients.leases.hold(ctx, client.digest)
	defer release()
	if err != nil {
		return err
	}
	if lease.Unknown || lease.Credential == nil {
		return fault.New(fault.Unauthenticated, "the credential is not valid any more")
	}
	return l.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
}
