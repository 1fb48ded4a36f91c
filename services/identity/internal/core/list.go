package core

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

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
	SortBy     string  // empty: by id
	SortOrder  string  // empty: ascending
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

// listable is a resource as it is stored.
type listable interface{ Size() int }

// lister is what listing needs of a resource type.
type lister[T listable] struct {
	resource *scim.ResourceType
	count    func(ctx context.Context) (int64, error)
	// page, walk and byID end once documents have so many bytes.
	page func(ctx context.Context, order store.Order, skip, limit int64, bytes int) ([]T, error)
	walk func(ctx context.Context, after string, limit, bytes int) ([]T, error)
	id   func(T) string
	name string // the attribute by which store.Order has them
	// related reads what all of a page need for what uses their attributes, or to be shown where that is nil.
	related func(ctx context.Context, uses func(attribute string) bool, page []T) error
	// read gives what filters and orders look at.
	read   func(ctx context.Context, uses func(attribute string) bool, resource T) (*scim.Document, scim.Envelope, error)
	render func(ctx context.Context, resource T) (Resource, error)
	// candidates and byID look up what meets a condition: see store.Store.
	candidates func(ctx context.Context, cond store.Condition, limit int) ([]string, error)
	byID       func(ctx context.Context, ids []string, bytes int) ([]T, error)
	// one looks up the only resource that has a value, and what is shown of it; ok is false where there may be several.
	one func(ctx context.Context, cond store.Condition) (found []T, ok bool, err error)

	room *room // list sets it
}

// steps reads so many documents of so many bytes at most, and reserves memory for them as they come. read goes on after
// those that were read.
func (l lister[T]) steps(count, bytes int, read func(after []T, count, bytes int) ([]T, error)) (page []T, err error) {
	for len(page) < count && bytes > 0 {
		step := l.room.bytes(bytes)
		found, err := read(page, count-len(page), step)
		if err != nil {
			return nil, err
		}
		size := sizes(found)
		if err := l.room.keep(size); err != nil {
			return nil, err
		}
		page, bytes = append(page, found...), bytes-size
		if size < step {
			break // these are all
		}
	}
	return page, nil
}

// list answers a question.
func list[T listable](ctx context.Context, c *Core, call Call, q Query, l lister[T]) (Page, error) {
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
	order, err := l.resource.ParseSort(q.SortBy, q.SortOrder)
	if err != nil {
		return Page{}, refused(err)
	}
	l.room = &room{hold: c.config.Lists.Open(call.Scope.DirectoryID)}
	defer l.room.hold.Close()
	if q.Cursor != nil {
		return listByCursor(ctx, c, call, q, filter, order, l)
	}
	return listByIndex(ctx, c, q, filter, order, l)
}

// listByIndex gives a page and the number of all that match (RFC 7644 §3.4.2.4).
func listByIndex[T listable](ctx context.Context, c *Core, q Query, filter *scim.Filter, order *scim.Sort, l lister[T]) (Page, error) {
	p := Page{StartIndex: max(q.StartIndex, 1)}
	count := int64(defaultCount)
	if q.Count != nil {
		count = min(max(*q.Count, 0), maxCount)
	}
	found, total, err := window(ctx, c, filter, order, p.StartIndex-1, count, l)
	if err != nil {
		return p, err
	}
	p.Total = total
	p.Resources, err = show(ctx, c, found, l)
	return p, err
}

// window gives a page of what matches, in an order, and how many match in all.
func window[T listable](ctx context.Context, c *Core, filter *scim.Filter, order *scim.Sort, skip, count int64, l lister[T]) (page []T, total int64, err error) {
	if by, ok := l.order(order); ok && filter == nil {
		if total, err = l.count(ctx); err == nil && count > 0 {
			page, err = l.steps(int(count), c.config.PageBytes, func(after []T, count, bytes int) ([]T, error) {
				return l.page(ctx, by, skip+int64(len(after)), int64(count), bytes)
			})
		}
		return page, total, err
	}
	m, err := search(ctx, c, filter, l)
	if err != nil {
		return nil, 0, err
	}
	m.order = order
	var sorted []sortable
	held := 0 // bytes of the page's documents
	for !m.ended {
		if m.read >= c.config.ScanLimit {
			return nil, 0, fault.New(fault.TooMany, "No index serves the filter or the order, and there are more than the %d resources that are "+
				"looked through for one page: use a narrower filter, or page by cursor and in no order.", c.config.ScanLimit)
		}
		found, keys, err := m.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		for i, resource := range found {
			if total++; order != nil {
				sorted = append(sorted, sortable{id: l.id(resource), size: resource.Size(), key: keys[i]})
			} else if total > skip && int64(len(page)) < count && held < c.config.PageBytes {
				if err := l.room.keep(resource.Size()); err != nil {
					return nil, 0, err
				}
				page = append(page, resource)
				held += resource.Size()
			}
		}
	}
	if order != nil {
		page, err = inOrder(ctx, c, order, sorted, skip, count, l)
	}
	return page, total, err
}

