package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/pace"
)

// Limits of every HTTP server: a client that is slower than this holds nothing open. Package pace has those of bodies and
// answers.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = time.Minute // of what the server writes by itself
	maxHeaderBytes    = 64 << 10
)

// door lets requests in. Called, it closes to newcomers at once, and lets who is inside finish until the context ends.
type door func(ctx context.Context) error

// openDoors lets requests from outside in. gate is nil in a process without the gateway.
func (a *App) openDoors(gate *gateway.Gateway) {
	doors := []door{a.serveHTTP("operations", a.listeners.ops, operations(a.ready, a.options.Telemetry.Metrics, a.settings.Profiles))}
	if gate != nil {
		doors = append(doors,
			a.serveHTTP("SCIM", a.listeners.scim, gate.SCIM()),
			a.serveHTTP("admin", a.listeners.admin, gate.Admin()),
			a.serveGRPC(a.listeners.grpc, gate.PublicServer()))
	}
	a.add(component{name: "the doors", close: func(ctx context.Context) error {
		// Who outstays the stop is cut off while there is time left for what comes after the doors.
		ctx, cancel := earlier(ctx)
		defer cancel()
		errs := make([]error, len(doors))
		var closing sync.WaitGroup
		for i, door := range doors {
			closing.Go(func() { errs[i] = door(ctx) })
		}
		closing.Wait()
		return errors.Join(errs...)
	}})
}

func (a *App) serveHTTP(label string, listener net.Listener, handler http.Handler) door {
	server := &http.Server{
		Handler: pace.Handler(handler), ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeaderBytes,
	}
	a.background("serving "+label, func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(fmt.Errorf("the %s server: %w", label, err), server.Close())
		}
		return err
	}
}

func (a *App) serveGRPC(listener net.Listener, server *grpc.Server) door {
	a.background("serving gRPC", func() error { return server.Serve(listener) })
	return func(ctx context.Context) error { return stopGRPC(ctx, server) }
}

// earlier gives a context that ends when four fifths of a context's time are over.
func earlier(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*4/5)
}
