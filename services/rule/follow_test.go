package rule_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/types/known/durationpb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func TestTheAccessFeedShowsTheCauseOfAChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev") // the second record
	b.caughtUp()
	changes := b.changes("")
	if len(changes) != 1 {
		t.Fatalf("the feed has %v", changes)
	}
	c := changes[0]
	if c.GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_ADDED || c.GetUserId() != user || c.GetTenantId() != tenant ||
		c.GetRoleId() != "developer" || c.GetMessageId() != identitytest.MessageID(2) || c.GetChangeTime() == nil {
		t.Fatalf("the change is %v", c)
	}
	b.eventually("a reconcile span that the record names belongs to the trace of the message, or links to it", func() bool {
		return slices.ContainsFunc(b.spans.Ended(), func(span sdktrace.ReadOnlySpan) bool {
			named := fmt.Sprintf("00-%s-%s-01", span.SpanContext().TraceID(), span.SpanContext().SpanID())
			return span.Name() == "reconcile" && c.GetTraceparent() == named && (span.Parent().IsRemote() || len(span.Links()) > 0)
		})
	})
	b.identity.SetRoles(user)
	b.caughtUp()
	changes = b.changes(c.GetCursor())
	if len(changes) != 1 || changes[0].GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED || changes[0].GetRevision() <= c.GetRevision() {
		t.Fatalf("the feed has %v", changes)
	}
	b.valueRule("dev", "developer")
	b.identity.Quietly(func() { b.identity.SetRoles(user, "dev") })
	cursor := b.cursor()
	sync := b.sync()
	if changes := b.changes(cursor); len(changes) != 1 || changes[0].GetSyncId() != sync.GetId() || changes[0].GetMessageId() != "" {
		t.Fatalf("the feed has %v", changes)
	}
}

func TestAWatchContinuesFromItsCursorAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) { c.BookmarkInterval = time.Millisecond })
	b.valueRule("dev", "developer")
	watch := func(after string) func() *rulev1.WatchAccessResponse {
		ctx, cancel := context.WithCancel(b.ctx())
		t.Cleanup(cancel)
		stream, err := b.access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: acme, AfterCursor: after})
		if err != nil {
			t.Fatal(err)
		}
		return func() *rulev1.WatchAccessResponse {
			r, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	next := watch("")
	for range 3 {
		if r := next(); r.GetChange() != nil || r.GetCursor() == "" {
			t.Fatalf("a quiet watch sent %v, not a bookmark", r)
		}
	}
	change := func(next func() *rulev1.WatchAccessResponse) *rulev1.WatchAccessResponse {
		for {
			if r := next(); r.GetChange() != nil {
				return r
			}
		}
	}
	one, two := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(one, "dev")
	first := change(next)
	if first.GetChange().GetUserId() != one {
		t.Fatalf("watched %v", first)
	}
	b.stop()
	b.identity.SetRoles(two, "dev")
	b.start()
	if second := change(watch(first.GetCursor())); second.GetChange().GetUserId() != two {
		t.Fatalf("watched %v", second)
	}
}

func TestWaitingCallsEndWithTheService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.identity.Before(func(rpc string) error {
		if rpc == "StreamUserFacts" {
			return identitytest.Unavailable()
		}
		return nil
	})
	b.identity.AddUser(acme, b.dir)
	stream, err := b.access.WatchAccess(b.ctx(), &rulev1.WatchAccessRequest{OrganizationId: acme})
	b.must(stream, err)
	b.must(stream.Recv())
	waited := make(chan error, 1)
	go func() {
		_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
		waited <- err
	}()
	b.stop()
	_, err = stream.Recv()
	b.refused(fault.Unavailable, nil, err)
	if err := <-waited; err == nil {
		t.Fatal("it waited, and all was well")
	}
}

func TestAFeedContainsOnlyItsOrganizationsRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	user := b.identity.AddUser("other", "directory-9")
	b.identity.SetRoles(user, "dev")
	mine := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(mine, "developer"))
	b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: "other"}))
	if all := b.list(""); len(all) != 1 || all[0].GetUserId() != mine {
		t.Fatalf("listed %v", all)
	}
	_, err := b.grant(user, "developer")
	b.refused(fault.NotFound, nil, err)
}

func TestWaitUntilCaughtUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	wait := func(organization, cursor string, timeout time.Duration) (*rulev1.WaitUntilCaughtUpResponse, error) {
		return b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization, ChangeCursor: cursor, Timeout: durationpb.New(timeout)})
	}
	b.must(wait("nobody", "", patient))
	user := b.identity.AddUser(acme, b.dir)
	cursor := b.identity.SetRoles(user, "dev")
	r, err := wait(acme, cursor, patient)
	if err != nil || r.GetChangeCursor() != cursor {
		t.Fatalf("waited for %v, %v", r, err)
	}
	b.holds(user, "developer")
	// Another organization's records do not delay this one, though they are before the cursor.
	b.must(wait(acme, b.identity.SetRoles(b.identity.AddUser("other", "directory-9")), patient))

	b.identity.Before(func(rpc string) error {
		if rpc == "StreamUserFacts" {
			return identitytest.Unavailable()
		}
		return nil
	})
	cursor = b.identity.SetRoles(user)
	_, err = wait(acme, cursor, 20*time.Millisecond)
	b.refused(fault.Deadline, nil, err)
	b.identity.Before(nil)
	b.must(wait(acme, cursor, patient))
	b.holds(user)

	_, err = wait(acme, "nonsense", patient)
	b.refused(fault.CursorInvalid, nil, err)
	_, err = wait(acme, "elsewhere.0.1", patient)
	b.refused(fault.CursorExpired, nil, err)
	_, err = wait("nobody", "elsewhere.0.1", patient)
	b.refused(fault.CursorExpired, nil, err)
}

// After a restart a service is unreachable for a moment. A waiting caller must not notice.
func TestWaitingOutlastsAnOutageOfIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	b.caughtUp()
	var left atomic.Int64
	left.Store(math.MaxInt64)
	b.identity.Before(func(string) error {
		if left.Add(-1) >= 0 {
			return identitytest.Unavailable()
		}
		return nil
	})
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev")
	wait := func(timeout time.Duration) error {
		_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(timeout)})
		return err
	}
	b.refused(fault.Deadline, nil, wait(20*time.Millisecond))
	left.Store(10)
	b.must(nil, wait(patient))
	b.holds(user, "developer")
}

func TestWaitingCoversTheMembersOfAGroup(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("Builders", "developer")
	var users []string
	for range 25 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	group := b.identity.AddGroup(acme, b.dir, "x", users...)
	b.caughtUp()
	cursor := b.identity.RenameGroup(group, "Builders")
	b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, ChangeCursor: cursor}))
	for _, user := range users {
		b.holds(user, "developer")
	}
}

func TestAnExpansionContinuesAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("Builders", "developer")
	var users []string
	for range 9 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	inner := b.identity.AddGroup(acme, b.dir, "inner", users[5:]...)
	group := b.identity.AddGroup(acme, b.dir, "x", append(users[:5:5], inner)...)
	b.caughtUp()
	var pages atomic.Int32
	reached := make(chan struct{})
	b.identity.Before(func(rpc string) error {
		if rpc != "ListMembers" || pages.Add(1) < 3 {
			return nil
		}
		if pages.Load() == 3 {
			close(reached)
		}
		return identitytest.Unavailable()
	})
	b.identity.RenameGroup(group, "Builders")
	<-reached
	b.stop()
	b.identity.Before(nil)
	b.start()
	b.caughtUp()
	for _, user := range users {
		b.holds(user, "developer")
	}
}

// Invariant 14.
func TestARecoveryFromLostRecordsAppliesNoChangedRules(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*identitytest.Identity){
		"trimmed":  (*identitytest.Identity).Trim,
		"restored": (*identitytest.Identity).Restore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, smallBatches)
			builders := b.groupRule("Builders", "developer")
			late := b.groupRule("Late", "participant")
			changed, gone, still, latecomer := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir),
				b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
			group := b.identity.AddGroup(acme, b.dir, "Builders", changed, gone, still)
			other := b.identity.AddGroup(acme, b.dir, "Other", latecomer)
			b.caughtUp()
			// A rule that was applied to nobody yet.
			b.valueRule("unmet", "automation-admin")
			b.groupRule("Other", "global-admin")
			b.stop()
			b.identity.SetRoles(changed, "unmet")
			b.identity.RemoveMember(group, changed)
			b.identity.DeleteUser(gone)
			b.identity.RenameGroup(other, "Late")
			fresh := b.identity.AddUser(acme, b.dir)
			lose(b.identity)
			b.start()
			b.caughtUp()
			b.holds(changed, "automation-admin")
			b.holds(gone)
			b.holds(still, "developer")
			b.holds(fresh)
			// The group's new name is the message of its members, so the current rules apply to them.
			b.holds(latecomer, "global-admin", "participant")
			if pin := b.pins(late)[b.dir]; pin.GetGroupId() != other {
				t.Fatalf("the pin is %v", pin)
			}
			if pin := b.pins(builders)[b.dir]; pin.GetGroupId() != group {
				t.Fatalf("the pin is %v", pin)
			}
			// And following continues.
			b.identity.RemoveMember(group, still)
			b.caughtUp()
			b.holds(still)
		})
	}
}

