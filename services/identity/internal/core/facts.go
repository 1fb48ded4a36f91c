package core

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Bounds of one call that reads users.
const (
	// maxUserGroups is the most groups that a user's access may depend on: their ids fit into one response of the stream of
	// facts.
	maxUserGroups = 25_000
	// accessPage and usersPage are how many bytes of documents one read takes into memory.
	accessPage = 16 << 20
	usersPage  = 4 << 20
)

// AccessQuery names users, and what the rules need to know of them.
type AccessQuery struct {
	OrganizationID string
	IDs            []string // at most 1,000
	RoleValues     []string
	Filters        []string
	StatusOnly     bool
}

// AccessFacts reads what access depends on, and passes each existing user to each, once, in no order. An inactive or detached user has
// only a status. Documents are read in parts. The facts of one user are from one moment, which is not before the beginning of the call.
// fault.Limit: the groups above the users have more memberships than one call reads. If a single user has too many, that user's
// BeyondLimit is set instead.
func (c *Core) AccessFacts(ctx context.Context, q AccessQuery, each func(*identityv1.UserFacts) error) error {
	q.IDs = distinct(q.IDs)
	d, err := c.newDocuments(q.Filters)
	if err != nil || len(q.IDs) == 0 {
		return err
	}
	if q.StatusOnly {
		found, err := c.store.Summaries(ctx, q.OrganizationID, store.User, q.IDs)
		for i := 0; err == nil && i < len(found); i++ {
			err = each(status(found[i]))
		}
		return err
	}
	roles := make(map[string][]int32, len(q.RoleValues))
	for i, value := range q.RoleValues {
		roles[value] = append(roles[value], int32(i))
	}
	rest, edges := q.IDs, c.config.FactsLimit
	for len(rest) > 0 {
		page, err := c.store.Facts(ctx, q.OrganizationID, rest, store.FactsBounds{Bytes: accessPage, Edges: edges, Live: true})
		if err != nil {
			return err
		}
		if page.More && len(q.IDs) > 1 {
			return fault.New(fault.Limit, "the groups above these users have more than %d memberships, which is the limit of one call: ask for fewer users", c.config.FactsLimit)
		}
		if err := d.access(ctx, page, roles, each); err != nil {
			return err
		}
		rest, edges = page.Rest, edges-len(page.Edges)
	}
	return nil
}

