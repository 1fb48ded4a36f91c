package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/postgres"
	"github.com/usher-scim/usher/services/rule/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const acme = "acme"

// TestAccessEqualsTheModelWhateverHappens runs many random changes, rule changes, manual grants and rule syncs on the cores of two
// processes with one database. At random points the ownership is stolen, identity fails or refuses a request as too much, and users
// exceed its limits. No inactive or deleted user is ever effective after the rule service has read the record of that, except for a
// grant with keep to an inactive user, and no answer claims to be newer than it is. In the end everybody holds what a simple model computes, and the access feed explains exactly how that
// happened.
// Invariants 10, 11, 12, 13.
func TestAccessEqualsTheModelWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]struct {
		seeds uint64
		open  func(t *testing.T) []store.Store // one for each core
	}{
		"SQLite": {2, func(t *testing.T) []store.Store {
			s := openSQLite(t)
			return []store.Store{s, s}
		}},
		"PostgreSQL": {1, func(t *testing.T) []store.Store {
			url := kit.Postgres(t, "rule", postgres.Migrate)
			return []store.Store{openPostgres(t, url), openPostgres(t, url)}
		}},
	} {
		for seed := range engine.seeds {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				t.Parallel()
				newWorld(t, seed, engine.open(t)).run()
			})
		}
	}
}

func openSQLite(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rule.db"), slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider())
	return closing(t, s, err)
}

func openPostgres(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{Server: pgdb.Server{URL: url, MaxConnections: 8}})
	return closing(t, s, err)
}

// closing closes a store at the end of the test.
func closing(t *testing.T, s store.Store, err error) store.Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type world struct {
	t        *testing.T
	random   *rand.Rand
	identity *identitytest.Identity
	store    store.Store // the first core's
	steal    atomic.Bool
	cores    []*core.Core

	users  []string
	gone   map[string]gone   // users who are inactive or deleted
	groups map[string]string // by name; each name has at most one group
	rules  []string
	manual map[string]map[string]bool // user, then role
	admins map[string]bool            // manual organization admins; true with keep
	names  []string

	suspended map[string]bool
}

// gone is the time when a user became inactive, or was deleted.
type gone struct {
	cursor feed.Cursor // after the record of it
	time   time.Time   // identity acknowledged it before this
}

var allRoles = []string{"participant", "designer", "developer", "automation-admin"}

func newWorld(t *testing.T, seed uint64, stores []store.Store) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), identity: identitytest.New(), groups: map[string]string{},
		manual: map[string]map[string]bool{}, admins: map[string]bool{}, names: []string{"red", "green", "blue", "grey", "pink", "teal"},
		gone: map[string]gone{}, suspended: map[string]bool{},
	}
	log := slog.New(slog.DiscardHandler)
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: log, Tracing: tracenoop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	w.identity.Register(channel)
	failedeventsv1.RegisterFailedEventRecordServiceServer(channel, failedeventsv1.UnimplementedFailedEventRecordServiceServer{})
	w.store = stores[0]
	conn := channel.As(commonv1.Caller_CALLER_RULE)
	// Leases are short, but longer than a batch takes on a busy machine: else the two would take the organization from each other for
	// ever.
	config := core.Config{Workers: 2, FeedRetention: time.Hour, Tuning: core.Tuning{
		BatchSize: 3, BatchesPerTurn: 2, SyncPageSize: 3, LeaseDuration: 40 * time.Millisecond, CallTimeout: 5 * time.Second,
		RetryDelay: time.Millisecond, MaxRetryDelay: 5 * time.Millisecond, BookmarkInterval: time.Second, SweepInterval: 20 * time.Millisecond,
		RecheckInterval: 5 * time.Millisecond, UserRetryDelay: time.Millisecond, MaxUserRetryDelay: 20 * time.Millisecond,
	}}
	for _, s := range stores {
		c, err := core.New(config, &stealingStore{s, &w.steal}, remote.NewIdentity(conn), remote.NewFailedEvents(conn), log, tracenoop.NewTracerProvider(),
			noop.NewMeterProvider(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		w.cores = append(w.cores, c)
	}
	return w
}

func (w *world) run() {
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	for _, c := range w.cores {
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				w.t.Errorf("Run: %v", err)
			}
		})
	}
	w.must(w.cores[0].CreateTenant(ctx, acme, "plant", "", requestid.Request{}))
	for range 5 {
		w.addUser()
	}
	w.steal.Store(true)
	w.identity.Before(trouble)
	w.identity.Facts(tooMuch)
	for range 300 {
		w.change(ctx, true)
		w.nobodyGoneIsEffective(ctx)
	}
	w.settle(ctx)
	w.must(w.cores[0].StartSync(ctx, acme, "after all changes of rules", requestid.Request{}))
	w.settle(ctx)
	w.compare(ctx)
	// While the rules do not change, no rule sync is needed to correct anything. The rounds are short: a later message would repair what a
	// stale commit had broken.
	for range 12 {
		w.steal.Store(true)
		w.identity.Before(trouble)
		w.identity.Facts(tooMuch)
		_, err := w.core().StartSync(ctx, acme, "model", requestid.Request{})
		w.tolerate(err)
		for range 12 {
			w.change(ctx, false)
			w.nobodyGoneIsEffective(ctx)
			pause(w.store.Changed(acme), time.Millisecond)
		}
		w.settle(ctx)
		w.compare(ctx)
	}
	cancel()
	running.Wait()
	for _, c := range w.cores {
		c.Stop()
	}
}

