package identitycontract

import (
	"slices"
	"strings"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// record is the part of a change that says which resources it is about.
type record struct {
	of         identityv1.ResourceType
	id         string
	kind       identityv1.ChangeKind
	member     string
	memberType identityv1.ResourceType
}

const (
	user   = identityv1.ResourceType_RESOURCE_TYPE_USER
	group  = identityv1.ResourceType_RESOURCE_TYPE_GROUP
	nobody = identityv1.ResourceType_RESOURCE_TYPE_UNSPECIFIED

	created       = identityv1.ChangeKind_CHANGE_KIND_CREATED
	updated       = identityv1.ChangeKind_CHANGE_KIND_UPDATED
	deleted       = identityv1.ChangeKind_CHANGE_KIND_DELETED
	memberAdded   = identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED
	memberRemoved = identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED
	closed        = identityv1.ChangeKind_CHANGE_KIND_DIRECTORY_CLOSED
)

func recordOf(c *identityv1.Change) record {
	return record{c.GetResourceType(), c.GetResourceId(), c.GetKind(), c.GetMemberId(), c.GetMemberType()}
}

// wantRecords compares the records after a cursor, in their order.
func (b *bundle) wantRecords(what, after string, want ...record) {
	b.Helper()
	var got []record
	for _, c := range b.since(after) {
		got = append(got, recordOf(c))
	}
	if !slices.Equal(got, want) {
		b.Errorf("%s: the feed says\n%v, want\n%v", what, got, want)
	}
}

func eachChangeHasItsRecord(b *bundle) {
	var anna, eng, all string
	for _, step := range []struct {
		what string
		do   func()
		want func() []record
	}{
		{
			"a user is created", func() { anna = b.idp.AddUser(User{UserName: "anna"}) },
			func() []record { return []record{{user, anna, created, "", nobody}} },
		},
		{
			"a group is created with a member", func() { eng = b.idp.AddGroup("Engineering", anna) },
			func() []record {
				return []record{{group, eng, created, "", nobody}, {group, eng, memberAdded, anna, user}}
			},
		},
		{
			"a group is created with a group in it", func() { all = b.idp.AddGroup("All", eng) },
			func() []record {
				return []record{{group, all, created, "", nobody}, {group, all, memberAdded, eng, group}}
			},
		},
		{
			"a user changes", func() { b.idp.SetUser(anna, User{UserName: "anna", DisplayName: "Anna"}) },
			func() []record { return []record{{user, anna, updated, "", nobody}} },
		},
		{
			"a group changes its name", func() { b.idp.RenameGroup(eng, "Engineers") },
			func() []record { return []record{{group, eng, updated, "", nobody}} },
		},
		{
			"a member leaves", func() { b.idp.RemoveMember(eng, anna) },
			func() []record { return []record{{group, eng, memberRemoved, anna, user}} },
		},
		{
			"a member comes", func() { b.idp.AddMember(eng, anna) },
			func() []record { return []record{{group, eng, memberAdded, anna, user}} },
		},
	} {
		before := b.end()
		step.do()
		b.wantRecords(step.what, before, step.want()...)
	}

	last := map[string]int64{}
	for _, c := range b.since("") {
		if c.GetOrganizationId() != acme || c.GetDirectoryId() != b.idp.DirectoryID() || !c.GetChangeTime().IsValid() {
			b.Errorf("a record is of %s, directory %s, at %s", c.GetOrganizationId(), c.GetDirectoryId(), c.GetChangeTime())
		}
		if c.GetKind() != memberAdded && c.GetKind() != memberRemoved && c.GetRevision() <= last[c.GetResourceId()] {
			b.Errorf("the revision of %s was %d, and then %d", c.GetResourceId(), last[c.GetResourceId()], c.GetRevision())
		}
		last[c.GetResourceId()] = c.GetRevision()
	}
}

func whatIsDeletedLeavesTheGroupsItIsIn(b *bundle) {
	anna, bob := b.idp.AddUser(User{UserName: "anna"}), b.idp.AddUser(User{UserName: "bob"})
	eng := b.idp.AddGroup("Engineering", anna, bob)
	all := b.idp.AddGroup("All", eng)

	before := b.end()
	b.idp.DeleteUser(anna)
	b.wantRecords("a user is deleted", before, record{user, anna, deleted, "", nobody})

	before = b.end()
	b.idp.DeleteGroup(eng)
	// This also means that the group left the group around it: bob left that one, too.
	b.wantRecords("a group is deleted", before, record{group, eng, memberRemoved, bob, user}, record{group, eng, deleted, "", nobody})
	if r, err := b.read.ListMembers(b.Context(), &identityv1.ListMembersRequest{OrganizationId: acme, GroupId: all}); err != nil || len(r.GetMembers()) != 0 {
		b.Errorf("the group around it has members %v: %v", r.GetMembers(), err)
	}
	if got := b.factsOf(&identityv1.StreamUserFactsRequest{Ids: []string{anna, bob}}); len(got) != 1 || len(got[bob].GetGroupIds()) != 0 {
		b.Errorf("the facts are %v, want those of bob, who is in no group", got)
	}
}

func theFeedIsReadInPages(b *bundle) {
	var want []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		want = append(want, b.idp.AddUser(User{UserName: name}))
	}
	b.end()
	var got []string
	cursor := ""
	for pages := 1; ; pages++ {
		r, err := b.feed.ListChanges(b.Context(), &identityv1.ListChangesRequest{OrganizationId: acme, AfterCursor: cursor, PageSize: 2})
		b.must(err)
		for _, c := range r.GetChanges() {
			got = append(got, c.GetResourceId())
		}
		if n := len(r.GetChanges()); n > 2 || r.GetMore() && (n != 2 || r.GetNextCursor() != r.GetChanges()[n-1].GetCursor()) {
			b.Errorf("page %d has %d records and goes on from %s", pages, n, r.GetNextCursor())
		}
		if r.GetMore() == (r.GetAsOfTime() != nil) {
			b.Errorf("page %d: more %v, as of %v", pages, r.GetMore(), r.GetAsOfTime())
		}
		if cursor = r.GetNextCursor(); !r.GetMore() {
			break
		}
	}
	if !slices.Equal(got, want) {
		b.Errorf("the pages tell of %v, want %v", got, want)
	}
	for n, c := range b.since("") {
		if rest := b.since(c.GetCursor()); len(rest) != len(want)-n-1 {
			b.Errorf("after the record at %d come %d", n, len(rest))
		}
	}
	if n := len(b.since(cursor)); n != 0 {
		b.Errorf("after the last page come %d records", n)
	}
}

