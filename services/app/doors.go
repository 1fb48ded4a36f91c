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

// Limits of every HTTP server: a slower client keeps nothing open. Package pace has the limits of bodies and answers.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = time.Minute // for responses that the server itself writes
	maxHeaderBytes    = 64 << 10
)

// door accepts requests. A call closes the door to new requests at once, and lets running ones finish until the context ends.
type door func(ctx context.Context) error

// openDoors accepts requests from outside. gate is nil in a process without the gateway.
func (a *App) openDoors(gate *gateway.Gateway) {
	doors := []door{a.serveHTTP("operations", a.listeners.ops, operations(a.ready, a.options.Telemetry.Metrics, a.settings.Profiles))}
	if gate != nil {
		doors = append(doors,
			a.serveHTTP("SCIM", a.listeners.scim, gate.SCIM()),
			a.serveHTTP("admin", a.listeners.admin, gate.Admin()),
			a.serveGRPC(a.listeners.grpc, gate.PublicServer()))
	}
	a.add(component{name: "the doors", close: func(ctx context.Context) error {
		// End requests that outlast the stop while there is time left for the components after the doors.
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

// earlier returns a context that ends after four fifths of the remaining time.
func earlier(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*4/5)
}
