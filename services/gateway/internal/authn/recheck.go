package authn

import (
	"context"

	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
)

type clientCtx struct{}

// WithClient returns a context for calls to services on behalf of a client.
func WithClient(ctx context.Context, client Client) context.Context {
	return rpc.WithPrincipal(context.WithValue(ctx, clientCtx{}, client), client.Principal)
}

// Rechecking returns a connection that looks up the credential of WithClient again before each call that changes something: the request may
// have taken a long time to arrive since the client was authenticated. A revocation in this process waits for such a call.
func (c Clients) Rechecking(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	return rechecking{conn, c}
}

type rechecking struct {
	grpc.ClientConnInterface
	clients Clients
}

func (l rechecking) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	client, ok := ctx.Value(clientCtx{}).(Client)
	if !ok || rpc.Reads(method) {
		return l.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	if client.token != nil {
		if err := client.token.check(); err != nil {
			return err
		}
		return l.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	if err := client.checkExpiry(l.clients.now()); err != nil {
		return err
	}
	lease, release, err := l.clients.leases.lock(ctx, client.digest)
	defer release()
	if err != nil {
		return err
	}
	if !client.opens(lease) {
		return fault.New(fault.Unauthenticated, "the credential is not valid any more")
	}
	return l.ClientConnInterface.Invoke(keylease.Using(ctx, client.digest), method, request, reply, options...)
}
