package core

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// remember is how long cached data of a directory is valid. This process drops its cache when it applies a change. A change that
// another process applied becomes visible after this time at the latest. Until then, reads of a closed directory may still be
// answered, although the gateway admits no new ones, and messages may be read in the previous mode. Writes check again, in their
// transaction.
const remember = time.Second

// openDirectory is what requests need to know of an open directory.
type openDirectory struct {
	options scim.Options // for reading the directory's messages
	// ancestors are the directories that it may adopt from. They were closed before it was created, and stay closed.
	ancestors []string
	// adoptByName allows to adopt a resource with the same name and another externalId.
	adoptByName bool
	// counted becomes true with the first message since the directory was read: only this one is counted as the milestone MESSAGE,
	// so that the others, about a second long, do not wait for each other.
	counted *atomic.Bool
}

// remembered caches data of directories in use.
type remembered[T any] struct {
	mu     sync.Mutex
	known  map[store.Scope]dated[T]
	change int // counts calls of forget, so that set does not store data that was read before one
}

type dated[T any] struct {
	value T
	until time.Time
}

// find returns the cached value of a directory. If there is none, the caller passes change to set.
func (r *remembered[T]) find(scope store.Scope, now time.Time) (value T, ok bool, change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.known[scope]
	return found.value, ok && now.Before(found.until), r.change
}

// maxRemembered bounds the memory for directories that are no longer in use.
const maxRemembered = 10_000

func (r *remembered[T]) set(scope store.Scope, value T, now time.Time, change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.change != change {
		return
	}
	if r.known == nil || len(r.known) >= maxRemembered {
		r.known = map[store.Scope]dated[T]{}
	}
	r.known[scope] = dated[T]{value: value, until: now.Add(remember)}
}

func (r *remembered[T]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = nil
	r.change++
}

// forget drops the cache of all directories, which rarely change, and wakes the requests that wait for a directory.
func (c *Core) forget() {
	c.types.forget()
	c.directories.forget()
	c.applied.Notify()
}

// ApplyDirectory applies a change of a directory, and wakes the requests that wait for it.
func (c *Core) ApplyDirectory(ctx context.Context, d store.Directory, at store.Place) error {
	if err := c.store.ApplyDirectory(ctx, d, at, c.cause(Call{})); err != nil {
		return err
	}
	c.forget()
	return nil
}

// Followed is the last applied place in the feed of directories.
func (c *Core) Followed(ctx context.Context) (store.Place, error) { return c.store.Followed(ctx) }

// Epoch is the epoch of the database. It changes when the database is restored.
func (c *Core) Epoch() string { return c.store.Epoch() }

// open reads what a call on the resources of a type needs of its directory, and checks in the directory's mode which attributes the
// client wants. Errors: those of directory, and fault.InvalidRequest for an unknown type.
func (c *Core) open(ctx context.Context, call Call, resourceType string) (opened, error) {
	o := opened{Call: call}
	i := slices.IndexFunc(c.kinds, func(k *kind) bool { return string(k.of) == resourceType })
	if i < 0 {
		return o, fault.Invalid("target.resource_type", "there is no resource type %q", resourceType)
	}
	o.kind = c.kinds[i]
	var err error
	if o.directory, err = c.directory(ctx, call.Scope); err != nil {
		return o, err
	}
	if !o.directory.counted.Load() && o.directory.counted.CompareAndSwap(false, true) {
		c.messageCounts.count(call.Scope, observed{milestones: setOf(identityv1.MilestoneKind_MILESTONE_KIND_MESSAGE)}, c.cause(call))
	}
	quirks, err := call.Projection.Quirks(o.directory.options.Mode)
	if err != nil {
		return o, refused(err)
	}
	if len(quirks) > 0 {
		c.messageCounts.count(call.Scope, observed{quirks: quirks}, c.cause(call))
	}
	types, err := c.typesOf(ctx, call.Scope)
	o.resource = types[o.kind.of]
	return o, err
}

// directory reads a directory, and waits up to ReadyWait for a new one. fault.Deleted: the directory is closed.
// fault.NotReady: identity does not know it yet.
func (c *Core) directory(ctx context.Context, scope store.Scope) (openDirectory, error) {
	now := time.Now() // not the configured clock: this measures an age
	known, ok, change := c.directories.find(scope, now)
	if ok {
		return known, nil
	}
	deadline := time.NewTimer(c.config.ReadyWait)
	defer deadline.Stop()
	for {
		applied := c.applied.Wait()
		d, err := c.store.Directory(ctx, scope)
		switch {
		case err == nil && d.Closed:
			return openDirectory{}, fault.New(fault.Deleted, "directory %q was deleted", scope.DirectoryID)
		case err == nil:
			o := openDirectory{options: c.options(d.Strict), adoptByName: d.AdoptByName, counted: new(atomic.Bool)}
			if d.ReplacesID != "" {
				if o.ancestors, err = c.store.Ancestors(ctx, scope); err != nil {
					return openDirectory{}, err
				}
			}
			c.directories.set(scope, o, now, change)
			return o, nil
		case !fault.Is(err, fault.NotFound):
			return openDirectory{}, err
		}
		select {
		case <-applied:
		case <-deadline.C:
			return openDirectory{}, fault.New(fault.NotReady, "directory %q is not ready yet", scope.DirectoryID).Retry(time.Second)
		case <-ctx.Done():
			return openDirectory{}, ctx.Err()
		}
	}
}

// options are the options for reading a directory's messages.
func (c *Core) options(strict bool) scim.Options {
	options := scim.Options{Limits: c.config.Limits}
	if strict {
		options.Mode = scim.Strict
	}
	return options
}
