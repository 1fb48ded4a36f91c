// Package core is the domain of the rule service: what users should hold by the rules, and how what they hold is brought
// there. It knows neither SQL nor gRPC.
//
// The heart is reconcile: it compares what a user should hold, by facts that are stored, with what the user holds, and
// writes the difference. Everything else decides whom to reconcile: a follower of identity's change feed, the pages of a
// rule sync, and the walk that makes up for lost records. One worker at a time, in any process, works on an organization,
// under a lease whose token every commit checks; and it reads the facts after it was given the lease.
package core

import (
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

// Config holds the core's settings. All must be positive.
type Config struct {
	Workers         int           // organizations that are worked on at a time, in each lane
	BatchSize       int           // change records, or members of a group, that are dealt with in one transaction
	BatchesPerTurn  int           // batches of one organization before another one's turn
	SyncPageSize    int           // users in one page of a rule sync
	LeaseDuration   time.Duration // how long an owner that has died keeps its organizations
	CallTimeout     time.Duration // of one call of another service
	RetryDelay      time.Duration // after a first failure; it doubles up to MaxRetryDelay
	MaxRetryDelay   time.Duration
	BookmarkEvery   time.Duration // how often a quiet watch is told the cursor
	SweepEvery      time.Duration // how often every organization is looked at, and old records are trimmed
	FeedRetention   time.Duration // how long records of the access feed are kept
	RecheckInterval time.Duration // how often a waiting call asks identity again, beside being woken

	UserRetryDelay    time.Duration // how long a user waits that was set aside; it doubles up to MaxUserRetryDelay
	MaxUserRetryDelay time.Duration
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
	var err error
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
