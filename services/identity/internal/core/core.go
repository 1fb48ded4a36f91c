// Package core is the identity service's domain: SCIM's operations on stored users and groups, adoption, and reads for
// other services. It knows no SQL and no transport.
package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Config is what the domain can be told.
type Config struct {
	// ReadyWait is how long a request waits for identity to learn that its directory was created.
	ReadyWait time.Duration
	// PageBytes is how large a page of a list may grow before it ends early.
	PageBytes int
	Limits    scim.Limits
	Now       func() time.Time
}

// Core is the domain over a store.
type Core struct {
	store       store.Store
	config      Config
	directories directories
}

// New makes the domain.
func New(s store.Store, c Config) *Core { return &Core{store: s, config: c} }

// Call is what one SCIM call brings besides its arguments.
type Call struct {
	Scope       store.Scope
	BaseURL     string
	Projection  scim.Projection
	MessageID   string
	Traceparent string
}

// ParseProjection reads what a client chooses of a resource.
func ParseProjection(attributes, excluded []string) (scim.Projection, error) {
	p, err := scim.ParseProjection(attributes, excluded)
	return p, refused(err)
}

// Resource is a resource as the client sees it.
type Resource struct {
	ID         string
	Document   []byte // rendered; nil where it was not asked for
	Version    int64
	CreateTime time.Time
	UpdateTime time.Time
}

// Outcome is what a write did besides changing the resource.
type Outcome struct {
	Cursor  feed.Cursor // zero when it changed nothing
	Ignored []string
	Quirks  []string
	Adopted bool
}

// Query is a list's question.
type Query struct {
	Filter     string
	StartIndex int64
	Count      int64 // negative: the default
}

// Page is a list's answer.
type Page struct {
	Total      int64
	StartIndex int64
	Resources  []Resource
}

const (
	defaultCount = 200
	maxCount     = 1000
	// scanPage is how many resources a filter without an index reads at a time.
	scanPage = 500
	// maxRaces is how often a write is tried again after somebody else's came first. Each loss is somebody's success.
	maxRaces = 100
)

func (c *Core) cause(call Call) store.Cause {
	return store.Cause{
		MessageID: call.MessageID, Traceparent: call.Traceparent, Time: c.config.Now().UTC().Truncate(time.Microsecond),
	}
}

// scimReasons maps the scimTypes to reasons.
var scimReasons = map[scim.ErrorType]fault.Reason{
	scim.InvalidFilter: fault.InvalidFilter,
	scim.TooMany:       fault.TooMany,
	scim.Uniqueness:    fault.Uniqueness,
	scim.Mutability:    fault.Mutability,
	scim.InvalidSyntax: fault.InvalidSyntax,
	scim.InvalidPath:   fault.InvalidPath,
	scim.NoTarget:      fault.NoTarget,
	scim.InvalidValue:  fault.InvalidValue,
	scim.InvalidVers:   fault.InvalidVersion,
	scim.Sensitive:     fault.Sensitive,
}

// refused turns what package scim refuses into a fault.
func refused(err error) error {
	var e *scim.Error
	if !errors.As(err, &e) {
		return err
	}
	f := fault.New(scimReasons[e.Type], "%s", e.Detail)
	if e.Path != "" {
		f = f.With("attribute", e.Path)
	}
	return f
}

// precondition refuses a version that If-Match does not name (RFC 7644 §3.14).
func precondition(versions []int64, current int64) error {
	if len(versions) == 0 || slices.Contains(versions, current) {
		return nil
	}
	return stale(current)
}

func stale(current int64) error {
	f := fault.New(fault.Conflict, "the resource has changed since the version that If-Match names: read it again")
	if current > 0 {
		f = f.With("version", scim.ETag(current))
	}
	return f
}

// race tries a read and its conditional write until nobody came in between. With If-Match there is nothing to try again.
func race(versions []int64, try func() error) error {
	for range maxRaces {
		err := try()
		if !errors.Is(err, store.ErrChanged) {
			return err
		}
		if len(versions) > 0 {
			return stale(0)
		}
	}
	return fault.New(fault.Unavailable, "too many writes to this resource at a time").Retry(time.Second)
}

// lister is what listing needs of a resource type.
type lister[T any] struct {
	count func(ctx context.Context) (int64, error)
	page  func(ctx context.Context, skip, limit int64) ([]T, error)
	walk  func(ctx context.Context, after string, limit int) ([]T, error)
	id    func(T) string
	// related reads what all of a page need to be matched, or shown where the filter is nil.
	related func(ctx context.Context, f *scim.Filter, page []T) error
	match   func(ctx context.Context, f *scim.Filter, resource T) (bool, error)
	render  func(ctx context.Context, resource T) (Resource, error)
	// find answers a filter that an index serves; ok is false where none does.
	find func(ctx context.Context, attribute, value string) (found []T, ok bool, err error)
}

func list[T any](ctx context.Context, t *scim.ResourceType, limits scim.Limits, pageBytes int, q Query, l lister[T]) (Page, error) {
	p := Page{StartIndex: max(q.StartIndex, 1)}
	count := q.Count
	if count < 0 {
		count = defaultCount
	}
	count = min(count, maxCount)
	var resources []T
	var err error
	if q.Filter == "" {
		if p.Total, err = l.count(ctx); err != nil {
			return p, err
		}
		if count > 0 {
			resources, err = l.page(ctx, p.StartIndex-1, count)
		}
	} else {
		resources, err = filtered(ctx, t, limits, q.Filter, &p, count, l)
	}
	if err == nil {
		err = l.related(ctx, nil, resources)
	}
	if err != nil {
		return p, err
	}
	for size, i := 0, 0; i < len(resources) && size < pageBytes; i++ {
		// Groups may be large: the page ends early, and the client asks for the rest (RFC 7644 §3.4.2.4).
		rendered, err := l.render(ctx, resources[i])
		if err != nil {
			return p, err
		}
		p.Resources = append(p.Resources, rendered)
		size += len(rendered.Document)
	}
	return p, nil
}

// filtered finds what matches: by an index, or by reading all of the directory, a page at a time.
func filtered[T any](ctx context.Context, t *scim.ResourceType, limits scim.Limits, text string, p *Page, count int64, l lister[T]) ([]T, error) {
	filter, err := scim.ParseFilter(text, limits)
	if err == nil {
		err = t.CheckFilter(filter)
	}
	if err != nil {
		return nil, refused(err)
	}
	var window []T
	take := func(resource T) {
		p.Total++
		if p.Total >= p.StartIndex && int64(len(window)) < count {
			window = append(window, resource)
		}
	}
	if attribute, value, ok := filter.Equality(); ok {
		found, ok, err := l.find(ctx, attribute, value)
		if err != nil {
			return nil, err
		}
		if ok {
			for _, resource := range found {
				take(resource)
			}
			return window, nil
		}
	}
	for after := ""; ; {
		page, err := l.walk(ctx, after, scanPage)
		if err == nil {
			err = l.related(ctx, filter, page)
		}
		if err != nil {
			return nil, err
		}
		for _, resource := range page {
			matches, err := l.match(ctx, filter, resource)
			if err != nil {
				return nil, err
			}
			if matches {
				take(resource)
			}
		}
		if len(page) < scanPage {
			return window, nil
		}
		after = l.id(page[len(page)-1])
	}
}
