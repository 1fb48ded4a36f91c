package directory_test

import (
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// engines choose the database.
func engines(t *testing.T) map[string]func(*directory.Config) {
	t.Helper()
	url := kit.Postgres(t, "directory", directory.Migrate)
	return map[string]func(*directory.Config){
		"sqlite": func(*directory.Config) {},
		"postgres": func(c *directory.Config) {
			c.DatabasePath, c.DatabaseURL, c.Poll = "", secret.Text(url), 5*time.Millisecond
		},
	}
}

func TestReplicasShareADatabaseOnPostgreSQL(t *testing.T) {
	t.Parallel()
	onPostgres := engines(t)["postgres"]
	b := setup(t, onPostgres)
	b.organization("acme")
	made := b.directory()
	stream := b.watch(0)
	met, _ := untilCaughtUp(t, stream)
	equal(t, "the directories", met, []string{made.GetDirectory().GetId()})
	resolved, err := b.resolve(made.GetSecret())
	must(t, err)
	equal(t, "what the key opens", resolved.GetDirectory().GetDirectoryId(), made.GetDirectory().GetId())

	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	b.open(onPostgres).Register(channel)
	replica := directoryv1.NewDirectoryServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))
	second, err := replica.CreateDirectory(b.operator(), &directoryv1.CreateDirectoryRequest{OrganizationId: "acme", ReplaceNone: true, Directory: &directoryv1.Directory{DisplayName: proto.String("x")}})
	must(t, err)
	met, _ = untilCaughtUp(t, stream)
	equal(t, "what the other replica made", met, []string{second.GetDirectory().GetId()})
}
