package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// explain returns the answer about a user, and perhaps a role in the tenant.
func (b *bundle) explain(user, role string) *rulev1.ExplainAccessResponse {
	b.t.Helper()
	r, err := b.access.ExplainAccess(b.ctx(), &rulev1.ExplainAccessRequest{OrganizationId: acme, UserId: user, RoleId: role})
	b.must(r, err)
	if !slices.IsSortedFunc(r.GetRules(), func(a, b *rulev1.RuleExplanation) int { return strings.Compare(a.GetRuleId(), b.GetRuleId()) }) {
		b.t.Error("the rules are not in the order of their ids")
	}
	return r
}

// expect compares what is explained about a rule: the finding and the roles of each part.
func (b *bundle) expect(what string, r *rulev1.ExplainAccessResponse, rule string, want ...string) {
	b.t.Helper()
	var got []string
	for _, e := range r.GetRules() {
		if e.GetRuleId() != rule {
			continue
		}
		var roles []string
		for _, g := range e.GetGrants() {
			roles = append(roles, g.GetRoleId())
		}
		got = append(got, strings.TrimPrefix(e.GetFinding().String(), "FINDING_")+" "+strings.Join(roles, ","))
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: explained as %q, not %q", what, got, want)
	}
}

// about returns the first explanation of a rule.
func about(r *rulev1.ExplainAccessResponse, rule string) *rulev1.RuleExplanation {
	for _, e := range r.GetRules() {
		if e.GetRuleId() == rule {
			return e
		}
	}
	return nil
}

func TestAnExplanationSaysWhatEachRuleDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := b.identity.AddUser(acme, b.dir)
	b.named(ann, "Ann")
	b.identity.SetRoles(ann, "dev")
	leads := b.identity.AddGroup(acme, b.dir, "Design leads", ann)
	teams := b.identity.AddGroup(acme, b.dir, "Teams", leads)
	designers := b.identity.AddGroup(acme, b.dir, "Designers", teams)
	others := b.identity.AddGroup(acme, b.dir, "Others")
	gone := b.identity.AddGroup(acme, b.dir, "Gone")
	b.identity.AddGroup(acme, "directory-2", "Elsewhere")
	b.caughtUp()
	rules := map[string]string{}
	for _, name := range []string{"Design leads", "DESIGNERS", "Others", "Gone", "Elsewhere", "Unseen"} {
		rules[name] = b.groupRule(name, "developer")
	}
	rules["dev"], rules["ops"] = b.valueRule("dev", "designer"), b.valueRule("ops", "designer")
	rules["Ann"], rules["Bob"] = b.rule(filter(`displayName eq "Ann"`), "participant"), b.rule(filter(`displayName eq "Bob"`), "participant")
	rules["off"] = b.valueRule("dev", "global-admin")
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: rules["off"]}))
	b.identity.DeleteGroup(gone)
	b.caughtUp()

	waiting := b.explain(ann, "")
	for name, want := range map[string]string{"Design leads": "WAITS_FOR_SYNC developer", "dev": "WAITS_FOR_SYNC designer", "Ann": "WAITS_FOR_SYNC participant", "Others": "NOT_IN_GROUP developer"} {
		b.expect("before the sync, "+name, waiting, rules[name], want)
	}
	b.sync()
	r := b.explain(ann, "")
	if !r.GetActive() || r.GetDetached() || r.GetSuspension() != nil || r.GetSetAsideDetail() != "" || r.GetAsOfTime() == nil || len(r.GetRules()) != len(rules) {
		t.Errorf("explained %v", r)
	}
	for name, want := range map[string]string{
		"Design leads": "GIVES developer", "DESIGNERS": "GIVES developer", "Others": "NOT_IN_GROUP developer", "Gone": "GROUP_DELETED developer",
		"Elsewhere": "NO_GROUP developer", "Unseen": "NO_GROUP developer", "dev": "GIVES designer", "ops": "NO_ROLE_VALUE designer",
		"Ann": "GIVES participant", "Bob": "FILTER_DOES_NOT_MATCH participant", "off": "DISABLED global-admin",
	} {
		b.expect(name, r, rules[name], want)
	}
	if e := about(r, rules["DESIGNERS"]); e.GetGroupId() != designers || e.GetGroupName() != "Designers" || len(e.GetThrough()) != 2 ||
		e.GetThrough()[0].GetDisplayName() != "Design leads" || e.GetThrough()[1].GetGroupId() != teams {
		t.Errorf("the way to the group is %v", e)
	}
	if e := about(r, rules["Design leads"]); e.GetGroupId() != leads || len(e.GetThrough()) != 0 {
		t.Errorf("the user's own group is %v", e)
	}
	if e := about(r, rules["Others"]); e.GetGroupId() != others || e.GetGroupName() != "Others" || len(e.GetThrough()) != 0 {
		t.Errorf("another group is %v", e)
	}
	if e := about(r, rules["Gone"]); e.GetGroupId() != "" || e.GetGroupName() != "Gone" {
		t.Errorf("the group that is gone is %v", e)
	}
	if e := about(r, rules["ops"]); e.GetRoleValue() != "ops" || about(r, rules["Bob"]).GetFilter() != `displayName eq "Bob"` {
		t.Errorf("the match is %v", e)
	}
}

