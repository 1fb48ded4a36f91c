package core

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Finding says what a rule does for a user with some of its grants, and why.
type Finding int

// The findings. The first three are about grants that a rule gives or gave, the others say why it gives nothing.
const (
	Gives Finding = iota
	WaitsForSync
	StillGives
	Disabled
	NoGroup
	GroupDeleted
	NotInGroup
	NoRoleValue
	FilterDoesNotMatch
	UserInactive
	UserDetached
	Unknown
	AccessFollows
)

// Explanation says what the rules do for a user.
type Explanation struct {
	Active     bool
	Detached   bool
	Suspension store.Suspension // the zero Suspension if there is none
	SetAside   string           // why the user's access cannot be computed now, for people; else empty
	Rules      []RuleExplanation
	AsOf       time.Time // see Answer
}

// RuleExplanation says what one rule does for a user, with the grants that share a finding.
type RuleExplanation struct {
	Rule    store.Rule // only with its id if it was deleted
	Finding Finding
	Grants  []store.Grant
	GroupID string // of the group of a group rule in the user's directory; empty if it has none
	// GroupName is the name of that group; without one, the name for which the rule waits.
	GroupName string
	Through   []Group // for Gives and WaitsForSync: see UserGroup

	settled bool // nothing that follows changes the finding
}

// followTime is how long an explanation waits for access that has not followed identity yet.
const followTime = time.Second

// ExplainAccess says for each rule what it gives to a user and why, or why not. A role in of limits this to the rules that give or gave it,
// and a tenant to that tenant.
//
// It reads the rules, then what identity knows of the user, and then what the user holds. Where they do not agree, either the rule waits for
// a rule sync, or access has not followed a change in identity yet. So it waits until access has followed, and then reads all of it again.
func (c *Core) ExplainAccess(ctx context.Context, organizationID, userID string, of store.Grant) (Explanation, error) {
	if of.TenantID != "" && of.RoleID == "" {
		return Explanation{}, fault.Invalid("tenant_id", "needs role_id")
	}
	e, agree, err := c.explain(ctx, organizationID, userID, of)
	if err != nil || agree {
		return e, err
	}
	_, lags := c.WaitUntilCaughtUp(ctx, organizationID, "", followTime)
	if ctx.Err() != nil {
		return Explanation{}, lags
	}
	if fault.Is(lags, fault.UsersSetAside) {
		lags = nil // x.aside says whether that concerns this user
	}
	e, agree, err = c.explain(ctx, organizationID, userID, of)
	if lags != nil && !agree {
		e.follows()
	}
	return e, err
}

// follows changes an explanation that was made before access had followed identity: nobody knows yet what waits for a rule sync.
func (e *Explanation) follows() {
	for i, r := range e.Rules {
		if r.Finding == WaitsForSync || r.Finding == StillGives && !r.settled {
			e.Rules[i].Finding = AccessFollows
		}
	}
}

// explaining is one attempt to explain.
type explaining struct {
	user  User
	of    store.Grant
	held  map[sourceKey]store.Source // from rules
	given map[sourceKey]struct{}
	aside bool
	in    map[string]bool // the user's groups
	agree bool            // what is held is what is given
	all   []RuleExplanation
}

// explain explains once. agree is false if access differs from what the rules give.
func (c *Core) explain(ctx context.Context, organizationID, userID string, of store.Grant) (e Explanation, agree bool, err error) {
	stored, err := c.store.RuleSet(ctx, organizationID)
	if err != nil {
		return e, false, err
	}
	x := &explaining{of: of, held: map[sourceKey]store.Source{}, agree: true, in: map[string]bool{}}
	set := compile(store.RuleSet{Rules: x.asked(stored.Rules)})
	if x.user, err = c.factsOf(ctx, organizationID, userID, set.criteria); err != nil {
		return e, false, err
	}
	asOf, err := c.asOf(ctx, organizationID)
	if err != nil {
		return e, false, err
	}
	h, aside, err := c.store.Holder(ctx, organizationID, userID)
	if err != nil {
		return e, false, err
	}
	e = Explanation{Active: x.user.Active, Detached: x.user.Detached, SetAside: cmp.Or(aside.Detail, x.user.Unknown), AsOf: asOf}
	if h.Suspended {
		if e.Suspension, err = c.store.Suspension(ctx, organizationID, userID); err != nil {
			return e, false, err
		}
	}
	if !h.UnknownAsOf.IsZero() {
		e.AsOf = earlier(asOf, h.UnknownAsOf)
	}
	x.aside = e.SetAside != ""
	if x.user.free() {
		x.given = set.desired(x.user)
	}
	for _, id := range x.user.GroupIDs {
		x.in[id] = true
	}
	x.compare(stored.Rules, h)
	if err := c.nameGroups(ctx, organizationID, userID, x.all); err != nil {
		return e, false, err
	}
	e.Rules = x.all
	return e, x.agree, nil
}

// factsOf reads the facts about one user. If they are too much, they are unknown, as for a reconcile.
func (c *Core) factsOf(ctx context.Context, organizationID, userID string, criteria Criteria) (User, error) {
	calling, cancel := c.called(ctx)
	defer cancel()
	users, err := c.identity.Users(calling, organizationID, []string{userID}, criteria)
	if fault.Is(err, fault.Limit) {
		u, statusErr := c.status(ctx, organizationID, userID)
		u.Unknown = whyUnknown(err)
		return u, statusErr
	}
	if err != nil {
		return User{}, err
	}
	u, exists := users[userID]
	if !exists {
		return User{}, fault.Missing("user", userID)
	}
	return u, nil
}

