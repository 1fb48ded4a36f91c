// Package core is the identity service's domain: SCIM's operations on stored users and groups, adoption, and reads for
// other services. It knows no SQL, and of the transport the messages alone that it answers with.
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

// Config is what the domain can be told.
type Config struct {
	ScanLimit     int // how many resources a list that no index serves reads at most
	DocumentBytes int // how large a document may be when it is stored: see fits
	Tuning
	// Lists is the memory that lists may take; nil is no bound.
	Lists *inflight.Budget
	// Shared says that other processes may use the store.
	Shared bool
	Now    func() time.Time
}

// Tuning is sizes and times that users cannot set.
type Tuning struct {
	// ReadyWait is how long a request waits for identity to learn that its directory was created.
	ReadyWait time.Duration
	// PageBytes is how large a page of a list may grow before it ends early.
	PageBytes int
	// FactsLimit is how many memberships, of users and of the groups above them, one read of users looks at. A call for several
	// users is refused beyond, and a user who alone is beyond has no access by groups.
	FactsLimit int
	// Limits bounds what messages may hold; zero fields have their defaults.
	Limits scim.Limits
}

// Complete gives fields that are zero their defaults: 2 seconds, 4 MiB and 200,000.
func (t Tuning) Complete() Tuning {
	t.ReadyWait = cmp.Or(t.ReadyWait, 2*time.Second)
	t.PageBytes = cmp.Or(t.PageBytes, 4<<20)
	t.FactsLimit = cmp.Or(t.FactsLimit, 200_000)
	return t
}

// Core is the domain over a store.
type Core struct {
	store       store.Store
	metrics     metrics
	config      Config
	kinds       []*kind
	directories remembered[openDirectory]
	types       remembered[types]
	built       scim.TypeMemory
	applied     wait.Signal // a directory was applied
	oddities    oddities
}

// New makes the domain. meter may be nil.
func New(s store.Store, c Config, meter metric.MeterProvider) (*Core, error) {
	m, err := newMetrics(meter)
	return &Core{store: s, metrics: m, config: c, kinds: kinds()}, err
}

// Call is what one SCIM call brings besides its arguments.
type Call struct {
	Scope       store.Scope
	BaseURL     string
	Projection  scim.Projection
	MessageID   string
	Traceparent string
}

// opened is a call on the resources of a type in a directory that is open.
type opened struct {
	Call
	kind      *kind
	directory openDirectory
	resource  *scim.ResourceType // with the extensions that were registered for the directory
}

func (o *opened) envelope(r store.Resource) scim.Envelope {
	return scim.Envelope{
		ID: r.ID, BaseURL: o.BaseURL, Created: r.CreateTime, LastModified: r.UpdateTime, Version: r.Version, Groups: r.Groups,
	}
}

// ParseProjection reads what a client chooses of a resource.
func ParseProjection(attributes, excluded []string) (scim.Projection, error) {
	p, err := scim.ParseProjection(attributes, excluded)
	return p, refused(err)
}

func (c *Core) cause(call Call) store.Cause {
	return store.Cause{
		MessageID: call.MessageID, Traceparent: call.Traceparent, Time: c.config.Now().UTC().Truncate(time.Microsecond),
	}
}

// refused turns what package scim refuses into a fault.
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
