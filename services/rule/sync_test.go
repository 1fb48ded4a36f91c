package rule_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// syncPages stops a rule sync after a number of pages. The returned function lets it continue.
func (b *bundle) syncPages(n int) (reached <-chan struct{}, goOn func()) {
	at := make(chan struct{})
	var pages atomic.Int32
	var going atomic.Bool
	b.identity.Before(func(rpc string) error {
		if rpc != "ListUserIds" || going.Load() {
			return nil
		}
		if page := int(pages.Add(1)); page == n+1 {
			close(at)
		} else if page <= n {
			return nil
		}
		return identitytest.Unavailable()
	})
	return at, func() { going.Store(true) }
}

// Invariants 10, 11.
func TestASyncEndsRightAfterAKillAtAnyPage(t *testing.T) {
	t.Parallel()
	for _, pages := range []int{0, 1, 2, 3, 5, 6} {
		t.Run(fmt.Sprintf("after %d pages", pages), func(t *testing.T) {
			t.Parallel()
			b := setup(t, smallBatches)
			b.groupRule("Builders", "developer")
			var users []string
			for range 11 {
				users = append(users, b.identity.AddUser(acme, b.dir))
			}
			b.identity.AddGroup(acme, b.dir, "Builders", users...)
			b.caughtUp()
			for _, user := range []string{users[0], users[5], users[10]} {
				b.must(b.grant(user, "designer"))
			}
			// No record reports these deletions: the sync finds holders that identity no longer has.
			b.identity.Quietly(func() {
				b.identity.DeleteUser(users[0])
				b.identity.DeleteUser(users[5])
				b.identity.DeleteUser(users[10])
			})
			reached, goOn := b.syncPages(pages)
			started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
			b.must(started, err)
			if pages < 5 {
				<-reached
			} else {
				b.synced(started.GetSync().GetId())
			}
			b.stop()
			goOn()
			b.start()
			sync := b.synced(started.GetSync().GetId())
			if sync.GetState() != rulev1.SyncState_SYNC_STATE_DONE || sync.GetUsersDone() != 11 || sync.GetEndTime() == nil {
				t.Fatalf("the sync ended as %v", sync)
			}
			if sync.GetAccessAdded() != 0 || sync.GetAccessRemoved() != 6 {
				t.Fatalf("the sync counted %v", sync)
			}
			for i, user := range users {
				if i%5 == 0 {
					b.holds(user)
				} else {
					b.holds(user, "developer")
				}
			}
		})
	}
}

func TestOneSyncAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	reached, goOn := b.syncPages(0)
	first, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
	b.must(first, err)
	<-reached
	id := first.GetSync().GetId()
	_, err = b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
	b.refused(fault.SyncRunning, nil, err)
	if got := rpc.Fault(err).Metadata["sync_id"]; got != id {
		t.Fatalf("the refusal names the sync %q, not %q", got, id)
	}
	cancelled, err := b.syncs.CancelSync(b.ctx(), &rulev1.CancelSyncRequest{OrganizationId: acme, Id: id})
	b.must(cancelled, err)
	if s := cancelled.GetSync(); s.GetState() != rulev1.SyncState_SYNC_STATE_CANCELLED || s.GetEndTime() == nil {
		t.Fatalf("cancelled %v", s)
	}
	_, err = b.syncs.CancelSync(b.ctx(), &rulev1.CancelSyncRequest{OrganizationId: acme, Id: id})
	b.refused(fault.SyncEnded, nil, err)
	goOn()
	second := b.sync()
	if second.GetState() != rulev1.SyncState_SYNC_STATE_DONE || second.GetStartedBy() != "olga" {
		t.Fatalf("the second sync is %v", second)
	}
	if got, err := b.syncs.GetSync(b.ctx(), &rulev1.GetSyncRequest{OrganizationId: acme, Id: id}); err != nil || got.GetSync().GetUsersDone() != 0 {
		t.Fatalf("the cancelled sync is %v, %v", got, err)
	}
	page, err := b.syncs.ListSyncs(b.ctx(), &rulev1.ListSyncsRequest{OrganizationId: acme, PageSize: 1})
	b.must(page, err)
	rest, err := b.syncs.ListSyncs(b.ctx(), &rulev1.ListSyncsRequest{OrganizationId: acme, PageSize: 1, PageToken: page.GetNextPageToken()})
	b.must(rest, err)
	if page.GetSyncs()[0].GetId() != second.GetId() || rest.GetSyncs()[0].GetId() != id || rest.GetNextPageToken() != "" {
		t.Fatalf("listed %v, then %v", page, rest)
	}
}