// trouble makes some calls of identity fail.
func trouble(rpc string) error {
	if rpc != "CheckUserFilter" && rand.N(12) == 0 {
		return identitytest.Unavailable()
	}
	return nil
}

// tooMuch makes facts about many users too much more often than facts about few, and sometimes facts about one user.
func tooMuch(_ context.Context, r *identityv1.StreamUserFactsRequest) error {
	if !r.GetStatusOnly() && rand.N(6) < len(r.GetIds()) && rand.N(3) == 0 {
		return identitytest.Failing([]fault.Reason{fault.Deadline, fault.Limit, fault.Internal}[rand.N(3)])
	}
	return nil
}

var adminGrant = store.Grant{RoleID: store.OrganizationAdmin}

// nobodyGoneIsEffective checks a role of every inactive or deleted user.
func (w *world) nobodyGoneIsEffective(ctx context.Context) {
	w.t.Helper()
	for user, since := range w.gone {
		grant := store.Grant{TenantID: "plant", RoleID: pick(w, allRoles)}
		if !w.admins[user] && w.random.IntN(5) == 0 {
			grant = adminGrant
		}
		progress, err := w.store.Progress(ctx, []string{acme})
		w.must(progress, err)
		checkpoint, err := feed.Parse(progress[acme].Checkpoint)
		w.must(checkpoint, err)
		check, err := w.store.Check(ctx, acme, user, grant)
		w.must(check, err)
		if check.Allowed && !checkpoint.Before(since.cursor) {
			w.t.Fatalf("%s holds %s at %v, though it is gone since %v", user, grant.RoleID, checkpoint, since.cursor)
		}
		answer, err := w.core().CheckAccess(ctx, acme, user, grant)
		w.must(answer, err)
		if answer.Allowed && !answer.AsOf.Before(since.time) {
			w.t.Fatalf("%s holds %s as of %v, though it is gone since %v", user, grant.RoleID, answer.AsOf, since.time)
		}
	}
}

func (w *world) isGone(user, cursor string) {
	at, err := feed.Parse(cursor)
	w.must(at, err)
	w.gone[user] = gone{cursor: at, time: time.Now()}
}

// stealingStore lets another owner take over the organization just before some commits: after the commit's facts were read.
type stealingStore struct {
	store.Store
	steal *atomic.Bool
}

func (s *stealingStore) Update(ctx context.Context, organizationID string, fn func(context.Context, store.Tx) error) error {
	if s.steal.Load() && rand.N(8) == 0 {
		now := time.Now()
		if _, _, _, err := s.Acquire(ctx, organizationID, "a thief", now.Add(time.Hour), now); err != nil {
			return err
		}
		for range 4 {
			pause(s.Changed(organizationID), 4*time.Millisecond)
		}
	}
	return s.Store.Update(ctx, organizationID, fn)
}

