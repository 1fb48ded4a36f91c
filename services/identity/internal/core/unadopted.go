package core

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Place is a place in the list of resources that were not adopted. The zero Place is its begin.
type Place struct {
	Type        store.Type
	DirectoryID string
	ID          string
}

// Unadopted lists the resources of the directories that a directory may adopt from, after a place, at most limit: by type, then by
// directory, the nearest one first, then by id. more is false at the end of the list. A page ends early when its documents are large. It
// waits briefly for a new directory.
func (c *Core) Unadopted(ctx context.Context, scope store.Scope, after Place, limit int) (page []store.Resource, more bool, err error) {
	if _, err := c.directory(ctx, scope); err != nil && !fault.Is(err, fault.Deleted) {
		return nil, false, err
	}
	ancestors, err := c.store.Ancestors(ctx, scope)
	if err != nil {
		return nil, false, err
	}
	l := &lister{core: c, room: room{reservation: c.config.Lists.Open(scope.DirectoryID)}}
	defer l.room.reservation.Close()
	begun := after == Place{}
	for _, k := range c.kinds {
		for _, ancestor := range ancestors {
			if begun = begun || k.of == after.Type && ancestor == after.DirectoryID; !begun {
				continue
			}
			left := c.config.PageBytes - store.Bytes(page)
			if len(page) >= limit || left <= 0 {
				return page, true, nil
			}
			of, from := store.Scope{OrganizationID: scope.OrganizationID, DirectoryID: ancestor}, after.ID
			found, err := l.steps(limit-len(page), left, func(read []store.Resource, count, bytes int) ([]store.Resource, error) {
				if len(read) > 0 {
					from = read[len(read)-1].ID
				}
				return c.store.List(ctx, of, k.of, from, count, bytes)
			})
			if err != nil {
				return nil, false, err
			}
			page, after.ID = append(page, found...), ""
		}
	}
	return page, len(page) >= limit || store.Full(page, c.config.PageBytes), nil
}
