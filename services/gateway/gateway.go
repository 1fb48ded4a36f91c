// Package gateway is the gateway service: the only one that IdPs, admins and the vendor's services reach. It owns nothing
// on disk but a bounded spool of failed events; everything else it asks the other services for.
//
// It has three faces: SCIM and the admin REST as http.Handlers, and the public gRPC face as a grpc.Server. Who wires it
// gives them listeners.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/admin"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/backend"
	"github.com/usher-scim/usher/services/gateway/internal/events"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/publicgrpc"
	"github.com/usher-scim/usher/services/gateway/internal/scimhttp"
	"github.com/usher-scim/usher/services/gateway/internal/spool"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/secret"
)

// Config is what the service can be told: its settings, and what comes from those of others.
type Config struct {
	Settings
	// PublicURL is where IdPs reach the gateway, such as https://scim.example.com; Base URLs begin with it.
	PublicURL string
	// SpoolPath is the folder for failed events that are not yet delivered. One process at a time may use it.
	SpoolPath string
	// TrustedProxies are the addresses of proxies. What they say of a client's address (X-Forwarded-For) is believed.
	TrustedProxies []netip.Prefix
	// OperatorToken is the bearer token of development. Empty: nobody signs in with one.
	OperatorToken secret.Text
}

// Connections leads to each of the other services.
type Connections = backend.Connections

// Dependencies is what the service uses. The connections are those on which it calls as the gateway.
type Dependencies struct {
	Connections
	// Keys is the cache of leases on API keys and service credentials. It is made outside: in one process the directory
	// service invalidates it.
	Keys *keylease.Cache
	// Rates counts each directory's messages for all gateways together, such as in Redis. Nil: each counts for itself.
	Rates   scimhttp.Rates
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
	Now     func() time.Time
}

const (
	// tallyEvery is how often requests that are only counted are logged.
	tallyEvery = time.Minute
	// unread is how long a message of a watch may wait for its client to read it.
	unread = 30 * time.Second
	// idle is after how long without a call a connection to the public gRPC face is closed.
	idle = 5 * time.Minute
	// age is how old a connection to the public gRPC face may become.
	age = 30 * time.Minute
	// quiet and pong are when a client of the public gRPC face is asked whether it is there, and until when it must answer.
	quiet, pong = time.Minute, 20 * time.Second
	// prompt is how long the request of a public gRPC call may take to arrive before it reserves as much memory as the largest.
	// Nearly all come with their headers.
	prompt = 100 * time.Millisecond
)

// Gateway is the running service.
type Gateway struct {
	config   Config
	metrics  *metrics.Metrics
	scim     *scimhttp.Handler
	admin    *admin.Handler
	public   *publicgrpc.Face
	spool    *spool.Spool
	recorder *events.Recorder
	observed []metric.Registration
	stop     context.CancelFunc
}

