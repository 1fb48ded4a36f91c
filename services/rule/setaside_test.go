package rule_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// slowUserRetries makes a user who is set aside wait for its next message.
func slowUserRetries(c *rule.Config) { c.UserRetryDelay, c.MaxUserRetryDelay = time.Hour, time.Hour }

func soonUserRetries(c *rule.Config) {
	c.UserRetryDelay, c.MaxUserRetryDelay = time.Millisecond, 10*time.Millisecond
}

// tooMuch makes the facts about some users too much even alone, and the facts about more than a number of users too much together.
func (b *bundle) tooMuch(reason fault.Reason, most int, users ...string) {
	b.identity.Facts(func(_ context.Context, r *identityv1.StreamUserFactsRequest) error {
		if r.GetStatusOnly() {
			return nil
		}
		if len(r.GetIds()) > most || slices.ContainsFunc(users, func(id string) bool { return slices.Contains(r.GetIds(), id) }) {
			return identitytest.Failing(reason)
		}
		return nil
	})
}

// setAside waits until access is up to date except for users who are set aside, and returns their ids.
func (b *bundle) setAside() []string {
	b.t.Helper()
	_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
	b.refused(fault.UsersSetAside, nil, err)
	return strings.Split(rpc.Fault(err).Metadata["user_ids"], ",")
}

func (b *bundle) check(user, role string) *rulev1.CheckAccessResponse {
	b.t.Helper()
	r, err := b.access.CheckAccess(b.ctx(), &rulev1.CheckAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenantOf(role), RoleId: role})
	b.must(r, err)
	return r
}

func (b *bundle) whenUnknown(when rulev1.WhenUnknown) {
	b.t.Helper()
	r, err := b.access.UpdateAccessSettings(b.ctx(), &rulev1.UpdateAccessSettingsRequest{
		OrganizationId: acme, Settings: &rulev1.AccessSettings{WhenUnknown: when},
	})
	b.must(r, err)
	if r.GetSettings().GetWhenUnknown() != when {
		b.t.Fatalf("the settings are %v", r.GetSettings())
	}
}

// A batch that is too much must not be retried unchanged for ever, with unchanged access for everybody in the organization.
// Invariant 13.
func TestNobodyKeepsAccessBecauseABatchIsTooMuch(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]fault.Reason{
		"it takes too long": fault.Deadline, "it is over a limit": fault.Limit, "a document cannot be read": fault.Internal,
		"a filter cannot be read": fault.InvalidFilter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, slowUserRetries)
			b.groupRule("Developers", "developer")
			var users []string
			for range 20 {
				users = append(users, b.identity.AddUser(acme, b.dir))
			}
			group := b.identity.AddGroup(acme, b.dir, "Developers", users...)
			b.caughtUp()
			inactive, deleted, removed, poisoned := users[0], users[1], users[2], users[3]
			b.goesOn(acme, poisoned)
			before := time.Now()
			b.tooMuch(reason, 3, poisoned)
			b.identity.SetActive(inactive, false)
			b.identity.DeleteUser(deleted)
			b.identity.RemoveMember(group, removed)
			newcomer := b.identity.AddUser(acme, b.dir)
			b.identity.AddMember(group, newcomer)
			b.identity.RemoveMember(group, poisoned)
			for _, id := range users[4:] {
				b.identity.SetRoles(id, "some message")
			}
			if aside := b.setAside(); !slices.Equal(aside, []string{poisoned}) {
				t.Fatalf("set aside are %v", aside)
			}
			for _, id := range []string{inactive, deleted, removed} {
				b.holds(id)
			}
			b.holds(newcomer, "developer")

			// The user who is set aside keeps its access, every answer says so, and its AsOf does not advance.
			r := b.check(poisoned, "developer")
			if !r.GetAllowed() || !r.GetUnknown() || r.GetAsOfTime().AsTime().After(time.Now()) || r.GetAsOfTime().AsTime().Before(before.Add(-time.Minute)) {
				t.Fatalf("the check says %v", r)
			}
			if list := b.list(poisoned); len(list) != 1 || !list[0].GetUnknown() || !list[0].GetEffective() {
				t.Fatalf("the list says %v", list)
			}
			b.eventually("others are known as of a later time", func() bool {
				return b.check(newcomer, "developer").GetAsOfTime().AsTime().After(r.GetAsOfTime().AsTime())
			})
			if again := b.check(poisoned, "developer"); !again.GetAsOfTime().AsTime().Equal(r.GetAsOfTime().AsTime()) {
				t.Fatalf("its time went on from %v to %v", r.GetAsOfTime(), again.GetAsOfTime())
			}
			status, err := b.access.GetAccessStatus(b.ctx(), &rulev1.GetAccessStatusRequest{OrganizationId: acme})
			b.must(status, err)
			if status.GetSetAsideCount() != 1 || status.GetSetAside()[0].GetUserId() != poisoned || status.GetSetAside()[0].GetDetail() == "" ||
				!status.GetAsOfTime().AsTime().After(r.GetAsOfTime().AsTime()) || status.GetOldestChangeAge().AsDuration() <= 0 {
				t.Fatalf("the status is %v", status)
			}
			b.eventually("a failed event says who, why and what to do", func() bool {
				return slices.ContainsFunc(b.events.recorded(), func(e *failedeventsv1.FailedEvent) bool {
					return e.GetResourceId() == poisoned && e.GetReason() == "USERS_SET_ASIDE" && e.GetMessageId() != "" && e.GetDetail() != "" && e.GetRemedy() != ""
				})
			})

			// The next message reconciles the user again.
			b.identity.Facts(nil)
			b.identity.SetRoles(poisoned, "another message")
			b.caughtUp()
			b.holds(poisoned)
			if b.check(poisoned, "developer").GetUnknown() {
				t.Fatal("it is still unknown")
			}
		})
	}
}

