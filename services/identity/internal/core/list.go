package core

import (
	"context"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Query is a list's question.
type Query struct {
	Filter     string
	StartIndex int64   // of a page by index
	Count      *int64  // nil: the default
	Cursor     *string // nil pages by index; empty is the first page by cursor
}

// Page is a list's answer.
type Page struct {
	Total      int64 // negative: not known
	StartIndex int64 // of a page by index
	Resources  []Resource
	Next       string // the cursor of the next page; empty after the last one, and by index
}

const (
	defaultCount = 200
	maxCount     = 1000
	// scanPage is how many resources a filter reads at a time.
	scanPage = 500
	// maxCandidates is how many resources an index is asked for. Where there are more, so many match that a walk through all
	// of them soon fills a page.
	maxCandidates = 10_000
)

// lister is what listing needs of a resource type.
type lister[T any] struct {
	resource *scim.ResourceType
	count    func(ctx context.Context) (int64, error)
	page     func(ctx context.Context, skip, limit int64) ([]T, error)
	walk     func(ctx context.Context, after string, limit int) ([]T, error)
	id       func(T) string
	// related reads what all of a page need to be matched, or shown where the filter is nil.
	related func(ctx context.Context, f *scim.Filter, page []T) error
	match   func(ctx context.Context, f *scim.Filter, resource T) (bool, error)
	render  func(ctx context.Context, resource T) (Resource, error)
	// candidates and byID look up what meets a condition: see store.Store.
	candidates func(ctx context.Context, cond store.Condition, limit int) ([]string, error)
	byID       func(ctx context.Context, ids []string) ([]T, error)
	// one looks up the only resource that has a value, and what is shown of it; ok is false where there may be several.
	one func(ctx context.Context, cond store.Condition) (found []T, ok bool, err error)
}

// list answers a question.
func list[T any](ctx context.Context, c *Core, call Call, q Query, l lister[T]) (Page, error) {
	var filter *scim.Filter
	if q.Filter != "" {
		var err error
		if filter, err = scim.ParseFilter(q.Filter, c.config.Limits); err == nil {
			err = l.resource.CheckFilter(filter)
		}
		if err != nil {
			return Page{}, refused(err)
		}
	}
	if q.Cursor != nil {
		return listByCursor(ctx, c, call, q, filter, l)
	}
	return listByIndex(ctx, c, q, filter, l)
}

// listByIndex gives a page and the number of all that match (RFC 7644 §3.4.2.4).
func listByIndex[T any](ctx context.Context, c *Core, q Query, filter *scim.Filter, l lister[T]) (Page, error) {
	p := Page{StartIndex: max(q.StartIndex, 1)}
	count := int64(defaultCount)
	if q.Count != nil {
		count = min(max(*q.Count, 0), maxCount)
	}
	var found []T
	var err error
	if filter == nil {
		if p.Total, err = l.count(ctx); err == nil && count > 0 {
			found, err = l.page(ctx, p.StartIndex-1, count)
		}
	} else {
		found, err = window(ctx, c, filter, &p, count, l)
	}
	if err != nil {
		return p, err
	}
	p.Resources, err = show(ctx, c, found, l)
	return p, err
}

// window counts what matches, and keeps the page.
func window[T any](ctx context.Context, c *Core, filter *scim.Filter, p *Page, count int64, l lister[T]) (page []T, err error) {
	m, err := search(ctx, c, filter, l)
	if err != nil {
		return nil, err
	}
	for !m.ended {
		if m.read >= c.config.ScanLimit {
			return nil, fault.New(fault.TooMany, "No index serves the filter, and the directory has more than the %d resources that are "+
				"looked through for one page: use a narrower filter, or page by cursor.", c.config.ScanLimit)
		}
		found, err := m.next(ctx)
		if err != nil {
			return nil, err
		}
		for _, resource := range found {
			p.Total++
			if p.Total >= p.StartIndex && int64(len(page)) < count {
				page = append(page, resource)
			}
		}
	}
	return page, nil
}

// matches goes through what matches a filter, by id.
type matches[T any] struct {
	lister lister[T]
	// source reads the next resources after an id, and gives the id up to which that is, empty at the end.
	source func(ctx context.Context, after string) (read []T, next string, err error)
	rest   *scim.Filter // what the source does not promise; nil for nothing
	after  string       // all up to this id was read
	read   int          // how many resources were read
	ended  bool
}

// search finds the best way to go through what matches: by an index, or through all of the directory.
func search[T any](ctx context.Context, c *Core, filter *scim.Filter, l lister[T]) (*matches[T], error) {
	if cond, rest, ok := filter.Condition(l.resource); ok {
		of := store.Condition(cond)
		if cond.Equal() {
			found, ok, err := l.one(ctx, of)
			if ok || err != nil {
				return &matches[T]{lister: l, rest: rest, source: func(_ context.Context, after string) (read []T, next string, err error) {
					return slices.DeleteFunc(found, func(resource T) bool { return l.id(resource) <= after }), "", nil
				}}, err
			}
		}
		ids, err := l.candidates(ctx, of, maxCandidates+1)
		if err != nil {
			return nil, err
		}
		if len(ids) <= maxCandidates {
			slices.Sort(ids)
			ids = slices.Compact(ids)
			return &matches[T]{lister: l, rest: rest, source: func(ctx context.Context, after string) (read []T, next string, err error) {
				from, found := slices.BinarySearch(ids, after)
				if found {
					from++
				}
				ids := ids[from:]
				if len(ids) > scanPage {
					ids = ids[:scanPage]
					next = ids[scanPage-1]
				}
				if len(ids) > 0 {
					read, err = l.byID(ctx, ids)
				}
				return read, next, err
			}}, nil
		}
	}
	c.metrics.scan(ctx, l.resource.Name)
	return &matches[T]{lister: l, rest: filter, source: func(ctx context.Context, after string) (read []T, next string, err error) {
		if read, err = l.walk(ctx, after, scanPage); len(read) == scanPage {
			next = l.id(read[scanPage-1])
		}
		return read, next, err
	}}, nil
}

// next gives those that match of the next resources: maybe none.
func (m *matches[T]) next(ctx context.Context) (found []T, err error) {
	read, next, err := m.source(ctx, m.after)
	if err != nil {
		return nil, err
	}
	m.read += len(read)
	m.after, m.ended = next, next == ""
	if m.rest == nil {
		return read, nil
	}
	if err := m.lister.related(ctx, m.rest, read); err != nil {
		return nil, err
	}
	for _, resource := range read {
		ok, err := m.lister.match(ctx, m.rest, resource)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, resource)
		}
	}
	return found, nil
}

