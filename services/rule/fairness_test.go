package rule_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// A rule sync of many users runs in pages. Between pages, changes are processed, of the same organization and of others, even with a
// single worker: nobody waits for the end of the sync.
// Invariant 15.
func TestALargeSyncDelaysNobody(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(*rule.Config){"SQLite": func(*rule.Config) {}, "PostgreSQL": onPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const users = 3000
			b := setup(t, engine, func(c *rule.Config) { c.Workers, c.SyncPageSize = 1, 1 })
			b.valueRule("dev", "developer")
			var all []string
			for range users {
				all = append(all, b.identity.AddUser(acme, b.dir))
			}
			b.caughtUp()
			const other = "other"
			b.must(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: other, Tenant: &rulev1.Tenant{Id: tenant}}))
			b.must(b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: other, Rule: &rulev1.Rule{
				DisplayName: proto.String("dev"), Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "dev"}},
				Grants: []*rulev1.Grant{{TenantId: tenant, RoleId: "developer"}},
			}}))
			elsewhere := b.identity.AddUser(other, "directory-2")

			var pages atomic.Int32
			begun := make(chan struct{})
			b.identity.Before(func(rpc string) error {
				if rpc == "ListUserIds" && pages.Add(1) == 2 {
					close(begun)
				}
				return nil
			})
			started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
			b.must(started, err)
			<-begun
			// The last user that the sync would reach, and a user that it does not concern.
			for organization, user := range map[string]string{acme: all[users-1], other: elsewhere} {
				b.identity.SetRoles(user, "dev")
				b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization}))
				r, err := b.access.CheckAccess(b.ctx(), &rulev1.CheckAccessRequest{
					OrganizationId: organization, UserId: user, TenantId: tenant, RoleId: "developer",
				})
				b.must(r, err)
				if !r.GetAllowed() {
					t.Errorf("%s: the change has had no effect", organization)
				}
			}
			r, err := b.syncs.CancelSync(b.ctx(), &rulev1.CancelSyncRequest{OrganizationId: acme, Id: started.GetSync().GetId()})
			b.must(r, err)
			t.Logf("the sync had come to %d of %d users", r.GetSync().GetUsersDone(), users)
			if r.GetSync().GetUsersDone() >= users {
				t.Error("the changes waited for the sync")
			}
		})
	}
}

// Twenty organizations whose every read of a user takes the maximum time, beside a healthy one. They leave the quick lane after their
// first read, so the healthy one never waits for one of them there. At no time do more of them run than the slow lane has workers.
// Invariant 15.
func TestOrganizationsThatFailTakeNoTurnsFromOthers(t *testing.T) {
	t.Parallel()
	const bad, workers, changes = 20, 2, 60
	b := setup(t, func(c *rule.Config) {
		c.Workers, c.CallTimeout, c.MaxRetryDelay = workers, time.Second, 20*time.Millisecond
	})
	b.valueRule("v", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	const quick = 500 * time.Millisecond // a look of the quick lane has less time, one of the slow lane more
	var quickLooks, slowLooks, turns atomic.Int64
	var mu sync.Mutex
	var looks []time.Time // until when each has time
	most := 0
	b.identity.Facts(func(ctx context.Context, r *identityv1.StreamUserFactsRequest) error {
		if r.GetOrganizationId() == acme {
			turns.Add(1)
			return nil
		}
		deadline, _ := ctx.Deadline()
		switch {
		case time.Until(deadline) >= quick:
			slowLooks.Add(1)
		case !r.GetStatusOnly(): // which the slow lane reads in parts, with little time as well
			quickLooks.Add(1)
		}
		mu.Lock()
		// The caller gives up a little before its call notices.
		over := func(until time.Time) bool { return time.Until(until) < 30*time.Millisecond }
		looks = append(slices.DeleteFunc(looks, over), deadline)
		most = max(most, len(looks))
		mu.Unlock()
		<-ctx.Done()
		return identitytest.Failing(fault.Deadline)
	})
	for n := range bad {
		organization := fmt.Sprintf("bad-%d", n)
		for range 3 {
			b.identity.AddUser(organization, "directory-"+organization)
		}
	}
	b.eventually("each of them has had its look in the quick lane", func() bool { return quickLooks.Load() >= bad && slowLooks.Load() > 0 })
	before := quickLooks.Load()
	took := make([]time.Duration, 0, changes)
	for n := range changes {
		value := []string{"", "v"}[n%2]
		start := time.Now()
		b.identity.SetRoles(user, value)
		b.caughtUp()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("beside %d that cannot be reconciled, a change was visible after %v (median), %v (p99); they had %d looks of the slow lane",
		bad, took[len(took)/2], took[len(took)*99/100], slowLooks.Load())
	if got := turns.Load(); got < changes {
		t.Errorf("the well organization had %d turns for %d changes", got, changes)
	}
	if got := quickLooks.Load(); got != before {
		t.Errorf("%d more looks of the others were in the quick lane", got-before)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 2*workers {
		t.Errorf("%d of the others ran at once, with %d workers a lane", most, workers)
	}
	b.identity.Facts(nil)
}
