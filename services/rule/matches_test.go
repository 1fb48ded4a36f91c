package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// problems returns the problems of a rule, in short.
func (b *bundle) problems(rule string) (all []string) {
	b.t.Helper()
	r, err := b.rules.ListRuleProblems(b.ctx(), &rulev1.ListRuleProblemsRequest{OrganizationId: acme})
	b.must(r, err)
	for _, p := range r.GetProblems() {
		if p.GetRuleId() == rule {
			all = append(all, strings.TrimSpace(strings.TrimPrefix(p.GetKind().String(), "RULE_PROBLEM_KIND_")+" "+p.GetDirectoryId()+p.GetOtherRuleId()))
		}
	}
	return all
}

func TestWhatIsWrongWithRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.identity.AddGroup(acme, b.dir, "Designers")
	gone := b.identity.AddGroup(acme, b.dir, "Gone")
	b.caughtUp()
	designers := b.groupRule("Designers", "designer", "developer")
	again := b.groupRule("DESIGNERS", "developer", "designer")
	third := b.groupRule("designers", "designer", "developer")
	different := b.groupRule("Designers", "designer")
	lost, unseen, value := b.groupRule("Gone", "developer"), b.groupRule("Unseen", "developer"), b.valueRule("Designers", "designer", "developer")
	b.sync()
	b.identity.DeleteGroup(gone)
	b.caughtUp()
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: value}))
	for rule, want := range map[string][]string{
		designers: {"DUPLICATE " + again}, again: {"DUPLICATE " + designers}, third: {"DUPLICATE " + designers}, different: nil,
		lost: {"GROUP_DELETED " + b.dir}, unseen: {"GROUP_NOT_SEEN"}, value: {"WAITS_FOR_SYNC"},
	} {
		if got := b.problems(rule); !slices.Equal(got, want) {
			t.Errorf("a rule has the problems %v, not %v", got, want)
		}
	}
	b.identity.AddGroup(acme, b.dir, "Gone")
	b.identity.AddGroup(acme, b.dir, "Unseen")
	b.caughtUp()
	b.sync()
	for _, rule := range []string{lost, unseen, value} {
		if got := b.problems(rule); len(got) > 0 {
			t.Errorf("in the end, a rule has the problems %v", got)
		}
	}
}

func (b *bundle) count(ids ...string) *rulev1.CountRuleMatchesResponse {
	b.t.Helper()
	r, err := b.rules.CountRuleMatches(b.ctx(), &rulev1.CountRuleMatchesRequest{OrganizationId: acme, Ids: ids})
	b.must(r, err)
	return r
}

func TestRulesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var counted atomic.Int32
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			counted.Add(1)
		}
		return nil
	})
	var users []string
	for range 12 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	b.identity.SetActive(users[0], false)
	nested := b.identity.AddGroup(acme, b.dir, "Nested", users[:4]...)
	group := b.identity.AddGroup(acme, b.dir, "Builders", append([]string{nested}, users[2:]...)...)
	b.identity.SetRoles(users[0], "dev")
	b.named(users[1], "Ann")
	b.caughtUp()
	builders, value, ann, unseen := b.groupRule("builders", "developer"), b.valueRule("dev", "developer"), b.rule(filter(`displayName eq "Ann"`), "developer"), b.groupRule("Unseen", "developer")
	r := b.count(unseen, ann, ids.New(), builders, value, ann)
	var got []string
	for _, c := range r.GetCounts() {
		got = append(got, fmt.Sprint(c.GetCount().GetUsers(), c.GetCount().GetLookedAt(), len(c.GetCount().GetExampleUserIds())))
		if c.GetCount().GetCountTime() == nil || c.GetCount().GetAtLeast() {
			t.Errorf("counted %v", c)
		}
	}
	if !slices.Equal(got, []string{"0 0 0", "1 12 1", "12 0 10", "1 0 1"}) || r.GetCounts()[1].GetRuleId() != ann || len(r.GetRemainingIds()) > 0 {
		t.Errorf("counted %v: %v", got, r)
	}
	b.count(builders, value, ann)
	if n := counted.Load(); n != 3 {
		t.Errorf("identity counted %d times", n)
	}
	b.late.Store(int64(2 * time.Minute))
	b.count(builders)
	if n := counted.Load(); n != 4 {
		t.Errorf("after two minutes, identity counted %d times", n)
	}
	// Another group is another count.
	b.identity.DeleteGroup(group)
	b.caughtUp()
	if c := b.count(builders).GetCounts()[0].GetCount(); c.GetUsers() != 0 {
		t.Errorf("the deleted group has %v", c)
	}
}