func TestASyncReachesManyHoldersThatIdentityNoLongerHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var users []string
	for range 1100 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	b.valueRule("dev", "developer")
	for _, user := range users {
		b.identity.SetRoles(user, "dev")
	}
	b.caughtUp()
	b.identity.Quietly(func() {
		for _, user := range users {
			b.identity.DeleteUser(user)
		}
	})
	if sync := b.sync(); sync.GetUsersDone() != 1100 || sync.GetAccessRemoved() != 1100 {
		t.Fatalf("the sync counted %v", sync)
	}
	if left := b.list(""); len(left) != 0 {
		t.Fatalf("%d are left", len(left))
	}
}

func TestChangedUsersComeBeforeASyncsPages(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("Builders", "developer")
	for range 20 {
		b.identity.AddUser(acme, b.dir)
	}
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	// A message arrives in the middle of the sync. It is processed before the sync's next page.
	var pages atomic.Int32
	has := make(chan bool, 1)
	b.identity.Before(func(rpc string) error {
		if rpc != "ListUserIds" {
			return nil
		}
		switch pages.Add(1) {
		case 2:
			b.identity.AddGroup(acme, b.dir, "Builders", user)
		case 3:
			has <- len(b.list(user)) == 1
		}
		return nil
	})
	b.sync()
	if !<-has {
		t.Fatal("the sync went on before the changed user")
	}
}

// waiting returns how many rules wait for a rule sync, and since when.
func (b *bundle) waiting() (int32, time.Time) {
	b.t.Helper()
	r, err := b.access.GetAccessStatus(b.ctx(), &rulev1.GetAccessStatusRequest{OrganizationId: acme})
	b.must(r, err)
	if (r.GetRulesWaitingCount() == 0) != (r.GetOldestWaitingTime() == nil) {
		b.t.Errorf("%d rules wait since %v", r.GetRulesWaitingCount(), r.GetOldestWaitingTime())
	}
	return r.GetRulesWaitingCount(), r.GetOldestWaitingTime().AsTime()
}

func TestTheStatusCountsRulesThatWaitForASync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	expect := func(what string, want int32) {
		t.Helper()
		if n, _ := b.waiting(); n != want {
			t.Errorf("%s: %d rules wait, want %d", what, n, want)
		}
	}
	update := func(id string, r *rulev1.Rule) {
		t.Helper()
		r.Id, r.OrganizationId = id, acme
		b.must(b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: id, Rule: r}))
	}
	expect("at first", 0)
	one, two := b.valueRule("one", "developer"), b.valueRule("two", "designer")
	expect("after two new rules", 2)
	_, since := b.waiting()
	if got, err := b.rules.GetRule(b.ctx(), &rulev1.GetRuleRequest{OrganizationId: acme, Id: one}); err != nil || !got.GetRule().GetCreateTime().AsTime().Equal(since) {
		t.Errorf("the oldest change is from %s, and the first rule %v: %v", since, got, err)
	}
	b.sync()
	expect("after a sync", 0)
	update(one, &rulev1.Rule{DisplayName: proto.String("another name")})
	expect("after a change of a name", 0)
	update(one, &rulev1.Rule{Grants: grants("designer")})
	update(one, &rulev1.Rule{Grants: grants("developer")})
	expect("after a change of what a rule gives", 1)

	reached, goOn := b.syncPages(0)
	started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
	b.must(started, err)
	<-reached
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: two}))
	expect("while a sync runs", 2)
	goOn()
	b.synced(started.GetSync().GetId())
	expect("after the sync", 1) // it began before
	update(two, &rulev1.Rule{Grants: grants("developer")})
	b.sync()
	expect("after the next one", 0)
	update(two, &rulev1.Rule{Grants: grants("designer")})
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: two}))
	expect("after changes of a disabled rule", 0)
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: one}))
	expect("after a deletion", 1)
	b.stop()
	b.start()
	expect("after a restart", 1)
	b.sync()
	expect("in the end", 0)
}