// order gives the order that the database has of what is asked for.
func (l lister[T]) order(asked *scim.Sort) (store.Order, bool) {
	if asked == nil {
		return store.Order{}, true
	}
	by := store.Order{ByName: asked.Attribute() == l.name, Descending: asked.Descending}
	return by, by.ByName || asked.Attribute() == "id"
}

// sortable is what is kept of a resource to sort it.
type sortable struct {
	id   string
	size int // of its document
	key  scim.SortKey
}

// inOrder sorts what matches and reads the page. Those of one key go by their ids, reversed as well.
func inOrder[T listable](ctx context.Context, c *Core, order *scim.Sort, all []sortable, skip, count int64, l lister[T]) ([]T, error) {
	slices.SortFunc(all, func(a, b sortable) int {
		sign := order.Compare(a.key, b.key)
		if sign == 0 {
			if sign = strings.Compare(a.id, b.id); order.Descending {
				sign = -sign
			}
		}
		return sign
	})
	all = all[min(skip, int64(len(all))):]
	all = all[:min(count, int64(len(all)))]
	if len(all) == 0 {
		return nil, nil
	}
	place := make(map[string]int, len(all))
	ids := make([]string, 0, len(all))
	bytes := 0
	for i, s := range all {
		if bytes >= c.config.PageBytes {
			break
		}
		place[s.id] = i
		ids = append(ids, s.id)
		bytes += s.size
	}
	if err := l.room.keep(bytes); err != nil {
		return nil, err
	}
	page, err := l.byID(ctx, ids, math.MaxInt32) // they have as many bytes as a page, but for what was written since
	slices.SortFunc(page, func(a, b T) int { return place[l.id(a)] - place[l.id(b)] })
	return page, err
}

// matches goes through what matches a filter, by id.
type matches[T listable] struct {
	lister lister[T]
	// source reads the next resources after an id, and gives the id up to which that is, empty at the end.
	source func(ctx context.Context, after string) (read []T, next string, err error)
	rest   *scim.Filter // what the source does not promise; nil for nothing
	order  *scim.Sort   // nil for none
	after  string       // all up to this id was read
	read   int          // how many resources were read
	ended  bool
}

// search finds the best way to go through what matches: by an index, or through all of the directory.
func search[T listable](ctx context.Context, c *Core, filter *scim.Filter, l lister[T]) (*matches[T], error) {
	var cond scim.Condition
	var rest *scim.Filter
	ok, bytes := false, func() int { return l.room.bytes(c.config.PageBytes) }
	if filter != nil {
		cond, rest, ok = filter.Condition(l.resource)
	}
	if ok {
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
				step := bytes()
				if len(ids) > 0 {
					read, err = l.byID(ctx, ids, step)
				}
				if store.Full(read, step) {
					next = l.id(read[len(read)-1])
				}
				return read, next, err
			}}, nil
		}
	}
	c.metrics.scan(ctx, l.resource.Name)
	l.room.scans = true
	return &matches[T]{lister: l, rest: filter, source: func(ctx context.Context, after string) (read []T, next string, err error) {
		step := bytes()
		if read, err = l.walk(ctx, after, scanPage, step); len(read) == scanPage || store.Full(read, step) {
			next = l.id(read[len(read)-1])
		}
		return read, next, err
	}}, nil
}

// uses says what of a resource is looked at.
func (m *matches[T]) uses(attribute string) bool {
	return m.rest != nil && m.rest.Uses(attribute) || m.order != nil && m.order.Uses(attribute)
}

// next gives those that match of the next resources, maybe none, and their keys where there is an order.
func (m *matches[T]) next(ctx context.Context) (found []T, keys []scim.SortKey, err error) {
	read, next, err := m.source(ctx, m.after)
	if err != nil {
		return nil, nil, err
	}
	if err := m.lister.room.look(sizes(read)); err != nil {
		return nil, nil, err
	}
	m.read += len(read)
	m.after, m.ended = next, next == ""
	if m.rest == nil && m.order == nil {
		return read, nil, nil
	}
	if err := m.lister.related(ctx, m.uses, read); err != nil {
		return nil, nil, err
	}
	for _, resource := range read {
		d, e, err := m.lister.read(ctx, m.uses, resource)
		if err != nil {
			return nil, nil, err
		}
		if m.rest != nil && !m.rest.Match(m.lister.resource, d, e) {
			continue
		}
		found = append(found, resource)
		if m.order != nil {
			keys = append(keys, m.order.Key(d, e))
		}
	}
	return found, keys, nil
}

