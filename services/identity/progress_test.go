package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (b *bundle) progress() identityv1.ProgressServiceClient {
	return identityv1.NewProgressServiceClient(b.gateway)
}

// progress reads the progress of the directory.
func (i *idp) progress() *identityv1.GetDirectoryProgressResponse {
	i.Helper()
	r, err := i.bundle.progress().GetDirectoryProgress(i.bundle.admin(), &identityv1.GetDirectoryProgressRequest{
		OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(),
	})
	must(i, err)
	return r
}

// milestones lists the milestones of a directory as "name count".
func milestones(p *identityv1.DirectoryProgress) []string {
	all := []string{}
	for _, m := range p.GetMilestones() {
		all = append(all, fmt.Sprint(strings.TrimPrefix(m.GetKind().String(), "MILESTONE_KIND_"), " ", m.GetMessageCount()))
	}
	return all
}

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(b *bundle)) {
	t.Helper()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(setup(t, change))
		})
	}
}

func TestEachStepOfAnIdPIsAMilestone(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(b *bundle) {
		i, other := b.idp(), b.idp()
		var user, group string
		change := func(op, path, value string) {
			_, err := i.tryPatchUser(user, operation(op, path, value))
			must(b, err)
		}
		for _, step := range []struct {
			name  string
			take  func()
			after []string
		}{
			{"nothing", func() {}, []string{}},
			{"a connection test that finds nothing", func() {
				_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: ids.New()})
				refused(b, "a user that does not exist", err, fault.NotFound)
			}, []string{"MESSAGE 0"}},
			{"a user", func() { user = i.user(`{"userName":"anna"}`).GetId() }, []string{"MESSAGE 0", "USER_CREATED 1"}},
			{"a user that is refused", func() {
				_, err := i.tryUser(`{"userName":"anna"}`)
				refused(b, "a name that is taken", err, fault.Uniqueness)
			}, []string{"MESSAGE 0", "USER_CREATED 1"}},
			{"a group without members", func() { group = i.group("eng").GetId() }, []string{"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 1"}},
			{"a group with a member", func() { i.group("ops", user) },
				[]string{"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 2", "MEMBER_ADDED 1"}},
			{"a member that comes and goes", func() {
				i.patchGroup(group, operation("add", "members", memberValues([]string{user})))
				i.patchGroup(group, operation("remove", "members", memberValues([]string{user})))
			}, []string{"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 2", "MEMBER_ADDED 2"}},
			{"changes, one of which changes nothing", func() {
				change("replace", "title", `"a"`)
				change("replace", "title", `"a"`)
				_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: user}, []byte(`{"userName":"anna","title":"b"}`))
				must(b, err)
			}, []string{"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 2", "MEMBER_ADDED 2", "USER_CHANGED 2"}},
			{"a deactivation, twice", func() {
				change("replace", "active", "false")
				change("replace", "active", "false")
			}, []string{"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 2", "MEMBER_ADDED 2", "USER_CHANGED 2", "USER_DEACTIVATED 1"}},
			{"deletions", func() {
				for _, r := range []*identityv1.DeleteResourceRequest{{Target: i.users, Id: user}, {Target: i.groups, Id: group}} {
					_, err := i.resources.DeleteResource(i.ctx(), r)
					must(b, err)
					_, err = i.resources.DeleteResource(i.ctx(), r)
					refused(b, "deleting it again", err, fault.NotFound)
				}
			}, []string{
				"MESSAGE 0", "USER_CREATED 1", "GROUP_CREATED 2", "MEMBER_ADDED 2", "USER_CHANGED 2", "USER_DEACTIVATED 1", "USER_DELETED 1", "GROUP_DELETED 1",
			}},
		} {
			step.take()
			equal(b, step.name, milestones(i.progress().GetProgress()), step.after)
		}
		p := i.progress().GetProgress()
		equal(b, "users", p.GetUserCount(), 0)
		equal(b, "groups", p.GetGroupCount(), 1)
		equal(b, "of another directory", milestones(other.progress().GetProgress()), []string{})
	})
}

func TestAMilestoneNamesItsFirstAndLastMessage(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	for _, id := range []string{"first", "between", "last"} {
		_, err := i.resources.WriteResource(rpc.WithMessageID(i.ctx(), id), &identityv1.WriteResourceRequest{
			Target: i.users, Write: &identityv1.Write{Operation: create}, Document: []byte(`{"userName":"` + id + `"}`),
		})
		must(t, err)
		i.progress() // which stores what was gathered
	}
	for _, m := range i.progress().GetProgress().GetMilestones() {
		if m.GetFirstTime().AsTime().After(m.GetLastTime().AsTime()) || m.GetFirstTime() == nil {
			t.Errorf("%v has the times %v and %v", m.GetKind(), m.GetFirstTime(), m.GetLastTime())
		}
		if m.GetKind() == identityv1.MilestoneKind_MILESTONE_KIND_USER_CREATED {
			equal(t, "the last message", m.GetLastMessageId(), "last")
			equal(t, "how many", m.GetMessageCount(), 3)
		}
	}
}

// Many messages at a time are one count of the milestone MESSAGE each second, and every write counts.
func TestMilestonesAreCountedWhileMessagesComeAtTheSameTime(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	const each = 20
	done := make(chan error)
	for w := range 4 {
		go func() {
			var err error
			for n := range each {
				if _, failed := i.tryUser(fmt.Sprintf(`{"userName":"u%d-%d"}`, w, n)); failed != nil {
					err = failed
				}
			}
			done <- err
		}()
	}
	for range 4 {
		must(t, <-done)
	}
	equal(t, "the milestones", milestones(i.progress().GetProgress()), []string{"MESSAGE 0", fmt.Sprint("USER_CREATED ", 4*each)})
}