func TestAUserBeyondALimitIsSetAsideAndRetried(t *testing.T) {
	t.Parallel()
	b := setup(t, soonUserRetries)
	b.groupRule("Developers", "developer")
	one, two := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.SetBeyond(one, "The user is in more than 1,000 groups.")
	group := b.identity.AddGroup(acme, b.dir, "Developers", one, two)
	if aside := b.setAside(); !slices.Equal(aside, []string{one}) {
		t.Fatalf("set aside are %v", aside)
	}
	b.holds(two, "developer")
	b.holds(one)
	b.eventually("it is tried again", func() bool {
		r, err := b.access.GetAccessStatus(b.ctx(), &rulev1.GetAccessStatusRequest{OrganizationId: acme})
		b.must(r, err)
		return r.GetSetAside()[0].GetAttempts() > 3
	})
	if events := b.events.recorded(); len(events) > 3 {
		t.Fatalf("each try is reported: %v", events)
	}
	b.identity.SetBeyond(one, "")
	b.caughtUpInTheEnd()
	b.holds(one, "developer")
	changes := b.changes("")
	last := changes[len(changes)-1]
	if last.GetUserId() != one || last.GetMessageId() == "" {
		t.Fatalf("its message was forgotten: %v", last)
	}
	b.identity.RemoveMember(group, one)
	b.caughtUp()
	b.holds(one)
}

// caughtUpInTheEnd waits until no user is set aside.
func (b *bundle) caughtUpInTheEnd() {
	b.t.Helper()
	b.eventually("nobody is set aside", func() bool {
		_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
		if err != nil && rpc.Fault(err).Reason != fault.UsersSetAside {
			b.t.Fatal(err)
		}
		return err == nil
	})
}