// listByCursor gives a page and the cursor of the next one (RFC 9865). Pages go by id: who matches throughout is met exactly
// once, whatever others write meanwhile, and a page costs the same at any depth.
func listByCursor[T any](ctx context.Context, c *Core, call Call, q Query, filter *scim.Filter, l lister[T]) (Page, error) {
	if q.StartIndex != 0 {
		return Page{}, fault.New(fault.InvalidValue, "startIndex and cursor are two ways to page: send one of them.")
	}
	count := defaultCount
	if q.Count != nil {
		if *q.Count < 1 || *q.Count > maxCount {
			return Page{}, fault.New(fault.InvalidCount, "With a cursor, count must be from 1 to %d.", maxCount)
		}
		count = int(*q.Count)
	}
	of := listed{scope: call.Scope, resource: l.resource.Name}
	if filter != nil {
		of.filter = filter.String()
	}
	after, err := of.after(*q.Cursor)
	if err != nil {
		return Page{}, err
	}
	p := Page{Total: -1}
	var found []T
	var next string // the id after which the next page begins
	if filter == nil {
		found, next, err = pageAfter(ctx, after, count, l)
		if err == nil {
			p.Total, err = l.count(ctx)
		}
	} else {
		found, next, err = matchesAfter(ctx, c, filter, after, count, l)
		if after == "" && next == "" {
			p.Total = int64(len(found)) // the only page
		}
	}
	if err != nil {
		return Page{}, err
	}
	if p.Resources, err = show(ctx, c, found, l); err != nil {
		return Page{}, err
	}
	if shown := len(p.Resources); shown < len(found) {
		next = p.Resources[shown-1].ID
	}
	if next != "" {
		p.Next = of.cursor(next)
	}
	return p, nil
}

// pageAfter reads a page of all, and the id after which the next one begins.
func pageAfter[T any](ctx context.Context, after string, count int, l lister[T]) (page []T, next string, err error) {
	page, err = l.walk(ctx, after, count+1)
	if len(page) > count {
		page, next = page[:count], l.id(page[count-1])
	}
	return page, next, err
}

// matchesAfter reads a page of what matches, and the id after which the next one begins. That may turn out to be the end. A page
// ends early where a lot was read for it.
func matchesAfter[T any](ctx context.Context, c *Core, filter *scim.Filter, after string, count int, l lister[T]) (page []T, next string, err error) {
	m, err := search(ctx, c, filter, l)
	if err != nil {
		return nil, "", err
	}
	m.after = after
	for !m.ended && len(page) < count && m.read < c.config.ScanLimit {
		found, err := m.next(ctx)
		if err != nil {
			return nil, "", err
		}
		if page = append(page, found...); len(page) > count {
			return page[:count], l.id(page[count-1]), nil
		}
	}
	return page, m.after, nil
}

// show writes a page as its client sees it. Groups may be large: the page ends early, and the client asks for the rest (RFC
// 7644 §3.4.2.4).
func show[T any](ctx context.Context, c *Core, page []T, l lister[T]) ([]Resource, error) {
	if err := l.related(ctx, nil, page); err != nil {
		return nil, err
	}
	var all []Resource
	for size, i := 0, 0; i < len(page) && size < c.config.PageBytes; i++ {
		rendered, err := l.render(ctx, page[i])
		if err != nil {
			return nil, err
		}
		all = append(all, rendered)
		size += len(rendered.Document)
	}
	return all, nil
}
