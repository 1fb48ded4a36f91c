// Package core is the domain of the rule service. It computes what users should hold by the rules, and changes what they hold
// accordingly. It knows neither SQL nor gRPC.
//
// The central function is reconcile: it compares what a user should hold, by stored facts, with what the user holds, and
// writes the difference. The other code decides which users to reconcile: a follower of identity's change feed, the pages of
// a rule sync, and the walk that replaces lost records. One worker at a time, in any process, works on an organization. It
// has the organization's lease, and every commit checks the token of that lease. It reads the facts after it got the lease.
package core

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Limits of what the service stores for one organization or in the catalogue. The contract has the limits of rules and roles.
const (
	maxRules   = 1000
	maxRoles   = 1000
	maxReports = 1000 // reports that wait for delivery
	keepSyncs  = 1000 // syncs that have ended
)

// Config configures the core. Workers and FeedRetention are positive.
type Config struct {
	Workers       int           // how many organizations the core works on at a time, in each lane
	FeedRetention time.Duration // how long the core keeps records of the access feed
	Tuning
}

// Tuning contains sizes and times that users need not know. A zero field means its default.
type Tuning struct {
	// BatchSize is how many change records, or members of a group, one transaction processes. Default 200, at most 1,000.
	BatchSize int
	// BatchesPerTurn is how many batches of one organization a worker processes before it takes another one. Default 8.
	BatchesPerTurn int
	// SyncPageSize is how many users one page of a rule sync contains. Default 500, at most 1,000.
	SyncPageSize int
	// LeaseDuration is the length of an organization's lease. After a process dies, nobody works on its organizations for so long.
	// Default 10 s.
	LeaseDuration time.Duration
	// CallTimeout bounds each call to another service. After a timeout the core tries smaller parts. Default 5 s.
	CallTimeout time.Duration
	// RetryDelay is the delay after a first failure. It doubles with each consecutive failure. Default 100 ms.
	RetryDelay time.Duration
	// MaxRetryDelay bounds that delay. Default 5 s: access must not lag for long after identity is reachable again.
	MaxRetryDelay time.Duration
	// BookmarkInterval is how often WatchAccess sends the cursor when there are no changes. Default 25 s, at most 30 s.
	BookmarkInterval time.Duration
	// SweepInterval is how often the core checks every organization for work, and trims old records. Default 10 min.
	SweepInterval time.Duration
	// RecheckInterval is how often WaitUntilCaughtUp asks identity again, in addition to wakeups. Default 250 ms.
	RecheckInterval time.Duration
	// UserRetryDelay is the delay before the core retries a user who was set aside. It doubles with each retry. Default 2 s.
	UserRetryDelay time.Duration
	// MaxUserRetryDelay bounds that delay. Default 5 min.
	MaxUserRetryDelay time.Duration
}

// complete sets the defaults. It returns all problems at once, by the field's name.
func (t Tuning) complete() (Tuning, error) {
	var errs []error
	number := func(name string, value *int, standard, most int) {
		*value = cmp.Or(*value, standard)
		if *value < 1 || *value > most {
			errs = append(errs, fmt.Errorf("%s must be 1 to %d, not %d", name, most, *value))
		}
	}
	span := func(name string, value *time.Duration, standard, most time.Duration) {
		*value = cmp.Or(*value, standard)
		if *value < time.Millisecond || *value > most {
			errs = append(errs, fmt.Errorf("%s must be 1ms to %s, not %s", name, most, *value))
		}
	}
	number("BatchSize", &t.BatchSize, 200, 1000)
	number("BatchesPerTurn", &t.BatchesPerTurn, 8, 1000)
	number("SyncPageSize", &t.SyncPageSize, 500, 1000)
	span("LeaseDuration", &t.LeaseDuration, 10*time.Second, time.Hour)
	span("CallTimeout", &t.CallTimeout, 5*time.Second, time.Minute)
	span("RetryDelay", &t.RetryDelay, 100*time.Millisecond, time.Minute)
	span("MaxRetryDelay", &t.MaxRetryDelay, 5*time.Second, time.Hour)
	span("BookmarkInterval", &t.BookmarkInterval, 25*time.Second, 30*time.Second)
	span("SweepInterval", &t.SweepInterval, 10*time.Minute, 24*time.Hour)
	span("RecheckInterval", &t.RecheckInterval, 250*time.Millisecond, time.Minute)
	span("UserRetryDelay", &t.UserRetryDelay, 2*time.Second, time.Hour)
	span("MaxUserRetryDelay", &t.MaxUserRetryDelay, 5*time.Minute, 24*time.Hour)
	return t, errors.Join(errs...)
}

// Core is the rule service's domain.
type Core struct {
	config   Config
	store    store.Store
	identity Identity
	events   FailedEvents
	log      *slog.Logger
	tracer   trace.Tracer
	metrics  *metrics
	now      func() time.Time

	owner     string // the name of this process as an owner of organizations
	queue     *queue
	attempts  *attempts
	protected places
	fresh     *freshness
	rules     ruleSets
	counts    counts
	counting  *inflight.Turns // by organization
	leases    leases
	tails     tails
	reports   chan struct{} // contains a token when there may be reports to deliver
	stopped   chan struct{}
	stopOnce  sync.Once
}

// New creates a core. now is the clock of everything that the core stores.
func New(config Config, s store.Store, identity Identity, events FailedEvents, log *slog.Logger, tracing trace.TracerProvider, meters metric.MeterProvider, now func() time.Time) (*Core, error) {
	tuning, err := config.complete()
	if err != nil {
		return nil, err
	}
	config.Tuning = tuning
	const scope = "github.com/usher-scim/usher/services/rule"
	c := &Core{
		config: config, store: s, identity: identity, events: events, log: log, tracer: tracing.Tracer(scope),
		now:   func() time.Time { return now().UTC().Truncate(time.Microsecond) },
		owner: ids.New(), queue: newQueue(), attempts: newAttempts(config.RetryDelay, config.MaxRetryDelay),
		reports: make(chan struct{}, 1), stopped: make(chan struct{}), counting: inflight.NewTurns(countingAtOnce),
	}
	c.fresh = newFreshness(c.now())
	// Another process may enqueue work, such as a rule sync, for an organization that this process owns. Only the owner can do it.
	s.OnOthers(func(organizationID string) {
		if _, owned := c.leases.get(organizationID); owned {
			c.queue.add(organizationID)
		}
	})
	c.metrics, err = newMetrics(meters.Meter(scope), c)
	return c, err
}

// Stop ends the calls that watch or wait. It is safe to stop twice.
func (c *Core) Stop() {
	c.stopOnce.Do(func() {
		close(c.stopped)
		c.metrics.close()
	})
}
