// Package core is the domain of the rule service: what users should hold by the rules, and how what they hold is brought
// there. It knows neither SQL nor gRPC.
//
// The heart is reconcile: it compares what a user should hold, by facts that are stored, with what the user holds, and
// writes the difference. Everything else decides whom to reconcile: a follower of identity's change feed, the pages of a
// rule sync, and the walk that makes up for lost records. One worker at a time, in any process, works on an organization,
// under a lease whose token every commit checks; and it reads the facts after it was given the lease.
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
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Limits of what is stored for one organization or in the catalogue. Those of rules and roles are the contract's.
const (
	maxRules   = 1000
	maxRoles   = 1000
	maxReports = 1000 // that wait for delivery
	keepSyncs  = 1000 // that have ended
)

// Config is how the core works. Workers and FeedRetention are positive.
type Config struct {
	Workers       int           // organizations that are worked on at a time, in each lane
	FeedRetention time.Duration // how long records of the access feed are kept
	Tuning
}

// Tuning is sizes and times that users need not know. A zero field means its default.
type Tuning struct {
	// BatchSize is how many change records, or members of a group, are dealt with in one transaction. Default 200, at most
	// 1,000.
	BatchSize int
	// BatchesPerTurn is how many batches of one organization are dealt with before another one's turn. Default 8.
	BatchesPerTurn int
	// SyncPageSize is how many users are in one page of a rule sync. Default 500, at most 1,000.
	SyncPageSize int
	// LeaseDuration is how long the work on an organization rests when the process that did it has died. Default 10 s.
	LeaseDuration time.Duration
	// CallTimeout bounds each call of another service. What takes longer is tried again in smaller parts. Default 5 s.
	CallTimeout time.Duration
	// RetryDelay is how long to wait after a first failure; it doubles with each failure in a row. Default 100 ms.
	RetryDelay time.Duration
	// MaxRetryDelay is how long to wait at most. Default 5 s: access must not lag long behind once identity is back.
	MaxRetryDelay time.Duration
	// BookmarkInterval is how often a quiet WatchAccess is told the cursor. Default 25 s, at most 30 s.
	BookmarkInterval time.Duration
	// SweepInterval is how often every organization is looked at, and old records are trimmed. Default 10 min.
	SweepInterval time.Duration
	// RecheckInterval is how often WaitUntilCaughtUp asks identity again, beside being woken. Default 250 ms.
	RecheckInterval time.Duration
	// UserRetryDelay is how long a user that was set aside waits for the next try; it doubles with each. Default 2 s.
	UserRetryDelay time.Duration
	// MaxUserRetryDelay is how long such a user waits at most. Default 5 min.
	MaxUserRetryDelay time.Duration
}

// complete fills in the defaults, then gives every problem at once, by the field's name.
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

	owner     string // this process, among those that take leases
	queue     *queue
	attempts  *attempts
	protected places
	fresh     *freshness
	rules     ruleSets
	leases    leases
	tails     tails
	reports   chan struct{} // holds a token when there may be reports to deliver
	stopped   chan struct{}
	stopOnce  sync.Once
}

// New makes a core. now is the clock of everything that is stored.
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
		reports: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	c.fresh = newFreshness(c.now())
	// A process that enqueues work for an organization that this one owns, such as a rule sync, cannot do it.
	s.OnOthers(func(organizationID string) {
		if _, owned := c.leases.get(organizationID); owned {
			c.queue.add(organizationID)
		}
	})
	c.metrics, err = newMetrics(meters.Meter(scope), c)
	return c, err
}

// Stop ends the calls that watch or wait. Stopping twice is safe.
func (c *Core) Stop() {
	c.stopOnce.Do(func() {
		close(c.stopped)
		c.metrics.close()
	})
}
