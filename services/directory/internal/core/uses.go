package core

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
)

// RecordUses stores what a gateway has noted; uses to the minute. A time in the future becomes the current time: it would hide all uses
// until then.
func (c *Core) RecordUses(ctx context.Context, uses []store.Use, refusals []store.Refusals) error {
	now := c.now()
	for i := range uses {
		uses[i].Time = uses[i].Time.Truncate(time.Minute)
		if minute := now.Truncate(time.Minute); uses[i].Time.After(minute) {
			uses[i].Time = minute
		}
	}
	for i := range refusals {
		if refusals[i].LastTime.After(now) {
			refusals[i].LastTime = now
		}
	}
	return c.store.RecordUses(ctx, uses, merged(refusals))
}

// merged returns one entry for each directory.
func merged(refusals []store.Refusals) []store.Refusals {
	slices.SortFunc(refusals, func(a, b store.Refusals) int {
		return cmp.Or(cmp.Compare(a.DirectoryID, b.DirectoryID), b.LastTime.Compare(a.LastTime))
	})
	var one []store.Refusals
	for _, r := range refusals {
		if last := len(one) - 1; last >= 0 && one[last].DirectoryID == r.DirectoryID {
			one[last].Count += r.Count
		} else {
			one = append(one, r)
		}
	}
	return one
}
