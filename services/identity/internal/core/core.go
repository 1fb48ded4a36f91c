// Package core is the identity service's domain: SCIM's operations on stored users and groups, adoption, and reads for other
// services. It contains no SQL. Of the transport it knows only the protobuf messages that it returns.
package core

import (
	"cmp"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Config is the configuration of the domain.
type Config struct {
	ScanLimit     int // the most resources that a list reads without an index
	DocumentBytes int // the largest stored document in bytes: see fits
	Tuning
	// Lists is the memory budget of all lists; nil means no limit.
	Lists *inflight.Budget
	// Shared is true if other processes may use the store.
	Shared bool
	Now    func() time.Time
}

// Tuning contains sizes and times that users cannot set.
type Tuning struct {
	// ReadyWait is how long a request waits until identity learns of its new directory.
	ReadyWait time.Duration
	// PageBytes is the size at which a page of a list ends early.
	PageBytes int
	// FactsLimit is the most memberships, of users and of the groups above them, that one read of users inspects. A call for
	// several users that needs more is refused. A single user who needs more has no access by groups.
	FactsLimit int
	// SearchLimit is about the most users or groups that one call of a search looks at.
	SearchLimit int
	// Limits are the limits of messages; zero fields have their defaults.
	Limits scim.Limits
}

// Complete replaces zero fields with their defaults: 2 seconds, 4 MiB, 200,000 and 10,000.
func (t Tuning) Complete() Tuning {
	t.ReadyWait = cmp.Or(t.ReadyWait, 2*time.Second)
	t.PageBytes = cmp.Or(t.PageBytes, 4<<20)
	t.FactsLimit = cmp.Or(t.FactsLimit, 200_000)
	t.SearchLimit = cmp.Or(t.SearchLimit, 10_000)
	return t
}

// Core is the domain over a store.
type Core struct {
	store         store.Store
	metrics       metrics
	config        Config
	kinds         []*kind
	directories   remembered[openDirectory]
	types         remembered[types]
	built         scim.TypeMemory
	applied       wait.Signal // notified after a directory was applied
	messageCounts messageCounts
}

// New makes the domain. meter may be nil.
func New(s store.Store, c Config, meter metric.MeterProvider) (*Core, error) {
	m, err := newMetrics(meter)
	return &Core{store: s, metrics: m, config: c, kinds: kinds(), messageCounts: messageCounts{flushing: make(chan struct{}, 1)}}, err
}

// Call contains what every SCIM call has besides its own arguments.
type Call struct {
	Scope       store.Scope
	BaseURL     string
	Projection  scim.Projection
	MessageID   string
	Traceparent string
}

// opened is a call on the resources of one type, in an open directory.
type opened struct {
	Call
	kind      *kind
	directory openDirectory
	resource  *scim.ResourceType // with the extensions that are registered for the directory
}

func (o *opened) envelope(r store.Resource) scim.Envelope {
	return scim.Envelope{
		ID: r.ID, BaseURL: o.BaseURL, Created: r.CreateTime, LastModified: r.UpdateTime, Version: r.Version, Groups: r.Groups,
	}
}

// ParseProjection parses the attributes that a client wants to see.
func ParseProjection(attributes, excluded []string) (scim.Projection, error) {
	p, err := scim.ParseProjection(attributes, excluded)
	return p, refused(err)
}

func (c *Core) cause(call Call) store.Cause {
	return store.Cause{
		MessageID: call.MessageID, Traceparent: call.Traceparent, Time: c.config.Now().UTC().Truncate(time.Microsecond),
	}
}

// refused converts an error of package scim to a fault.
func refused(err error) error {
	var e *scim.Error
	if !errors.As(err, &e) {
		return err
	}
	f := fault.New(fault.OfSCIMType(string(e.Type)), "%s", e.Detail)
	if e.Path != "" {
		f = f.With("attribute", e.Path)
	}
	return f
}