func TestTheSettingsDecideAboutUnknownAccess(t *testing.T) {
	t.Parallel()
	b := setup(t, slowUserRetries)
	b.groupRule("Developers", "developer", "organization-admin")
	user, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Developers", user, other)
	b.caughtUp()
	b.must(b.grant(user, "designer"))
	cursor := b.cursor()
	b.identity.SetBeyond(user, "too many groups")
	b.identity.SetRoles(user, "a message")
	b.setAside()
	b.holds(user, "designer", "developer", "organization-admin")
	r, err := b.access.GetAccessSettings(b.ctx(), &rulev1.GetAccessSettingsRequest{OrganizationId: acme})
	b.must(r, err)
	if r.GetSettings().GetWhenUnknown() != rulev1.WhenUnknown_WHEN_UNKNOWN_KEEP {
		t.Fatalf("the settings are %v", r.GetSettings())
	}

	b.whenUnknown(rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND)
	b.eventually("access from rules is suspended", func() bool { return !b.check(user, "developer").GetAllowed() })
	b.holds(user, "designer")
	if !b.check(user, "developer").GetUnknown() {
		t.Fatal("the answer does not say that it is unknown")
	}
	b.whenUnknown(rulev1.WhenUnknown_WHEN_UNKNOWN_KEEP)
	b.eventually("access from rules counts again", func() bool { return b.check(user, "developer").GetAllowed() })
	b.whenUnknown(rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND)
	b.eventually("access from rules is suspended", func() bool { return !b.check(user, "developer").GetAllowed() })
	// The other user is the last effective admin now, and becomes unknown as well.
	b.identity.SetBeyond(other, "too many groups")
	b.identity.SetRoles(other, "a message")
	b.setAside()
	b.holds(other, "organization-admin") // nothing else

	// A user who becomes inactive loses access at once, and is not set aside any more.
	b.identity.SetActive(user, false)
	if aside := b.setAside(); !slices.Equal(aside, []string{other}) {
		t.Fatalf("set aside are %v", aside)
	}
	b.holds(user)
	b.identity.SetBeyond(user, "")
	b.identity.SetBeyond(other, "")
	b.identity.SetActive(user, true)
	b.identity.RemoveMember(group, other)
	b.caughtUp()
	b.holds(user, "designer", "developer", "organization-admin")
	b.holds(other)
	told := map[string]bool{}
	for _, c := range b.changes(cursor) {
		key, added := c.GetUserId()+c.GetRoleId(), c.GetKind() == rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_ADDED
		if was, known := told[key]; known && was == added {
			t.Fatalf("the feed tells twice that %s is %v", key, added)
		}
		told[key] = added
	}
}

func TestASyncEndsThoughUsersAreSetAside(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"10,000 users, 10 set aside": 10_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, slowUserRetries)
			b.valueRule("dev", "developer")
			aside := map[string]bool{}
			var one string
			b.identity.Quietly(func() {
				for n := range size {
					id := b.identity.AddUser(acme, b.dir)
					b.identity.SetRoles(id, "dev")
					if n%(size/10) == size/20 {
						aside[id] = true
						b.identity.SetBeyond(id, "too many groups")
						one = id
					}
				}
			})
			// One of them is too much for a call, and not only beyond a limit of identity.
			b.identity.SetBeyond(one, "")
			b.tooMuch(fault.Deadline, 1000, one)
			sync := b.sync()
			if sync.GetState() != rulev1.SyncState_SYNC_STATE_DONE || sync.GetUsersSetAside() != 10 || sync.GetUsersDone() != int64(size) ||
				sync.GetAccessAdded() != int64(size-10) {
				t.Fatalf("the sync ended as %v", sync)
			}
			for _, id := range sync.GetSetAsideUserIds() {
				if !aside[id] {
					t.Errorf("the sync names %s among the users that it set aside", id)
				}
			}
			if len(sync.GetSetAsideUserIds()) != 10 || sync.GetUsersTotal() != int64(size) {
				t.Errorf("the sync names %d users that it set aside, and counted %d", len(sync.GetSetAsideUserIds()), sync.GetUsersTotal())
			}
			holders := 0
			for token := ""; ; {
				r, err := b.access.ListAccess(b.ctx(), &rulev1.ListAccessRequest{OrganizationId: acme, PageSize: 1000, PageToken: token})
				b.must(r, err)
				for _, a := range r.GetAccess() {
					if aside[a.GetUserId()] || !a.GetEffective() {
						t.Fatalf("listed is %v", a)
					}
					holders++
				}
				if token = r.GetNextPageToken(); token == "" {
					break
				}
			}
			if holders != size-10 {
				t.Fatalf("%d hold the role", holders)
			}
			status, err := b.access.GetAccessStatus(b.ctx(), &rulev1.GetAccessStatusRequest{OrganizationId: acme})
			b.must(status, err)
			if status.GetSetAsideCount() != 10 {
				t.Fatalf("the status is %v", status)
			}
		})
	}
}