// wants reports whether the question is about a grant.
func (x *explaining) wants(g store.Grant) bool {
	return x.of.RoleID == "" || g.RoleID == x.of.RoleID && (x.of.TenantID == "" || g.TenantID == x.of.TenantID)
}

// asked returns the rules that give what the question is about, with these grants alone.
func (x *explaining) asked(rules []store.Rule) (all []store.Rule) {
	for _, r := range rules {
		if r.Grants = slices.DeleteFunc(slices.Clone(r.Grants), func(g store.Grant) bool { return !x.wants(g) }); len(r.Grants) > 0 {
			all = append(all, r)
		}
	}
	return all
}

// compare compares what a user holds with what the rules give.
func (x *explaining) compare(rules []store.Rule, h store.Holder) {
	byRule := map[string][]store.Grant{} // what the user holds
	for _, s := range h.Sources {
		if s.Kind == store.FromRule && x.wants(s.Grant) {
			x.held[sourceKey{grant: s.Grant, rule: s.RuleID}] = s
			byRule[s.RuleID] = append(byRule[s.RuleID], s.Grant)
		}
	}
	for _, r := range rules {
		grants := slices.DeleteFunc(slices.Clone(r.Grants), func(g store.Grant) bool { return !x.wants(g) })
		for _, g := range byRule[r.ID] { // and those that the rule gave before
			if !slices.Contains(grants, g) {
				grants = append(grants, g)
			}
		}
		delete(byRule, r.ID)
		x.explain(r, grants)
	}
	for _, id := range slices.Sorted(maps.Keys(byRule)) {
		x.explain(store.Rule{ID: id}, byRule[id])
	}
	slices.SortStableFunc(x.all, func(a, b RuleExplanation) int { return cmp.Compare(a.Rule.ID, b.Rule.ID) })
}

// explain divides the grants of a rule by what it does with them.
func (x *explaining) explain(r store.Rule, grants []store.Grant) {
	pin, matches := x.pin(r)
	settled := true
	by := map[Finding][]store.Grant{}
	for _, g := range grants {
		key := sourceKey{grant: g, rule: r.ID}
		_, given := x.given[key]
		source, held := x.held[key]
		var f Finding
		switch {
		case given && held:
			f = Gives
		case !given && !held:
			f = x.why(r, pin)
		case x.aside && !x.user.Detached && x.user.Active:
			f = Unknown
		case given:
			f, x.agree = WaitsForSync, false
		default:
			f, settled = StillGives, settled && (source.Retained || x.user.Detached)
			x.agree = x.agree && settled
		}
		by[f] = append(by[f], g)
	}
	for _, f := range slices.Sorted(maps.Keys(by)) {
		e := RuleExplanation{Rule: r, Finding: f, Grants: by[f], settled: settled}
		if r.Match.Kind == store.MatchGroup {
			e.GroupName = r.Match.Value
			if pin.State == store.Pinned {
				e.GroupID = pin.GroupID
			}
		}
		if matches && (f == Gives || f == WaitsForSync) {
			e.Through = []Group{} // to be read
		}
		x.all = append(x.all, e)
	}
}

// pin returns the pin of a group rule by which it matches the user; without one, its pin in the user's directory.
func (x *explaining) pin(r store.Rule) (p store.Pin, matches bool) {
	for _, one := range r.Pins {
		if one.State == store.Pinned && x.in[one.GroupID] {
			return one, true
		}
		if one.DirectoryID == x.user.DirectoryID {
			p = one
		}
	}
	return p, false
}

// why returns why a rule gives nothing.
func (x *explaining) why(r store.Rule, pin store.Pin) Finding {
	switch {
	case !x.user.Active:
		return UserInactive
	case x.user.Detached:
		return UserDetached
	case !r.Enabled:
		return Disabled
	case x.user.Unknown != "":
		return Unknown
	case r.Match.Kind == store.MatchRoleValue:
		return NoRoleValue
	case r.Match.Kind == store.MatchFilter:
		return FilterDoesNotMatch
	case pin.State == store.Pinned:
		return NotInGroup
	case pin.State == store.Waiting:
		return GroupDeleted
	default:
		return NoGroup
	}
}

// nameGroups adds the names of groups, and the ways to them.
func (c *Core) nameGroups(ctx context.Context, organizationID, userID string, rules []RuleExplanation) error {
	var within, others []string
	for _, e := range rules {
		switch {
		case e.GroupID == "":
		case e.Through != nil:
			within = append(within, e.GroupID)
		default:
			others = append(others, e.GroupID)
		}
	}
	ways, err := c.userGroups(ctx, organizationID, userID, distinct(within))
	if err != nil {
		return err
	}
	groups, err := c.groups(ctx, organizationID, distinct(others))
	if err != nil {
		return err
	}
	for i, e := range rules {
		if e.Through != nil {
			rules[i].GroupName, rules[i].Through = cmp.Or(ways[e.GroupID].DisplayName, e.GroupName), ways[e.GroupID].Through
			continue
		}
		rules[i].GroupName = cmp.Or(groups[e.GroupID].DisplayName, e.GroupName)
	}
	return nil
}

func (c *Core) userGroups(ctx context.Context, organizationID, userID string, groupIDs []string) (map[string]UserGroup, error) {
	all := map[string]UserGroup{}
	for some := range slices.Chunk(groupIDs, maxUsers) {
		calling, cancel := c.called(ctx)
		ways, err := c.identity.UserGroups(calling, organizationID, userID, some)
		cancel()
		if err != nil {
			return nil, err
		}
		maps.Copy(all, ways)
	}
	return all, nil
}

// distinct returns each id once, ascending.
func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
