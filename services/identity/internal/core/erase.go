package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// EraseUser removes a detached user of the scope's organization, as if the IdP had deleted it, and gives the cursor after that.
func (c *Core) EraseUser(ctx context.Context, call Call, id string) (feed.Cursor, error) {
	w, err := c.store.EraseUser(ctx, call.Scope.OrganizationID, id, c.cause(call))
	return w.Cursor, err
}

const (
	// followWait is how long EraseOrganization waits for the directories to be followed, and followLook how often it looks whether
	// another process has. It is much less than the time for which a list of erasures is good: the next one in it has its turn.
	followWait, followLook = 500 * time.Millisecond, 50 * time.Millisecond
)

// EraseOrganization removes some of what is kept of an organization, and says whether there was nothing left. last is the place of the
// newest change of its directories: until they were followed to there, one of them could come later. fault.Unavailable: they were
// not, in half a second.
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
		return nil // it never had a directory
	}
	deadline, look := time.NewTimer(followWait), time.NewTicker(followLook)
	defer deadline.Stop()
	defer look.Stop()
	for {
		at, err := c.store.Followed(ctx)
		if err != nil {
			return err
		}
		if at.Epoch == last.Epoch && at.Revision >= last.Revision {
			return nil
		}
		select {
		case <-look.C:
		case <-deadline.C:
			return fault.New(fault.Unavailable, "the directories are not followed to where the organization is erased").Retry(time.Second)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
