package identity_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

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
	r, err := i.resources.WriteResource(ctx, &identityv1.WriteResourceRequest{Target: i.users, Write: &identityv1.Write{Operation: create}, Document: []byte(`{"userName":"anna"}`)})
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
	equal(t, "who is active", nextActive(t, stream), []string{"acme"})
	end := b.end()

	other.user(`{"userName":"bob"}`)
	acme.user(`{"userName":"carl"}`)
	late, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: end})
	must(t, err)
	caughtUp, err := late.Recv()
	must(t, err)
	equal(t, "who was active since", caughtUp.GetOrganizationIds(), []string{"acme", "other"})
}

// clock is a time that a test sets.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time { return time.Unix(c.now.Load(), 0).UTC() }

func TestWatchersOfAQuietFeedGetBookmarks(t *testing.T) {
	t.Parallel()
	var c clock
	b := setupWith(t, func(_ *identity.Config, d *identity.Dependencies) { d.Now = c.Now })
	c.now.Store(100)
	b.idp().user(`{"userName":"anna"}`)
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: b.end()})
	must(t, err)
	for _, now := range []int64{100, 200, 300} {
		bookmark, err := stream.Recv()
		must(t, err)
		equal(t, "organizations", bookmark.GetOrganizationIds(), []string{})
		equal(t, "the cursor", bookmark.GetCursor(), b.end())
		equal(t, "the time", bookmark.GetAsOfTime().GetSeconds(), now)
		c.now.Add(100)
	}
}

func TestAListOfChangesHasItsAsOfTime(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			var c clock
			b := setupWith(t, func(config *identity.Config, d *identity.Dependencies) {
				change(config)
				d.Now = c.Now
			})
			c.now.Store(100)
			b.idp().named("anna", "bob")
			c.now.Store(200)
			list := func(size int32) *identityv1.ListChangesResponse {
				r, err := b.feed.ListChanges(t.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", PageSize: size})
				must(t, err)
				return r
			}
			all := list(0)
			// On PostgreSQL, transactions in other databases delay the last record for a moment.
			for deadline := time.Now().Add(30 * time.Second); len(all.GetChanges()) < 2 && time.Now().Before(deadline); all = list(0) {
				equal(t, "the time while a record does not show", all.GetAsOfTime().GetSeconds(), 100)
			}
			equal(t, "how many changes", len(all.GetChanges()), 2)
			equal(t, "the time", all.GetAsOfTime().GetSeconds(), 200)
			part := list(1)
			equal(t, "that there are more", part.GetMore(), true)
			equal(t, "the time of a part", part.GetAsOfTime(), (*timestamppb.Timestamp)(nil))
		})
	}
}

func TestTheDeletionOfADirectoryIsInTheFeed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	i.user(`{"userName":"anna"}`)
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{AfterCursor: b.end()})
	must(t, err)
	before := b.end()
	i.deleteDirectory()
	equal(t, "that acme is active", slices.Contains(nextActive(t, stream), "acme"), true)
	changes := b.since(before)
	equal(t, "how many changes", len(changes), 1)
	c := changes[0]
	equal(t, "the change", []any{c.GetKind(), c.GetResourceType(), c.GetResourceId(), c.GetDirectoryId(), c.GetMemberId()},
		[]any{identityv1.ChangeKind_CHANGE_KIND_DIRECTORY_CLOSED, identityv1.ResourceType_RESOURCE_TYPE_UNSPECIFIED, i.target.GetDirectoryId(), i.target.GetDirectoryId(), ""})
}

// nextActive returns the organizations of the next response that is not a bookmark.
func nextActive(t *testing.T, stream grpc.ServerStreamingClient[identityv1.WatchActivityResponse]) []string {
	t.Helper()
	for {
		r, err := stream.Recv()
		must(t, err)
		if len(r.GetOrganizationIds()) > 0 {
			return r.GetOrganizationIds()
		}
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
