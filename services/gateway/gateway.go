// Package gateway is the gateway service: the only one that IdPs, admins and the vendor's services reach. On disk it keeps only a bounded
// spool of failed events and counts of messages. It asks the other services for everything else.
//
// It serves three APIs: the SCIM API and the admin REST API as http.Handlers, and the public gRPC API as a grpc.Server. The caller provides
// the listeners.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/activity"
	"github.com/usher-scim/usher/services/gateway/internal/admin"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/backend"
	"github.com/usher-scim/usher/services/gateway/internal/events"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/gateway/internal/publicgrpc"
	"github.com/usher-scim/usher/services/gateway/internal/scimhttp"
	"github.com/usher-scim/usher/services/gateway/internal/signin"
	"github.com/usher-scim/usher/services/gateway/internal/spool"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/secret"
)

// Config is the configuration of the service: its own settings, and values that come from the settings of others.
type Config struct {
	Settings
	// PublicURL is where IdPs reach the gateway, such as https://scim.example.com; Base URLs begin with it.
	PublicURL string
	// AdminURL is where browsers reach the admin listener, such as https://admin.example.com.
	AdminURL string
	// OIDC are the identity providers at which people sign in.
	OIDC []OIDCProvider
	// SignInWithToken lets the operator sign in to the console with a token of the operator.
	SignInWithToken bool
	// SpoolPath is the folder for failed events that are not yet delivered. One process at a time may use it.
	SpoolPath string
	// TrustedProxies are the addresses of proxies. The gateway believes the client address that they send (X-Forwarded-For).
	TrustedProxies []netip.Prefix
	// OperatorToken is a bearer token of the operator, or empty. Each of OperatorTokenFiles contains another one, as long as the file exists.
	// If there is no token, nobody can sign in as the operator.
	OperatorToken      secret.Text
	OperatorTokenFiles []operatortoken.File
}

// Connections are the connections to the other services.
type Connections = backend.Connections

// Dependencies are what the service uses. On the connections, the service calls as the gateway.
type Dependencies struct {
	Connections
	// Keys is the cache of key leases, for API keys and service credentials. The caller creates it, because in one process the directory
	// service invalidates it.
	Keys *keylease.Cache
	// Rates counts the messages of each directory for all gateways together, such as in Redis. If it is nil, each gateway counts for
	// itself.
	Rates scimhttp.Rates
	// Console serves all paths of the admin listener that are not the admin REST API's, or for signing in. It needs no credential. It sets the
	// patterns of requests, from a closed set.
	Console http.Handler
	// Reread makes the gateway read OperatorTokenFiles at once. It may be nil.
	Reread  <-chan os.Signal
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
	Now     func() time.Time
}

const (
	// tallyEvery is how often the gateway logs the counts of requests that have no log line of their own.
	tallyEvery = time.Minute
	// unread is how long a response of a watch may wait until its client reads it.
	unread = 30 * time.Second
	// idle is how long a connection to the public gRPC API may be without a call. Then the gateway closes it.
	idle = 5 * time.Minute
	// age is the greatest age of a connection to the public gRPC API.
	age = 30 * time.Minute
	// quiet is how long a client of the public gRPC API may be silent before the gateway pings it. pong is how long the client may take to
	// answer.
	quiet, pong = time.Minute, 20 * time.Second
	// prompt is how long the request of a public gRPC call may take to arrive. After that, it reserves as much memory as the largest
	// request. Nearly all requests arrive together with their headers.
	prompt = 100 * time.Millisecond
)

// Gateway is the running service.
type Gateway struct {
	config   Config
	reread   <-chan os.Signal
	tokens   *operatortoken.Follower
	metrics  *metrics.Metrics
	scim     *scimhttp.Handler
	admin    *admin.Handler
	signIn   *signin.Handler
	console  http.Handler
	people   *oidc.Providers
	public   *publicgrpc.API
	spool    *spool.Spool
	recorder *events.Recorder
	uses     *authn.Uses
	activity *activity.Counter
	now      func() time.Time
	observed []metric.Registration
	stop     context.CancelFunc
}