// pause lets others continue, until one of them has written something.
func pause(written <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

func (w *world) must(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// tolerate ignores an error that identity's trouble, or the current state, explains.
func (w *world) tolerate(err error) bool {
	w.t.Helper()
	if err == nil {
		return true
	}
	if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.SyncRunning) && !fault.Is(err, fault.SyncEnded) && !fault.Is(err, fault.NotFound) {
		w.t.Fatal(err)
	}
	return false
}

func (w *world) addUser() { w.users = append(w.users, w.identity.AddUser(acme, "d")) }

func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

func (w *world) core() *core.Core { return pick(w, w.cores) }

// change does one random thing.
func (w *world) change(ctx context.Context, rules bool) {
	user, name := pick(w, w.users), pick(w, w.names)
	alive := w.identity.User(user) != nil
	switch w.random.IntN(18) {
	case 0:
		w.addUser()
	case 1:
		if alive && len(w.users) > 3 && w.random.IntN(3) == 0 {
			w.isGone(user, w.identity.DeleteUser(user))
			delete(w.manual, user)
			delete(w.admins, user)
		}
	case 2:
		if alive {
			if active := w.random.IntN(3) > 0; active {
				w.identity.SetActive(user, true)
				delete(w.gone, user)
			} else {
				w.isGone(user, w.identity.SetActive(user, false))
			}
		}
	case 3:
		if alive {
			w.identity.SetRoles(user, pick(w, []string{"", "v1", "v2"}))
		}
	case 4, 5, 6:
		if group, ok := w.groups[name]; ok && alive {
			w.identity.AddMember(group, user)
		}
	case 7:
		if group, ok := w.groups[name]; ok && alive && slices.Contains(w.identity.User(user).GetGroupIds(), group) {
			w.identity.RemoveMember(group, user)
		}
	case 8:
		if group, ok := w.groups[name]; !ok {
			w.groups[name] = w.identity.AddGroup(acme, "d", name)
		} else if w.random.IntN(4) == 0 {
			w.identity.DeleteGroup(group)
			delete(w.groups, name)
		} else if other, ok := w.groups[pick(w, w.names)]; ok {
			if w.random.IntN(2) == 0 {
				w.identity.AddMember(group, other)
			} else {
				w.identity.RemoveMember(group, other)
			}
		}
	case 9:
		if rules && len(w.rules) < 8 {
			w.addRule(ctx, name)
		}
	case 10:
		if rules && len(w.rules) > 0 {
			w.changeRule(ctx, name)
		}
	case 11:
		if _, err := w.core().StartSync(ctx, acme, "model", requestid.Request{}); w.tolerate(err) && w.random.IntN(4) == 0 {
			syncs, err := w.store.Syncs(ctx, acme, "", 1)
			w.must(syncs, err)
			_, err = w.core().CancelSync(ctx, acme, syncs[0].ID)
			w.tolerate(err)
		}
	case 12:
		w.identity.SetBeyond(user, pick(w, []string{"", "too many groups"}))
	case 13:
		w.suspend(ctx, user)
	case 14:
		when := pick(w, []store.WhenUnknown{store.KeepUnknown, store.SuspendUnknown})
		w.must(w.core().UpdateSettings(ctx, acme, core.SettingsUpdate{WhenUnknown: &when}, func(store.Settings) error { return nil }))
	case 15:
		w.admin(ctx, user)
	default:
		w.byHand(ctx, user, pick(w, allRoles))
	}
}

// suspend suspends a user's access, or resumes it. Identity is not asked.
func (w *world) suspend(ctx context.Context, user string) {
	if w.suspended[user] {
		err := w.core().ResumeAccess(ctx, acme, user)
		if w.identity.User(user) != nil || !fault.Is(err, fault.NotFound) { // a suspension ends with its user
			w.must(nil, err)
		}
		delete(w.suspended, user)
		return
	}
	_, _, err := w.core().SuspendAccess(ctx, acme, user, "a leak", "model", true)
	w.must(nil, err)
	w.suspended[user] = true
}

func (w *world) addRule(ctx context.Context, name string) {
	m := store.Match{Kind: store.MatchGroup, Value: strings.ToUpper(name)}
	switch w.random.IntN(4) {
	case 0:
		m = store.Match{Kind: store.MatchRoleValue, Value: pick(w, []string{"v1", "v2"})}
	case 1:
		m = w.filter()
	}
	r, err := w.core().CreateRule(ctx, store.Rule{OrganizationID: acme, Enabled: true, Match: m, Grants: w.grants()}, requestid.Request{})
	w.must(r, err)
	w.rules = append(w.rules, r.ID)
}

// filter returns a filter that the model can evaluate.
func (w *world) filter() store.Match {
	return store.Match{Kind: store.MatchFilter, Value: pick(w, []string{`roles.value eq "v1"`, `not (roles.value eq "v1")`})}
}

func (w *world) grants() []store.Grant {
	return []store.Grant{{TenantID: "plant", RoleID: pick(w, allRoles[:2])}, {TenantID: "plant", RoleID: pick(w, allRoles[2:])}}
}

func (w *world) changeRule(ctx context.Context, name string) {
	id := pick(w, w.rules)
	switch w.random.IntN(4) {
	case 0:
		w.must(nil, w.core().DeleteRule(ctx, acme, id))
		w.rules = slices.DeleteFunc(w.rules, func(other string) bool { return other == id })
	case 1:
		w.must(w.core().SetRuleEnabled(ctx, acme, id, w.random.IntN(2) == 0))
	case 2:
		m := store.Match{Kind: store.MatchGroup, Value: name}
		if w.random.IntN(2) == 0 {
			m = w.filter()
		}
		w.must(w.core().UpdateRule(ctx, acme, id, core.RuleUpdate{Match: &m}, func(store.Rule) error { return nil }))
	default:
		w.must(w.core().UpdateRule(ctx, acme, id, core.RuleUpdate{Grants: w.grants()}, func(store.Rule) error { return nil }))
	}
}

func (w *world) byHand(ctx context.Context, user, role string) {
	grant := store.Grant{TenantID: "plant", RoleID: role}
	if w.random.IntN(2) == 0 {
		if _, err := w.core().GrantAccess(ctx, acme, user, grant, false, "model"); w.tolerate(err) {
			if w.manual[user] == nil {
				w.manual[user] = map[string]bool{}
			}
			w.manual[user][role] = true
		}
		return
	}
	if _, err := w.core().RevokeAccess(ctx, acme, user, grant, false); w.tolerate(err) {
		delete(w.manual[user], role)
	}
}

// admin makes a user an organization admin, with or without keep, or not one any more.
func (w *world) admin(ctx context.Context, user string) {
	if keep := w.random.IntN(2) == 0; w.random.IntN(3) > 0 {
		if _, err := w.core().GrantAccess(ctx, acme, user, adminGrant, keep, "model"); w.tolerate(err) {
			w.admins[user] = w.admins[user] || keep
		}
		return
	}
	_, err := w.core().RevokeAccess(ctx, acme, user, adminGrant, true)
	if !fault.Is(err, fault.LastAdmin) && w.tolerate(err) {
		delete(w.admins, user)
	}
}

// settle ends the trouble, and waits until there is no work.
func (w *world) settle(ctx context.Context) {
	w.t.Helper()
	w.identity.Before(nil)
	w.identity.Facts(nil)
	w.steal.Store(false)
	for _, user := range w.users {
		w.identity.SetBeyond(user, "")
	}
	w.poll(ctx, func(work store.Work) bool {
		return len(work.Unresolved) == 0 && work.Sync == nil && work.NextDue.IsZero() && len(work.Unsettled) == 0
	})
	w.must(pick(w, w.cores).WaitUntilCaughtUp(ctx, acme, "", 20*time.Second))
	w.poll(ctx, func(work store.Work) bool { return len(work.Requeued) == 0 })
	// Every process says so, by what identity reported to it.
	quiet := time.Now()
	for _, c := range w.cores {
		w.until(func() (bool, any) {
			answer, err := c.CheckAccess(ctx, acme, w.users[0], store.Grant{TenantID: "plant", RoleID: allRoles[0]})
			w.must(answer, err)
			return answer.AsOf.After(quiet), answer
		})
	}
}

// until polls.
func (w *world) until(ok func() (bool, any)) {
	w.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		done, state := ok()
		if done {
			return
		}
		select {
		case <-deadline.C:
			w.t.Fatalf("waited in vain with %+v", state)
		case <-tick.C:
		}
	}
}