func TestExpectedAttributesAreCountedInTheNewestUsers(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(b *bundle) {
		i := b.idp()
		counts := func() map[string]int32 {
			r := i.progress()
			all := map[string]int32{"sampled": r.GetSampledUserCount()}
			for _, a := range r.GetAttributes() {
				path := a.GetPath()[strings.LastIndexByte(a.GetPath(), ':')+1:]
				all[path] = a.GetUserCount()
			}
			return all
		}
		none := map[string]int32{
			"sampled": 0, "userName": 0, "externalId": 0, "active": 0, "displayName": 0, "name.givenName": 0, "name.familyName": 0, "emails": 0,
			"title": 0, "roles": 0, "employeeNumber": 0, "department": 0, "manager": 0,
		}
		equal(b, "without users", counts(), none)
		for n := range 5 {
			i.user(fmt.Sprintf(`{"userName":"old%d","title":"old"}`, n))
		}
		full := `{"userName":"anna","externalId":"e","active":false,"displayName":"Anna Secret","name":{"givenName":"Anna","familyName":"Secret"},
			"emails":[{"value":"anna.secret@example.com"}],"roles":[{"value":"r"}],
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7","department":"d","manager":{"value":"m"}}}`
		i.user(full)
		for n := range 19 {
			i.user(fmt.Sprintf(`{"userName":"new%d","name":{"givenName":"n"},"externalId":""}`, n))
		}
		want := map[string]int32{
			"sampled": 20, "userName": 20, "externalId": 1, "active": 1, "displayName": 1, "name.givenName": 20, "name.familyName": 1, "emails": 1,
			"title": 0, "roles": 1, "employeeNumber": 1, "department": 1, "manager": 1,
		}
		equal(b, "of the newest twenty", counts(), want)
		text, err := protojson.Marshal(i.progress())
		must(b, err)
		if strings.Contains(strings.ToLower(string(text)), "secret") {
			b.Errorf("the answer contains a value: %s", text)
		}
	})
}

// A sample ends once it has read a megabyte of documents.
func TestASampleOfLargeUsersIsSmaller(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	for n := range 6 {
		i.user(fmt.Sprintf(`{"userName":"u%d","title":%q}`, n, strings.Repeat("x", 250<<10)))
	}
	equal(t, "the users", i.progress().GetSampledUserCount(), 5)
}

func TestTheProgressOfAllDirectoriesIsListedInPages(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(b *bundle) {
		one, two, gone := b.idp(), b.idp(), b.idp()
		b.idpOf("other").user(`{"userName":"not-mine"}`)
		gone.user(`{"userName":"anna"}`)
		one.group("eng", one.user(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"anna","active":"True","zip":"1"}`).GetId())
		two.named("bob", "carl")
		before := gone.progress().GetProgress()
		equal(b, "the users before the end", before.GetUserCount(), 1)
		gone.deleteDirectory()
		var all []*identityv1.DirectoryProgress
		for token, pages := "", 0; ; {
			r, err := b.progress().ListDirectoryProgress(b.admin(), &identityv1.ListDirectoryProgressRequest{OrganizationId: "acme", PageSize: 1, PageToken: token})
			must(b, err)
			all = append(all, r.GetDirectories()...)
			if token, pages = r.GetNextPageToken(), pages+1; token == "" {
				equal(b, "pages", pages, 2)
				break
			}
		}
		equal(b, "directories", len(all), 2)
		for n, want := range []struct {
			of   *idp
			text string
		}{{one, "1 users, 1 groups, 2 quirks, 1 ignored, [MESSAGE 0 USER_CREATED 1 GROUP_CREATED 1 MEMBER_ADDED 1]"},
			{two, "2 users, 0 groups, 1 quirks, 0 ignored, [MESSAGE 0 USER_CREATED 2]"}} {
			got := all[n]
			equal(b, "the id", got.GetDirectoryId(), want.of.target.GetDirectoryId())
			for how, p := range map[string]*identityv1.DirectoryProgress{"listed": got, "read": want.of.progress().GetProgress()} {
				equal(b, how, fmt.Sprintf("%d users, %d groups, %d quirks, %d ignored, %v", p.GetUserCount(), p.GetGroupCount(), p.GetQuirkCount(),
					p.GetIgnoredValueCount(), milestones(p)), want.text)
			}
		}
		after := gone.progress().GetProgress()
		equal(b, "the users of a deleted directory", after.GetUserCount(), 0)
		equal(b, "its milestones", milestones(after), milestones(before))
	})
}

func TestProgressOfAnotherOrganizationIsNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.ReadyWait = time.Millisecond })
	i := b.idpOf("other")
	for what, r := range map[string]*identityv1.GetDirectoryProgressRequest{
		"another's directory under one's own name": {OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()},
		"a directory that is none":                 {OrganizationId: "acme", DirectoryId: ids.New()},
	} {
		_, err := b.progress().GetDirectoryProgress(b.admin(), r)
		refused(t, what, err, fault.NotReady)
	}
	_, err := b.progress().ListDirectoryProgress(b.admin(), &identityv1.ListDirectoryProgressRequest{OrganizationId: "other"})
	refused(t, "another organization", err, fault.NotAllowed)
	_, err = b.progress().ListDirectoryProgress(b.admin(), &identityv1.ListDirectoryProgressRequest{OrganizationId: "acme", PageToken: "x"})
	refused(t, "another page token", err, fault.PageToken)
	_, err = b.progress().ListDirectoryProgress(b.admin(), &identityv1.ListDirectoryProgressRequest{OrganizationId: "acme", PageSize: -1})
	refused(t, "a page of less than nothing", err, fault.InvalidRequest)
}
