package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// messageCounts gathers the quirks, attributes and milestones of accepted messages. A background task writes them to the
// store: if each write updated a row of its directory, the writers would wait for each other. If the process is killed, the counts
// since the last flush are lost, and nothing else.
type messageCounts struct {
	mu       sync.Mutex
	gathered map[countKey]*store.MessageCount
	limited  map[limitKey]int // those among them whose names the IdP chooses

	flushing chan struct{} // has a value from the taking of the counts until they are stored or given back
}

type countKey struct {
	scope store.Scope
	kind  store.CountKind
	name  string
}

type limitKey struct {
	scope store.Scope
	kind  store.CountKind
}

// observed is what appeared in one message.
type observed struct {
	quirks, ignored []string
	milestones      milestones
	resourceType    store.Type
	unregistered    []string // see scim.Result
}

// maxGathered bounds the counts that wait to be stored, for example while the database does not answer. New ones beyond this
// are dropped.
const maxGathered = 20_000

// count counts what appeared in one message.
func (q *messageCounts) count(scope store.Scope, o observed, cause store.Cause) {
	if len(o.quirks) == 0 && len(o.ignored) == 0 && o.milestones == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	one := store.MessageCount{
		Scope: scope, Kind: store.Quirk, Messages: 1, FirstTime: cause.Time, LastTime: cause.Time, LastMessageID: cause.MessageID,
	}
	for _, one.Name = range o.quirks {
		q.add(&one)
	}
	one.Kind = store.Milestone
	for one.Name = range o.milestones.names() {
		q.add(&one)
	}
	one.Kind = store.Ignored
	for _, path := range o.ignored {
		if path != "..." {
			one.Name = strings.Clone(path) // it shares memory with the message
			q.add(&one)
		}
	}
	one.Kind = store.Unregistered
	for _, attribute := range o.unregistered {
		one.Name = string(o.resourceType) + " " + attribute
		q.add(&one)
	}
}

// add adds a count. The caller has locked mu.
func (q *messageCounts) add(o *store.MessageCount) {
	key := countKey{o.Scope, o.Kind, o.Name}
	known := q.gathered[key]
	if known == nil {
		limit := limitKey{o.Scope, o.Kind}
		limited := o.Kind == store.Ignored || o.Kind == store.Unregistered
		if len(q.gathered) >= maxGathered || limited && q.limited[limit] >= store.MaxIgnored {
			return
		}
		if q.gathered == nil {
			q.gathered, q.limited = map[countKey]*store.MessageCount{}, map[limitKey]int{}
		}
		if limited {
			q.limited[limit]++
		}
		added := *o
		q.gathered[key] = &added
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
func (q *messageCounts) take() []store.MessageCount {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]store.MessageCount, 0, len(q.gathered))
	for _, o := range q.gathered {
		all = append(all, *o)
	}
	q.gathered, q.limited = nil, nil
	return all
}

// giveBack adds counts again that could not be stored.
func (q *messageCounts) giveBack(all []store.MessageCount) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range all {
		q.add(&all[i])
	}
}

// FlushMessageCounts stores the gathered counts. After an error, the next call tries again.
func (c *Core) FlushMessageCounts(ctx context.Context) error {
	select {
	case c.messageCounts.flushing <- struct{}{}:
		defer func() { <-c.messageCounts.flushing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	all := c.messageCounts.take()
	// Always in the same order, so that two processes do not deadlock.
	slices.SortFunc(all, func(a, b store.MessageCount) int {
		return cmp.Or(strings.Compare(a.OrganizationID, b.OrganizationID), strings.Compare(a.DirectoryID, b.DirectoryID),
			cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	const batch = 500 // keeps the transaction short
	for len(all) > 0 {
		some := all[:min(len(all), batch)]
		if err := c.addMessageCounts(ctx, some); err != nil {
			c.messageCounts.giveBack(all)
			return err
		}
		all = all[len(some):]
	}
	return nil
}

// addMessageCounts stores counts. If the database will never accept one of them, only this one is lost: it must not hold up those of others.
func (c *Core) addMessageCounts(ctx context.Context, counts []store.MessageCount) error {
	err := c.store.AddMessageCounts(ctx, counts)
	if err == nil || !fault.Is(err, fault.InvalidRequest) {
		return err
	}
	if len(counts) == 1 {
		return nil
	}
	half := len(counts) / 2
	if err := c.addMessageCounts(ctx, counts[:half]); err != nil {
		return err
	}
	return c.addMessageCounts(ctx, counts[half:])
}

// MessageCounts lists the message counts of a directory by kind and name, including those that this process has gathered.
// It waits briefly for a new directory.
func (c *Core) MessageCounts(ctx context.Context, scope store.Scope) ([]store.MessageCount, error) {
	if _, err := c.directory(ctx, scope); err != nil && !fault.Is(err, fault.Deleted) {
		return nil, err
	}
	_ = c.FlushMessageCounts(ctx) // without it, the answer is some seconds older
	return c.store.MessageCounts(ctx, scope)
}
