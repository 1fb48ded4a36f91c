package core

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Answer is the answer to an access check.
type Answer struct {
	Allowed   bool
	AsOf      time.Time // the answer includes every change that identity acknowledged before this; zero when unknown
	Unknown   bool      // the user is set aside
	Suspended bool
	Kept      bool // the user holds the role although it is inactive
}

// CheckAccess reads whether a user effectively holds the role that the grant names.
func (c *Core) CheckAccess(ctx context.Context, organizationID, userID string, grant store.Grant) (Answer, error) {
	asOf, err := c.asOf(ctx, organizationID)
	if err != nil {
		return Answer{}, err
	}
	check, err := c.store.Check(ctx, organizationID, userID, grant)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Allowed: check.Allowed, AsOf: asOf, Suspended: check.Suspended, Unknown: !check.UnknownAsOf.IsZero(), Kept: check.Kept}
	if a.Unknown {
		a.AsOf = earlier(a.AsOf, check.UnknownAsOf)
	}
	return a, nil
}

// earlier returns the AsOf of an answer that includes a user who is set aside: the earlier of both times, or zero if nothing is
// known of that user.
func earlier(asOf, unknownAsOf time.Time) time.Time {
	if known := KnownAsOf(unknownAsOf); known.Before(asOf) {
		return known
	}
	return asOf
}

// Access lists access by user, tenant and role, after a key, at most limit. It also returns the AsOf of the list.
func (c *Core) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, time.Time, error) {
	asOf, err := c.asOf(ctx, organizationID)
	if err != nil {
		return nil, time.Time{}, err
	}
	aside, oldest, err := c.store.CountSetAside(ctx, organizationID, filter.UserID)
	if err != nil {
		return nil, time.Time{}, err
	}
	if aside > 0 {
		asOf = earlier(asOf, oldest)
	}
	access, err := c.store.Access(ctx, organizationID, filter, after, limit)
	return access, asOf, err
}

// AccessChanges lists the kept records of the access feed of a user or of a rule sync, newest first, below a revision unless it is 0, at
// most limit.
func (c *Core) AccessChanges(ctx context.Context, organizationID string, of store.ChangesOf, before int64, limit int) ([]store.Change, error) {
	return c.store.ChangesOf(ctx, organizationID, of, before, limit)
}

// asOf returns the AsOf of access that the caller reads after this call. It does not consider users who are set aside. It reads
// the store only if the organization lags.
func (c *Core) asOf(ctx context.Context, organizationID string) (time.Time, error) {
	mark := c.fresh.mark(organizationID)
	if asOf, ok := mark.known(c.now()); ok {
		return asOf, nil
	}
	progress, err := c.store.Progress(ctx, []string{organizationID})
	return mark.asOf(progress[organizationID]), err
}

// status reads from identity whether a user is active and detached. A missing user is fault.NotFound.
func (c *Core) status(ctx context.Context, organizationID, userID string) (User, error) {
	users, err := c.statuses(ctx, organizationID, []string{userID})
	if err != nil {
		return User{}, err
	}
	u, ok := users[userID]
	if !ok {
		return User{}, fault.Missing("user", userID)
	}
	return u, nil
}

// errFollowed means that this service processed records after it asked identity about a user that it has never reconciled.
var errFollowed = errors.New("records were dealt with meanwhile")

// GrantAccess gives a user a role manually, in the name of by. With keep, which only the role of an organization admin can have, the
// grant counts while the user is inactive, too. A second call with the same grant changes nothing, except that keep replaces a grant
// without it.
func (c *Core) GrantAccess(ctx context.Context, organizationID, userID string, grant store.Grant, keep bool, by string) (store.Access, error) {
	if err := checkOrganization(organizationID); err != nil {
		return store.Access{}, err
	}
	if keep && grant.RoleID != store.OrganizationAdmin {
		return store.Access{}, fault.Invalid("keep", "only the role %q can be granted with keep, not %q", store.OrganizationAdmin, grant.RoleID)
	}
	source := store.Source{Grant: grant, Kind: store.Manual, GrantedBy: by, Keep: keep}
	for {
		h, err := c.grant(ctx, organizationID, userID, source)
		if errors.Is(err, errFollowed) {
			continue
		}
		if err != nil {
			return store.Access{}, err
		}
		c.queue.add(organizationID)
		return accessOf(h, grant), nil
	}
}

// grant is one attempt of GrantAccess. It fails with errFollowed if the caller must ask identity again.
func (c *Core) grant(ctx context.Context, organizationID, userID string, source store.Source) (h store.Holder, err error) {
	mark := c.fresh.mark(organizationID)
	all, err := c.store.Progress(ctx, []string{organizationID})
	if err != nil {
		return h, err
	}
	before := all[organizationID]
	u, err := c.status(ctx, organizationID, userID)
	if err != nil {
		return h, err
	}
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := checkGrant(ctx, tx, source.Grant); err != nil {
			return err
		}
		var known bool
		if h, known, err = holder(ctx, tx, userID); err != nil {
			return err
		}
		if !known {
			// Nobody has reconciled the user, or identity has deleted it since this service asked. If the record of the deletion is
			// already processed, nothing would remove this access again, and answers claim to include the deletion.
			now, err := tx.Progress(ctx)
			if err != nil {
				return err
			}
			if now.Checkpoint != before.Checkpoint {
				return errFollowed
			}
			h.UserID, h.New, h.Active, h.DirectoryID, h.Detached = userID, false, u.Active, u.DirectoryID, u.Detached
			if err := tx.PutHolder(ctx, h); err != nil {
				return err
			}
			// Or only a part of a divided batch is processed. Settling the user finds out.
			if err := tx.Requeue(ctx, []string{userID}); err != nil {
				return err
			}
			if err := tx.SetProgress(ctx, mark.asOf(before), true); err != nil {
				return err
			}
		}
		same := func(s store.Source) bool { return s.Grant == source.Grant && s.Kind == store.Manual }
		if i := slices.IndexFunc(h.Sources, same); i >= 0 && (h.Sources[i].Keep || !source.Keep) {
			return nil
		}
		old, s := h, source
		s.CreateTime = c.now()
		if s.Keep && !h.Active {
			s.KeptTime = s.CreateTime
		}
		h.Sources = append(slices.DeleteFunc(slices.Clone(h.Sources), same), s)
		if err := tx.PutSource(ctx, userID, s); err != nil {
			return err
		}
		return c.changedManually(ctx, tx, old, h)
	})
	return h, err
}