func TestAnExplanationDividesTheGrantsOfAChangedRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(ann, "dev", "ops")
	changed, deleted := b.valueRule("dev", "designer", "developer"), b.valueRule("ops", "participant")
	b.sync()
	b.must(b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: changed, Rule: &rulev1.Rule{Grants: grants("developer", "global-admin")}}))
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: deleted}))
	r := b.explain(ann, "")
	b.expect("a changed rule", r, changed, "GIVES developer", "WAITS_FOR_SYNC global-admin", "STILL_GIVES designer")
	b.expect("a deleted rule", r, deleted, "STILL_GIVES participant")
	r = b.explain(ann, "designer")
	b.expect("a role that the rule gave before", r, changed, "STILL_GIVES designer")
	if len(r.GetRules()) != 1 {
		t.Errorf("one role is explained by %v", r)
	}
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: changed}))
	b.expect("a disabled rule", b.explain(ann, ""), changed, "STILL_GIVES developer,designer", "DISABLED global-admin")
	b.sync()
	r = b.explain(ann, "")
	b.expect("after the sync", r, changed, "DISABLED developer,global-admin")
	if len(r.GetRules()) != 1 {
		t.Errorf("after the sync: %v", r)
	}
}

func TestAnExplanationNamesTheStateOfTheUser(t *testing.T) {
	t.Parallel()
	b := setup(t, slowUserRetries)
	rule := b.valueRule("dev", "designer")
	add := func(dir string) string {
		id := b.identity.AddUser(acme, dir)
		b.identity.SetRoles(id, "dev")
		return id
	}
	inactive, detached, aside, suspended := add(b.dir), add("directory-2"), add(b.dir), add(b.dir)
	b.caughtUp()
	b.identity.SetActive(inactive, false)
	b.identity.Detach(acme, "directory-2")
	b.caughtUp()
	b.must(b.access.SuspendAccess(b.ctx(), &rulev1.SuspendAccessRequest{OrganizationId: acme, UserId: suspended, Reason: "why"}))
	other := b.valueRule("dev", "developer")
	r := b.explain(inactive, "")
	b.expect("an inactive user", r, rule, "USER_INACTIVE designer")
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: other}))
	b.expect("an inactive user and a disabled rule", b.explain(inactive, ""), other, "USER_INACTIVE developer")
	b.must(b.rules.EnableRule(b.ctx(), &rulev1.EnableRuleRequest{OrganizationId: acme, Id: other}))
	if r.GetActive() {
		t.Error("the inactive user is active")
	}
	r = b.explain(detached, "")
	b.expect("a detached user", r, rule, "STILL_GIVES designer")
	b.expect("a detached user and a new rule", r, other, "USER_DETACHED developer")
	if !r.GetDetached() {
		t.Error("the detached user is not detached")
	}
	r = b.explain(suspended, "")
	b.expect("a suspended user", r, rule, "GIVES designer")
	if s := r.GetSuspension(); s.GetReason() == "" || s.GetSuspendedBy() == "" || s.GetCreateTime() == nil {
		t.Errorf("the suspension is %v", s)
	}
	b.identity.SetBeyond(aside, "too many groups")
	b.identity.SetRoles(aside, "dev", "x")
	_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
	b.refused(fault.UsersSetAside, nil, err)
	r = b.explain(aside, "")
	b.expect("a user who is set aside", r, rule, "UNKNOWN designer")
	b.expect("a user who is set aside and a new rule", r, other, "UNKNOWN developer")
	if r.GetSetAsideDetail() != "too many groups" {
		t.Errorf("the detail is %q", r.GetSetAsideDetail())
	}
}

