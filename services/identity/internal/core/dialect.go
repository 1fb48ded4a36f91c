package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// dialectCounts gathers the quirks and ignored attributes of accepted messages. A background task writes them to the store:
// if each write updated a row of its directory, the writers would wait for each other. If the process is killed, the counts
// since the last flush are lost, and nothing else.
type dialectCounts struct {
	mu       sync.Mutex
	gathered map[dialectKey]*store.DialectCount
	ignored  map[store.Scope]int // ignored attributes among them

	flushing sync.Mutex // locked from the taking of the counts until they are stored or given back
}

type dialectKey struct {
	scope   store.Scope
	ignored bool
	name    string
}

// maxGathered bounds the counts that wait to be stored, for example while the database does not answer. New ones beyond this
// are dropped.
const maxGathered = 20_000

// count counts the quirks and ignored attributes of one message.
func (q *dialectCounts) count(scope store.Scope, quirks, ignored []string, cause store.Cause) {
	if len(quirks) == 0 && len(ignored) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	one := store.DialectCount{Scope: scope, Messages: 1, FirstTime: cause.Time, LastTime: cause.Time, LastMessageID: cause.MessageID}
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

// add adds a count. The caller has locked mu.
func (q *dialectCounts) add(o store.DialectCount) {
	key := dialectKey{o.Scope, o.Ignored, o.Name}
	known := q.gathered[key]
	if known == nil {
		if len(q.gathered) >= maxGathered || o.Ignored && q.ignored[o.Scope] >= store.MaxIgnored {
			return
		}
		if q.gathered == nil {
			q.gathered, q.ignored = map[dialectKey]*store.DialectCount{}, map[store.Scope]int{}
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

// take returns the gathered counts, and starts again from nothing.
func (q *dialectCounts) take() []store.DialectCount {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]store.DialectCount, 0, len(q.gathered))
	for _, o := range q.gathered {
		all = append(all, *o)
	}
	q.gathered, q.ignored = nil, nil
	return all
}

// giveBack adds counts again that could not be stored.
func (q *dialectCounts) giveBack(all []store.DialectCount) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range all {
		q.add(o)
	}
}

// FlushDialectCounts stores the gathered counts. After an error, the next call tries again.
func (c *Core) FlushDialectCounts(ctx context.Context) error {
	c.dialectCounts.flushing.Lock()
	defer c.dialectCounts.flushing.Unlock()
	all := c.dialectCounts.take()
	// Always in the same order, so that two processes do not deadlock.
	slices.SortFunc(all, func(a, b store.DialectCount) int {
		return cmp.Or(strings.Compare(a.OrganizationID, b.OrganizationID), strings.Compare(a.DirectoryID, b.DirectoryID),
			strings.Compare(a.Name, b.Name))
	})
	const batch = 500 // keeps the transaction short
	for len(all) > 0 {
		some := all[:min(len(all), batch)]
		if err := c.store.AddDialectCounts(ctx, some); err != nil {
			c.dialectCounts.giveBack(all)
			return err
		}
		all = all[len(some):]
	}
	return nil
}

// DialectCounts lists the dialect counts of a directory by name, quirks first, including those that this process has gathered.
// fault.NotFound: the directory does not exist, or is not known yet.
func (c *Core) DialectCounts(ctx context.Context, scope store.Scope) ([]store.DialectCount, error) {
	if _, err := c.store.Directory(ctx, scope); err != nil {
		return nil, err
	}
	if err := c.FlushDialectCounts(ctx); err != nil {
		return nil, err
	}
	return c.store.DialectCounts(ctx, scope)
}
