package rule_test

import (
	"context"
	"testing"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule"
)

// onPostgres gives a bundle its own database on PostgreSQL.
func onPostgres(t *testing.T) func(*rule.Config) {
	t.Helper()
	url := kit.Postgres(t, "rule", rule.Migrate)
	return func(c *rule.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
}

// beside starts another process on a bundle's database, with the same identity service.
func (b *bundle) beside() *bundle {
	b.t.Helper()
	other := &bundle{t: b.t, identity: b.identity, events: b.events, erasures: b.erasures, dir: b.dir, config: b.config}
	other.start()
	b.t.Cleanup(other.stop)
	return other
}

func TestTwoProcessesShareADatabase(t *testing.T) {
	t.Parallel()
	one := setup(t, onPostgres(t), smallBatches)
	two := one.beside()
	ctx, cancel := context.WithCancel(two.ctx())
	defer cancel()
	watch, err := two.access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: acme, AfterCursor: one.cursor()})
	if err != nil {
		t.Fatal(err)
	}
	told := func() *rulev1.AccessChange {
		for {
			r, err := watch.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if r.GetChange() != nil {
				return r.GetChange()
			}
		}
	}
	one.valueRule("dev", "developer")
	var users []string
	for range 7 {
		user := one.identity.AddUser(acme, one.dir)
		one.identity.SetRoles(user, "dev")
		users = append(users, user)
	}
	two.caughtUp()
	for _, user := range users {
		one.holds(user, "developer")
		two.holds(user, "developer")
	}
	one.must(one.grant(users[0], "designer"))
	gained := map[string]int{}
	for range len(users) + 1 {
		gained[told().GetUserId()]++
	}
	if len(gained) != len(users) || gained[users[0]] != 2 {
		t.Fatalf("who watches the other process was told of %v", gained)
	}

	// Either process may own the organization. The other one continues after its end.
	one.stop()
	two.identity.SetRoles(users[1], "")
	two.caughtUp()
	two.holds(users[1])
	if c := told(); c.GetUserId() != users[1] || c.GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED {
		t.Fatalf("watched %v", c)
	}
	if sync := two.sync(); sync.GetUsersDone() != int64(len(users)) {
		t.Fatalf("the rule sync dealt with %d users", sync.GetUsersDone())
	}
	two.holds(users[0], "developer", "designer")
}

// Work that another process enqueues is done by the owner at once, and not when the organization's lease ends.
func TestTheOwnerDoesWorkThatAnotherProcessEnqueues(t *testing.T) {
	t.Parallel()
	owner := setup(t, onPostgres(t), func(c *rule.Config) { c.LeaseDuration = time.Hour }, slowUserRetries)
	owner.groupRule("Developers", "developer")
	user := owner.identity.AddUser(acme, owner.dir)
	owner.identity.AddGroup(acme, owner.dir, "Developers", user)
	owner.caughtUp()
	other := owner.beside()
	owner.identity.SetBeyond(user, "too many groups")
	owner.identity.SetRoles(user, "a message")
	owner.setAside()
	other.whenUnknown(rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND)
	other.eventually("the owner applies the settings", func() bool { return !other.check(user, "developer").GetAllowed() })
	if sync := other.sync(); sync.GetState() != rulev1.SyncState_SYNC_STATE_DONE {
		t.Fatalf("the sync ended as %v", sync)
	}
}