func TestConcurrentCallsShareACount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rule := b.valueRule("dev", "developer")
	var counted atomic.Int32
	waiting, goOn := make(chan struct{}), make(chan struct{})
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			if counted.Add(1) == 1 {
				close(waiting)
			}
			<-goOn
		}
		return nil
	})
	var calls sync.WaitGroup
	call := func() {
		if r, err := b.rules.CountRuleMatches(b.ctx(), &rulev1.CountRuleMatchesRequest{OrganizationId: acme, Ids: []string{rule}}); err != nil || len(r.GetCounts()) != 1 {
			t.Errorf("counted %v, %v", r, err)
		}
	}
	calls.Go(call)
	<-waiting
	for range 5 {
		calls.Go(call)
	}
	close(goOn)
	calls.Wait()
	if n := counted.Load(); n != 1 {
		t.Errorf("identity counted %d times", n)
	}
}

// However many filters somebody tries, an organization has four counts at a time, and another organization does not wait for them.
func TestAnOrganizationCountsLittleAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const atOnce, calls = 4, 12
	var now, most atomic.Int32
	entered, goOn := make(chan struct{}, calls), make(chan struct{})
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			entered <- struct{}{}
			<-goOn
			now.Add(-1)
		}
		return nil
	})
	preview := func(organization string, n int) error {
		_, err := b.rules.PreviewRule(b.ctx(), &rulev1.PreviewRuleRequest{
			OrganizationId: organization, Match: &rulev1.PreviewRuleRequest_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: fmt.Sprint("x", n)}},
		})
		return err
	}
	var all sync.WaitGroup
	for n := range calls {
		all.Go(func() {
			if err := preview(acme, n); err != nil {
				t.Error(err)
			}
		})
	}
	for range atOnce {
		<-entered
	}
	all.Go(func() {
		if err := preview("other", 0); err != nil {
			t.Error(err)
		}
	})
	<-entered // that of the other organization
	close(goOn)
	all.Wait()
	if n := most.Load(); n > atOnce+1 {
		t.Errorf("%d counts went on at a time", n)
	}
}

func TestRulesWithoutACountRemain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rule := b.valueRule("dev", "developer")
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			return identitytest.Failing(fault.Deadline)
		}
		return nil
	})
	if r := b.count(rule); len(r.GetCounts()) > 0 || !slices.Equal(r.GetRemainingIds(), []string{rule}) {
		t.Errorf("counted %v", r)
	}
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			return identitytest.Unavailable()
		}
		return nil
	})
	_, err := b.rules.CountRuleMatches(b.ctx(), &rulev1.CountRuleMatchesRequest{OrganizationId: acme, Ids: []string{rule}})
	b.refused(fault.Unavailable, nil, err)
	b.identity.Before(func(rpc string) error {
		if rpc == "CountMatchingUsers" {
			return identitytest.Failing(fault.InvalidFilter)
		}
		return nil
	})
	if r := b.count(b.rule(filter(`title pr`), "developer")); r.GetCounts()[0].GetCount().GetUsers() != 0 {
		t.Errorf("a filter whose attribute is gone matches %v", r)
	}
}