// A change in identity that access has not followed yet is no change of a rule.
func TestAnExplanationWaitsUntilAccessHasFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Builders", "developer")
	group := b.identity.AddGroup(acme, b.dir, "Builders")
	b.caughtUp()
	for range 20 {
		user := b.identity.AddUser(acme, b.dir)
		b.identity.AddMember(group, user)
		for _, e := range b.explain(user, "").GetRules() {
			if e.GetFinding() != rulev1.Finding_FINDING_GIVES {
				t.Fatalf("explained %v", e)
			}
		}
	}
}

// While access cannot follow identity, nobody knows what waits for a rule sync.
func TestAnExplanationSaysThatAccessFollows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gives, gave := b.groupRule("Builders", "developer"), b.groupRule("Others", "designer")
	user := b.identity.AddUser(acme, b.dir)
	builders, others := b.identity.AddGroup(acme, b.dir, "Builders"), b.identity.AddGroup(acme, b.dir, "Others", user)
	b.caughtUp()
	b.identity.Before(func(rpc string) error {
		if rpc == "ListChanges" {
			return identitytest.Unavailable()
		}
		return nil
	})
	b.identity.AddMember(builders, user)
	b.identity.RemoveMember(others, user)
	r := b.explain(user, "")
	b.expect("what the user gets", r, gives, "ACCESS_FOLLOWS developer")
	b.expect("what the user loses", r, gave, "ACCESS_FOLLOWS designer")
	b.identity.Before(nil)
	b.caughtUp()
	r = b.explain(user, "")
	b.expect("what the user got", r, gives, "GIVES developer")
	b.expect("what the user lost", r, gave, "NOT_IN_GROUP designer")
}

// Another user who is set aside does not hide that a rule waits for a sync.
func TestAnExplanationIgnoresOthersWhoAreSetAside(t *testing.T) {
	t.Parallel()
	b := setup(t, slowUserRetries)
	aside, user := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev")
	b.caughtUp()
	b.identity.SetBeyond(aside, "too many groups")
	b.identity.SetRoles(aside, "x")
	_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
	b.refused(fault.UsersSetAside, nil, err)
	rule := b.valueRule("dev", "designer")
	b.expect("a new rule", b.explain(user, ""), rule, "WAITS_FOR_SYNC designer")
}

func TestAnExplanationIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.groupRule("Builders", "developer")
	b.identity.AddGroup(acme, b.dir, "Builders", user)
	b.caughtUp()
	missing := ids.New()
	_, err := b.access.ExplainAccess(b.ctx(), &rulev1.ExplainAccessRequest{OrganizationId: acme, UserId: missing})
	b.refused(fault.NotFound, nil, err)
	if got := rpc.Fault(err).Metadata["resource"]; got != "user" {
		t.Errorf("missing is a %q", got)
	}
	_, err = b.access.ExplainAccess(b.ctx(), &rulev1.ExplainAccessRequest{OrganizationId: "other", UserId: user})
	b.refused(fault.NotFound, nil, err)
	_, err = b.access.ExplainAccess(b.ctx(), &rulev1.ExplainAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenant})
	b.refused(fault.InvalidRequest, nil, err)
	for _, call := range []string{"StreamUserFacts", "ListUserGroups"} {
		b.identity.Before(func(rpc string) error {
			if rpc == call {
				return identitytest.Unavailable()
			}
			return nil
		})
		_, err = b.access.ExplainAccess(b.ctx(), &rulev1.ExplainAccessRequest{OrganizationId: acme, UserId: user})
		b.refused(fault.Unavailable, nil, err)
	}
}

// Many rules, and a user in the group of each.
func TestAnExplanationOfManyRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.identity.Quietly(func() {
		for n := range 200 {
			b.identity.AddGroup(acme, b.dir, fmt.Sprintf("Group %d", n), user)
		}
	})
	for n := range 200 {
		r := &rulev1.Rule{DisplayName: proto.String("x"), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: fmt.Sprintf("Group %d", n)}}}
		b.rule(r, "developer")
	}
	if r := b.explain(user, "developer"); len(r.GetRules()) != 200 || r.GetRules()[199].GetFinding() != rulev1.Finding_FINDING_WAITS_FOR_SYNC {
		t.Fatalf("%d rules are explained", len(r.GetRules()))
	}
}