func (w *world) poll(ctx context.Context, ok func(store.Work) bool) {
	w.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		changed := w.store.Changed(acme)
		work, err := w.store.Work(ctx, acme, time.Now(), 10)
		w.must(work, err)
		if ok(work) {
			return
		}
		select {
		case <-deadline.C:
			w.t.Fatalf("waited in vain with %+v", work)
		case <-changed:
		}
	}
}

// compare compares the stored access, and the feed, with the model.
func (w *world) compare(ctx context.Context) {
	w.t.Helper()
	rules, err := w.store.Rules(ctx, acme, "", 100)
	w.must(rules, err)
	want := map[string]bool{}
	for _, id := range w.users {
		u := w.identity.User(id)
		if u == nil || w.suspended[id] {
			continue
		}
		if keep, admin := w.admins[id]; admin && (keep || u.GetActive()) {
			want[id+" "+store.OrganizationAdmin] = true
		}
		if !u.GetActive() {
			continue
		}
		for role := range w.manual[id] {
			want[id+" "+role] = true
		}
		for _, r := range rules {
			matches := slices.Contains(u.GetRoleValues(), r.Match.Value)
			switch r.Match.Kind {
			case store.MatchFilter:
				matches = slices.Contains(u.GetRoleValues(), "v1") != strings.HasPrefix(r.Match.Value, "not")
			case store.MatchGroup:
				group, ok := w.groups[strings.ToLower(r.Match.Value)]
				matches = ok && slices.Contains(u.GetGroupIds(), group)
			}
			if r.Enabled && matches {
				for _, g := range r.Grants {
					want[id+" "+g.RoleID] = true
				}
			}
		}
	}
	access, err := w.store.Access(ctx, acme, store.AccessFilter{}, store.AccessKey{}, 10000)
	w.must(access, err)
	got := map[string]bool{}
	for _, a := range access {
		if a.Effective {
			got[a.UserID+" "+a.Grant.RoleID] = true
			if inactive := !w.identity.User(a.UserID).GetActive(); a.Kept != inactive {
				w.t.Errorf("the access says kept %v, inactive is %v: %+v", a.Kept, inactive, a)
			}
		}
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("%d pieces of access are stored, the model says %d:\n%v\n%v", len(got), len(want), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	told, revision := map[string]bool{}, map[string]int64{}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for at := (feed.Cursor{}); ; {
		changed := w.store.Changed(acme)
		changes, next, err := w.store.AccessChanges(ctx, acme, at, 100)
		w.must(changes, err)
		at = next
		for _, c := range changes {
			key := c.UserID + " " + c.Grant.RoleID
			if told[key] == (c.Kind == store.Added) {
				w.t.Fatalf("the feed tells twice that %s is %v", key, told[key])
			}
			if c.Revision <= revision[c.UserID] {
				w.t.Fatalf("the revision of %s went from %d to %d", c.UserID, revision[c.UserID], c.Revision)
			}
			revision[c.UserID] = c.Revision
			if told[key] = c.Kind == store.Added; !told[key] {
				delete(told, key)
			}
		}
		if len(changes) > 0 {
			continue
		}
		if maps.Equal(told, got) {
			return
		}
		select { // an open transaction may delay the newest records
		case <-changed:
		case <-ctx.Done():
			w.t.Fatalf("the feed tells %v, stored is %v", told, got)
		}
	}
}
