package core

import (
	"context"

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
	// find answers a filter that an index serves; ok is false where none does.
	find func(ctx context.Context, attribute, value string) (found []T, ok bool, err error)
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
		found, err = window(ctx, filter, &p, count, l)
	}
	if err != nil {
		return p, err
	}
	p.Resources, err = show(ctx, c, found, l)
	return p, err
}

// window counts what matches, and keeps the page.
func window[T any](ctx context.Context, filter *scim.Filter, p *Page, count int64, l lister[T]) (page []T, err error) {
	take := func(resource T) {
		p.Total++
		if p.Total >= p.StartIndex && int64(len(page)) < count {
			page = append(page, resource)
		}
	}
	found, ok, err := indexed(ctx, filter, l)
	if ok || err != nil {
		for _, resource := range found {
			take(resource)
		}
		return page, err
	}
	for after := ""; ; {
		read, next, err := walk(ctx, filter, after, l)
		if err != nil {
			return nil, err
		}
		for _, resource := range read {
			matches, err := l.match(ctx, filter, resource)
			if err != nil {
				return nil, err
			}
			if matches {
				take(resource)
			}
		}
		if next == "" {
			return page, nil
		}
		after = next
	}
}

// indexed answers a filter that is a look-up.
func indexed[T any](ctx context.Context, filter *scim.Filter, l lister[T]) (found []T, ok bool, err error) {
	attribute, value, ok := filter.Equality()
	if !ok {
		return nil, false, nil
	}
	return l.find(ctx, attribute, value)
}

// walk reads the next resources, with what the filter asks of them, and the id up to which that is, empty at the end.
func walk[T any](ctx context.Context, filter *scim.Filter, after string, l lister[T]) (read []T, next string, err error) {
	if read, err = l.walk(ctx, after, scanPage); err == nil {
		err = l.related(ctx, filter, read)
	}
	if len(read) == scanPage {
		next = l.id(read[len(read)-1])
	}
	return read, next, err
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
		found, next, err = matchesAfter(ctx, filter, after, count, l)
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

// matchesAfter reads a page of what matches, and the id after which the next one begins. That may turn out to be the end.
func matchesAfter[T any](ctx context.Context, filter *scim.Filter, after string, count int, l lister[T]) (page []T, next string, err error) {
	found, ok, err := indexed(ctx, filter, l)
	if err != nil {
		return nil, "", err
	}
	if ok {
		for _, resource := range found {
			if l.id(resource) <= after {
				continue
			}
			if len(page) == count {
				return page, l.id(page[count-1]), nil
			}
			page = append(page, resource)
		}
		return page, "", nil
	}
	for {
		read, next, err := walk(ctx, filter, after, l)
		if err != nil {
			return nil, "", err
		}
		for _, resource := range read {
			matches, err := l.match(ctx, filter, resource)
			switch {
			case err != nil:
				return nil, "", err
			case !matches:
			case len(page) == count:
				return page, l.id(page[count-1]), nil
			default:
				page = append(page, resource)
			}
		}
		if next == "" || len(page) == count {
			return page, next, nil
		}
		after = next
	}
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
