package core

import (
	"cmp"
	"context"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Bounds of one search.
const (
	lookPage = 1000 // how many rows one read returns
	// summaryPage is how many documents of results are read at a time. After summaryBytes of documents a page ends.
	summaryPage  = 50
	summaryBytes = 16 << 20
)

// SearchPlace is a place in the results of a search. The zero SearchPlace is its begin.
type SearchPlace struct {
	Part  store.Part
	Value string // casefolded
	ID    string
}

// PeopleSearch is a search for users or groups of an organization.
type PeopleSearch struct {
	OrganizationID string
	Query          string
	DirectoryID    string               // empty for all directories
	State          identityv1.UserState // of users
	After          SearchPlace
	Limit          int
}

// SearchUsers searches for users, and returns the place of the next page, or nil after the last one. A page can be short, or empty,
// although there are more. fault.Limit: the organization's searches and counts under way use all the memory that they may have.
func (c *Core) SearchUsers(ctx context.Context, q PeopleSearch) (page []*identityv1.UserSummary, next *SearchPlace, err error) {
	w := c.newWalk(q, store.ByUserName, store.ByDisplayName, store.ByEmail)
	if w.prefix == "" {
		w.parts = w.parts[:1] // each user has a userName
	}
	if err := w.run(func(s store.Search, limit int) ([]store.Found, error) {
		return c.store.SearchUsers(ctx, q.OrganizationID, s, limit)
	}, w.shows); err != nil {
		return nil, nil, err
	}
	d, err := c.newDocuments(nil)
	if err != nil {
		return nil, nil, err
	}
	d.room.reservation = c.config.Lists.OpenOrganization(q.OrganizationID)
	defer d.room.reservation.Close()
	for from, bytes := 0, 0; from < len(w.found); from += summaryPage {
		if bytes >= summaryBytes {
			return page, &w.found[from-1].at, nil
		}
		some := w.found[from:min(from+summaryPage, len(w.found))]
		read, size, err := d.summaries(ctx, q.OrganizationID, some)
		if err != nil {
			return nil, nil, err
		}
		page, bytes = append(page, read...), bytes+size
	}
	return page, w.next, nil
}

// SearchGroups is SearchUsers for groups.
func (c *Core) SearchGroups(ctx context.Context, q PeopleSearch) (page []store.Facts, next *SearchPlace, err error) {
	w := c.newWalk(q, store.ByUserName)
	if err := w.run(func(s store.Search, limit int) ([]store.Found, error) {
		return c.store.SearchGroups(ctx, q.OrganizationID, s, limit)
	}, w.within); err != nil {
		return nil, nil, err
	}
	for _, h := range w.found {
		page = append(page, h.Facts)
	}
	return page, w.next, nil
}

// hit is a result, and its place.
type hit struct {
	store.Found
	at SearchPlace
}

// walk goes through the parts of a search.
type walk struct {
	PeopleSearch
	most   int // about how many rows to look at
	prefix string
	parts  []store.Part
	found  []hit
	next   *SearchPlace
}

func (c *Core) newWalk(q PeopleSearch, parts ...store.Part) *walk {
	return &walk{PeopleSearch: q, most: c.config.SearchLimit, prefix: scim.Casefold(q.Query), parts: parts}
}

// aboveAll is greater than every value: scim.Limits.KeyBytes bounds a value, and no character is greater.
var aboveAll = strings.Repeat("\U0010FFFF", 1024)

// afterAll is greater than all values with a prefix.
func afterAll(prefix string) string { return cmp.Or(scim.AfterPrefix(prefix), aboveAll) }

// run looks at rows until it has one result more than the limit, has looked at enough rows, or there are no more.
func (w *walk) run(read func(s store.Search, limit int) ([]store.Found, error), shows func(store.Part, *store.Found) bool) error {
	high := afterAll(w.prefix)
	rows := min(w.Limit+1, w.most)
	looked := 0
	for _, part := range w.parts {
		if part < w.After.Part {
			continue
		}
		at := SearchPlace{Part: part, Value: w.prefix}
		if part == w.After.Part {
			at = w.After
		}
		for more := true; more; {
			if looked >= w.most {
				w.next = &at
				return nil
			}
			found, err := read(store.Search{
				Part: part, DirectoryID: w.DirectoryID, Low: w.prefix, High: high, Value: at.Value, ID: at.ID,
			}, rows)
			if err != nil {
				return err
			}
			looked, more, rows = looked+len(found), len(found) == rows, min(lookPage, w.most)
			for i := range found {
				f := &found[i]
				at = SearchPlace{Part: part, Value: f.Value, ID: f.ID}
				if !shows(part, f) {
					continue
				}
				if len(w.found) == w.Limit {
					w.next = &w.found[w.Limit-1].at
					return nil
				}
				w.found = append(w.found, hit{*f, at})
			}
		}
	}
	return nil
}

// within reports whether a result is in the wanted directory.
func (w *walk) within(_ store.Part, f *store.Found) bool {
	return w.DirectoryID == "" || w.DirectoryID == f.DirectoryID
}

// shows reports whether a user is wanted, and was not a result before: of an earlier part, or by a smaller value of this part.
func (w *walk) shows(part store.Part, f *store.Found) bool {
	if !w.within(part, f) || f.Repeated ||
		part > store.ByUserName && strings.HasPrefix(f.NameFolded, w.prefix) ||
		part > store.ByDisplayName && strings.HasPrefix(scim.Casefold(f.DisplayName), w.prefix) {
		return false
	}
	switch w.State {
	case identityv1.UserState_USER_STATE_ACTIVE:
		return f.Active && !f.Detached
	case identityv1.UserState_USER_STATE_INACTIVE:
		return !f.Active
	case identityv1.UserState_USER_STATE_DETACHED:
		return f.Detached
	case identityv1.UserState_USER_STATE_UNSPECIFIED:
	}
	return true
}

// summaries reads the documents of results, and leaves out users that are gone. It returns the size of the documents, too.
func (d *documents) summaries(ctx context.Context, organizationID string, found []hit) (all []*identityv1.UserSummary, bytes int, err error) {
	rest := make([]string, len(found))
	for i := range found {
		rest[i] = found[i].ID
	}
	known := make(map[string]*identityv1.UserSummary, len(found))
	for len(rest) > 0 {
		page, err := d.reserve(ctx, organizationID, rest)
		if err != nil {
			return nil, 0, err
		}
		for _, u := range page.Users {
			document, _, err := d.read(ctx, u)
			if err != nil {
				return nil, 0, err
			}
			displayName, _ := document.Str("displayName")
			known[u.ID] = &identityv1.UserSummary{
				Id: u.ID, DirectoryId: u.DirectoryID, UserName: u.Name, DisplayName: displayName, Email: document.Email(),
				Active: u.Active, Detached: u.Detached,
			}
			bytes += len(u.Document)
		}
		rest = page.Rest
	}
	for i := range found {
		if u := known[found[i].ID]; u != nil {
			all = append(all, u)
		}
	}
	return all, bytes, nil
}
