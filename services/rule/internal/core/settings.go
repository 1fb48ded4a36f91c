package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Settings reads an organization's settings.
func (c *Core) Settings(ctx context.Context, organizationID string) (store.Settings, error) {
	return c.store.Settings(ctx, organizationID)
}

// SettingsUpdate contains new values for settings. A nil field does not change.
type SettingsUpdate struct {
	WhenUnknown *store.WhenUnknown
}

// UpdateSettings changes an organization's settings, unless permit refuses the old settings. The organization's owner applies them to
// the users who are set aside.
func (c *Core) UpdateSettings(ctx context.Context, organizationID string, update SettingsUpdate, permit func(store.Settings) error) (settings store.Settings, err error) {
	if err := checkOrganization(organizationID); err != nil {
		return settings, err
	}
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if settings, err = tx.Settings(ctx); err != nil {
			return err
		}
		if err := permit(settings); err != nil {
			return err
		}
		if update.WhenUnknown != nil {
			settings.WhenUnknown = *update.WhenUnknown
		}
		return tx.PutSettings(ctx, settings)
	})
	if err == nil {
		c.queue.add(organizationID)
	}
	return settings, err
}

// Status describes how far an organization's access has come.
type Status struct {
	AsOf      time.Time // without users who are set aside; zero if unknown
	OldestAge time.Duration
	Count     int64            // users who are set aside
	SetAside  []store.SetAside // the first of them, by id

	RulesWaiting  int       // rules with a change that waits for a rule sync
	OldestWaiting time.Time // its time; zero if none waits
}

// maxNamed is how many users who are set aside an answer names.
const maxNamed = 100

// Status reads how far an organization's access has come.
func (c *Core) Status(ctx context.Context, organizationID string) (s Status, err error) {
	if s.AsOf, err = c.asOf(ctx, organizationID); err != nil {
		return s, err
	}
	if s.RulesWaiting, s.OldestWaiting, err = c.store.CountRuleChanges(ctx, organizationID); err != nil {
		return s, err
	}
	count, oldest, err := c.store.CountSetAside(ctx, organizationID, "")
	if err != nil {
		return s, err
	}
	s.Count = count
	if count > 0 {
		if s.SetAside, err = c.store.SetAside(ctx, organizationID, "", maxNamed); err != nil {
			return s, err
		}
	}
	s.OldestAge = c.oldestAge(s.AsOf, count, oldest)
	return s, nil
}

// oldestAge returns the age of the oldest change that access may not include yet: access as of a time, and so many users who are set aside, as
// of oldest.
func (c *Core) oldestAge(asOf time.Time, setAside int64, oldest time.Time) time.Duration {
	if setAside > 0 {
		asOf = earlier(asOf, oldest)
	}
	if asOf.IsZero() {
		asOf = c.fresh.since // nothing is known of the time before
	}
	return max(0, c.now().Sub(asOf))
}

// OrganizationStatus is the part of Status that a list of organizations shows.
type OrganizationStatus struct {
	OrganizationID string
	OldestAge      time.Duration
	store.Load
}

// Statuses reads how far the access of organizations has come, in their order, each once.
func (c *Core) Statuses(ctx context.Context, organizationIDs []string) ([]OrganizationStatus, error) {
	marks, ids := map[string]mark{}, []string(nil)
	for _, id := range organizationIDs {
		if _, met := marks[id]; !met {
			marks[id], ids = c.fresh.mark(id), append(ids, id)
		}
	}
	progress, err := c.store.Progress(ctx, ids)
	if err != nil {
		return nil, err
	}
	loads, err := c.store.Loads(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]OrganizationStatus, len(ids))
	for i, id := range ids {
		asOf, known := marks[id].known(c.now())
		if !known {
			asOf = marks[id].asOf(progress[id])
		}
		load := loads[id]
		all[i] = OrganizationStatus{OrganizationID: id, Load: load, OldestAge: c.oldestAge(asOf, load.SetAside, load.OldestAsOf)}
	}
	return all, nil
}
