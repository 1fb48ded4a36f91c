package core

import (
	"context"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// FindUser finds the one user that a selector matches. fault.NotFound: there is none. fault.Ambiguous: there are several.
func (c *Core) FindUser(ctx context.Context, organizationID string, by store.Selector) (*identityv1.User, error) {
	by.Name, by.Email = scim.Casefold(by.Name), scim.Casefold(by.Email)
	found, err := c.store.Find(ctx, organizationID, store.User, by, "", 2)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noSuchUser()
	}
	if len(found) > 1 {
		return nil, fault.New(fault.Ambiguous, "several users match: name the user by its id")
	}
	var user *identityv1.User
	if _, err := c.ReadUsers(ctx, organizationID, []string{found[0].ID}, func(u *identityv1.User) bool {
		user = u
		return true
	}); err != nil {
		return nil, err
	}
	if user == nil {
		return nil, noSuchUser()
	}
	return user, nil
}

func noSuchUser() error {
	return fault.New(fault.NotFound, "there is no such user").With("resource", "user")
}

// CheckUserFilter refuses a filter that cannot match users: see userFilter. It accepts attributes of extensions if one directory
// has all attributes of the filter.
func (c *Core) CheckUserFilter(ctx context.Context, organizationID, text string) error {
	filter, err := c.userFilter(text)
	if err != nil {
		return err
	}
	unknown := scim.UserType().CheckFilter(filter)
	if unknown == nil {
		return nil
	}
	directories, err := c.store.Extended(ctx, organizationID)
	if err != nil {
		return err
	}
	for _, id := range directories {
		t, err := c.typesOf(ctx, store.Scope{OrganizationID: organizationID, DirectoryID: id})
		if err != nil {
			return err
		}
		if t[store.User].CheckFilter(filter) == nil {
			return nil
		}
	}
	return refused(unknown)
}

// userFilter parses a filter on a user's document. It refuses groups and meta: they change without a change of the user.
func (c *Core) userFilter(text string) (*scim.Filter, error) {
	filter, err := scim.ParseFilter(text, c.config.Limits)
	if err != nil {
		return nil, refused(err)
	}
	for _, attribute := range []string{"groups", "meta"} {
		if filter.Uses(attribute) {
			return nil, fault.New(fault.InvalidFilter, "The filter cannot be on %s.", attribute).With("attribute", attribute)
		}
	}
	return filter, nil
}

// UserIDs lists ids of an organization's users.
func (c *Core) UserIDs(ctx context.Context, organizationID, after string, limit int) ([]string, error) {
	return c.store.IDs(ctx, organizationID, store.User, after, limit)
}

// FindGroups lists summaries of an organization's groups: of all of them, or of those with a displayName.
func (c *Core) FindGroups(ctx context.Context, organizationID, displayName, after string, limit int) ([]store.Facts, error) {
	by := store.Selector{Name: scim.Casefold(displayName), All: displayName == ""}
	return c.store.Find(ctx, organizationID, store.Group, by, after, limit)
}

// GroupFacts reads summaries of groups of any directory of an organization.
func (c *Core) GroupFacts(ctx context.Context, organizationID string, ids []string) ([]store.Facts, error) {
	return c.store.Summaries(ctx, organizationID, store.Group, ids)
}

// DirectMembers lists the members of a group, of any directory.
func (c *Core) DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]store.Member, error) {
	return c.store.DirectMembers(ctx, organizationID, groupID, after, limit)
}

// CarriedMembers lists the memberships that an adoption took over and the IdP never confirmed.
func (c *Core) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	return c.store.CarriedMembers(ctx, scope, afterGroup, afterMember, limit)
}

// finishPage is how many memberships one transaction of FinishAdoption removes.
const finishPage = 500

// FinishAdoption removes the memberships that CarriedMembers lists.
func (c *Core) FinishAdoption(ctx context.Context, call Call) (removed int64, cursor feed.Cursor, err error) {
	for group, member := "", ""; ; {
		page, err := c.store.CarriedMembers(ctx, call.Scope, group, member, finishPage)
		if err != nil || len(page) == 0 {
			return removed, cursor, err
		}
		w, err := c.store.RemoveCarried(ctx, call.Scope, page, c.cause(call))
		if err != nil {
			return removed, cursor, err
		}
		removed += int64(len(page))
		if w.Cursor.Epoch != "" {
			cursor = w.Cursor
		}
		group, member = page[len(page)-1].GroupID, page[len(page)-1].Member.Value
	}
}

// Cursor returns two ends of the change feed: follow, where a follower begins, and newest, which is after everything that
// was written.
func (c *Core) Cursor(ctx context.Context) (follow, newest feed.Cursor, err error) {
	return c.store.Cursor(ctx)
}

// Changes reads an organization's change records. If it returns fewer records than limit, then next is at or after the
// record of each change of the organization that was acknowledged before asOf.
func (c *Core) Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, asOf time.Time, err error) {
	asOf = c.config.Now() // before the end of the feed is read
	changes, next, delayed, err := c.store.Changes(ctx, organizationID, after, limit)
	return changes, next, earlier(asOf, delayed), err
}

// Active returns the organizations that have change records after a cursor. next is at or after the record of each change
// that was acknowledged before asOf.
func (c *Core) Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, asOf time.Time, err error) {
	asOf = c.config.Now() // before the end of the feed is read
	active, next, delayed, err := c.store.Active(ctx, after)
	return active, next, earlier(asOf, delayed), err
}

// earlier returns the earlier one of asOf and the time of the oldest delayed record, if there is one.
func earlier(asOf, delayed time.Time) time.Time {
	if !delayed.IsZero() && delayed.Before(asOf) {
		return delayed
	}
	return asOf
}

// NewChanges returns a channel that closes when new change records are visible.
func (c *Core) NewChanges() <-chan struct{} { return c.store.NewChanges() }

// TrimChanges trims the records of the feed that are older than the retention time.
func (c *Core) TrimChanges(ctx context.Context, retention time.Duration) error {
	const batch = 1000 // keeps the transaction short
	for ctx.Err() == nil {
		n, err := c.store.TrimChanges(ctx, c.config.Now().Add(-retention), batch)
		if err != nil || n < batch {
			return err
		}
	}
	return nil
}
