package directory_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/rpc"
)

type watch = grpc.ServerStreamingClient[directoryv1.WatchDirectoriesResponse]

func (b *bundle) watch(revision int64) watch {
	b.Helper()
	return b.watchIn(b.epoch(), revision)
}

func (b *bundle) watchIn(epoch string, revision int64) watch {
	b.Helper()
	stream, err := b.feed.WatchDirectories(b.Context(), &directoryv1.WatchDirectoriesRequest{AfterRevision: revision, Epoch: epoch})
	must(b, err)
	return stream
}

// epoch returns the feed's epoch, which every response contains.
func (b *bundle) epoch() string {
	b.Helper()
	first, err := b.watchIn("", 0).Recv()
	must(b, err)
	if first.GetEpoch() == "" {
		b.Error("the feed has no epoch")
	}
	return first.GetEpoch()
}

// untilCaughtUp reads a stream until it says that there are no more directories now.
func untilCaughtUp(t testing.TB, stream watch) (ids []string, revision int64) {
	t.Helper()
	ids = []string{}
	for {
		r, err := stream.Recv()
		must(t, err)
		if r.GetDirectory() != nil {
			ids = append(ids, r.GetDirectory().GetId())
			if r.GetRevision() <= revision {
				t.Errorf("revision %d comes after %d", r.GetRevision(), revision)
			}
		}
		if revision = r.GetRevision(); r.GetCaughtUp() {
			return ids, revision
		}
	}
}

// A watcher with a revision of another epoch knows nothing of this one.
func TestAWatcherOfAnotherEpochGetsEveryDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	first, second := b.directory().GetDirectory().GetId(), b.directory().GetDirectory().GetId()
	_, revision := untilCaughtUp(t, b.watch(0))
	for _, epoch := range []string{"", "of before"} {
		met, _ := untilCaughtUp(t, b.watchIn(epoch, revision))
		equal(t, "who was met", met, []string{first, second})
	}
}

func TestWatchersGetEachDirectoryThenEachChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	empty, revision := untilCaughtUp(t, b.watch(0))
	equal(t, "an empty service", empty, []string{})
	equal(t, "its revision", revision, 0)

	first, second := b.directory().GetDirectory().GetId(), b.directory().GetDirectory().GetId()
	stream := b.watch(0)
	met, revision := untilCaughtUp(t, stream)
	equal(t, "who was there", met, []string{first, second})
	b.deleteDirectory(first)
	met, _ = untilCaughtUp(t, stream)
	equal(t, "what changed", met, []string{first})
	met, _ = untilCaughtUp(t, b.watch(revision))
	equal(t, "what changed, for one who comes late", met, []string{first})
	met, _ = untilCaughtUp(t, b.watch(0))
	equal(t, "all, for one who begins: a deletion before what is created later", met, []string{second, first})
}

func TestAWatcherOfExactlyOnePageIsToldThatItHasCaughtUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	var want []string
	for range 500 {
		want = append(want, b.directory().GetDirectory().GetId())
	}
	stream := b.watch(0)
	met, _ := untilCaughtUp(t, stream)
	equal(t, "who was there", met, want)
	more := b.directory().GetDirectory().GetId()
	met, _ = untilCaughtUp(t, stream)
	equal(t, "who came", met, []string{more})
	met, _ = untilCaughtUp(t, b.watch(0))
	equal(t, "all", met, append(want, more))
}

func TestAWatcherGetsTheChangesOfAnotherReplica(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Poll = 5 * time.Millisecond })
	b.organization("acme")
	stream := b.watch(0)
	_, _ = untilCaughtUp(t, stream)
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	b.open().Register(channel)
	replica := directoryv1.NewDirectoryServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))
	made, err := replica.CreateDirectory(b.operator(), &directoryv1.CreateDirectoryRequest{OrganizationId: "acme", Directory: &directoryv1.Directory{DisplayName: proto.String("x")}})
	must(t, err)
	met, _ := untilCaughtUp(t, stream)
	equal(t, "what changed", met, []string{made.GetDirectory().GetId()})
}

func TestStoppingEndsTheWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stream := b.watch(0)
	_, _ = untilCaughtUp(t, stream)
	b.service.Stop()
	b.service.Stop()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}