// listByCursor gives a page and the cursor of the next one (RFC 9865). Without an order pages go by id: who matches throughout is
// met exactly once, whatever others write meanwhile, and a page costs the same at any depth. In an order, a cursor counts
// what came before, as an index does.
func listByCursor[T listable](ctx context.Context, c *Core, call Call, q Query, filter *scim.Filter, order *scim.Sort, l lister[T]) (Page, error) {
	if q.StartIndex != 0 {
		return Page{}, fault.New(fault.InvalidValue, "startIndex and cursor are two ways to page: send one of them.")
	}
	of := listed{scope: call.Scope, resource: l.resource.Name}
	if filter != nil {
		of.filter = filter.String()
	}
	if order != nil {
		of.order = order.String()
	}
	after, count, err := of.place(*q.Cursor)
	if err != nil {
		return Page{}, err
	}
	if count, err = pageSize(q.Count, count); err != nil {
		return Page{}, err
	}
	p := Page{Total: -1}
	var found []T
	var next string // the place after which the next page begins
	var skip int64  // that place, in an order
	switch {
	case order != nil:
		if after != "" {
			if skip, err = strconv.ParseInt(after, 10, 64); err != nil || skip < 0 {
				return Page{}, invalidCursor()
			}
		}
		found, p.Total, err = window(ctx, c, filter, order, skip, int64(count), l)
		if end := skip + int64(len(found)); len(found) > 0 && end < p.Total {
			next = strconv.FormatInt(end, 10)
		}
	case filter == nil:
		found, next, err = pageAfter(ctx, c, after, count, l)
		if err == nil {
			p.Total, err = l.count(ctx)
		}
	default:
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
		if next = p.Resources[shown-1].ID; order != nil {
			next = strconv.FormatInt(skip+int64(shown), 10)
		}
	}
	if next != "" {
		p.Next = of.cursor(next, count)
	}
	return p, nil
}

// pageSize gives how many resources a page by cursor has: as many as the first one, which has what was asked for or the
// default. begun is what the cursor says of it, 0 on the first page. RFC 9865 §2.1 has invalidCount for another one.
func pageSize(asked *int64, begun int) (int, error) {
	switch {
	case asked == nil && begun == 0:
		return defaultCount, nil
	case asked == nil:
		return begun, nil
	case *asked > maxCount:
		return 0, fault.New(fault.InvalidCount, "With a cursor, count can be %d at most.", maxCount)
	case *asked < 1: // of the first page the gateway asks by index how many there are
		return 0, fault.New(fault.InvalidCount, "With a cursor, count must be 1 or more.")
	case begun != 0 && *asked != int64(begun):
		return 0, fault.New(fault.InvalidCount, "The list was begun with pages of %d: send that count with its cursor, or none.", begun)
	}
	return int(*asked), nil
}

// pageAfter reads a page of all, and the id after which the next one begins. That may turn out to be the end, where the page has as
// many bytes as one may have.
func pageAfter[T listable](ctx context.Context, c *Core, after string, count int, l lister[T]) (page []T, next string, err error) {
	page, err = l.steps(count+1, c.config.PageBytes, func(read []T, count, bytes int) ([]T, error) {
		if len(read) > 0 {
			after = l.id(read[len(read)-1])
		}
		return l.walk(ctx, after, count, bytes)
	})
	if len(page) > count {
		page, next = page[:count], l.id(page[count-1])
	} else if store.Full(page, c.config.PageBytes) {
		next = l.id(page[len(page)-1])
	}
	return page, next, err
}

// matchesAfter reads a page of what matches, and the id after which the next one begins. That may turn out to be the end. A page
// ends early where a lot was read for it.
func matchesAfter[T listable](ctx context.Context, c *Core, filter *scim.Filter, after string, count int, l lister[T]) (page []T, next string, err error) {
	m, err := search(ctx, c, filter, l)
	if err != nil {
		return nil, "", err
	}
	m.after = after
	for !m.ended && len(page) < count && m.read < c.config.ScanLimit && !store.Full(page, c.config.PageBytes) {
		found, _, err := m.next(ctx)
		if err != nil {
			return nil, "", err
		}
		if err := l.room.keep(sizes(found)); err != nil {
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
func show[T listable](ctx context.Context, c *Core, page []T, l lister[T]) ([]Resource, error) {
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
		if rendered.Large {
			break // it will be a page of its own, and more
		}
	}
	return all, nil
}
