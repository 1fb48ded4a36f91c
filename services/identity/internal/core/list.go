package core

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// lister answers one query on the resources of a type.
type lister struct {
	core  *Core
	o     opened
	scope store.Scope
	of    store.Type
	room  room
}

// List lists the resources of a type. Errors are those of an unknown type, as in Write, and those of the filter, the order
// and the cursor.
func (c *Core) List(ctx context.Context, call Call, resourceType string, q *identityv1.ListQuery) (*identityv1.ListResult, error) {
	o, err := c.open(ctx, call, resourceType)
	if err != nil {
		return nil, err
	}
	if q == nil {
		q = &identityv1.ListQuery{}
	}
	var filter *scim.Filter
	if q.GetFilter() != "" {
		if filter, err = scim.ParseFilter(q.GetFilter(), c.config.Limits); err == nil {
			err = o.resource.CheckFilter(filter)
		}
		if err != nil {
			return nil, refused(err)
		}
	}
	order, err := o.resource.ParseSort(q.GetSortBy(), q.GetSortOrder())
	if err != nil {
		return nil, refused(err)
	}
	l := &lister{core: c, o: o, scope: o.Scope, of: o.kind.of, room: room{reservation: c.config.Lists.Open(call.Scope.DirectoryID)}}
	defer l.room.reservation.Close()
	if q.Cursor != nil {
		return l.byCursor(ctx, q, filter, order)
	}
	return l.byIndex(ctx, q, filter, order)
}

// byIndex returns a page and the total number of matches (RFC 7644 §3.4.2.4).
func (l *lister) byIndex(ctx context.Context, q *identityv1.ListQuery, filter *scim.Filter, order *scim.Sort) (*identityv1.ListResult, error) {
	p := &identityv1.ListResult{StartIndex: max(q.GetStartIndex(), 1)}
	count := int64(scim.DefaultPageSize)
	if q.Count != nil {
		count = min(max(q.GetCount(), 0), scim.MaxPageSize)
	}
	found, total, err := l.window(ctx, filter, order, p.GetStartIndex()-1, count)
	if err != nil {
		return nil, err
	}
	p.TotalResults = &total
	p.Resources, err = l.show(ctx, found)
	return p, err
}

// steps reads at most count documents of at most about bytes bytes, and reserves memory for them as they come. read
// continues after the resources that were read.
func (l *lister) steps(count, bytes int, read func(after []store.Resource, count, bytes int) ([]store.Resource, error)) (page []store.Resource, err error) {
	for len(page) < count && bytes > 0 {
		step := l.room.bytes(bytes)
		found, err := read(page, count-len(page), step)
		if err != nil {
			return nil, err
		}
		size := store.Bytes(found)
		if err := l.room.reservePage(size); err != nil {
			return nil, err
		}
		page, bytes = append(page, found...), bytes-size
		if size < step {
			break // these are all
		}
	}
	return page, nil
}

// window returns a page of the matches, in an order, and the total number of matches.
func (l *lister) window(ctx context.Context, filter *scim.Filter, order *scim.Sort, skip, count int64) (page []store.Resource, total int64, err error) {
	c := l.core
	if by, ok := l.order(order); ok && filter == nil {
		if total, err = c.store.Count(ctx, l.scope, l.of); err == nil && count > 0 {
			page, err = l.steps(int(count), c.config.PageBytes, func(after []store.Resource, count, bytes int) ([]store.Resource, error) {
				return c.store.Page(ctx, l.scope, l.of, by, skip+int64(len(after)), int64(count), bytes)
			})
		}
		return page, total, err
	}
	m, err := l.search(ctx, filter)
	if err != nil {
		return nil, 0, err
	}
	m.order = order
	var sorted []sortable
	pageBytes := 0 // bytes of the page's documents
	for !m.ended {
		if m.read >= c.config.ScanLimit {
			return nil, 0, fault.New(fault.TooMany, "No index serves the filter or the order, and more than %d resources would have to be "+
				"read for one page: use a narrower filter, or page by cursor without an order.", c.config.ScanLimit)
		}
		found, keys, err := m.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		for i := range found {
			size := len(found[i].Document)
			if total++; order != nil {
				sorted = append(sorted, sortable{id: found[i].ID, size: size, key: keys[i]})
			} else if total > skip && int64(len(page)) < count && pageBytes < c.config.PageBytes {
				if err := l.room.reservePage(size); err != nil {
					return nil, 0, err
				}
				page = append(page, found[i])
				pageBytes += size
			}
		}
	}
	if order != nil {
		page, err = l.inOrder(ctx, order, sorted, skip, count)
	}
	return page, total, err
}