// RevokeAccess removes what was granted manually. For a detached user, which rules do not change, it also removes what rules
// gave. It returns the access that is left, without sources if none is left. A grant that is marked keep is fault.AccessKept, unless
// force is true.
func (c *Core) RevokeAccess(ctx context.Context, organizationID, userID string, grant store.Grant, force bool) (store.Access, error) {
	var h store.Holder
	var kept bool
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := checkGrant(ctx, tx, grant); err != nil && !fault.Is(err, fault.RoleScope) {
			return err // a grant outside of the role's scope cannot exist
		}
		before, known, err := holder(ctx, tx, userID)
		if err != nil {
			return err
		}
		if !known {
			return fault.Missing("user", userID)
		}
		h, kept = before, false
		h.Sources = nil
		for _, s := range before.Sources {
			if s.Grant != grant || s.Kind == store.FromRule && !h.Detached {
				h.Sources = append(h.Sources, s)
				continue
			}
			if s.Keep && !force {
				return fault.New(fault.AccessKept, "the role was granted to the user with keep: only the operator can revoke it")
			}
			kept = kept || s.Keep
			if err := tx.DeleteSource(ctx, userID, s); err != nil {
				return err
			}
		}
		if err := keepAnAdmin(ctx, tx, before, h); err != nil {
			return err
		}
		return c.changedManually(ctx, tx, before, h)
	})
	if err != nil {
		return store.Access{}, err
	}
	if kept {
		c.log.LogAttrs(ctx, slog.LevelInfo, "a grant that was marked keep is revoked",
			slog.String("organization", organizationID), slog.String("user", userID))
	}
	return accessOf(h, grant), nil
}

// keepAnAdmin refuses a manual change of a holder that leaves the organization without an effective Organization Admin:
// fault.LastAdmin. Call it after the change is written, and before it is committed.
func keepAnAdmin(ctx context.Context, tx store.Tx, before, after store.Holder) error {
	if !effective(before)[adminGrant] || effective(after)[adminGrant] {
		return nil
	}
	admins, err := tx.CountEffective(ctx, adminGrant, 1)
	if err == nil && admins == 0 {
		err = lastAdmin()
	}
	return err
}

// CheckAdminRemains fails with fault.LastAdmin if the user is the organization's last effective Organization Admin.
func (c *Core) CheckAdminRemains(ctx context.Context, organizationID, userID string) error {
	check, err := c.store.Check(ctx, organizationID, userID, adminGrant)
	if err != nil || !check.Allowed {
		return err
	}
	return c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		admins, err := tx.CountEffective(ctx, adminGrant, 2)
		if err == nil && admins < 2 {
			err = lastAdmin()
		}
		return err
	})
}

func lastAdmin() error {
	return fault.New(fault.LastAdmin, "the user is the organization's last effective Organization Admin")
}

// changedManually appends the effect of a manual change of a holder to the access feed. If the change gives the organization another
// admin, it requeues the users with retained access.
func (c *Core) changedManually(ctx context.Context, tx store.Tx, before, after store.Holder) error {
	d := difference{userID: after.UserID, before: before, after: after}
	d.transitions()
	if slices.Contains(d.added, adminGrant) {
		if _, err := requeueRetained(ctx, tx, []*difference{&d}); err != nil {
			return err
		}
	}
	var changes []store.Change
	change := store.Change{UserID: d.userID, Traceparent: traceparent(trace.SpanContextFromContext(ctx)), Time: c.now()}
	for _, change.Grant = range d.removed {
		change.Kind = store.Removed
		changes = append(changes, change)
	}
	for _, change.Grant = range d.added {
		change.Kind = store.Added
		changes = append(changes, change)
	}
	return tx.AppendChanges(ctx, changes)
}

// holder reads a user as this service last knew it. known is false if this service has never stored the user.
func holder(ctx context.Context, tx store.Tx, userID string) (h store.Holder, known bool, err error) {
	holders, err := tx.Holders(ctx, []string{userID})
	h, exists := holders[userID]
	return h, exists && !h.New, err
}

// accessOf returns the access of a holder to one grant.
func accessOf(h store.Holder, grant store.Grant) store.Access {
	var all []store.Access
	for _, s := range h.Sources {
		if s.Grant == grant {
			all = store.AppendAccess(all, h.UserID, h, s)
		}
	}
	if len(all) == 0 {
		return store.Access{UserID: h.UserID, Grant: grant}
	}
	return all[0]
}