// Pages that are too much become shorter, down to one item.
func TestPagesThatAreTooMuchGetShorter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Developers", "developer")
	var users []string
	for range 9 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	b.identity.Limit(func(rpc string, size int) error {
		if size > 1 {
			if rpc < "ListMembers" {
				return identitytest.Failing(fault.Deadline)
			}
			return identitytest.Failing(fault.Limit)
		}
		return nil
	})
	inner := b.identity.AddGroup(acme, b.dir, "Inner", users...)
	b.identity.AddGroup(acme, b.dir, "Developers", inner)
	b.caughtUp()
	for _, id := range users {
		b.holds(id, "developer")
	}
	b.valueRule("v", "designer")
	b.identity.Quietly(func() { b.identity.SetRoles(users[8], "v") })
	if sync := b.sync(); sync.GetUsersDone() != 9 || sync.GetAccessAdded() != 1 {
		t.Fatalf("the sync ended as %v", sync)
	}
}

// Each kind of work fails alone: an expansion that fails does not stop the following of changes, or a sync.
func TestAKindOfWorkThatFailsDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Developers", "developer")
	b.valueRule("v", "designer")
	user, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	inner := b.identity.AddGroup(acme, b.dir, "Inner", user)
	outer := b.identity.AddGroup(acme, b.dir, "Developers")
	b.caughtUp()
	b.identity.Before(func(rpc string) error {
		if rpc == "ListMembers" {
			return identitytest.Unavailable()
		}
		return nil
	})
	b.identity.AddMember(outer, inner)
	b.identity.SetRoles(other, "v")
	b.eventually("the change is followed", func() bool { return b.check(other, "designer").GetAllowed() })
	b.identity.Quietly(func() { b.identity.SetRoles(user, "v") })
	if sync := b.sync(); sync.GetState() != rulev1.SyncState_SYNC_STATE_DONE {
		t.Fatalf("the sync ended as %v", sync)
	}
	b.holds(user, "designer", "developer")
	// Access waits for the group, so its AsOf does not advance. Another organization's does.
	b.identity.AddUser("other", "directory-9")
	asOf := func(organization string) time.Time {
		r, err := b.access.GetAccessStatus(b.ctx(), &rulev1.GetAccessStatusRequest{OrganizationId: organization})
		b.must(r, err)
		return r.GetAsOfTime().AsTime()
	}
	still := asOf(acme)
	b.eventually("another organization's time goes on", func() bool { return asOf("other").After(still.Add(100 * time.Millisecond)) })
	if now := asOf(acme); !now.Equal(still) {
		t.Fatalf("the time went on from %v to %v", still, now)
	}
	b.identity.Before(nil)
	b.caughtUp()
}

// While the feed cannot be followed, for any reason, inactive and deleted users lose access.
func TestNobodyKeepsAccessBecauseTheFeedCannotBeFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) { c.BatchSize = 3 })
	b.groupRule("Developers", "developer")
	var users []string
	for range 12 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	group := b.identity.AddGroup(acme, b.dir, "Developers", users...)
	b.caughtUp()
	b.identity.Before(func(rpc string) error {
		if rpc == "BatchGetGroups" {
			return identitytest.Failing(fault.Internal)
		}
		return nil
	})
	b.identity.RenameGroup(group, "Engineers") // the pin of this group cannot be read
	b.identity.RemoveMember(group, users[0])
	for _, id := range users[1:9] {
		b.identity.SetActive(id, false)
	}
	b.identity.DeleteUser(users[9])
	b.identity.AddMember(group, users[9]) // the record concerns a deleted user
	b.eventually("they have lost access", func() bool {
		return !slices.ContainsFunc(users[1:10], func(id string) bool { return b.check(id, "developer").GetAllowed() })
	})
	b.holds(users[0], "developer") // until the feed is followed again, as the AsOf shows
	still := b.asOf(acme, users[0])
	b.goesOn("other", users[0])
	if now := b.asOf(acme, users[0]); !now.Equal(still) {
		t.Fatalf("the time went on from %v to %v", still, now)
	}
	b.identity.SetActive(users[1], true)
	b.identity.Before(nil)
	b.caughtUp()
	b.holds(users[0])
	b.holds(users[1], "developer")
	b.holds(users[2])
	b.holds(users[10], "developer")
}
