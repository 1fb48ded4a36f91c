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
	"github.com/usher-scim/usher/services/internal/scope"
	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	// sessionLifetime is how long a session of a person who signed in lasts at most.
	sessionLifetime = 12 * time.Hour
	// sessionIdle is how long such a session lasts without a request.
	sessionIdle = time.Hour
	// maxSessions is how many sessions a person can have at a time.
	maxSessions = 20
	// keepExpired is how long an expired session is listed.
	keepExpired = 24 * time.Hour
	// maxBlocked is how many subjects may be blocked.
	maxBlocked = 10_000
)

// SignIn is a person who has signed in at an identity provider.
type SignIn struct {
	Provider, Subject, ProviderSession string
	Kind                               commonv1.PrincipalKind
	OrganizationID                     string // empty for the operator
	Address                            string
}

// CreateSession starts a session, and returns it with its secret. A person with maxSessions sessions loses the oldest. fault.NotFound,
// fault.Erasing: the organization. fault.SubjectBlocked: the person.
func (c *Core) CreateSession(ctx context.Context, in SignIn) (store.Session, secret.Text, error) {
	if (in.Kind == commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR) != (in.OrganizationID == "") {
		return store.Session{}, "", fault.Invalid("organization_id", "must be given for all principals but the operator")
	}
	secret, now := bearer.Session.New(), c.now()
	s := store.Session{
		OrganizationID: in.OrganizationID, ID: ids.New(), Digest: secret.Digest(), Kind: in.Kind, Scopes: scope.Most(in.Kind),
		Provider: in.Provider, Subject: in.Subject, ProviderSession: in.ProviderSession, Address: in.Address,
		CreateTime: now, UseTime: now.Truncate(time.Minute), ExpireTime: now.Add(sessionLifetime),
	}
	var over []store.Session
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		if err := signsIn(ctx, tx, in); err != nil {
			return err
		}
		current, err := tx.SessionsOfSubject(ctx, in.Provider, in.Subject, now)
		if err != nil {
			return err
		}
		over = current[:max(0, len(current)-maxSessions+1)]
		if err := revokeSessions(ctx, tx, over, now); err != nil {
			return err
		}
		return tx.CreateSession(ctx, s)
	})
	if err != nil {
		return store.Session{}, "", err
	}
	if len(over) > 0 {
		c.config.Invalidate(ctx, digestsOf(over)...) // nobody asked for their end, so it need not be certain
	}
	return s, secret, nil
}

// signsIn returns an error if a person may not sign in. Until the transaction ends, the erasure of the organization cannot begin.
func signsIn(ctx context.Context, tx store.AllTx, in SignIn) error {
	_, err := tx.BlockedSubject(ctx, in.Provider, in.Subject)
	if err == nil {
		return fault.New(fault.SubjectBlocked, "the operator has blocked this person")
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	if in.OrganizationID == "" {
		return nil
	}
	found, err := tx.Organizations(ctx, []string{in.OrganizationID})
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return fault.Missing("organization", in.OrganizationID)
	case found[0].Erasing():
		return fault.New(fault.Erasing, "organization %q is being erased", in.OrganizationID)
	}
	return nil
}

// Sessions lists the sessions of an organization, or all sessions if it is empty, newest first.
func (c *Core) Sessions(ctx context.Context, organizationID, before string, limit int) ([]store.Session, error) {
	return c.store.Sessions(ctx, organizationID, before, limit)
}

// RevokeSession ends a session. It returns after all its leases have ended. A second call changes nothing.
func (c *Core) RevokeSession(ctx context.Context, id string) (s store.Session, err error) {
	now := c.now()
	err = c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		if s, err = tx.Session(ctx, id); err != nil || !s.RevokeTime.IsZero() {
			return err
		}
		s.RevokeTime = now
		return tx.PutSession(ctx, s)
	})
	if err != nil {
		return s, err
	}
	return s, c.outlast(ctx, s.Digest)
}

// RevokeOrganizationSession is RevokeSession for the sessions of an organization. fault.NotFound: also if the session is not one of them.
func (c *Core) RevokeOrganizationSession(ctx context.Context, organizationID, id string) (s store.Session, err error) {
	now := c.now()
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if s, err = tx.Session(ctx, id); err != nil || !s.RevokeTime.IsZero() {
			return err
		}
		s.RevokeTime = now
		return tx.PutSession(ctx, s)
	})
	if err != nil {
		return s, err
	}
	return s, c.outlast(ctx, s.Digest)
}

// EndSession ends the session with a digest, if there is one, like RevokeSession. It reports whether there was one.
func (c *Core) EndSession(ctx context.Context, digest keylease.Digest) (ended bool, err error) {
	s, err := c.store.ResolveSession(ctx, digest)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err == nil {
		_, err = c.RevokeSession(ctx, s.ID)
	}
	return err == nil, err
}

