package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// oddities gathers what accepted messages had of quirks and ignored attributes, to be folded into the store in the
// background: a row that each write of a directory changes would make its writers wait for each other. What was not folded
// when the process is killed is lost, and nothing but these counts with it.
type oddities struct {
	mu       sync.Mutex
	gathered map[oddity]*store.Oddity
	ignored  map[store.Scope]int // ignored attributes among them

	folding sync.Mutex // held from taking what was gathered until it is stored or back
}

type oddity struct {
	scope   store.Scope
	ignored bool
	name    string
}

// maxGathered bounds what waits to be folded, while the database is away say: new ones beyond are left out.
const maxGathered = 20_000

// note counts a message.
func (q *oddities) note(scope store.Scope, quirks, ignored []string, cause store.Cause) {
	if len(quirks) == 0 && len(ignored) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	one := store.Oddity{Scope: scope, Messages: 1, FirstTime: cause.Time, LastTime: cause.Time, LastMessageID: cause.MessageID}
	for _, one.Name = range quirks {
		q.add(one)
	}
	one.Ignored = true
	for _, path := range ignored {
		if path != "..." {
			one.Name = strings.Clone(path) // it shares memory with the message
			q.add(one)
		}
	}
}

// add counts, with mu held.
func (q *oddities) add(o store.Oddity) {
	key := oddity{o.Scope, o.Ignored, o.Name}
	known := q.gathered[key]
	if known == nil {
		if len(q.gathered) >= maxGathered || o.Ignored && q.ignored[o.Scope] >= store.MaxIgnored {
			return
		}
		if q.gathered == nil {
			q.gathered, q.ignored = map[oddity]*store.Oddity{}, map[store.Scope]int{}
		}
		if o.Ignored {
			q.ignored[o.Scope]++
		}
		q.gathered[key] = &o
		return
	}
	known.Messages += o.Messages
	if o.FirstTime.Before(known.FirstTime) {
		known.FirstTime = o.FirstTime
	}
	if !o.LastTime.Before(known.LastTime) {
		known.LastTime, known.LastMessageID = o.LastTime, o.LastMessageID
	}
}

// take gives what was gathered, and begins anew.
func (q *oddities) take() []store.Oddity {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]store.Oddity, 0, len(q.gathered))
	for _, o := range q.gathered {
		all = append(all, *o)
	}
	q.gathered, q.ignored = nil, nil
	return all
}

// putBack returns what could not be stored.
func (q *oddities) putBack(all []store.Oddity) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range all {
		q.add(o)
	}
}

// FoldOddities stores what was gathered of oddities. What fails is tried again with the next call.
func (c *Core) FoldOddities(ctx context.Context) error {
	c.oddities.folding.Lock()
	defer c.oddities.folding.Unlock()
	all := c.oddities.take()
	// In one order, so that two processes that fold do not wait for each other in a circle.
	slices.SortFunc(all, func(a, b store.Oddity) int {
		return cmp.Or(strings.Compare(a.OrganizationID, b.OrganizationID), strings.Compare(a.DirectoryID, b.DirectoryID),
			strings.Compare(a.Name, b.Name))
	})
	const batch = 500 // keeps the transaction short
	for len(all) > 0 {
		some := all[:min(len(all), batch)]
		if err := c.store.AddOddities(ctx, some); err != nil {
			c.oddities.putBack(all)
			return err
		}
		all = all[len(some):]
	}
	return nil
}

// Oddities lists a directory's by name, quirks first, with what this process has gathered. fault.NotFound: there is no such
// directory, or not yet.
func (c *Core) Oddities(ctx context.Context, scope store.Scope) ([]store.Oddity, error) {
	if _, err := c.store.Directory(ctx, scope); err != nil {
		return nil, err
	}
	if err := c.FoldOddities(ctx); err != nil {
		return nil, err
	}
	return c.store.Oddities(ctx, scope)
}
