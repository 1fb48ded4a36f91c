package core

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// remember is how long what was read of a directory is good for. This process forgets it when it applies a change; what
// another process applied shows after so long, unless this one hears of it first. Until then reads may still be answered of
// a directory that was closed, which the gateway lets nobody begin, and messages be read in the mode of before. Writes look again, in
// their transaction.
const remember = time.Second

// openDirectory is what requests need of a directory that is open.
type openDirectory struct {
	options scim.Options // how its messages are read
	// ancestors are the directories that it may adopt from. They were closed before it was made, and stay so.
	ancestors []string
}

// remembered keeps what was read of directories that are in use.
type remembered[T any] struct {
	mu     sync.Mutex
	known  map[store.Scope]dated[T]
	change int // counts what was forgotten, so that what was read before is not remembered after
}

type dated[T any] struct {
	value T
	until time.Time
}

// find gives what is remembered of a directory, and what to tell put of it otherwise.
func (r *remembered[T]) find(scope store.Scope, now time.Time) (value T, ok bool, change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.known[scope]
	return found.value, ok && now.Before(found.until), r.change
}

// maxRemembered bounds the memory that directories take which nobody asks for any more.
const maxRemembered = 10_000

func (r *remembered[T]) put(scope store.Scope, value T, now time.Time, change int) {
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

// forget forgets all of directories, which change rarely, and wakes who waits for one.
func (c *Core) forget() {
	c.types.forget()
	c.directories.forget()
	c.applied.Notify()
}

// ApplyDirectory takes what is new of a directory, and wakes the requests that wait for it.
func (c *Core) ApplyDirectory(ctx context.Context, d store.Directory, at store.Place) error {
	if err := c.store.ApplyDirectory(ctx, d, at, c.cause(Call{})); err != nil {
		return err
	}
	c.forget()
	return nil
}

// Followed is the last place in the feed of directories that was applied.
func (c *Core) Followed(ctx context.Context) (store.Place, error) { return c.store.Followed(ctx) }

// Epoch is that of the database: another one once it is not the database that it was.
func (c *Core) Epoch() string { return c.store.Epoch() }

// open finds what a call on the resources of a type needs of its directory, and reads in its mode what the client chooses to see. See
// directory.
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
	quirks, err := call.Projection.Quirks(o.directory.options.Mode)
	if err != nil {
		return o, refused(err)
	}
	if len(quirks) > 0 {
		c.oddities.note(call.Scope, quirks, nil, c.cause(call))
	}
	types, err := c.typesOf(ctx, call.Scope)
	o.resource = types[o.kind.of]
	return o, err
}

// directory waits a little for identity to know the directory. It is fault.Deleted when that is closed.
func (c *Core) directory(ctx context.Context, scope store.Scope) (openDirectory, error) {
	now := time.Now() // not the configured clock: an age is measured
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
			o := openDirectory{options: c.options(d.Strict)}
			if d.ReplacesID != "" {
				if o.ancestors, err = c.store.Ancestors(ctx, scope); err != nil {
					return openDirectory{}, err
				}
			}
			c.directories.put(scope, o, now, change)
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

// options is the way in which a directory's messages are read.
func (c *Core) options(strict bool) scim.Options {
	options := scim.Options{Limits: c.config.Limits}
	if strict {
		options.Mode = scim.Strict
	}
	return options
}
