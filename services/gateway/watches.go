package gateway

import (
	"context"
	"strconv"
	"sync"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// watches limits how many streams each client has open at a time, on the admin REST API and the public gRPC API together.
type watches struct {
	most    int
	refused func(context.Context)

	mu   sync.Mutex
	open map[watcher]int
}

// watcher has a share of the streams: a service credential, or the operator.
type watcher struct {
	kind    commonv1.PrincipalKind
	subject string
}

// bounded returns a connection whose streams count.
func (w *watches) bounded(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	return boundedStreams{conn, w}
}

// enter counts a stream of the context's principal until the context ends.
func (w *watches) enter(ctx context.Context) error {
	principal := rpc.PrincipalOf(ctx)
	who := watcher{principal.GetKind(), principal.GetSubject()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[who] >= w.most {
		w.refused(ctx)
		return fault.New(fault.Limit, "the credential has %d open watches, and no more are allowed (gateway.watches_per_credential)", w.most).
			With("limit", strconv.Itoa(w.most))
	}
	w.open[who]++
	context.AfterFunc(ctx, func() { w.leave(who) })
	return nil
}

func (w *watches) leave(who watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[who]--; w.open[who] == 0 {
		delete(w.open, who)
	}
}

// boundedStreams is a connection whose streams count. Their contexts end with the call.
type boundedStreams struct {
	grpc.ClientConnInterface
	watches *watches
}

func (b boundedStreams) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := b.watches.enter(ctx); err != nil {
		return nil, err
	}
	return b.ClientConnInterface.NewStream(ctx, desc, method, options...)
}
