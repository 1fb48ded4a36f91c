package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// EraseUser erases a detached user of the scope's organization, as if the IdP had deleted it, and returns the cursor after the
// change.
func (c *Core) EraseUser(ctx context.Context, call Call, id string) (feed.Cursor, error) {
	w, err := c.store.EraseUser(ctx, call.Scope.OrganizationID, id, c.cause(call))
	return w.Cursor, err
}

const (
	// followWait is how long EraseOrganization waits until the directories have been followed, and followPoll is how often it
	// checks whether another process has followed them. followWait is much shorter than the validity of a list of erasures, so
	// that the next one in the list gets its turn.
	followWait, followPoll = 500 * time.Millisecond, 50 * time.Millisecond
)

// EraseOrganization erases a part of an organization's data, and reports whether nothing was left. last is the place of the newest
// change of its directories: before that place is applied, one of its directories could still appear. fault.Unavailable: it was not
// applied within half a second.
func (c *Core) EraseOrganization(ctx context.Context, organizationID string, last store.Place) (nothingLeft bool, err error) {
	if err := c.awaitFollowed(ctx, last); err != nil {
		return false, err
	}
	if nothingLeft, err = c.store.EraseOrganization(ctx, organizationID); nothingLeft {
		c.forget()
	}
	return nothingLeft, err
}

func (c *Core) awaitFollowed(ctx context.Context, last store.Place) error {
	if last.Revision == 0 {
		return nil // the organization never had a directory
	}
	deadline, poll := time.NewTimer(followWait), time.NewTicker(followPoll)
	defer deadline.Stop()
	defer poll.Stop()
	for {
		at, err := c.store.Followed(ctx)
		if err != nil {
			return err
		}
		if at.Epoch == last.Epoch && at.Revision >= last.Revision {
			return nil
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return fault.New(fault.Unavailable, "not all changes of the organization's directories are applied yet").Retry(time.Second)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
