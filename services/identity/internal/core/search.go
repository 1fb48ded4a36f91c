package core

import (
	"context"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

const (
	// scanPage is how many resources a filter reads at a time.
	scanPage = 500
	// maxCandidates is how many resources an index may return. If there are more, a walk through all resources soon fills a
	// page.
	maxCandidates = 10_000
)

// matches iterates over the matches of a filter, by id.
type matches struct {
	*lister
	// source reads the next resources after an id, and returns the id that it has reached, which is empty at the end.
	source func(ctx context.Context, after string) (read []store.Resource, next string, err error)
	rest   *scim.Filter // what the source does not check; nil for nothing
	order  *scim.Sort   // nil for none
	after  string       // the id that was reached
	read   int          // how many resources were read
	ended  bool
}

// search chooses how to find the matches: by an index, or by a walk through all resources of the directory.
func (l *lister) search(ctx context.Context, filter *scim.Filter) (*matches, error) {
	var cond scim.Condition
	var rest *scim.Filter
	ok := false
	if filter != nil {
		cond, rest, ok = filter.Condition(l.o.resource)
	}
	if ok {
		if found, ok, err := l.one(ctx, cond); ok || err != nil {
			return &matches{lister: l, rest: rest, source: func(_ context.Context, after string) (read []store.Resource, next string, err error) {
				return slices.DeleteFunc(found, func(r store.Resource) bool { return r.ID <= after }), "", nil
			}}, err
		}
		ids, err := l.core.store.Candidates(ctx, l.scope, l.of, cond, maxCandidates+1)
		if err != nil {
			return nil, err
		}
		if len(ids) <= maxCandidates {
			slices.Sort(ids)
			return &matches{lister: l, rest: rest, source: l.those(slices.Compact(ids))}, nil
		}
	}
	l.core.metrics.scan(ctx, string(l.of))
	l.room.scans = true
	return &matches{lister: l, rest: filter, source: func(ctx context.Context, after string) (read []store.Resource, next string, err error) {
		step := l.step()
		if read, err = l.core.store.List(ctx, l.scope, l.of, after, scanPage, step); len(read) == scanPage || store.Full(read, step) {
			next = read[len(read)-1].ID
		}
		return read, next, err
	}}, nil
}

// step returns how many bytes of documents the next step reads.
func (l *lister) step() int { return l.room.bytes(l.core.config.PageBytes) }

// one reads the only resource that has a value, with what is shown of it. ok is false if several resources may have it.
func (l *lister) one(ctx context.Context, cond scim.Condition) (found []store.Resource, ok bool, err error) {
	by := store.Selector{}
	switch {
	case !cond.Equal() || !l.o.kind.unique:
		return nil, false, nil
	case cond.Attribute == l.o.kind.name:
		by.Name = cond.Low
	case cond.Attribute == "externalId":
		by.ExternalID = cond.Low
	case cond.Attribute == "id":
		by.ID = cond.Low
	default:
		return nil, false, nil
	}
	r, err := l.core.get(ctx, l.o, by, true)
	if fault.Is(err, fault.NotFound) {
		return nil, true, nil
	}
	return []store.Resource{r}, true, err
}

// those returns a source of some ids, which are in order.
func (l *lister) those(all []string) func(ctx context.Context, after string) (read []store.Resource, next string, err error) {
	return func(ctx context.Context, after string) (read []store.Resource, next string, err error) {
		from, found := slices.BinarySearch(all, after)
		if found {
			from++
		}
		ids := all[from:]
		if len(ids) > scanPage {
			ids = ids[:scanPage]
			next = ids[scanPage-1]
		}
		step := l.step()
		if len(ids) > 0 {
			read, err = l.core.store.ByID(ctx, l.scope, l.of, ids, step)
		}
		if store.Full(read, step) {
			next = read[len(read)-1].ID
		}
		return read, next, err
	}
}

// uses reports whether the filter or the order uses an attribute.
func (m *matches) uses(attribute string) bool {
	return m.rest != nil && m.rest.Uses(attribute) || m.order != nil && m.order.Uses(attribute)
}

// next returns the matches among the next resources, possibly none, and their keys if there is an order.
func (m *matches) next(ctx context.Context) (found []store.Resource, keys []scim.SortKey, err error) {
	read, next, err := m.source(ctx, m.after)
	if err != nil {
		return nil, nil, err
	}
	if err := m.room.reserveStep(store.Bytes(read)); err != nil {
		return nil, nil, err
	}
	m.read += len(read)
	m.after, m.ended = next, next == ""
	if m.rest == nil && m.order == nil {
		return read, nil, nil
	}
	if err := m.related(ctx, m.uses, read); err != nil {
		return nil, nil, err
	}
	for i := range read {
		d, e, err := m.inspect(ctx, read[i])
		if err != nil {
			return nil, nil, err
		}
		if m.rest != nil && !m.rest.Match(m.o.resource, d, e) {
			continue
		}
		found = append(found, read[i])
		if m.order != nil {
			keys = append(keys, m.order.Key(d, e))
		}
	}
	return found, keys, nil
}

// inspect returns what filters and orders need of a resource.
func (m *matches) inspect(ctx context.Context, r store.Resource) (d *scim.Document, e scim.Envelope, err error) {
	if d, err = scim.ParseStored(m.o.resource, r.Document); err != nil {
		return nil, e, err
	}
	e = m.o.envelope(r)
	if m.o.kind.envelope != nil {
		err = m.o.kind.envelope(ctx, m.core, m.o, m.uses, &e)
	}
	return d, e, err
}
