package core

import (
	"context"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Across lists users, and then groups (RFC 7644 §3.4.2.1, §3.4.3). Each is asked for what the filter means for it. Where only one
// can match, it is a list of that one, in any order.
func (c *Core) Across(ctx context.Context, call Call, q Query) (Page, error) {
	types, err := c.resourceTypes(ctx, call)
	if err != nil {
		return Page{}, err
	}
	parts, err := c.narrowed(types, q)
	switch {
	case err != nil:
		return Page{}, err
	case len(parts) == 1:
		return parts[0].list(ctx, call, parts[0].query)
	case q.SortBy != "":
		return Page{}, fault.New(fault.InvalidValue, "sortBy cannot order users and groups together: add meta.resourceType eq \"User\", or \"Group\", to the filter.")
	case q.Cursor != nil:
		return acrossByCursor(ctx, call, q, parts)
	default:
		return c.acrossByIndex(ctx, call, q, parts)
	}
}

// part is what resources of one type are asked for.
type part struct {
	letter string // begins the cursors of this part
	list   func(ctx context.Context, call Call, q Query) (Page, error)
	query  Query
}

// narrowed gives the query of each type that can match, users first.
func (c *Core) narrowed(types []*scim.ResourceType, q Query) (parts []part, err error) {
	found := []scim.Narrowed{{Type: types[0]}, {Type: types[1]}}
	if q.Filter != "" {
		filter, err := scim.ParseFilter(q.Filter, c.config.Limits)
		if err == nil {
			found, err = filter.Across(types...)
		}
		if err != nil {
			return nil, refused(err)
		}
	}
	for _, n := range found {
		one := part{letter: "u", list: c.Users, query: q}
		if n.Type == types[1] {
			one.letter, one.list = "g", c.Groups
		}
		if one.query.Filter = ""; n.Filter != nil {
			one.query.Filter = n.Filter.String()
		}
		parts = append(parts, one)
	}
	return parts, nil
}

// acrossByIndex gives a page of all types one after another, and how many match in all.
func (c *Core) acrossByIndex(ctx context.Context, call Call, q Query, parts []part) (Page, error) {
	count := int64(defaultCount)
	if q.Count != nil {
		count = min(max(*q.Count, 0), maxCount)
	}
	// Each list reserves memory for itself alone, so what those before it gave is reserved here.
	hold := c.config.Lists.Open(call.Scope.DirectoryID)
	defer hold.Close()
	page := Page{StartIndex: max(q.StartIndex, 1)}
	for _, one := range parts {
		// Where the page is full, or ended early because its resources are large, only the number of the others is wanted.
		next := page.StartIndex + int64(len(page.Resources))
		left := count - int64(len(page.Resources))
		if next <= page.Total {
			left = 0
		}
		if size := documentBytes(page.Resources); size > freeBytes && left > 0 {
			if err := hold.Reserve(size); err != nil {
				return Page{}, err
			}
		}
		one.query.StartIndex, one.query.Count = max(next-page.Total, 1), &left
		found, err := one.list(ctx, call, one.query)
		if err != nil {
			return Page{}, err
		}
		page.Resources = append(page.Resources, found.Resources...)
		page.Total += found.Total
	}
	return page, nil
}

func documentBytes(all []Resource) (sum int64) {
	for _, one := range all {
		sum += int64(len(one.Document))
	}
	return sum
}

// acrossByCursor gives a page of one type; after the last page of one comes the first of the next. How many match in all is not
// told.
func acrossByCursor(ctx context.Context, call Call, q Query, parts []part) (Page, error) {
	at, err := placeAcross(q, parts)
	if err != nil || at == len(parts) { // nothing can match
		return Page{}, err
	}
	query := parts[at].query
	found, err := parts[at].list(ctx, call, query)
	if err != nil {
		return Page{}, err
	}
	switch {
	case found.Next != "":
		found.Next = parts[at].cursor(query, found.Next)
	case at+1 < len(parts):
		found.Next = parts[at+1].cursor(query, "")
	}
	found.Total = -1
	return found, nil
}

// cursor names a place in a list of all types: the letter of the type, how many resources a page has, a dot, and the type's own
// cursor, which is empty at its beginning and can say nothing of pages there.
func (p part) cursor(begun Query, own string) string {
	count := int64(defaultCount)
	if begun.Count != nil {
		count = *begun.Count
	}
	return p.letter + strconv.FormatInt(count, 10) + "." + own
}

// placeAcross finds the type with which a list of all types goes on, and completes its query.
func placeAcross(q Query, parts []part) (at int, err error) {
	cursor := *q.Cursor
	if cursor == "" {
		return 0, nil
	}
	for at < len(parts) && !strings.HasPrefix(cursor, parts[at].letter) {
		at++
	}
	size, own, ok := strings.Cut(cursor[1:], ".")
	begun, err := strconv.ParseInt(size, 10, 32)
	if at == len(parts) || !ok || err != nil {
		return 0, fault.New(fault.InvalidCursor, "The cursor is not one that this list gave: begin again with an empty one.")
	}
	if q.Count != nil && *q.Count != begun {
		return 0, fault.New(fault.InvalidCount, "The list was begun with pages of %d: send that count with its cursor, or none.", begun)
	}
	parts[at].query.Cursor, parts[at].query.Count = &own, &begun
	return at, nil
}
