package core

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
)

// filteredUsers is the most users that a count of a filter's matches looks at. After filteredBytes of documents it looks at no more.
const filteredUsers, filteredBytes = 1000, 64 << 20

// CountInGroups counts the users in at least one of some groups, directly or through others.
func (c *Core) CountInGroups(ctx context.Context, organizationID string, groupIDs []string) (store.Tally, error) {
	return c.tallyMembers(ctx, organizationID, groupIDs, true)
}

// CountWithRole counts the users with a role value.
func (c *Core) CountWithRole(ctx context.Context, organizationID, value string) (store.Tally, error) {
	t, err := c.store.TallyRole(ctx, organizationID, value, mostCounted+1)
	return upTo(t, mostCounted), err
}

// CountFiltered counts the users that a filter matches, among the first ones by id. looked is how many it looked at.
// fault.Limit: as SearchUsers.
func (c *Core) CountFiltered(ctx context.Context, organizationID, filter string) (t store.Tally, looked int, err error) {
	if err := c.CheckUserFilter(ctx, organizationID, filter); err != nil {
		return t, 0, err
	}
	d, err := c.newDocuments([]string{filter})
	if err != nil {
		return t, 0, err
	}
	d.room.reservation = c.config.Lists.OpenOrganization(organizationID)
	defer d.room.reservation.Close()
	ids, err := c.store.IDs(ctx, organizationID, store.User, "", filteredUsers+1)
	if err != nil {
		return t, 0, err
	}
	rest := ids[:min(len(ids), filteredUsers)]
	t.More = len(ids) > filteredUsers
	for bytes := 0; len(rest) > 0; {
		if bytes >= filteredBytes {
			t.More = true
			break
		}
		page, err := d.reserve(ctx, organizationID, rest)
		if err != nil {
			return t, 0, err
		}
		for _, u := range page.Users {
			if err := ctx.Err(); err != nil {
				return t, 0, err
			}
			_, matched, err := d.read(ctx, u)
			if err != nil {
				return t, 0, err
			}
			if bytes += len(u.Document); len(matched) == 0 {
				continue
			}
			if t.Users++; len(t.Examples) < store.TallyExamples {
				t.Examples = append(t.Examples, u.ID)
			}
		}
		looked += len(page.Users)
		rest = page.Rest
	}
	return t, looked, nil
}

// CountResources returns the numbers of users and groups of organizations, each organization once, in their order.
func (c *Core) CountResources(ctx context.Context, organizationIDs []string) ([]*identityv1.ResourceCounts, error) {
	found, err := c.store.CountOrganizations(ctx, distinct(organizationIDs))
	if err != nil {
		return nil, err
	}
	counts, known := make([]*identityv1.ResourceCounts, 0, len(organizationIDs)), map[string]*identityv1.ResourceCounts{}
	for _, id := range organizationIDs {
		if known[id] == nil {
			known[id] = &identityv1.ResourceCounts{OrganizationId: id}
			counts = append(counts, known[id])
		}
	}
	for _, n := range found {
		if n.Type == store.Group {
			known[n.OrganizationID].Groups = n.Count
		} else {
			known[n.OrganizationID].Users = n.Count
		}
	}
	return counts, nil
}