// order returns the index order of the database that corresponds to a requested order, if there is one.
func (l *lister) order(asked *scim.Sort) (store.Order, bool) {
	if asked == nil {
		return store.Order{}, true
	}
	by := store.Order{ByName: asked.Attribute() == l.o.kind.name, Descending: asked.Descending}
	return by, by.ByName || asked.Attribute() == "id"
}

// sortable is what is kept in memory of a resource to sort it.
type sortable struct {
	id   string
	size int // of its document
	key  scim.SortKey
}

// inOrder sorts the matches and reads the page. Resources with equal keys are ordered by id, also in reverse.
func (l *lister) inOrder(ctx context.Context, order *scim.Sort, all []sortable, skip, count int64) ([]store.Resource, error) {
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
		if bytes >= l.core.config.PageBytes {
			break
		}
		place[s.id] = i
		ids = append(ids, s.id)
		bytes += s.size
	}
	if err := l.room.reservePage(bytes); err != nil {
		return nil, err
	}
	page, err := l.core.store.ByID(ctx, l.scope, l.of, ids, math.MaxInt32) // these are about one page of bytes; only writes since then can change that
	slices.SortFunc(page, func(a, b store.Resource) int { return place[a.ID] - place[b.ID] })
	return page, err
}

// byCursor returns a page and the cursor of the next one (RFC 9865). Without an order, pages are ordered by id: a resource
// that matches throughout appears exactly once, whatever others write meanwhile, and a page costs the same at any depth. In
// an order, a cursor counts the resources before it, as an index does.
func (l *lister) byCursor(ctx context.Context, q *identityv1.ListQuery, filter *scim.Filter, order *scim.Sort) (*identityv1.ListResult, error) {
	if q.GetStartIndex() != 0 {
		return nil, fault.New(fault.InvalidValue, "startIndex and cursor are two ways to page: send one of them.")
	}
	of := listed{scope: l.scope, resource: string(l.of)}
	if filter != nil {
		of.filter = filter.String()
	}
	if order != nil {
		of.order = order.String()
	}
	after, count, err := of.place(q.GetCursor())
	if err != nil {
		return nil, err
	}
	if count, err = pageSize(q.Count, count); err != nil {
		return nil, err
	}
	found, next, total, err := l.after(ctx, filter, order, after, count)
	if err != nil {
		return nil, err
	}
	p := &identityv1.ListResult{TotalResults: total}
	if p.Resources, err = l.show(ctx, found); err != nil {
		return nil, err
	}
	if shown := len(p.GetResources()); shown < len(found) {
		if next = found[shown-1].ID; order != nil {
			skip, _ := strconv.ParseInt(after, 10, 64) // l.after has checked it; an empty one is the beginning
			next = strconv.FormatInt(skip+int64(shown), 10)
		}
	}
	if next != "" {
		p.NextCursor = of.cursor(next, count)
	}
	return p, nil
}

// after returns the page after a place, and the place of the next page: an id or, in an order, a number of resources. total is nil if
// it is not known.
func (l *lister) after(ctx context.Context, filter *scim.Filter, order *scim.Sort, after string, count int) (found []store.Resource, next string, total *int64, err error) {
	var n int64
	switch {
	case order != nil:
		var skip int64
		if after != "" {
			if skip, err = strconv.ParseInt(after, 10, 64); err != nil || skip < 0 {
				return nil, "", nil, invalidCursor()
			}
		}
		found, n, err = l.window(ctx, filter, order, skip, int64(count))
		if end := skip + int64(len(found)); len(found) > 0 && end < n {
			next = strconv.FormatInt(end, 10)
		}
		return found, next, &n, err
	case filter == nil:
		if found, next, err = l.pageAfter(ctx, after, count); err == nil {
			n, err = l.core.store.Count(ctx, l.scope, l.of)
		}
		return found, next, &n, err
	}
	found, next, err = l.matchesAfter(ctx, filter, after, count)
	if after == "" && next == "" { // the only page
		n = int64(len(found))
		total = &n
	}
	return found, next, total, err
}

// pageSize returns the page size of a list by cursor: that of the first page, which is the requested count or the default.
// begun is the page size in the cursor, 0 for the first page. Another count is invalidCount (RFC 9865 §2.1).
func pageSize(asked *int64, begun int) (int, error) {
	switch {
	case asked == nil && begun == 0:
		return scim.DefaultPageSize, nil
	case asked == nil:
		return begun, nil
	case *asked > scim.MaxPageSize:
		return 0, fault.New(fault.InvalidCount, "With a cursor, count can be %d at most.", scim.MaxPageSize)
	case *asked < 1: // the gateway asks by index for the total of a first page
		return 0, fault.New(fault.InvalidCount, "With a cursor, count must be 1 or more.")
	case begun != 0 && *asked != int64(begun):
		return 0, fault.New(fault.InvalidCount, "The list was begun with pages of %d: send that count with its cursor, or none.", begun)
	}
	return int(*asked), nil
}

// pageAfter reads a page of all resources, and the id after which the next one begins. If the page has the maximum number of bytes,
// the next page may turn out to be empty.
func (l *lister) pageAfter(ctx context.Context, after string, count int) (page []store.Resource, next string, err error) {
	page, err = l.steps(count+1, l.core.config.PageBytes, func(read []store.Resource, count, bytes int) ([]store.Resource, error) {
		if len(read) > 0 {
			after = read[len(read)-1].ID
		}
		return l.core.store.List(ctx, l.scope, l.of, after, count, bytes)
	})
	if len(page) > count {
		page, next = page[:count], page[count-1].ID
	} else if store.Full(page, l.core.config.PageBytes) {
		next = page[len(page)-1].ID
	}
	return page, next, err
}

// matchesAfter reads a page of the matches, and the id after which the next page begins. The next page may turn out to be empty.
// A page ends early when too many resources were read for it.
func (l *lister) matchesAfter(ctx context.Context, filter *scim.Filter, after string, count int) (page []store.Resource, next string, err error) {
	m, err := l.search(ctx, filter)
	if err != nil {
		return nil, "", err
	}
	m.after = after
	for !m.ended && len(page) < count && m.read < l.core.config.ScanLimit && !store.Full(page, l.core.config.PageBytes) {
		found, _, err := m.next(ctx)
		if err != nil {
			return nil, "", err
		}
		if err := l.room.reservePage(store.Bytes(found)); err != nil {
			return nil, "", err
		}
		if page = append(page, found...); len(page) > count {
			return page[:count], page[count-1].ID, nil
		}
	}
	return page, m.after, nil
}

// related reads the related data of the resources of a page.
func (l *lister) related(ctx context.Context, uses func(string) bool, page []store.Resource) error {
	if l.o.kind.related == nil {
		return nil
	}
	return l.o.kind.related(ctx, l.core, l.scope, uses, page)
}

// show renders a page for the client. Groups may be large: then the page ends early, and the client asks for the rest (RFC
// 7644 §3.4.2.4).
func (l *lister) show(ctx context.Context, page []store.Resource) ([]*identityv1.Resource, error) {
	if err := l.related(ctx, l.o.Projection.Includes, page); err != nil {
		return nil, err
	}
	var all []*identityv1.Resource
	for size, i := 0, 0; i < len(page) && size < l.core.config.PageBytes; i++ {
		rendered, err := l.core.render(ctx, l.o, page[i])
		if err != nil {
			return nil, err
		}
		all = append(all, rendered)
		size += len(rendered.GetDocument())
		if rendered.GetLarge() {
			break // its members need pages of their own
		}
	}
	return all, nil
}
