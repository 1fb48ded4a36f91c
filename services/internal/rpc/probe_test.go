package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestAProbeSaysAtWhichStepItFails(t *testing.T) {
	t.Parallel()
	w := serve(t, &log{}, (&server{}).register)
	stranger, err := certificates.NewAuthority(time.Now(), time.Hour)
	must(t, err)
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = silent.Close() }()
	config, err := w.authority.TLS(callee, time.Now())
	must(t, err)
	draining, err := rpc.NewWireServer(fixed(config), rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	serving := make(chan error, 1)
	go func() { serving <- draining.Serve(listener) }()
	defer func() { draining.Stop(); <-serving }()
	draining.Drain()
	for name, c := range map[string]struct {
		address   string
		service   commonv1.Caller
		authority *certificates.Authority
		want      error
	}{
		"it serves":            {w.address, callee, w.authority, nil},
		"nothing listens":      {"127.0.0.1:1", callee, w.authority, rpc.ErrDown},
		"no answer":            {silent.Addr().String(), callee, w.authority, rpc.ErrDown},
		"another service":      {w.address, commonv1.Caller_CALLER_RULE, w.authority, rpc.ErrDistrusted},
		"of another authority": {w.address, callee, stranger, rpc.ErrDistrusted},
		"it stops":             {listener.Addr().String(), callee, w.authority, rpc.ErrNotServing},
		"it does not trust us": {w.address, callee, nil, rpc.ErrDistrusted},
	} {
		t.Run(name, func(t *testing.T) {
			authority := c.authority
			if authority == nil {
				authority = stranger
			}
			own, err := authority.TLS(commonv1.Caller_CALLER_GATEWAY, time.Now())
			must(t, err)
			if c.authority == nil { // the caller trusts the server, but not the other way round
				trusting, err := w.authority.TLS(commonv1.Caller_CALLER_GATEWAY, time.Now())
				must(t, err)
				own.RootCAs = trusting.RootCAs
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if errors.Is(c.want, rpc.ErrDown) {
				ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
			}
			defer cancel()
			if err := rpc.Probe(ctx, c.address, c.service, fixed(own)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
