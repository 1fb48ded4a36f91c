package core

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Across lists users, and then groups (RFC 7644 §3.4.2.1, §3.4.3). It gives each type its part of the filter. If only one type
// can match, the result is a list of that type, in any order.
func (c *Core) Across(ctx context.Context, call Call, q *identityv1.ListQuery) (*identityv1.ListResult, error) {
	types, err := c.resourceTypes(ctx, call)
	if err != nil {
		return nil, err
	}
	if q == nil {
		q = &identityv1.ListQuery{}
	}
	parts, err := c.narrowed(types, q)
	switch {
	case err != nil:
		return nil, err
	case len(parts) == 1:
		return c.List(ctx, call, parts[0].of, parts[0].query)
	case q.GetSortBy() != "":
		return nil, fault.New(fault.InvalidValue, "sortBy cannot order users and groups together: add meta.resourceType eq \"User\", or \"Group\", to the filter.")
	case q.Cursor != nil:
		return c.acrossByCursor(ctx, call, q, parts)
	default:
		return c.acrossByIndex(ctx, call, q, parts, c.List)
	}
}

// part is the query for the resources of one type.
type part struct {
	of    string // the type's name
	query *identityv1.ListQuery
}

// letter is the first letter of the cursors of a part.
func (p part) letter() string { return strings.ToLower(p.of[:1]) }

// narrowed returns the query of each type that can match, users first.
func (c *Core) narrowed(types []*scim.ResourceType, q *identityv1.ListQuery) (parts []part, err error) {
	var found []scim.Narrowed
	if q.GetFilter() == "" {
		for _, t := range types {
			found = append(found, scim.Narrowed{Type: t})
		}
	} else {
		filter, err := scim.ParseFilter(q.GetFilter(), c.config.Limits)
		if err == nil {
			found, err = filter.Across(types...)
		}
		if err != nil {
			return nil, refused(err)
		}
	}
	for _, n := range found {
		query := proto.CloneOf(q)
		if query.Filter = ""; n.Filter != nil {
			query.Filter = n.Filter.String()
		}
		parts = append(parts, part{n.Type.Name, query})
	}
	return parts, nil
}

// acrossByIndex returns a page that goes through the types one after another, and the total number of matches.
func (c *Core) acrossByIndex(ctx context.Context, call Call, q *identityv1.ListQuery, parts []part,
	list func(ctx context.Context, call Call, of string, q *identityv1.ListQuery) (*identityv1.ListResult, error),
) (*identityv1.ListResult, error) {
	count := int64(scim.DefaultPageSize)
	if q.Count != nil {
		count = min(max(q.GetCount(), 0), scim.MaxPageSize)
	}
	// Each list reserves memory for itself alone, so the results of the lists before it are reserved here.
	reservation := c.config.Lists.Open(call.Scope.DirectoryID)
	defer reservation.Close()
	page := &identityv1.ListResult{StartIndex: max(q.GetStartIndex(), 1), TotalResults: new(int64)}
	for _, one := range parts {
		// If the page is full, or ended early because its resources are large, only the number of the other matches is
		// needed.
		total := page.GetTotalResults()
		next := page.GetStartIndex() + int64(len(page.GetResources()))
		left := count - int64(len(page.GetResources()))
		if next <= total {
			left = 0
		}
		if size := documentBytes(page.GetResources()); size > freeBytes && left > 0 {
			if err := reservation.Reserve(size); err != nil {
				return nil, err
			}
		}
		one.query.StartIndex, one.query.Count = max(next-total, 1), &left
		found, err := list(ctx, call, one.of, one.query)
		if err != nil {
			return nil, err
		}
		page.Resources = append(page.Resources, found.GetResources()...)
		*page.TotalResults += found.GetTotalResults()
	}
	return page, nil
}

func documentBytes(all []*identityv1.Resource) (sum int64) {
	for _, one := range all {
		sum += int64(len(one.GetDocument()))
	}
	return sum
}

// acrossByCursor returns a page of one type. After the last page of a type comes the first page of the next one. It does not
// return a total.
func (c *Core) acrossByCursor(ctx context.Context, call Call, q *identityv1.ListQuery, parts []part) (*identityv1.ListResult, error) {
	at, err := placeAcross(q, parts)
	if err != nil {
		return nil, err
	}
	if at == len(parts) { // nothing can match
		return &identityv1.ListResult{TotalResults: new(int64)}, nil
	}
	query := parts[at].query
	found, err := c.List(ctx, call, parts[at].of, query)
	if err != nil {
		return nil, err
	}
	switch {
	case found.GetNextCursor() != "":
		found.NextCursor = parts[at].cursor(query, found.GetNextCursor())
	case at+1 < len(parts):
		found.NextCursor = parts[at+1].cursor(query, "")
	}
	found.TotalResults = nil
	return found, nil
}

// cursor names a place in a list of all types: the letter of the type, the page size, a dot, and the type's own cursor. That
// one is empty at the beginning of the type and then contains no page size.
func (p part) cursor(begun *identityv1.ListQuery, own string) string {
	count := int64(scim.DefaultPageSize)
	if begun.Count != nil {
		count = begun.GetCount()
	}
	return p.letter() + strconv.FormatInt(count, 10) + "." + own
}

// placeAcross finds the type with which a list of all types continues, and completes its query.
func placeAcross(q *identityv1.ListQuery, parts []part) (at int, err error) {
	cursor := q.GetCursor()
	if cursor == "" {
		return 0, nil
	}
	for at < len(parts) && !strings.HasPrefix(cursor, parts[at].letter()) {
		at++
	}
	size, own, ok := strings.Cut(cursor[1:], ".")
	begun, err := strconv.ParseInt(size, 10, 32)
	if at == len(parts) || !ok || err != nil {
		return 0, fault.New(fault.InvalidCursor, "The cursor does not belong to this list: begin again with an empty one.")
	}
	if q.Count != nil && q.GetCount() != begun {
		return 0, fault.New(fault.InvalidCount, "The list was begun with pages of %d: send that count with its cursor, or none.", begun)
	}
	parts[at].query.Cursor, parts[at].query.Count = &own, &begun
	return at, nil
}