// access passes the users of a page to each.
func (d *documents) access(ctx context.Context, page store.FactsPage, roles map[string][]int32, each func(*identityv1.UserFacts) error) error {
	var around *store.Around
	if !page.More {
		around = store.NewAround(page.Edges)
	}
	for _, u := range page.Users {
		if err := ctx.Err(); err != nil {
			return err // many filters of many users take long: stop when the caller has gone
		}
		facts := status(u)
		var err error
		if u.Active && !u.Detached {
			if facts.GroupIds, facts.BeyondLimit = d.core.groupsWithin(around, u.ID); facts.GetBeyondLimit() == "" {
				facts.RoleValues, facts.MatchedFilters, err = d.seen(ctx, u, roles)
			}
		}
		if err == nil {
			err = each(facts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// status returns the facts of a user that need no document.
func status(u store.Facts) *identityv1.UserFacts {
	return &identityv1.UserFacts{
		Id: u.ID, DirectoryId: u.DirectoryID, Active: u.Active, Detached: u.Detached, Revision: u.Version, UpdateTime: timestamppb.New(u.UpdateTime),
	}
}

// groupsWithin returns the groups of a user, or a sentence about the limit that they exceed. around is nil if there were
// more memberships than one call reads.
func (c *Core) groupsWithin(around *store.Around, userID string) (groups []string, beyondLimit string) {
	if around == nil {
		return nil, fmt.Sprintf("the user and the groups above it have more than %d memberships", c.config.FactsLimit)
	}
	if beyondLimit = around.Beyond(userID); beyondLimit != "" {
		return nil, beyondLimit
	}
	if groups = around.Groups(userID); len(groups) > maxUserGroups {
		return nil, fmt.Sprintf("the user is in more than %d groups, directly or through others", maxUserGroups)
	}
	return groups, ""
}

// seen returns what the rules need of a user's document: the indexes of its role values, and of the filters that it matches.
func (d *documents) seen(ctx context.Context, u store.Facts, roles map[string][]int32) (has, matched []int32, err error) {
	if len(roles)+len(d.filters) == 0 {
		return nil, nil, nil // reading a document takes longer than all the rest
	}
	document, matched, err := d.read(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	if len(roles) > 0 {
		for _, value := range document.Roles() {
			has = append(has, roles[value]...)
		}
		slices.Sort(has)
	}
	return has, matched, nil
}

// ReadUsers reads users of any directory of an organization, with their groups, also beyond the limits of nesting. take returns
// false if there is no room for a user. rest are the ids from the first one that did not fit, or that exceeded what one call reads.
// ReadUsers reads at least one user. fault.Limit: a single user exceeds what one call reads.
func (c *Core) ReadUsers(ctx context.Context, organizationID string, ids []string, take func(*identityv1.User) bool) (rest []string, err error) {
	d, err := c.newDocuments(nil)
	if err != nil {
		return nil, err
	}
	rest = distinct(ids)
	for asked, edges := len(rest), c.config.FactsLimit; len(rest) > 0; {
		page, err := c.store.Facts(ctx, organizationID, rest[:asked], store.FactsBounds{Bytes: usersPage, Edges: edges})
		switch {
		case err != nil:
			return nil, err
		case page.More && edges < c.config.FactsLimit:
			return rest, nil
		case page.More && asked > 1:
			asked /= 2
			continue
		case page.More:
			return nil, fault.New(fault.Limit, "user %q and the groups above it have more than %d memberships, which is the limit of one call", rest[0], c.config.FactsLimit)
		}
		around := store.NewAround(page.Edges)
		for _, u := range page.Users {
			facts, err := d.facts(ctx, u, around)
			if err != nil {
				return nil, err
			}
			if !take(facts) {
				from, _ := slices.BinarySearch(rest, u.ID)
				return rest[from:], nil
			}
		}
		later := rest[asked:]
		rest, edges = append(page.Rest, later...), edges-len(page.Edges)
		if len(later) > 0 && len(page.Users) > 0 {
			return rest, nil // one call reads no more memberships than this
		}
		asked = len(rest)
	}
	return nil, nil
}

// facts returns a user as other services read it.
func (d *documents) facts(ctx context.Context, u store.Facts, around *store.Around) (*identityv1.User, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // as in access
	}
	document, _, err := d.read(ctx, u)
	if err != nil {
		return nil, err
	}
	displayName, _ := document.Str("displayName")
	return &identityv1.User{
		Id: u.ID, OrganizationId: u.OrganizationID, DirectoryId: u.DirectoryID, UserName: u.Name, ExternalId: u.ExternalID,
		DisplayName: displayName, Email: document.Email(), Active: u.Active, Detached: u.Detached, GroupIds: around.Groups(u.ID),
		RoleValues: document.Roles(), Revision: u.Version, UpdateTime: timestamppb.New(u.UpdateTime),
	}, nil
}

// documents parses users' documents, and matches them with filters.
type documents struct {
	core    *Core
	room    room // of those that reserve reads
	filters []*scim.Filter
	known   map[*scim.ResourceType][]bool // by type: which filters name only attributes of that type
}

func (c *Core) newDocuments(filters []string) (*documents, error) {
	d := &documents{core: c, filters: make([]*scim.Filter, len(filters)), known: map[*scim.ResourceType][]bool{}}
	for i, text := range filters {
		var err error
		if d.filters[i], err = c.userFilter(text); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// reserve reads users, as store.Facts does, without memberships. It reserves memory for their documents until its room is closed.
func (d *documents) reserve(ctx context.Context, organizationID string, ids []string) (store.FactsPage, error) {
	page, err := d.core.store.Facts(ctx, organizationID, ids, store.FactsBounds{Bytes: d.room.bytes(usersPage)})
	if err != nil {
		return page, err
	}
	bytes := 0
	for _, u := range page.Users {
		bytes += len(u.Document)
	}
	return page, d.room.reserveStep(bytes)
}

// read returns a user's document, and the indexes of the filters that it matches.
func (d *documents) read(ctx context.Context, u store.Facts) (document *scim.Document, matched []int32, err error) {
	t, err := d.core.typesOf(ctx, u.Scope)
	if err != nil {
		return nil, nil, err
	}
	users := t[store.User]
	if document, err = scim.ParseStored(users, u.Document); err != nil {
		return nil, nil, err
	}
	if d.known[users] == nil {
		d.known[users] = make([]bool, len(d.filters))
		for i, filter := range d.filters {
			d.known[users][i] = users.CheckFilter(filter) == nil
		}
	}
	for i, filter := range d.filters {
		if d.known[users][i] && filter.Match(users, document, scim.Envelope{ID: u.ID}) {
			matched = append(matched, int32(i))
		}
	}
	return document, matched, nil
}

// distinct returns the ids in order, each once.
func distinct(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }
