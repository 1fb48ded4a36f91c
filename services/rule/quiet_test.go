package rule_test

import (
	"sync/atomic"
	"testing"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// isQuiet fails the test if an organization has turns without work: each turn reads the feed.
func (b *bundle) isQuiet(rpc string, fail bool) {
	b.t.Helper()
	var looks atomic.Int64
	b.identity.Before(func(called string) error {
		if called == "ListChanges" {
			looks.Add(1)
		}
		if fail && called == rpc {
			return identitytest.Unavailable()
		}
		return nil
	})
	mark := time.Now()
	b.eventually("some time has passed", func() bool { return time.Since(mark) > 100*time.Millisecond })
	if n := looks.Load(); n > 10 {
		b.t.Fatalf("the feed was looked at %d times in %v", n, time.Since(mark))
	}
}

func TestAUserWhoIsSetAsideIsRetriedThoughNothingElseHappens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) {
		c.UserRetryDelay, c.MaxUserRetryDelay = 50*time.Millisecond, 50*time.Millisecond
	})
	var asked atomic.Int64
	b.identity.Before(func(rpc string) error {
		if rpc == "StreamUserFacts" {
			asked.Add(1)
		}
		return nil
	})
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetBeyond(user, "too many groups")
	b.identity.SetRoles(user, "a message")
	b.eventually("it was tried again and again", func() bool { return asked.Load() > 6 })
}

func TestADueUserWaitsWhileRetriesPause(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *rule.Config) {
		c.RetryDelay, c.MaxRetryDelay = time.Minute, time.Minute
		c.UserRetryDelay, c.MaxUserRetryDelay = 50*time.Millisecond, 50*time.Millisecond
	})
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetBeyond(user, "too many groups")
	b.identity.SetRoles(user, "a message")
	b.setAside()
	var failed atomic.Bool
	b.identity.Before(func(rpc string) error {
		if rpc == "StreamUserFacts" {
			failed.Store(true)
			return identitytest.Unavailable()
		}
		return nil
	})
	b.eventually("it was tried again in vain", failed.Load)
	b.isQuiet("StreamUserFacts", true)
}

func TestFailuresOfWorkThatNoLongerExistsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	var failed atomic.Int64
	b.identity.Before(func(rpc string) error {
		if rpc == "ListUserIds" {
			failed.Add(1)
			return identitytest.Unavailable()
		}
		return nil
	})
	started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
	b.must(started, err)
	b.eventually("the sync failed", func() bool { return failed.Load() > 2 })
	b.must(b.syncs.CancelSync(b.ctx(), &rulev1.CancelSyncRequest{OrganizationId: acme, Id: started.GetSync().GetId()}))
	b.isQuiet("", false)
}