// New opens the spool and creates the APIs. Call Run to deliver failed events, and Close at the end.
func New(c Config, d Dependencies) (*Gateway, error) {
	server, adminURL, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	instruments, err := metrics.New(d.Meter)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	unknownKeys := authn.UnknownKeysConfig{PerAddress: c.UnknownKeysPerAddress, Total: c.UnknownKeys, TrustedProxies: c.TrustedProxies}
	unknown := authn.NewUnknownKeys(unknownKeys, d.Now)
	inFlight := inflight.New(c.inFlight())
	unlogged := traced.Quiet(1 - c.LogSuccesses)
	operator := authn.NewOperator()
	people, err := oidc.New(c.OIDC, d.Now)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	uses := authn.NewUses(directoryv1.NewUseServiceClient(d.Directory), c.TrustedProxies, d.Now,
		func(count int) { instruments.UsesDropped.Add(context.Background(), int64(count)) }, d.Log)
	clients := authn.NewClients(operator, people, d.Keys, unknown, d.Now).Noting(uses)
	browser := authn.NewBrowser(clients, adminURL, authn.NewSessionRate(c.SessionRequestsPerSecond, d.Now))
	g := &Gateway{config: c, people: people, metrics: instruments, uses: uses, reread: d.Reread, now: d.Now}
	g.tokens = operatortoken.Follow(context.Background(), c.OperatorToken, c.OperatorTokenFiles, operatortoken.Dependencies{
		Set: operator.Set, Failed: func() { instruments.OperatorTokensRefused.Add(context.Background(), 1) }, Log: d.Log,
	})
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
		return clients.Rechecking(watches.bounded(conn))
	})
	ofClients.Identity = lastAdminStays{ofClients.Identity, rulev1.NewAccessServiceClient(ofClients.Rule)}
	g.admin, err = admin.New(context.Background(), ofClients, admin.Dependencies{ // only the registrations use the context, and nothing ends them
		Clients: clients, Browser: browser, ServerName: server, TrustedProxies: c.TrustedProxies, TallyEvery: tallyEvery,
		InFlight: inFlight, Quiet: unlogged, Metrics: instruments, Log: d.Log, Tracing: d.Tracing, Now: d.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.console = traced.Handler(withoutPath(d.Console), traced.Options{
		Name: "console", ServerName: server, TrustedProxies: c.TrustedProxies, Tracing: d.Tracing, Metrics: instruments,
	})
	var tokens *authn.Operator
	if c.SignInWithToken {
		tokens = operator
	}
	g.signIn = signin.New(signin.Dependencies{
		AdminURL: adminURL, PublicURL: strings.TrimSuffix(c.PublicURL, "/"), Tokens: tokens, TraceURL: c.TraceURL, Providers: people, ProviderNames: providerNames(c.OIDC), SignIn: directoryv1.NewSignInServiceClient(d.Directory),
		Browser: browser, Visitors: authn.NewVisitors(unknownKeys, d.Now), ServerName: server, TrustedProxies: c.TrustedProxies,
		TallyEvery: tallyEvery, Metrics: instruments, Log: d.Log, Tracing: d.Tracing, Now: d.Now,
	})
	g.public, err = publicgrpc.New(publicgrpc.Dependencies{
		Connections: ofClients.ByPackage(), Clients: clients, Limits: publicgrpc.Limits{
			Prompt: prompt, Arrival: c.RequestTimeout, Unread: unread, Idle: idle, Age: age, Quiet: quiet, Pong: pong,
		},
		InFlight: inFlight, TallyEvery: tallyEvery, Quiet: unlogged, Metrics: instruments, Log: d.Log, Tracing: d.Tracing, Now: d.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.spool, err = spool.Open(c.SpoolPath, spool.Limits{Bytes: c.SpoolBytes})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.recorder = events.New(g.spool, failedeventsv1.NewFailedEventRecordServiceClient(d.FailedEvents), instruments, d.Log, events.Retry{})
	g.activity = activity.New(g.recorder.RecordTallies, func(reason string, count int) {
		instruments.TalliesDropped.Add(context.Background(), int64(count), metrics.Reason(reason))
	}, d.Log)
	g.scim = scimhttp.New(scimhttp.Config{
		Limits: c.Limits, PublicURL: strings.TrimSuffix(c.PublicURL, "/"), ServerName: server, TrustedProxies: c.TrustedProxies,
		InFlight: inFlight, TallyEvery: tallyEvery,
	}, scimhttp.Dependencies{
		Resources:   identityv1.NewResourceServiceClient(d.Identity),
		Directories: authn.NewDirectories(d.Keys, unknown).Noting(uses), Rates: d.Rates, Events: g.recorder, Activity: g.activity, Quiet: unlogged, Metrics: instruments,
		Log: d.Log, Tracing: d.Tracing, Now: d.Now,
	})
	if err := g.observe(instruments, d.Keys, inFlight, operator); err != nil {
		return nil, errors.Join(fmt.Errorf("gateway: %w", err), g.Close())
	}
	return g, nil
}

// observe registers the values that are measured only when metrics are read.
func (g *Gateway) observe(instruments *metrics.Metrics, keys *keylease.Cache, budget *inflight.Budget, operator *authn.Operator) error {
	spool, err := instruments.ObserveSpool(g.spool.Bytes, g.config.SpoolBytes)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, spool)
	inFlight, err := instruments.ObserveInFlight(budget.Bytes)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, inFlight)
	if g.config.OperatorToken != "" || len(g.config.OperatorTokenFiles) > 0 { // otherwise there can be none, which is no fault
		tokens, err := instruments.ObserveOperatorTokens(operator.Count)
		if err != nil {
			return err
		}
		g.observed = append(g.observed, tokens)
	}
	lookups, err := instruments.ObserveKeys(keys.Counts)
	if err != nil {
		return err
	}
	g.observed = append(g.observed, lookups)
	return nil
}

// check returns all problems at once, the name of the public host, and the address of the admin listener.
func (c Config) check() (host string, adminURL *url.URL, err error) {
	problems := c.Check()
	u, err := url.Parse(c.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		problems.Add("public_url", "an http or https address", c.PublicURL)
		u = &url.URL{}
	}
	if c.SpoolPath == "" {
		problems = append(problems, errors.New("the spool needs a folder"))
	}
	adminURL, err = url.Parse(strings.TrimSuffix(c.AdminURL, "/"))
	if err != nil || (adminURL.Scheme != "http" && adminURL.Scheme != "https") || adminURL.Host == "" || adminURL.Path != "" {
		problems.Add("admin_url", "an http or https address without a path", c.AdminURL)
	}
	return u.Hostname(), adminURL, problems.Err()
}

// SCIM returns the SCIM API for IdPs, under /scim/v2/{directory_id}. The server that serves it, or the admin REST API, limits how slow
// clients may be, with package pace.
func (g *Gateway) SCIM() http.Handler { return g.scim }

// Admin returns the handler of the admin listener: the admin REST API under /api/, the pages where people sign in, and the console.
func (g *Gateway) Admin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/"):
			g.admin.ServeHTTP(w, r)
		case signin.Serves(r.URL.Path):
			g.signIn.ServeHTTP(w, r)
		default:
			g.console.ServeHTTP(w, r)
		}
	})
}