// New opens the spool and makes the faces. Call Run to deliver failed events, and Close in the end.
func New(c Config, d Dependencies) (*Gateway, error) {
	server, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	instruments, err := metrics.New(d.Meter)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	unknown := authn.NewUnknownKeys(authn.UnknownKeysConfig{
		PerAddress: c.UnknownKeysPerAddress, Total: c.UnknownKeys, TrustedProxies: c.TrustedProxies,
	}, d.Now)
	inFlight := inflight.New(c.inFlight())
	clients := authn.NewClients(authn.NewOperator(c.OperatorToken.Reveal()), d.Keys, unknown)
	g := &Gateway{config: c, metrics: instruments}
	stopping, stop := context.WithCancel(context.Background())
	g.stop = stop
	d.Connections = d.Connections.Wrap(func(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
		return untilStop{conn, func(do func()) func() bool { return context.AfterFunc(stopping, do) }}
	})
	watches := &watches{
		most: c.WatchesPerCredential, open: map[watcher]int{},
		refused: func(ctx context.Context) { instruments.WatchesRefused.Add(ctx, 1) },
	}
	ofClients := d.Connections.Wrap(func(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
		return clients.LookingAgain(watches.bounded(conn))
	})
	g.admin, err = admin.New(context.Background(), ofClients, admin.Dependencies{ // the context is only held by registrations, which nothing ends
		Clients: clients, ServerName: server, TrustedProxies: c.TrustedProxies, TallyEvery: tallyEvery,
		InFlight: inFlight, Metrics: instruments, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter, Now: d.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.public, err = publicgrpc.New(publicgrpc.Dependencies{
		Connections: ofClients.ByPackage(), Clients: clients, Limits: publicgrpc.Limits{
			Prompt: prompt, Arrival: c.RequestTimeout, Unread: unread, Idle: idle, Age: age, Quiet: quiet, Pong: pong,
		},
		InFlight: inFlight, TallyEvery: tallyEvery, Metrics: instruments, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter, Now: d.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.spool, err = spool.Open(c.SpoolPath, spool.Limits{Bytes: c.SpoolBytes})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.recorder = events.New(g.spool, failedeventsv1.NewFailedEventRecordServiceClient(d.FailedEvents), instruments, d.Log, events.Retry{})
	g.scim = scimhttp.New(scimhttp.Config{
		Limits: c.Limits, PublicURL: strings.TrimSuffix(c.PublicURL, "/"), ServerName: server, TrustedProxies: c.TrustedProxies,
		InFlight: inFlight, TallyEvery: tallyEvery,
	}, scimhttp.Dependencies{
		Resources:   identityv1.NewResourceServiceClient(d.Identity),
		Directories: authn.NewDirectories(d.Keys, unknown), Rates: d.Rates, Events: g.recorder, Metrics: instruments,
		Log: d.Log, Tracing: d.Tracing, Meter: d.Meter, Now: d.Now,
	})
	if err := g.observe(instruments, d.Keys, inFlight); err != nil {
		return nil, errors.Join(fmt.Errorf("gateway: %w", err), g.Close())
	}
	return g, nil
}

// observe reports what is measured only when metrics are read.
func (g *Gateway) observe(instruments *metrics.Metrics, keys *keylease.Cache, budget *inflight.Budget) error {
	spool, err := instruments.ObserveSpool(g.spool.Bytes)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, spool)
	inFlight, err := instruments.ObserveInFlight(budget.Bytes)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, inFlight)
	lookups, err := instruments.ObserveKeys(keys.Counts)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, lookups)
	return nil
}

// check names all problems at once, and gives the public host's name.
func (c Config) check() (host string, err error) {
	problems := c.Check()
	u, err := url.Parse(c.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		problems.Add("public_url", "an http or https address", c.PublicURL)
		u = &url.URL{}
	}
	if c.SpoolPath == "" {
		problems = append(problems, errors.New("the spool needs a folder"))
	}
	return u.Hostname(), problems.Err()
}

// SCIM is the face for IdPs, under /scim/v2/{directory_id}. As of the other face, who serves it bounds how slow clients may
// be, with package pace.
func (g *Gateway) SCIM() http.Handler { return g.scim }

// Admin is the face for admins and the console, under /api/v1.
func (g *Gateway) Admin() http.Handler { return g.admin }

// PublicServer makes the face for the vendor's services and the command line. options are those of its listener, such as
// TLS; without any it is plain. Who serves it stops it.
func (g *Gateway) PublicServer(options ...grpc.ServerOption) *grpc.Server {
	return g.public.Server(options...)
}

// Run delivers failed events, and logs what is only counted, until its context ends.
func (g *Gateway) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { g.recorder.Run(ctx) })
	running.Go(func() { g.scim.Run(ctx) })
	running.Go(func() { g.admin.Run(ctx) })
	running.Go(func() { g.public.Run(ctx) })
	running.Wait()
	return nil
}

// Drain tells clients of the public gRPC face that ask for its health to go elsewhere. Calls that come all the same are
// served.
func (g *Gateway) Drain() { g.public.Drain() }

// Stop ends the streams of who watches, so that the faces' servers can stop. Stopping twice is safe.
func (g *Gateway) Stop() { g.stop() }

// Close closes the spool, after the last message was answered and Run has returned. Failed events that were not delivered
// are on disk, and are delivered after the next start.
func (g *Gateway) Close() error {
	g.Stop()
	var errs []error
	for _, o := range g.observed {
		errs = append(errs, o.Unregister())
	}
	return errors.Join(append(errs, g.spool.Close())...)
}