func theFeedIsOneOrganizations(b *bundle) {
	before := b.end()
	b.identity.NewDirectory(b.T, other).AddUser(User{UserName: "theirs"})
	b.end()
	r, err := b.feed.ListChanges(b.Context(), &identityv1.ListChangesRequest{OrganizationId: acme, AfterCursor: before})
	b.must(err)
	if len(r.GetChanges()) != 0 || r.GetMore() || r.GetNextCursor() == before || r.GetAsOfTime() == nil {
		b.Errorf("acme is told %v", r)
	}
}

func cursorsThatAreNotTheFeeds(b *bundle) {
	b.idp.AddUser(User{UserName: "anna"})
	epoch, _, _ := strings.Cut(b.end(), ".")
	for name, c := range map[string]struct {
		cursor string
		want   fault.Reason
	}{
		"a cursor of another epoch": {strings.Replace(b.end(), epoch, "restored", 1), fault.CursorExpired},
		"what is no cursor":         {"nonsense", fault.CursorInvalid},
	} {
		_, err := b.feed.ListChanges(b.Context(), &identityv1.ListChangesRequest{OrganizationId: acme, AfterCursor: c.cursor})
		b.refused("ListChanges after "+name, err, c.want)
		_, err = b.watch(c.cursor).Recv()
		b.refused("WatchActivity after "+name, err, c.want)
	}
}

func theEndOfTheFeed(b *bundle) {
	empty := b.end()
	b.idp.AddUser(User{UserName: "anna"})
	r, err := b.feed.GetCursor(b.Context(), &identityv1.GetCursorRequest{})
	b.must(err)
	if r.GetNewestCursor() == empty {
		b.Errorf("the feed's newest cursor is %s, as it was before the change", empty)
	}
	if n := len(b.since(r.GetNewestCursor())); n != 0 {
		b.Errorf("after the end come %d records", n)
	}
	if n := len(b.since(empty)); n != 1 {
		b.Errorf("%d records came after the feed's first end", n)
	}
}

func aWatchTellsOfActivity(b *bundle) {
	theirs := b.identity.NewDirectory(b.T, other)
	before := b.end()
	b.idp.AddUser(User{UserName: "anna"})
	stream := b.watch(before)
	told := func() string {
		b.Helper()
		for {
			r, err := stream.Recv()
			b.must(err)
			if n := len(r.GetOrganizationIds()); n > 1 {
				b.Fatalf("it tells of %v", r.GetOrganizationIds())
			} else if n == 1 {
				return r.GetOrganizationIds()[0]
			}
		}
	}
	if got := told(); got != acme {
		b.Errorf("what came before the watch was %s's", got)
	}
	theirs.AddUser(User{UserName: "theirs"})
	if got := told(); got != other {
		b.Errorf("what came under the watch was %s's", got)
	}
	b.idp.AddUser(User{UserName: "bob"})
	if got := told(); got != acme {
		b.Errorf("what came next was %s's", got)
	}
}

// A bookmark's cursor includes everything that was acknowledged before its time: rule computes "as of" from it.
func aWatchSendsBookmarks(b *bundle) {
	stream := b.watch("")
	b.idp.AddUser(User{UserName: "anna"})
	for after := time.Now(); ; { // when it was acknowledged; the time in its record is from before the commit
		r, err := stream.Recv()
		b.must(err)
		if len(r.GetOrganizationIds()) > 0 || !r.GetAsOfTime().AsTime().After(after) {
			continue
		}
		if n := len(b.since(r.GetCursor())); n != 0 {
			b.Errorf("after the bookmark come %d records", n)
		}
		return
	}
}
