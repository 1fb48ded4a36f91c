// Package rediskv is what several processes share through Redis: leases on keys, word that a key was revoked, and the rate
// of each directory's messages. Redis is for speed and sharing only. It may be lost, empty, frozen, stale or split, and
// nothing here is wrong for it: who asks is told "not there" or "not now", soon.
//
// It needs Redis 6.2 or later, or what speaks like it.
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
)

// Config says where Redis is.
type Config struct {
	// URL is redis://user:password@host:port/database, rediss:// for TLS, or unix:///path?db=database.
	URL string
	// Timeout bounds each question, with the connection that it may need. Default 150 milliseconds.
	Timeout time.Duration
	// Probe is how often a Redis that is down is asked whether it answers again. Default 1 second.
	Probe time.Duration
}

// Dependencies is what a Client uses.
type Dependencies struct {
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
}

// Client is a connection to Redis, up or down. While it is down nobody waits for it. It is safe for concurrent use.
type Client struct {
	redis   *redis.Client
	limiter *redis_rate.Limiter
	log     *slog.Logger
	timeout time.Duration
	probe   time.Duration

	changes  atomic.Uint64 // of state; Redis is down while odd
	suspect  chan struct{} // somebody had reason to doubt that it serves
	observed metric.Registration
	cancel   context.CancelFunc
	probing  sync.WaitGroup
	closed   sync.Once
	closeErr error
}

// Up is the name of the metric that is 1 while Redis answers and 0 while it is down.
const Up = "usher_redis_up"

// Open makes a client. A Redis that does not answer is no error: the client is down until it does. Call Close in the end.
func Open(ctx context.Context, c Config, d Dependencies) (*Client, error) {
	options, err := c.complete()
	if err != nil {
		return nil, err
	}
	for _, lack := range lacks(options) {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "Redis can be reached over the network without "+lack+": whoever can write to it can make "+
			"Usher slow and change the rates of directories, though let nobody in")
	}
	// It prints to standard error what is said here once, with what it was doing.
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

// CheckURL says what is wrong with redis_url. The error shows nothing of it: a part of it may be a password.
func CheckURL(url string) error {
	_, err := (&Config{URL: url}).complete()
	return err
}

// Check says whether the Redis at an address serves, within a time.
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

// lacks says what a Redis beyond this machine should have and its URL has not.
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

// complete fills in defaults and reads the URL. No error says any of it: a part of it is a password.
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
	// Who asks would wait for a second try.
	o.MaxRetries, o.DialerRetries = -1, 1
	// Questions and answers are small, and no server notices are wanted.
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

// Close ends the connections, after the last question and with Follow ended. Closing twice is safe.
func (c *Client) Close() error {
	c.closed.Do(func() {
		c.cancel()
		c.probing.Wait()
		c.changes.Store(closed)
		c.closeErr = errors.Join(c.observed.Unregister(), c.redis.Close())
	})
	return c.closeErr
}