// withoutPath lets a handler serve a request, and puts the pattern into its span in place of the path, which may contain anything.
func withoutPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("url.path", r.Pattern))
	})
}

func providerNames(all []OIDCProvider) (names []string) {
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// PublicServer creates the server of the public gRPC API for the vendor's services and the command line. The options are those of its
// listener, such as TLS; without options it is plain text. The caller stops the server.
func (g *Gateway) PublicServer(options ...grpc.ServerOption) *grpc.Server {
	return g.public.Server(options...)
}

// Run delivers failed events and counts of messages, reads the operator's tokens again, and logs counts, until its context ends.
func (g *Gateway) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { g.recorder.Run(ctx) })
	running.Go(func() { g.uses.Run(ctx) })
	running.Go(func() { g.activity.Run(ctx, g.now) })
	running.Go(func() { g.tokens.Run(ctx, g.reread) })
	running.Go(func() { g.scim.Run(ctx) })
	running.Go(func() { g.admin.Run(ctx) })
	running.Go(func() { g.public.Run(ctx) })
	running.Go(func() { g.signIn.Run(ctx) })
	running.Wait()
	return nil
}

// Drain tells the clients of the public gRPC API that ask for its health to use another replica. The server still serves calls that arrive.
func (g *Gateway) Drain() { g.public.Drain() }

// Stop ends the streams of all watches, so that the servers of the APIs can stop. It is safe to stop twice.
func (g *Gateway) Stop() { g.stop() }

// Close writes the last counts of messages to the spool, and closes it. Call it after the last message was answered and Run has returned.
// What was not delivered stays on disk, and the gateway delivers it after the next start.
func (g *Gateway) Close() error {
	g.Stop()
	g.activity.Close(g.now())
	g.people.Close()
	var errs []error
	for _, o := range g.observed {
		errs = append(errs, o.Unregister())
	}
	return errors.Join(append(errs, g.spool.Close())...)
}
