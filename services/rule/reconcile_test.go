package rule_test

import (
	"fmt"
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule"
)

func TestAGroupRuleGivesAndRemovesAccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Builders", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "builders", user)
	b.caughtUp()
	b.holds(user, "developer")
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.holds(user)
}

func TestARuleReachesThroughNestedGroups(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("All", "participant")
	var users []string
	for range 7 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	inner := b.identity.AddGroup(acme, b.dir, "inner", users...)
	middle := b.identity.AddGroup(acme, b.dir, "middle", inner)
	outer := b.identity.AddGroup(acme, b.dir, "all")
	b.caughtUp()
	b.holds(users[0])
	b.identity.AddMember(outer, middle)
	b.caughtUp()
	for _, user := range users {
		b.holds(user, "participant")
	}
	// The expansion of a circle ends. outer is in inner, so its users are in all three groups.
	b.identity.AddMember(inner, outer)
	b.caughtUp()
	b.identity.RemoveMember(outer, middle)
	b.caughtUp()
	for _, user := range users {
		b.holds(user)
	}
}

// smallBatches makes few users go through many transactions.
func smallBatches(c *rule.Config) { c.BatchSize, c.SyncPageSize, c.BatchesPerTurn = 2, 2, 2 }

// Invariant 12.
func TestTwoRulesMayGiveTheSameAccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("One", "developer")
	b.groupRule("Two", "developer")
	user := b.identity.AddUser(acme, b.dir)
	one := b.identity.AddGroup(acme, b.dir, "One", user)
	two := b.identity.AddGroup(acme, b.dir, "Two", user)
	b.caughtUp()
	b.holds(user, "developer")
	if access := b.list(user); len(access) != 1 || len(access[0].GetSources()) != 2 {
		t.Fatalf("access is %v, not one with two sources", access)
	}
	b.identity.RemoveMember(one, user)
	b.caughtUp()
	b.holds(user, "developer")
	b.identity.RemoveMember(two, user)
	b.caughtUp()
	b.holds(user)
	if changes := b.changes(""); len(changes) != 2 {
		t.Fatalf("the feed has %v, not one gain and one loss", changes)
	}
}

// Invariant 12.
func TestManualAccessSurvivesLeavingAGroup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Builders", "developer", "designer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Builders", user)
	b.caughtUp()
	b.must(b.grant(user, "developer"))
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.holds(user, "developer")
}

// Invariant 13.
func TestInactiveAndDeletedUsersHoldNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev", "other")
	b.caughtUp()
	b.must(b.grant(user, "designer"))
	b.holds(user, "designer", "developer")

	b.identity.SetActive(user, false)
	b.caughtUp()
	b.holds(user)
	if access := b.list(user); len(access) != 1 || access[0].GetRoleId() != "designer" || access[0].GetEffective() {
		t.Fatalf("an inactive user has %v, not only the suspended manual grant", access)
	}
	b.must(b.grant(user, "participant"))
	b.holds(user)

	b.identity.SetActive(user, true)
	b.caughtUp()
	b.holds(user, "designer", "developer", "participant")

	b.identity.DeleteUser(user)
	b.caughtUp()
	b.holds(user)
	if access := b.list(user); len(access) != 0 {
		t.Fatalf("a deleted user has %v", access)
	}
}

func TestRulesDoNotChangeDetachedUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.groupRule("Builders", "developer")
	user, idle := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Builders", user, idle)
	b.caughtUp()
	b.must(b.grant(user, "designer"))
	// The user was deactivated before its directory was deleted, but rule reads both together.
	b.identity.SetActive(idle, false)
	b.identity.Detach(acme, b.dir)
	b.caughtUp()
	b.holds(user, "designer", "developer")
	b.holds(idle)

	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: id}))
	b.sync()
	b.holds(user, "designer", "developer")

	// A manual revocation can also remove what rules gave.
	b.must(b.revoke(user, "developer"))
	b.holds(user, "designer")

	b.must(b.rules.EnableRule(b.ctx(), &rulev1.EnableRuleRequest{OrganizationId: acme, Id: id}))
	cursor := b.cursor()
	b.identity.Adopt(group, "directory-2")
	b.identity.Adopt(user, "directory-2")
	b.caughtUp()
	b.holds(user, "designer", "developer")
	if changes := b.changes(cursor); len(changes) != 1 {
		t.Fatalf("adoption flapped: %v", changes)
	}
}