func TestARecoveryChangesNobodyWithUnchangedFacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev")
	b.caughtUp()
	b.valueRule("dev", "developer")
	b.stop()
	b.identity.Restore()
	b.start()
	b.caughtUp()
	b.holds(user)
	if n := b.reconciled(); n != 0 {
		t.Fatalf("%d users were reconciled", n)
	}
}

// Records are lost again during a recovery. It begins again, and skips no user that it had already passed.
func TestRecordsAreLostDuringARecovery(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) { c.SyncPageSize = 1 })
	b.valueRule("dev", "developer")
	var users []string
	for range 5 {
		user := b.identity.AddUser(acme, b.dir)
		b.identity.SetRoles(user, "dev")
		users = append(users, user)
	}
	b.caughtUp()
	b.stop()
	b.identity.Restore()
	var pages atomic.Int64
	b.identity.Before(func(rpc string) error {
		if rpc == "ListUserIds" && pages.Add(1) == 3 {
			b.identity.Quietly(func() { b.identity.SetActive(users[0], false) })
			b.identity.Trim()
		}
		return nil
	})
	b.start()
	b.eventually("the records were lost", func() bool { return pages.Load() > 3 })
	b.caughtUp()
	b.holds(users[0])
	b.holds(users[1], "developer")
}

func TestTheAccessFeedIsKeptForTheRetentionTime(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) { c.SweepInterval, c.FeedRetention = 2*time.Millisecond, time.Hour })
	user := b.identity.AddUser(acme, b.dir)
	b.must(b.grant(user, "developer"))
	cursor := b.cursor()
	if changes := b.changes(""); len(changes) != 1 {
		t.Fatalf("the feed has %v", changes)
	}
	b.late.Store(int64(2 * time.Hour))
	b.eventually("the record is gone", func() bool {
		_, err := b.firstOf(b.ctx(), "")
		return err != nil && rpc.Fault(err).Reason == fault.CursorExpired
	})
	if changes := b.changes(cursor); len(changes) != 0 {
		t.Fatalf("the feed has %v", changes)
	}
	b.holds(user, "developer")
}

func TestAccessIsRightThoughIdentitySometimesFails(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	b.groupRule("Builders", "developer")
	b.identity.Before(func(string) error {
		if rand.N(3) == 0 {
			return identitytest.Unavailable()
		}
		return nil
	})
	var users []string
	for range 9 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	b.identity.AddGroup(acme, b.dir, "Builders", users...)
	b.eventually("everybody is a developer", func() bool { return len(b.list("")) == len(users) })
}

func TestOrganizationsShareTheWorkersFairly(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches, func(c *rule.Config) { c.Workers = 1 })
	b.valueRule("dev", "developer")
	big := b.identity.AddUser("big", "directory-9")
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: "big"}))
	// The small organization's only change arrives while the only worker works on the big organization's first batch.
	const batches = 200
	var turns atomic.Int32
	b.identity.Before(func(rpc string) error {
		if rpc != "StreamUserFacts" {
			return nil
		}
		if turns.Add(1) == 1 {
			for range 2 * batches {
				b.identity.SetRoles(big, "x")
			}
			b.identity.SetRoles(user, "dev")
		}
		return nil
	})
	b.identity.SetRoles(big, "x")
	b.eventually("the small organization had its turn", func() bool { return len(b.list(user)) == 1 })
	if n := turns.Load(); n > batches/2 {
		t.Fatalf("it had to wait for %d batches of the big one", n)
	}
	b.identity.Before(nil)
	b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: "big", Timeout: durationpb.New(patient)}))
}
