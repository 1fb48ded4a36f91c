package core

import (
	"context"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	// linkLifetime is how long a link can be used, unless its creator says otherwise. maxLinkLifetime is the most that the creator can say.
	linkLifetime, maxLinkLifetime = time.Hour, 7 * 24 * time.Hour
	// linkSessionLifetime is how long the session of a link lasts.
	linkSessionLifetime = 8 * time.Hour
	// maxOpenLinks is how many links of an organization can be open at a time.
	maxOpenLinks = 100
	// keepLinks is how long an expired link is listed.
	keepLinks = 30 * 24 * time.Hour
)

// CreatePortalLink adds a link, and returns its secret. A repeated call returns an empty secret. fault.NotFound: the organization or the
// directory is missing. fault.Erasing, fault.Deleted: it is being erased, or was deleted. fault.Limit: maxOpenLinks are open.
func (c *Core) CreatePortalLink(ctx context.Context, l store.PortalLink, r requestid.Request) (store.PortalLink, secret.Text, error) {
	if l.NewDirectory && l.DirectoryID != "" {
		return l, "", fault.Invalid("portal_link.new_directory", "must be false if directory_id names a directory")
	}
	secret := bearer.PortalLink.New()
	l.ID, l.Digest, l.CreateTime = ids.New(), secret.Digest(), c.now()
	if l.ExpireTime.IsZero() {
		l.ExpireTime = l.CreateTime.Add(linkLifetime)
	}
	err := c.store.Update(ctx, l.OrganizationID, func(ctx context.Context, tx store.Tx) error {
		if _, err := changeable(ctx, tx); err != nil {
			return err
		}
		return requestid.Once(ctx, tx, r, l.CreateTime, func(id string) (err error) {
			l, err = tx.PortalLink(ctx, id)
			secret = ""
			return err
		}, func() (string, error) {
			if err := checkExpiry("portal_link", l.ExpireTime, l.CreateTime); err != nil {
				return "", err
			}
			if l.ExpireTime.After(l.CreateTime.Add(maxLinkLifetime)) {
				return "", fault.Invalid("portal_link.expire_time", "must be within %s", maxLinkLifetime)
			}
			if l.DirectoryID != "" {
				if _, err := undeleted(ctx, tx, l.DirectoryID); err != nil {
					return "", err
				}
			}
			open, err := tx.CountOpenPortalLinks(ctx, l.CreateTime)
			if err != nil {
				return "", err
			}
			if open >= maxOpenLinks {
				return "", fault.New(fault.Limit, "%d portal links of the organization are open already: revoke one first", open)
			}
			return l.ID, tx.CreatePortalLink(ctx, l)
		})
	})
	return l, secret, err
}

// PortalLinks lists an organization's links, newest first. fault.NotFound: the organization is missing.
func (c *Core) PortalLinks(ctx context.Context, organizationID, before string, limit int) ([]store.PortalLink, error) {
	if _, err := c.store.Organization(ctx, organizationID); err != nil {
		return nil, err
	}
	return c.store.PortalLinks(ctx, organizationID, before, limit)
}

// RevokePortalLink ends a link and its session. It returns after all leases of the session have ended. A second call changes nothing.
func (c *Core) RevokePortalLink(ctx context.Context, organizationID, id string) (l store.PortalLink, err error) {
	now := c.now()
	var ended []store.Session
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if l, err = tx.PortalLink(ctx, id); err != nil {
			return err
		}
		if ended, err = tx.SessionsOfSubject(ctx, "", id, now); err != nil {
			return err
		}
		if err := revokeSessions(ctx, tx, ended, now); err != nil || !l.RevokeTime.IsZero() {
			return err
		}
		l.RevokeTime = now
		return tx.PutPortalLink(ctx, l)
	})
	if err != nil {
		return l, err
	}
	if l.UseTime.IsZero() {
		return l, nil // no session, and so no lease
	}
	return l, c.outlast(ctx, digestsOf(ended)...)
}

// UsePortalLink uses the link with a digest up, and returns its session with the secret. fault.NotFound: there is no such link, or it is
// revoked. fault.PortalLinkEnded: somebody has used it, or it has expired. fault.Erasing: its organization is being erased.
func (c *Core) UsePortalLink(ctx context.Context, digest keylease.Digest, address string) (store.Session, secret.Text, error) {
	link, err := c.store.ResolvePortalLink(ctx, digest)
	if err != nil {
		return store.Session{}, "", err
	}
	secret, now := bearer.Session.New(), c.now()
	var s store.Session
	err = c.store.Update(ctx, link.OrganizationID, func(ctx context.Context, tx store.Tx) error {
		if _, err := changeable(ctx, tx); err != nil {
			return err
		}
		l, err := tx.PortalLink(ctx, link.ID)
		if err != nil {
			return err
		}
		switch {
		case !l.RevokeTime.IsZero():
			return store.ErrUnknownKey
		case !l.UseTime.IsZero():
			return fault.New(fault.PortalLinkEnded, "somebody has used the link").With("cause", "used")
		case !now.Before(l.ExpireTime):
			return fault.New(fault.PortalLinkEnded, "the link has expired").With("cause", "expired")
		}
		l.UseTime, l.UseAddress = now, address
		if err := tx.PutPortalLink(ctx, l); err != nil {
			return err
		}
		s = store.Session{
			OrganizationID: l.OrganizationID, ID: ids.New(), Digest: secret.Digest(),
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN, Scopes: l.Scopes, Subject: l.ID,
			OneDirectory: l.NewDirectory || l.DirectoryID != "", DirectoryID: l.DirectoryID, Address: address,
			CreateTime: now, UseTime: now.Truncate(time.Minute), ExpireTime: now.Add(linkSessionLifetime),
		}
		return tx.CreateSession(ctx, s)
	})
	if err != nil {
		return store.Session{}, "", err
	}
	return s, secret, nil
}

// bindLink gives a directory that is being created to the portal link that creates it. A link without a directory can create one, once. It
// returns the sessions of the link, whose leases must end, because they do not contain the directory.
func bindLink(ctx context.Context, tx store.Tx, linkID, directoryID string, now time.Time) ([]store.Session, error) {
	l, err := tx.PortalLink(ctx, linkID)
	if err != nil {
		return nil, err
	}
	if !l.NewDirectory || l.DirectoryID != "" {
		return nil, fault.New(fault.NotAllowed, "the portal link opens one directory, and cannot create another one")
	}
	sessions, err := tx.SessionsOfSubject(ctx, "", linkID, now)
	switch {
	case err != nil:
		return nil, err
	case len(sessions) == 0: // since the call began
		return nil, fault.New(fault.Unauthenticated, "the session has ended")
	}
	l.DirectoryID = directoryID
	if err := tx.PutPortalLink(ctx, l); err != nil {
		return nil, err
	}
	for _, s := range sessions {
		s.DirectoryID = directoryID
		if err := tx.PutSession(ctx, s); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}
