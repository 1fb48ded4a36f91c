package core

import (
	"slices"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

func TestAGrantWithKeepOutlivesADeactivationAlone(t *testing.T) {
	t.Parallel()
	before := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	now := before.Add(time.Hour)
	plain := store.Source{Grant: adminGrant, Kind: store.Manual, CreateTime: before}
	keep := plain
	keep.Keep = true
	kept := keep
	kept.KeptTime = before
	fromRule := store.Source{Grant: store.Grant{TenantID: "plant", RoleID: "designer"}, Kind: store.FromRule, RuleID: "r"}
	active, inactive, detached := User{Active: true}, User{}, User{Detached: true}
	for name, c := range map[string]struct {
		was       bool // active
		suspended bool
		sources   []store.Source
		user      *User
		removed   []store.Grant
		added     []store.Grant
		keptTime  time.Time
		report    bool
	}{
		"deactivated":                  {was: true, sources: []store.Source{keep}, user: &inactive, keptTime: now, report: true},
		"deactivated, with rules":      {was: true, sources: []store.Source{keep, fromRule}, user: &inactive, removed: []store.Grant{fromRule.Grant}, keptTime: now, report: true},
		"deactivated while suspended":  {was: true, suspended: true, sources: []store.Source{keep}, user: &inactive, keptTime: now, report: true},
		"deactivated without keep":     {was: true, sources: []store.Source{plain}, user: &inactive, removed: []store.Grant{adminGrant}},
		"still inactive":               {sources: []store.Source{kept}, user: &inactive, keptTime: before},
		"detached while inactive":      {sources: []store.Source{kept}, user: &detached, keptTime: before},
		"activated":                    {sources: []store.Source{kept}, user: &active},
		"activated without keep":       {sources: []store.Source{plain}, user: &active, added: []store.Grant{adminGrant}},
		"deleted":                      {was: true, sources: []store.Source{keep}, removed: []store.Grant{adminGrant}, report: true},
		"deleted while inactive":       {sources: []store.Source{kept}, removed: []store.Grant{adminGrant}, report: true},
		"deleted, as others, and gone": {was: true, sources: []store.Source{plain}, removed: []store.Grant{adminGrant}},
	} {
		for _, mode := range []store.Mode{store.Settle, store.Full} {
			h := store.Holder{UserID: "u", Active: c.was, Suspended: c.suspended, Sources: c.sources}
			d := compare("u", h, c.user, mode, &ruleSet{}, now)
			if !slices.Equal(d.removed, c.removed) || !slices.Equal(d.added, c.added) || d.kept != c.report {
				t.Errorf("%s: removed %v, added %v, reported %v", name, d.removed, d.added, d.kept)
			}
			if c.user == nil {
				continue
			}
			if got := d.after.Sources[0]; got.KeptTime != c.keptTime || !got.KeptTime.Equal(c.sources[0].KeptTime) != slices.Contains(d.changed, got) {
				t.Errorf("%s: the source is %+v, written are %+v", name, got, d.changed)
			}
			again := compare("u", d.after, c.user, mode, &ruleSet{}, now.Add(time.Hour))
			if len(again.removed)+len(again.added)+len(again.changed)+len(again.dropped) > 0 || again.kept {
				t.Errorf("%s: a second run changes %+v", name, again)
			}
		}
	}
}

// A user who is active again, but whose access cannot be computed, does not hold the role because of keep.
func TestAUserWhoIsActivatedAndSetAsideIsNotKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	kept := store.Source{Grant: adminGrant, Kind: store.Manual, Keep: true, KeptTime: now}
	h := store.Holder{UserID: "u", Sources: []store.Source{kept}}
	d := asides{core: &Core{}}.setAside(batch{mode: store.Full}, "u", h, User{Active: true, Unknown: "too many groups"}, store.SetAside{}, now)
	kept.KeptTime = time.Time{}
	if !slices.Equal(d.changed, []store.Source{kept}) || !slices.Equal(d.after.Sources, d.changed) || len(d.removed)+len(d.added) > 0 || d.kept {
		t.Fatalf("the difference is %+v", d)
	}
}
