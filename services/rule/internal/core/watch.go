package core

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// watchPage is how many records of the access feed are read at once.
const watchPage = 500

// errStopping returns the error of calls that wait while the service stops.
func errStopping() error {
	return fault.New(fault.Unavailable, "the service is stopping").Retry(time.Second)
}

// AccessCursor returns the cursor after the newest record of the access feed.
func (c *Core) AccessCursor(ctx context.Context) (string, error) {
	cursor, err := c.store.AccessCursor(ctx)
	return cursor.String(), err
}

// WatchAccess calls send with an organization's access changes after a cursor, and then with each new one, until ctx ends or send
// fails. It calls send with the cursor alone once it has sent all existing changes, and then regularly. It reads existing changes for
// this call alone. It reads new changes once for all calls, which share them: send must not modify them.
func (c *Core) WatchAccess(ctx context.Context, organizationID, after string, send func(changes []store.Change, cursor string) error) error {
	at, err := feed.Parse(after)
	if err != nil {
		return err
	}
	bookmarks := time.NewTicker(c.config.BookmarkInterval)
	defer bookmarks.Stop()
	var shared *tail // nil until this call has caught up, and while it is too slow
	leave := func() {
		if shared != nil {
			c.leaveTail(organizationID, shared)
			shared = nil
		}
	}
	defer leave()
	for due := true; ; {
		var changes []store.Change
		var more <-chan struct{}
		if shared == nil {
			if changes, at, err = c.store.AccessChanges(ctx, organizationID, at, watchPage); err != nil {
				return err
			}
			if len(changes) == 0 {
				shared = c.watchTail(organizationID, at)
			}
		}
		if shared != nil {
			var behind bool
			if changes, at, more, behind, err = shared.after(at); err != nil {
				return err
			}
			if behind {
				leave()
				continue
			}
		}
		if len(changes) > 0 || due {
			if err := send(changes, at.String()); err != nil {
				return err
			}
		}
		if len(changes) > 0 {
			continue
		}
		due = false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.stopped:
			return errStopping()
		case <-bookmarks.C:
			due = true
		case <-more:
		}
	}
}

// WaitUntilCaughtUp waits until access includes everything up to a cursor of identity's feed, and returns that cursor. An empty cursor
// means everything that identity has now. It fails with fault.Deadline if that takes longer than timeout, also because identity or
// the database is unreachable, and with fault.UsersSetAside if access is up to date except for users who are set aside.
func (c *Core) WaitUntilCaughtUp(ctx context.Context, organizationID, cursor string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	recheck := time.NewTicker(c.config.RecheckInterval)
	defer recheck.Stop()
	c.queue.add(organizationID)
	for {
		changed := c.store.Changed(organizationID)
		caughtUp := false
		err := c.orNewest(ctx, &cursor)
		if err == nil {
			caughtUp, err = c.caughtUp(ctx, organizationID, cursor)
		}
		switch {
		case caughtUp:
			return cursor, c.noneSetAside(ctx, organizationID)
		case err != nil && !fault.Is(err, fault.Unavailable):
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", fault.Wrap(ctx.Err(), fault.Deadline, "access was not up to date in time")
		case <-c.stopped:
			return "", errStopping()
		case <-changed:
		case <-recheck.C:
			// Identity may show the end of its feed later than it returns that cursor, and another process may be the owner.
			c.queue.add(organizationID)
		}
	}
}

// noneSetAside fails with fault.UsersSetAside, and names users, while users of an organization are set aside.
func (c *Core) noneSetAside(ctx context.Context, organizationID string) error {
	count, _, err := c.store.CountSetAside(ctx, organizationID, "")
	if err != nil || count == 0 {
		return err
	}
	users, err := c.store.SetAside(ctx, organizationID, "", maxNamed)
	if err != nil {
		return err
	}
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.UserID
	}
	return fault.New(fault.UsersSetAside, "access is up to date, except for %d users that are set aside: their access cannot be computed now", count).
		With("count", strconv.FormatInt(count, 10)).With("user_ids", strings.Join(names, ","))
}

// orNewest replaces an empty cursor by the cursor of everything that identity has now.
func (c *Core) orNewest(ctx context.Context, cursor *string) (err error) {
	if *cursor == "" {
		*cursor, err = c.identity.Newest(ctx)
	}
	return err
}

// caughtUp reports whether access is up to date with a cursor: every record up to it is processed, and every group that one of
// them enqueued is expanded.
func (c *Core) caughtUp(ctx context.Context, organizationID, cursor string) (bool, error) {
	want, err := feed.Parse(cursor)
	if err != nil || cursor == "" { // identity has nothing
		return err == nil, err
	}
	work, err := c.store.Work(ctx, organizationID, c.now(), 1)
	if err != nil {
		return false, err
	}
	checkpoint, err := feed.Parse(work.Progress.Checkpoint)
	if err != nil {
		return false, err
	}
	if checkpoint.Epoch != "" && checkpoint.Epoch != want.Epoch {
		// Either the client's cursor is from before a restore of identity, or this service has not noticed the restore yet.
		current, err := c.identity.Cursor(ctx)
		if err != nil {
			return false, err
		}
		now, err := feed.Parse(current)
		if err != nil {
			return false, err
		}
		return false, want.CheckEpoch(now.Epoch)
	}
	if work.Recovery != nil {
		return false, nil
	}
	if len(work.Expansions) > 0 {
		// The oldest waiting group has the oldest cause. A group without a cursor is from the very first records.
		from, err := feed.Parse(work.Expansions[0].From)
		if err != nil || from.Before(want) {
			return false, err
		}
	}
	if checkpoint.Epoch != "" && !checkpoint.Before(want) {
		return true, nil
	}
	// Records of other organizations lie between: check whether a record of this organization does.
	page, err := c.identity.Changes(ctx, organizationID, work.Progress.Checkpoint, 1)
	if fault.Is(err, fault.CursorExpired) {
		return false, nil // the owner will notice and recover
	}
	if err != nil {
		return false, err
	}
	next := page.Next
	if len(page.Records) > 0 {
		next = page.Records[0].Cursor
	}
	at, err := feed.Parse(next)
	if err != nil {
		return false, err
	}
	if err := want.CheckEpoch(at.Epoch); at.Epoch != "" && err != nil {
		return false, err
	}
	if len(page.Records) > 0 {
		return want.Before(at), nil
	}
	return !at.Before(want), nil
}
