// Package rediskv contains what several processes share through Redis: key leases, notifications of revoked keys, and the rate of each
// directory's messages. Redis is only for speed and sharing. It may be lost, empty, frozen, stale or split, and all results stay
// correct: a caller soon gets the answer "missing" or "not now".
//
// It needs Redis 6.2 or later, or a compatible server.
package rediskv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/secret"
)

// Config is the address of Redis and its timeouts.
type Config struct {
	// URL is redis://user:password@host:port/database, rediss:// for TLS, or unix:///path?db=database.
	URL string
	// Timeout bounds each question, including a connection that it needs. Default 150 milliseconds.
	Timeout time.Duration
	// Probe is how often the client checks whether an unreachable Redis answers again. Default 1 second.
	Probe time.Duration
}

// Dependencies are the tools of a Client.
type Dependencies struct {
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
}

// Client is a connection to Redis, up or down. Nobody waits for it while it is down. It is safe for concurrent use.
type Client struct {
	redis   *redis.Client
	limiter *redis_rate.Limiter
	log     *slog.Logger
	timeout time.Duration
	probe   time.Duration

	changes  atomic.Uint64 // of state; Redis is down while odd
	suspect  chan struct{} // somebody had reason to doubt that Redis works
	observed metric.Registration
	cancel   context.CancelFunc
	probing  sync.WaitGroup
	closed   sync.Once
	closeErr error
}

// Up is the name of a metric: 1 while Redis answers, 0 while it is down.
const Up = "usher_redis_up"

// Open creates a client. An unreachable Redis is no error: the client is down until Redis answers. Call Close in the end.
func Open(ctx context.Context, c Config, d Dependencies) (*Client, error) {
	options, err := c.complete()
	if err != nil {
		return nil, err
	}
	for _, lack := range lacks(options) {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "Redis is reachable over the network without "+lack+": anybody who can write to it can make "+
			"Usher slow and change the rates of directories, but cannot give anybody access")
	}
	// The library would also print to standard error, including its commands.
	logging.Disable()
	client := &Client{
		redis: redis.NewClient(options), log: d.Log, timeout: c.Timeout, probe: c.Probe, suspect: make(chan struct{}, 1),
	}
	client.limiter = redis_rate.NewLimiter(client.redis)
	if err := redisotel.InstrumentTracing(client.redis,
		redisotel.WithTracerProvider(d.Tracing),
		redisotel.WithDBStatement(false), // digests of keys
		redisotel.WithCallerEnabled(false),
		redisotel.WithDialFilter(true),
		redisotel.WithCommandFilter(func(cmd redis.Cmder) bool {
			return cmd.Name() == probeCommand || redisotel.DefaultCommandFilter(cmd)
		}),
	); err != nil {
		return nil, errors.Join(fmt.Errorf("tracing Redis: %w", err), client.redis.Close())
	}
	if client.observed, err = client.observe(d.Meter); err != nil {
		return nil, errors.Join(fmt.Errorf("measuring Redis: %w", err), client.redis.Close())
	}
	client.check(ctx)
	probing, cancel := context.WithCancel(context.Background())
	client.cancel = cancel
	client.probing.Go(func() { client.watch(probing) })
	return client, nil
}

// CheckURL checks redis_url. The error contains no part of it: it may be a password.
func CheckURL(url string) error {
	_, err := (&Config{URL: url}).complete()
	return err
}

// Password returns the password in an address; empty if there is none. It is for those who must keep it out of a text.
func Password(url string) secret.Text {
	options, err := (&Config{URL: url}).complete()
	if err != nil {
		return ""
	}
	return secret.Text(options.Password)
}

// Check checks that the Redis at an address works, within timeout.
func Check(ctx context.Context, url string, timeout time.Duration) error {
	c := Config{URL: url, Timeout: timeout}
	options, err := c.complete()
	if err != nil {
		return err
	}
	logging.Disable()
	client := redis.NewClient(options)
	return errors.Join(probe(ctx, client), client.Close())
}

// lacks lists the protections that the URL of a Redis on another machine lacks.
func lacks(o *redis.Options) (lacks []string) {
	host, _, err := net.SplitHostPort(o.Addr)
	if address, parsed := netip.ParseAddr(host); o.Network == "unix" || err != nil || host == "localhost" || parsed == nil && address.IsLoopback() {
		return nil
	}
	if o.Password == "" {
		lacks = append(lacks, "a password")
	}
	if o.TLSConfig == nil {
		lacks = append(lacks, "TLS")
	}
	return lacks
}

// complete sets defaults and parses the URL. Its errors contain no part of the URL, because it may be a password.
func (c *Config) complete() (*redis.Options, error) {
	var problems []error
	for key, v := range map[string]struct {
		value     *time.Duration
		byDefault time.Duration
	}{
		"the timeout": {&c.Timeout, 150 * time.Millisecond},
		"the probe":   {&c.Probe, time.Second},
	} {
		switch {
		case *v.value < 0:
			problems = append(problems, fmt.Errorf("%s must not be negative, not %s", key, *v.value))
		case *v.value == 0:
			*v.value = v.byDefault
		}
	}
	o, err := redis.ParseURL(c.URL)
	if err != nil || (o.Network == "unix" && o.Addr == "") {
		problems = append(problems, errors.New("redis_url must be redis://user:password@host:port/database, rediss://... "+
			"for TLS, or unix:///path?db=database, with other characters than letters and digits in the password written as %XX"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.Timeout, c.Timeout, c.Timeout, c.Timeout
	o.ContextTimeoutEnabled = true
	// A caller would wait for a second attempt.
	o.MaxRetries, o.DialerRetries = -1, 1
	// Questions and answers are small, and the client needs no notices of the server.
	o.Protocol, o.DisableIdentity, o.PipelinePoolSize = 2, true, -1
	o.ReadBufferSize, o.WriteBufferSize = 4<<10, 4<<10
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// observe reports the state whenever metrics are read, until the registration ends.
func (c *Client) observe(provider metric.MeterProvider) (metric.Registration, error) {
	meter := provider.Meter("github.com/usher-scim/usher/services/internal/rediskv")
	gauge, err := meter.Int64ObservableGauge(Up, metric.WithDescription("Whether Redis answers: 1, or 0 while it is down."))
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		var up int64
		if c.Up() {
			up = 1
		}
		o.ObserveInt64(gauge, up)
		return nil
	}, gauge)
}

// Close closes the connections. Call it after the last question, and after Follow has ended. It is safe to close twice.
func (c *Client) Close() error {
	c.closed.Do(func() {
		c.cancel()
		c.probing.Wait()
		c.changes.Store(closed)
		c.closeErr = errors.Join(c.observed.Unregister(), c.redis.Close())
	})
	return c.closeErr
}