// Invariant 7.
func TestAdoptionNeverFlaps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.groupRule("Builders", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Builders", user)
	b.caughtUp()
	cursor := b.cursor()
	b.identity.Detach(acme, b.dir)
	b.caughtUp()
	b.identity.Adopt(user, "directory-2")
	b.caughtUp()
	b.identity.Adopt(group, "directory-2")
	b.caughtUp()
	b.holds(user, "developer")
	if changes := b.changes(cursor); len(changes) != 0 {
		t.Fatalf("adoption flapped: %v", changes)
	}
	pins := b.pins(id)
	if len(pins) != 1 || pins["directory-2"].GetGroupId() != group {
		t.Fatalf("the pin did not move with its group: %v", pins)
	}
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.holds(user)
}

// Invariant 14.
func TestAChangedRuleAffectsAUserOnlyAfterAMessageOrASync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.AddGroup(acme, b.dir, "Builders", first, second)
	b.caughtUp()
	id := b.groupRule("Builders", "developer")
	b.caughtUp()
	b.holds(first)

	b.identity.SetRoles(first, "anything")
	b.caughtUp()
	b.holds(first, "developer")
	b.holds(second)

	b.stop() // a restart changes nothing either
	b.start()
	b.caughtUp()
	b.holds(second)

	sync := b.sync()
	b.holds(second, "developer")
	if sync.GetUsersDone() != 2 || sync.GetAccessAdded() != 1 || sync.GetAccessRemoved() != 0 {
		t.Fatalf("the sync counted %v", sync)
	}
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: id}))
	b.holds(first, "developer")
	if sync := b.sync(); sync.GetAccessRemoved() != 2 {
		t.Fatalf("the sync counted %v", sync)
	}
	b.holds(first)
}

func TestOneMemberReconcilesOneUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Builders", "developer")
	group := b.identity.AddGroup(acme, b.dir, "Builders")
	for range 50 {
		b.identity.AddMember(group, b.identity.AddUser(acme, b.dir))
	}
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	before := b.identity.UsersRead()
	b.identity.AddMember(group, user)
	b.caughtUp()
	b.holds(user, "developer")
	if n := b.identity.UsersRead() - before; n != 1 {
		t.Fatalf("%d users were read to be reconciled, not 1", n)
	}
}

// Invariant 10.
func TestASecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Builders", "developer", "designer")
	b.identity.AddGroup(acme, b.dir, "Builders", b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir))
	b.caughtUp()
	cursor := b.cursor()
	if sync := b.sync(); sync.GetUsersDone() != 2 || sync.GetAccessAdded() != 0 || sync.GetAccessRemoved() != 0 {
		t.Fatalf("the sync counted %v", sync)
	}
	if changes := b.changes(cursor); len(changes) != 0 {
		t.Fatalf("a second run wrote %v", changes)
	}
}

// Groups in many other groups are expanded once for all of them. 30 groups around a group that contains 30 others cost 61 reads of
// members, not 900.
func TestAGroupInManyOthersIsExpandedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Top", "developer")
	const many = 30
	user := b.identity.AddUser(acme, b.dir)
	var leaves, around []string
	for n := range many {
		leaves = append(leaves, b.identity.AddGroup(acme, b.dir, fmt.Sprint("leaf ", n), user))
	}
	middle := b.identity.AddGroup(acme, b.dir, "Middle", leaves...)
	for n := range many {
		around = append(around, b.identity.AddGroup(acme, b.dir, fmt.Sprint("around ", n), middle))
	}
	b.caughtUp()
	looks := 0
	b.identity.Limit(func(rpc string, _ int) error {
		if rpc == "ListMembers" {
			looks++
		}
		return nil
	})
	b.identity.AddGroup(acme, b.dir, "Top", around...)
	b.caughtUp()
	b.holds(user, "developer")
	if looks > 3*many {
		t.Fatalf("%d looks at members for %d groups", looks, 2*many+2)
	}
	read := b.identity.UsersRead()
	b.identity.RemoveMember(middle, leaves[0])
	for _, group := range leaves[1:] {
		b.identity.RemoveMember(middle, group)
	}
	b.caughtUp()
	b.holds(user)
	t.Logf("%d looks at members, then %d at users", looks, b.identity.UsersRead()-read)
}