func TestAPreviewCountsWithoutARule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann, bob := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, "directory-2")
	b.identity.SetRoles(ann, "dev")
	first, second := b.identity.AddGroup(acme, b.dir, "Builders", ann), b.identity.AddGroup(acme, "directory-2", "BUILDERS", bob)
	b.identity.AddGroup(acme, b.dir, "builders")
	preview := func(r *rulev1.PreviewRuleRequest) (*rulev1.PreviewRuleResponse, error) {
		r.OrganizationId = acme
		return b.rules.PreviewRule(b.ctx(), r)
	}
	r, err := preview(&rulev1.PreviewRuleRequest{Match: &rulev1.PreviewRuleRequest_Group{Group: &rulev1.GroupMatch{DisplayName: "builders"}}})
	if b.must(r, err); r.GetCount().GetUsers() != 2 || !slices.Equal(r.GetGroupIds(), []string{first, second}) {
		t.Errorf("a group: %v", r)
	}
	r, err = preview(&rulev1.PreviewRuleRequest{Match: &rulev1.PreviewRuleRequest_Group{Group: &rulev1.GroupMatch{DisplayName: "none"}}})
	if b.must(r, err); r.GetCount().GetUsers() != 0 || len(r.GetGroupIds()) > 0 || r.GetCount().GetCountTime() == nil {
		t.Errorf("no group: %v", r)
	}
	r, err = preview(&rulev1.PreviewRuleRequest{Match: &rulev1.PreviewRuleRequest_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "dev"}}})
	if b.must(r, err); r.GetCount().GetUsers() != 1 || !slices.Equal(r.GetCount().GetExampleUserIds(), []string{ann}) {
		t.Errorf("a role value: %v", r)
	}
	for text, position := range map[string]string{
		`displayName eq "x"`: "", `displayName xx "x"`: "12", `active eq true and shoeSize eq 43`: "19", `displayName eq "x" or`: "21",
	} {
		r, err = preview(&rulev1.PreviewRuleRequest{Match: &rulev1.PreviewRuleRequest_Filter{Filter: &rulev1.FilterMatch{Filter: text}}})
		if position == "" {
			if b.must(r, err); r.GetCount().GetLookedAt() != 2 {
				t.Errorf("%s: %v", text, r)
			}
			continue
		}
		b.refused(fault.InvalidFilter, nil, err)
		if got := rpc.Fault(err).Metadata["position"]; got != position {
			t.Errorf("%s: the error is at %q, not %s: %v", text, got, position, err)
		}
	}
	_, err = preview(&rulev1.PreviewRuleRequest{})
	b.refused(fault.InvalidRequest, nil, err)
	if list, err := b.rules.ListRules(b.ctx(), &rulev1.ListRulesRequest{OrganizationId: acme}); err != nil || len(list.GetRules()) > 0 {
		t.Errorf("the previews left %v, %v", list, err)
	}
}

func TestTheStatusOfManyOrganizations(t *testing.T) {
	t.Parallel()
	b := setup(t, slowUserRetries)
	b.valueRule("dev", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetBeyond(user, "too many groups")
	b.identity.SetRoles(user, "dev")
	b.eventually("the user is set aside", func() bool { return len(b.setAside()) == 1 })
	r, err := b.access.BatchGetAccessStatus(b.ctx(), &rulev1.BatchGetAccessStatusRequest{OrganizationIds: []string{"none", acme, "none"}})
	b.must(r, err)
	if len(r.GetStatuses()) != 2 || r.GetStatuses()[0].GetOrganizationId() != "none" {
		t.Fatalf("the statuses are %v", r)
	}
	if one := r.GetStatuses()[1]; one.GetOrganizationId() != acme || one.GetSetAsideCount() != 1 || one.GetRulesWaitingCount() != 1 || one.GetSyncRunning() || one.GetOldestChangeAge() == nil {
		t.Errorf("the status is %v", one)
	}
	if none := r.GetStatuses()[0]; none.GetSetAsideCount() != 0 || none.GetRulesWaitingCount() != 0 {
		t.Errorf("an unknown organization has %v", none)
	}
}