// EndSessions ends the sessions of a subject, of a session at the provider, or those of both if both are given. It returns how many, after
// all their leases have ended.
func (c *Core) EndSessions(ctx context.Context, provider, subject, providerSession string) (int, error) {
	now := c.now()
	var ended []store.Session
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) (err error) {
		if providerSession != "" {
			ended, err = tx.SessionsOfProviderSession(ctx, provider, providerSession, now)
		} else {
			ended, err = tx.SessionsOfSubject(ctx, provider, subject, now)
		}
		if err != nil {
			return err
		}
		if subject != "" {
			ended = filter(ended, func(s store.Session) bool { return s.Subject == subject })
		}
		return revokeSessions(ctx, tx, ended, now)
	})
	if err != nil {
		return 0, err
	}
	return len(ended), c.outlast(ctx, digestsOf(ended)...) // also if an interrupted call has ended them before
}

// BlockSubject ends all sessions of a person, and refuses new ones. It returns after all leases of the person have ended. A second call
// changes nothing. fault.Limit: maxBlocked subjects are blocked.
func (c *Core) BlockSubject(ctx context.Context, b store.BlockedSubject) (store.BlockedSubject, error) {
	b.Digest, b.CreateTime = keylease.SubjectDigest(b.Provider, b.Subject), c.now()
	var ended []store.Session
	now := b.CreateTime
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) (err error) {
		if ended, err = tx.SessionsOfSubject(ctx, b.Provider, b.Subject, now); err != nil {
			return err
		}
		if err := revokeSessions(ctx, tx, ended, now); err != nil {
			return err
		}
		switch before, err := tx.BlockedSubject(ctx, b.Provider, b.Subject); {
		case err == nil:
			b = before
			return nil
		case !fault.Is(err, fault.NotFound):
			return err
		}
		blocked, err := tx.CountBlockedSubjects(ctx)
		if err != nil {
			return err
		}
		if blocked >= maxBlocked {
			return fault.New(fault.Limit, "%d subjects are blocked already: unblock one first", blocked)
		}
		return tx.CreateBlockedSubject(ctx, b)
	})
	if err != nil {
		return b, err
	}
	return b, c.outlast(ctx, append(digestsOf(ended), b.Digest)...)
}

// UnblockSubject lets a person sign in again. fault.NotFound: the person is not blocked.
func (c *Core) UnblockSubject(ctx context.Context, provider, subject string) error {
	var b store.BlockedSubject
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) (err error) {
		if b, err = tx.BlockedSubject(ctx, provider, subject); err != nil {
			return err
		}
		return tx.DeleteBlockedSubject(ctx, provider, subject)
	})
	if err == nil {
		c.config.Invalidate(ctx, b.Digest) // so that the person need not wait for the end of the lease
	}
	return err
}

// BlockedSubjects lists blocked subjects by provider and subject.
func (c *Core) BlockedSubjects(ctx context.Context, provider, subject string, limit int) ([]store.BlockedSubject, error) {
	return c.store.BlockedSubjects(ctx, provider, subject, limit)
}

// resolveSession returns what the secret of a session opens now.
func (c *Core) resolveSession(ctx context.Context, digest keylease.Digest, now time.Time) (Resolved, error) {
	s, err := c.store.ResolveSession(ctx, digest)
	if err != nil {
		return Resolved{}, err
	}
	ends := s.ExpireTime
	if idle := s.UseTime.Add(sessionIdle); s.PortalLinkID() == "" && idle.Before(ends) {
		ends = idle
	}
	if !s.RevokeTime.IsZero() || !now.Before(ends) {
		return Resolved{}, store.ErrUnknownKey
	}
	return Resolved{Principal: &commonv1.Principal{
		Kind: s.Kind, OrganizationId: s.OrganizationID, Subject: subjectOf(s), Scopes: uint32(s.Scopes),
		OneDirectory: s.OneDirectory, DirectoryId: s.DirectoryID, PortalLinkId: s.PortalLinkID(),
	}, Until: c.leaseUntil(now, ends)}, nil
}

// resolveBlocked returns whether a digest is that of a blocked person.
func (c *Core) resolveBlocked(ctx context.Context, digest keylease.Digest, now time.Time) (Resolved, error) {
	if _, err := c.store.ResolveBlockedSubject(ctx, digest); err != nil {
		return Resolved{}, err
	}
	return Resolved{Blocked: true, Until: c.leaseUntil(now, time.Time{})}, nil
}

// subjectOf returns the subject of a session's principal.
func subjectOf(s store.Session) string {
	if link := s.PortalLinkID(); link != "" {
		return "portal-link/" + link
	}
	return keylease.Subject(s.Provider, s.Subject)
}

func revokeSessions(ctx context.Context, tx store.SessionTx, all []store.Session, now time.Time) error {
	for _, s := range all {
		s.RevokeTime = now
		if err := tx.PutSession(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func digestsOf(all []store.Session) []keylease.Digest {
	digests := make([]keylease.Digest, len(all))
	for i, s := range all {
		digests[i] = s.Digest
	}
	return digests
}

func filter[T any](all []T, keep func(T) bool) (kept []T) {
	for _, one := range all {
		if keep(one) {
			kept = append(kept, one)
		}
	}
	return kept
}
