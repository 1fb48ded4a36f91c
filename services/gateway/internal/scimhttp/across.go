package scimhttp

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// across answers a query of the root: over users, and then groups (RFC 7644 §3.4.2.1, §3.4.3). Each is asked for what the
// filter means for it. Where only one can match, it is a list of that one, in any order.
func (h *Handler) across(ctx context.Context, m *message, p parameters) (*response, error) {
	userType, groupType := scim.UserType(), scim.GroupType()
	if p.query.GetFilter() != "" {
		var err error
		if userType, groupType, err = h.typesOf(ctx, m); err != nil {
			return nil, err
		}
	}
	parts, err := narrowed(p.query, userType, groupType)
	switch {
	case err != nil:
		return nil, err
	case len(parts) == 1:
		return h.listOf(ctx, m, parts[0].kind, parts[0].query, p.projection)
	case p.query.GetSortBy() != "":
		return nil, invalidValue("sortBy cannot order users and groups together: add meta.resourceType eq \"User\", or \"Group\", to the filter.")
	case p.query.Cursor != nil:
		return h.acrossByCursor(ctx, m, p, parts)
	default:
		return h.acrossByIndex(ctx, m, p, parts)
	}
}

// part is what one kind of resources is asked for.
type part struct {
	kind  kind
	query *identityv1.ListQuery
}

// narrowed gives the query of each kind that can match, users first.
func narrowed(q *identityv1.ListQuery, userType, groupType *scim.ResourceType) (parts []part, err error) {
	kinds := map[*scim.ResourceType]kind{userType: users, groupType: groups}
	found := []scim.Narrowed{{Type: userType}, {Type: groupType}}
	if q.GetFilter() != "" {
		filter, err := scim.ParseFilter(q.GetFilter(), scim.Limits{})
		if err != nil {
			return nil, err
		}
		if found, err = filter.Across(userType, groupType); err != nil {
			return nil, err
		}
	}
	for _, n := range found {
		query := proto.CloneOf(q)
		query.Filter = ""
		if n.Filter != nil {
			query.Filter = n.Filter.String()
		}
		parts = append(parts, part{kinds[n.Type], query})
	}
	return parts, nil
}

// acrossByIndex gives a page of all kinds one after another, and how many match in all.
func (h *Handler) acrossByIndex(ctx context.Context, m *message, p parameters, parts []part) (*response, error) {
	count := int64(defaultResults)
	if p.query.Count != nil {
		count = min(max(p.query.GetCount(), 0), maxResults)
	}
	page := listPage{start: max(p.query.GetStartIndex(), 1)}
	var total int64 // of the kinds before, then of all
	for _, one := range parts {
		// Where the page is full, or ended early because its resources are large, only the number of the others is wanted.
		next := page.start + int64(len(page.documents))
		left := count - int64(len(page.documents))
		if next <= total {
			left = 0
		}
		one.query.StartIndex, one.query.Count = max(next-total, 1), &left
		found, err := h.find(ctx, m, one.kind, one.query, p.projection)
		if err != nil {
			return nil, err
		}
		if err := h.fill(ctx, m, &page, one.kind, found, p.projection); err != nil {
			return nil, err
		}
		total += found.GetTotalResults()
	}
	page.total = &total
	return page.response(), nil
}

// acrossByCursor gives a page of one kind; after the last page of one comes the first of the next. How many match in all is not
// told.
func (h *Handler) acrossByCursor(ctx context.Context, m *message, p parameters, parts []part) (*response, error) {
	at, err := placeAcross(p.query, parts)
	if err != nil {
		return nil, err
	}
	if at == len(parts) { // nothing can match
		return listPage{total: new(int64)}.response(), nil
	}
	query := parts[at].query
	found, err := h.find(ctx, m, parts[at].kind, query, p.projection)
	if err != nil {
		return nil, err
	}
	var page listPage
	if err := h.fill(ctx, m, &page, parts[at].kind, found, p.projection); err != nil {
		return nil, err
	}
	switch {
	case found.GetNextCursor() != "":
		page.next = cursorAcross(parts[at].kind, query, found.GetNextCursor())
	case at+1 < len(parts):
		page.next = cursorAcross(parts[at+1].kind, query, "")
	}
	return page.response(), nil
}

// acrossLetters begin the cursors of a list of all kinds.
var acrossLetters = map[kind]string{users: "u", groups: "g"}

// cursorAcross names a place in a list of all kinds: the kind's letter, how many resources a page has, a dot, and the kind's own
// cursor, which is empty at its beginning and can say nothing of pages there.
func cursorAcross(k kind, begun *identityv1.ListQuery, own string) string {
	count := int64(defaultResults)
	if begun.Count != nil {
		count = begun.GetCount()
	}
	return acrossLetters[k] + strconv.FormatInt(count, 10) + "." + own
}

// placeAcross finds the kind with which a list of all kinds goes on, and completes its query.
func placeAcross(q *identityv1.ListQuery, parts []part) (at int, err error) {
	cursor := q.GetCursor()
	if cursor == "" {
		return 0, nil
	}
	for at < len(parts) && !strings.HasPrefix(cursor, acrossLetters[parts[at].kind]) {
		at++
	}
	size, own, ok := strings.Cut(cursor[1:], ".")
	begun, err := strconv.ParseInt(size, 10, 32)
	if at == len(parts) || !ok || err != nil {
		return 0, fault.New(fault.InvalidCursor, "The cursor is not one that this list gave: begin again with an empty one.")
	}
	if q.Count != nil && q.GetCount() != begun {
		return 0, fault.New(fault.InvalidCount, "The list was begun with pages of %d: send that count with its cursor, or none.", begun)
	}
	parts[at].query.Cursor, parts[at].query.Count = &own, &begun
	return at, nil
}
