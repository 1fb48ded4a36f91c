package rule_test

import (
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func TestAPinSurvivesRenaming(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "builders", user)
	id := b.groupRule("Builders", "developer")
	if pin := b.pins(id)[b.dir]; pin.GetGroupId() != group || pin.GetState() != rulev1.PinState_PIN_STATE_PINNED {
		t.Fatalf("creating the rule pinned %v", pin)
	}
	b.identity.RenameGroup(group, "Masons")
	b.identity.AddGroup(acme, b.dir, "Builders", b.identity.AddUser(acme, b.dir))
	b.identity.SetRoles(user, "x")
	b.caughtUp()
	b.holds(user, "developer")
	if pin := b.pins(id)[b.dir]; pin.GetGroupId() != group {
		t.Fatalf("renaming moved the pin to %v", pin)
	}
}

func TestTheOldestGroupOfANameIsPinnedInEachDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.identity.AddGroup(acme, b.dir, "Builders")
	b.identity.AddGroup(acme, b.dir, "BUILDERS")
	other := b.identity.AddGroup(acme, "directory-2", "builders")
	id := b.groupRule("Builders", "developer")
	pins := b.pins(id)
	if len(pins) != 2 || pins[b.dir].GetGroupId() != first || pins["directory-2"].GetGroupId() != other {
		t.Fatalf("pinned %v", pins)
	}
}

func TestARuleWaitsForADeletedGroupAndPinsItAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.groupRule("Builders", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Builders", user)
	b.caughtUp()
	b.identity.DeleteGroup(group)
	b.caughtUp()
	b.holds(user)
	if pin := b.pins(id)[b.dir]; pin.GetState() != rulev1.PinState_PIN_STATE_WAITING || pin.GetGroupId() != group {
		t.Fatalf("the pin is %v, not waiting with the lost group", pin)
	}
	again := b.identity.AddGroup(acme, b.dir, "builders", user)
	b.caughtUp()
	b.holds(user, "developer")
	if pin := b.pins(id)[b.dir]; pin.GetState() != rulev1.PinState_PIN_STATE_PINNED || pin.GetGroupId() != again {
		t.Fatalf("the pin is %v", pin)
	}
}

func TestAnotherGroupWithALostGroupsNameIsPinnedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.groupRule("Builders", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Builders")
	b.caughtUp()
	namesake := b.identity.AddGroup(acme, b.dir, "Builders", user)
	b.caughtUp()
	b.holds(user)
	b.identity.DeleteGroup(group)
	b.caughtUp()
	b.holds(user, "developer")
	if pin := b.pins(id)[b.dir]; pin.GetGroupId() != namesake {
		t.Fatalf("the pin is %v", pin)
	}
}

func TestAGroupThatGetsARulesNameGivesAccessToItsMembers(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("Builders", "developer")
	var users []string
	for range 5 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	group := b.identity.AddGroup(acme, b.dir, "Masons", users...)
	b.caughtUp()
	b.holds(users[0])
	b.identity.RenameGroup(group, "Builders")
	b.caughtUp()
	for _, user := range users {
		b.holds(user, "developer")
	}
}

func TestARuleWithANewNameUnpinsItsGroups(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group := b.identity.AddGroup(acme, b.dir, "Builders")
	masons := b.identity.AddGroup(acme, b.dir, "Masons")
	id := b.groupRule("Builders", "developer")
	rename := func(name string) *rulev1.Rule {
		r, err := b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: id, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"group"}},
			Rule: &rulev1.Rule{Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: name}}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetRule()
	}
	if r := rename("BUILDERS"); r.GetGroup().GetPins()[0].GetGroupId() != group || r.GetGroup().GetDisplayName() != "BUILDERS" {
		t.Fatalf("another case of the same name moved the pin: %v", r)
	}
	if r := rename("Masons"); len(r.GetGroup().GetPins()) != 1 || r.GetGroup().GetPins()[0].GetGroupId() != masons {
		t.Fatalf("the rule is %v", r)
	}
}

func TestAnAdoptedGroupMayMeetAnotherGroupOfItsRule(t *testing.T) {
	t.Parallel()
	const replacing = "directory-2"
	for name, c := range map[string]struct {
		before, between bool // whether the other group is created before or after the adopted one
		deleted         bool
		adopted         bool // whether the adopted one is pinned in the end
	}{
		"an older one keeps the pin": {before: true},
		"a newer one gives it up":    {between: true, adopted: true},
		"a lost one is replaced":     {between: true, deleted: true, adopted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.groupRule("Builders", "developer")
			var other string
			if c.before {
				other = b.identity.AddGroup(acme, replacing, "Builders")
			}
			user := b.identity.AddUser(acme, b.dir)
			group := b.identity.AddGroup(acme, b.dir, "Builders", user)
			if c.between {
				other = b.identity.AddGroup(acme, replacing, "Builders")
			}
			b.caughtUp()
			if c.deleted {
				b.identity.DeleteGroup(other)
			}
			b.identity.Detach(acme, b.dir)
			b.identity.Adopt(group, replacing)
			b.identity.Adopt(user, replacing)
			b.caughtUp()
			want := other
			if c.adopted {
				want = group
				b.holds(user, "developer")
			}
			pins := b.pins(id)
			if len(pins) != 1 || pins[replacing].GetGroupId() != want || pins[replacing].GetState() != rulev1.PinState_PIN_STATE_PINNED {
				t.Fatalf("the pins are %v", pins)
			}
		})
	}
}

func TestARuleFindsItsGroupsLaterIfIdentityFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group := b.identity.AddGroup(acme, b.dir, "Builders", b.identity.AddUser(acme, b.dir))
	b.caughtUp()
	var down atomic.Bool
	down.Store(true)
	b.identity.Before(func(rpc string) error {
		if rpc == "FindGroups" && down.Load() {
			return identitytest.Unavailable()
		}
		return nil
	})
	id := b.groupRule("Builders", "developer")
	if pins := b.pins(id); len(pins) != 0 {
		t.Fatalf("pinned %v", pins)
	}
	down.Store(false)
	b.eventually("the group is pinned", func() bool { return b.pins(id)[b.dir].GetGroupId() == group })
	b.caughtUp()
	if access := b.list(""); len(access) != 0 {
		t.Fatalf("a new rule gave %v by itself", access)
	}
}

func TestAGroupThatIsCreatedTogetherWithTheRuleIsNotMissed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	var once atomic.Bool
	b.identity.Before(func(rpc string) error {
		if rpc == "FindGroups" && once.CompareAndSwap(false, true) {
			b.identity.AddGroup(acme, b.dir, "Builders", user)
		}
		return nil
	})
	b.groupRule("Builders", "developer")
	b.caughtUp()
	b.holds(user, "developer")
}
