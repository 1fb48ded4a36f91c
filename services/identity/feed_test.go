package identity_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestTheFeedTellsEachChangeOfAnOrganizationOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, other := b.idp(), b.idpOf("other")
	before := b.end()
	ctx := rpc.WithMessageID(i.ctx(), "message-1")
	r, err := i.users.CreateUser(ctx, &identityv1.CreateUserRequest{Target: i.target, Document: []byte(`{"userName":"anna"}`)})
	must(t, err)
	user := r.GetResource().GetId()
	other.user(`{"userName":"theirs"}`)
	group := i.group("eng", user).GetId()
	changes := b.since(before)
	equal(t, "how many", len(changes), 3)
	first := changes[0]
	equal(t, "the first", []any{first.GetOrganizationId(), first.GetDirectoryId(), first.GetResourceId(), first.GetResourceType(), first.GetKind(), first.GetRevision(), first.GetMessageId(), first.GetCursor()},
		[]any{"acme", i.target.GetDirectoryId(), user, identityv1.ResourceType_RESOURCE_TYPE_USER, identityv1.ChangeKind_CHANGE_KIND_CREATED, 1, "message-1", r.GetResult().GetChangeCursor()})
	last := changes[2]
	equal(t, "the last", []any{last.GetResourceId(), last.GetResourceType(), last.GetKind(), last.GetMemberId(), last.GetMemberType()},
		[]any{group, identityv1.ResourceType_RESOURCE_TYPE_GROUP, identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED, user, identityv1.ResourceType_RESOURCE_TYPE_USER})
}

func TestTheFeedIsReadInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	users := b.idp().named("anna", "bob", "carl")
	var met []string
	cursor, more := "", true
	for pages := 0; more; pages++ {
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
		r, err := b.feed.ListChanges(t.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", AfterCursor: cursor, PageSize: 2})
		must(t, err)
		for _, c := range r.GetChanges() {
			met = append(met, c.GetResourceId())
		}
		cursor, more = r.GetNextCursor(), r.GetMore()
	}
	equal(t, "whom it met", met, users)
	equal(t, "the cursor", cursor, b.end())
}

func TestCursorsThatCannotBeFollowedAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.idp().user(`{"userName":"anna"}`)
	epoch, _, _ := strings.Cut(b.end(), ".")
	for _, c := range []struct {
		name, cursor string
		want         fault.Reason
	}{
		{"of another epoch", strings.Replace(b.end(), epoch, "restored", 1), fault.CursorExpired},
		{"of nobody", "nonsense", fault.CursorInvalid},
		{"with a negative place", epoch + ".0.-1", fault.CursorInvalid},
	} {
		_, err := b.feed.ListChanges(t.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", AfterCursor: c.cursor})
		refused(t, "listing from a cursor "+c.name, err, c.want)
		stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: c.cursor})
		must(t, err)
		_, err = stream.Recv()
		refused(t, "watching from a cursor "+c.name, err, c.want)
	}
}

func TestWatchersAreWokenForActiveOrganizations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	acme, other := b.idp(), b.idpOf("other")
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{})
	must(t, err)
	first, err := stream.Recv()
	must(t, err)
	equal(t, "who was active before", first.GetOrganizationIds(), []string{})
	equal(t, "the cursor before", first.GetCursor(), b.end())
	acme.user(`{"userName":"anna"}`)
	woken, err := stream.Recv()
	must(t, err)
	equal(t, "who is active", woken.GetOrganizationIds(), []string{"acme"})
	equal(t, "the cursor", woken.GetCursor(), b.end())

	other.user(`{"userName":"bob"}`)
	acme.user(`{"userName":"carl"}`)
	late, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: woken.GetCursor()})
	must(t, err)
	caughtUp, err := late.Recv()
	must(t, err)
	equal(t, "who was active since", caughtUp.GetOrganizationIds(), []string{"acme", "other"})
}

func TestWatchersHearBookmarks(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.Bookmark = 5 * time.Millisecond })
	b.idp().user(`{"userName":"anna"}`)
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: b.end()})
	must(t, err)
	for range 2 {
		bookmark, err := stream.Recv()
		must(t, err)
		equal(t, "organizations", bookmark.GetOrganizationIds(), []string{})
		equal(t, "the cursor", bookmark.GetCursor(), b.end())
	}
}

func TestStoppingEndsTheWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{})
	must(t, err)
	_, err = stream.Recv()
	must(t, err)
	b.service.Stop()
	b.service.Stop()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}
