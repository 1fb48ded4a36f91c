package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a running identity service, with a fake directory service and clients.
type bundle struct {
	*testing.T
	service      *identity.Service
	channel      *rpc.InProcess
	directories  *directories
	erasures     *erasures
	failedEvents *failedEvents
	gateway      grpc.ClientConnInterface
	feed         identityv1.FeedServiceClient
	reads        identityv1.ReadServiceClient
	facts        identityv1.FactsServiceClient
	adoption     identityv1.AdoptionServiceClient
	dialect      identityv1.DialectServiceClient
}

func setup(t *testing.T, change ...func(*identity.Config)) *bundle {
	t.Helper()
	return setupWith(t, func(config *identity.Config, _ *identity.Dependencies) {
		for _, c := range change {
			c(config)
		}
	})
}

func setupWith(t *testing.T, change func(*identity.Config, *identity.Dependencies)) *bundle {
	t.Helper()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	followed := &directories{all: map[string]*directoryv1.WatchDirectoriesResponse{}}
	directoryv1.RegisterDirectoryFeedServiceServer(channel, followed)
	erased := &erasures{confirmed: make(chan string, 10)}
	directoryv1.RegisterErasureServiceServer(channel, erased)
	events := &failedEvents{erased: make(chan *failedeventsv1.EraseNamesRequest, 100)}
	failedeventsv1.RegisterFailedEventErasureServiceServer(channel, events)
	config := identity.Config{
		Settings: identity.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "identity.db"),
		Tuning: core.Tuning{ReadyWait: 10 * time.Second},
	}
	dependencies := identity.Dependencies{
		Directory: channel.As(commonv1.Caller_CALLER_IDENTITY), FailedEvents: channel.As(commonv1.Caller_CALLER_IDENTITY),
		Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider(), Now: time.Now,
	}
	change(&config, &dependencies)
	service, err := identity.New(t.Context(), config, dependencies)
	must(t, err)
	service.Register(channel)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := service.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	gateway, rule := channel.As(commonv1.Caller_CALLER_GATEWAY), channel.As(commonv1.Caller_CALLER_RULE)
	return &bundle{
		T: t, service: service, channel: channel, directories: followed, erasures: erased, failedEvents: events, gateway: gateway,
		feed: identityv1.NewFeedServiceClient(rule), reads: identityv1.NewReadServiceClient(rule), facts: identityv1.NewFactsServiceClient(rule),
		adoption: identityv1.NewAdoptionServiceClient(gateway), dialect: identityv1.NewDialectServiceClient(gateway),
	}
}

// directories is a fake directory service.
type directories struct {
	directoryv1.UnimplementedDirectoryFeedServiceServer

	mu       sync.Mutex
	revision int64
	all      map[string]*directoryv1.WatchDirectoriesResponse
	breaks   int // how many more streams break before they deliver something new
	changed  wait.Signal
}

// breakStreams breaks this many streams, first the open one.
func (d *directories) breakStreams(n int) {
	d.mu.Lock()
	d.breaks = n
	d.mu.Unlock()
	d.changed.Notify()
}

func (d *directories) broken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breaks--
	return d.breaks >= 0
}

// set creates or changes a directory.
func (d *directories) set(directory *directoryv1.Directory) {
	d.mu.Lock()
	d.revision++
	d.all[directory.GetId()] = &directoryv1.WatchDirectoriesResponse{Revision: d.revision, Directory: directory}
	d.mu.Unlock()
	d.changed.Notify()
}

func (d *directories) after(revision int64) []*directoryv1.WatchDirectoriesResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*directoryv1.WatchDirectoriesResponse
	for _, r := range d.all {
		if r.GetRevision() > revision {
			found = append(found, proto.CloneOf(r))
		}
	}
	slices.SortFunc(found, func(a, b *directoryv1.WatchDirectoriesResponse) int { return int(a.GetRevision() - b.GetRevision()) })
	return found
}

func (d *directories) WatchDirectories(r *directoryv1.WatchDirectoriesRequest, stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
	revision := r.GetAfterRevision()
	for {
		changed := d.changed.Wait()
		if d.broken() {
			return stream.Send(&directoryv1.WatchDirectoriesResponse{Revision: revision, CaughtUp: true})
		}
		for _, response := range d.after(revision) {
			if err := stream.Send(response); err != nil {
				return err
			}
			revision = response.GetRevision()
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// idp is an IdP whose API key opens one directory.
type idp struct {
	*testing.T
	bundle        *bundle
	target        *identityv1.Target // without a resource type
	users, groups *identityv1.Target
	resources     identityv1.ResourceServiceClient
}

// idp creates a directory of acme.
func (b *bundle) idp(change ...func(*directoryv1.Directory)) *idp {
	b.Helper()
	return b.idpOf("acme", change...)
}

func (b *bundle) idpOf(organization string, change ...func(*directoryv1.Directory)) *idp {
	b.Helper()
	d := &directoryv1.Directory{Id: ids.New(), OrganizationId: organization, State: directoryv1.DirectoryState_DIRECTORY_STATE_ACTIVE}
	for _, c := range change {
		c(d)
	}
	b.directories.set(d)
	return b.client(organization, d.GetId())
}

func replacing(old *idp) func(*directoryv1.Directory) {
	return func(d *directoryv1.Directory) { d.ReplacesId = old.target.GetDirectoryId() }
}

func (b *bundle) client(organization, directoryID string) *idp {
	of := func(resourceType string) *identityv1.Target {
		return &identityv1.Target{
			OrganizationId: organization, DirectoryId: directoryID, BaseUrl: "https://usher.test/scim/v2/" + directoryID, ResourceType: resourceType,
		}
	}
	return &idp{
		T: b.T, bundle: b, target: of(""), users: of("User"), groups: of("Group"), resources: identityv1.NewResourceServiceClient(b.gateway),
	}
}

// ctx is the context of a call with the directory's API key.
func (i *idp) ctx() context.Context {
	return rpc.WithPrincipal(i.Context(), &commonv1.Principal{
		Kind:           commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY,
		OrganizationId: i.target.GetOrganizationId(), DirectoryId: i.target.GetDirectoryId(),
	})
}

// deleteDirectory deletes the directory, and returns once identity has applied this.
func (i *idp) deleteDirectory() {
	i.Helper()
	i.bundle.directories.set(&directoryv1.Directory{
		Id: i.target.GetDirectoryId(), OrganizationId: i.target.GetOrganizationId(), State: directoryv1.DirectoryState_DIRECTORY_STATE_DELETED,
	})
	// Identity serves a new directory only once it has applied all earlier changes.
	i.bundle.idpOf("settling").user(`{"userName":"anybody"}`)
}

// The operations of writes.
const (
	create  = identityv1.Write_OPERATION_CREATE
	replace = identityv1.Write_OPERATION_REPLACE
	patch   = identityv1.Write_OPERATION_PATCH
)

// write writes a resource.
func (i *idp) write(target *identityv1.Target, w *identityv1.Write, document []byte) (*identityv1.WriteResourceResponse, error) {
	return i.resources.WriteResource(i.ctx(), &identityv1.WriteResourceRequest{Target: target, Write: w, Document: document})
}

func (i *idp) tryUser(document string) (*identityv1.WriteResourceResponse, error) {
	return i.write(i.users, &identityv1.Write{Operation: create}, []byte(document))
}

// user creates a user.
func (i *idp) user(document string) *identityv1.Resource {
	i.Helper()
	r, err := i.tryUser(document)
	must(i, err)
	return r.GetResource()
}

// named creates a user for each userName and returns their ids.
func (i *idp) named(userNames ...string) []string {
	i.Helper()
	var all []string
	for _, name := range userNames {
		all = append(all, i.user(fmt.Sprintf(`{"userName":%q}`, name)).GetId())
	}
	return all
}

func (i *idp) tryGroup(document string) (*identityv1.WriteResourceResponse, error) {
	return i.write(i.groups, &identityv1.Write{Operation: create}, []byte(document))
}

// group creates a group with members.
func (i *idp) group(displayName string, members ...string) *identityv1.Resource {
	i.Helper()
	r, err := i.tryGroup(groupDocument(displayName, members...))
	must(i, err)
	return r.GetResource()
}

func groupDocument(displayName string, members ...string) string {
	return fmt.Sprintf(`{"displayName":%q,"members":%s}`, displayName, memberValues(members))
}

// memberValues is the JSON of members.
func memberValues(members []string) string {
	var values []string
	for _, m := range members {
		values = append(values, fmt.Sprintf(`{"value":%q}`, m))
	}
	return "[" + strings.Join(values, ",") + "]"
}

func (i *idp) getUser(id string) *identityv1.Resource {
	i.Helper()
	r, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: id})
	must(i, err)
	return r.GetResource()
}

func (i *idp) getGroup(id string) *identityv1.Resource {
	i.Helper()
	r, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.groups, Id: id})
	must(i, err)
	return r.GetResource()
}

// operation writes one operation of a PATCH. It leaves out an empty path or value. The value is JSON.
func operation(op, path, value string) string {
	text := fmt.Sprintf(`{"op":%s`, quote(op))
	if path != "" {
		text += `,"path":` + quote(path)
	}
	if value != "" {
		text += `,"value":` + value
	}
	return text + "}"
}

func patchOp(operations ...string) []byte {
	return fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[%s]}`, strings.Join(operations, ","))
}

func (i *idp) tryPatchUser(id string, operations ...string) (*identityv1.WriteResourceResponse, error) {
	return i.write(i.users, &identityv1.Write{Operation: patch, Id: id}, patchOp(operations...))
}

func (i *idp) tryPatchGroup(id string, operations ...string) (*identityv1.WriteResourceResponse, error) {
	return i.write(i.groups, &identityv1.Write{Operation: patch, Id: id, OmitResource: true}, patchOp(operations...))
}

func (i *idp) patchGroup(id string, operations ...string) *identityv1.WriteResourceResponse {
	i.Helper()
	r, err := i.tryPatchGroup(id, operations...)
	must(i, err)
	return r
}

// members are the ids of a group's members, as the IdP sees them, in order of id.
func (i *idp) members(groupID string) []string {
	i.Helper()
	return values(document(i, i.getGroup(groupID)), "members")
}

// values are the "value"s of a multi-valued attribute.
func values(document map[string]any, attribute string) []string {
	found := []string{}
	all, _ := document[attribute].([]any)
	for _, each := range all {
		found = append(found, each.(map[string]any)["value"].(string))
	}
	return found
}

// document reads a resource's JSON.
func document(t testing.TB, r *identityv1.Resource) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(r.GetDocument(), &d); err != nil {
		t.Fatalf("reading %q: %v", r.GetDocument(), err)
	}
	return d
}

// end is the current cursor of the feed.
func (b *bundle) end() string {
	b.Helper()
	r, err := b.feed.GetCursor(b.Context(), &identityv1.GetCursorRequest{})
	must(b, err)
	return r.GetCursor()
}

// since are acme's change records after a cursor.
func (b *bundle) since(cursor string) []*identityv1.Change {
	b.Helper()
	r, err := b.feed.ListChanges(b.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", AfterCursor: cursor, PageSize: 5000})
	must(b, err)
	return r.GetChanges()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks the reason of an error.
func refused(t testing.TB, what string, err error, want fault.Reason) *fault.Error {
	t.Helper()
	f := rpc.Fault(err)
	if f == nil {
		t.Fatalf("%s: no error, want %s", what, fault.ReasonName(want))
	}
	if f.Reason != want {
		t.Fatalf("%s: got %v, want %s", what, f, fault.ReasonName(want))
	}
	return f
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, url string }{
		"no database": {}, "both databases": {"x", "postgres://nobody@127.0.0.1:1/none"},
	} {
		config := identity.Config{Settings: identity.Defaults(), DatabasePath: c.path}
		config.DatabaseURL, config.ScanLimit, config.ChangeRetention = secret.Text(c.url), -1, -1
		_, err := identity.New(t.Context(), config, identity.Dependencies{})
		for _, key := range []string{"database_url", "identity.scan_limit", "identity.change_retention"} {
			if err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v does not name %s", name, err, key)
			}
		}
	}
}

func TestTheMemoryInFlightHasRoomForTheLargestGroup(t *testing.T) {
	t.Parallel()
	const largest = 104 << 20
	for name, c := range map[string]struct {
		all, share int64
		want       string // of the problem; empty for none
	}{
		"less than the largest group takes":  {largest - 1, largest - 1, `identity.in_flight_share_bytes must be 0, or at least 109051904, which the largest group takes, not "109051903"`},
		"a share of less than that":          {largest, largest - 1, "must be 0, or at least 109051904"},
		"a share that is more than there is": {largest, largest + 1, `in_flight_share_bytes must be at most identity.in_flight_bytes, 109051904, not "109051905"`},
		"less than nothing":                  {-1, -1, `identity.in_flight_bytes must be 0, or at least 109051904, which the largest group takes, not "-1"`},
		"the defaults":                       {0, 0, ""},
		"just enough":                        {largest, largest, ""},
		"a share by default":                 {largest, 0, ""},
	} {
		s := identity.Defaults()
		s.InFlightBytes, s.InFlightShareBytes = c.all, c.share
		err := s.Check().Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClosingTwiceIsSafe(t *testing.T) {
	t.Parallel()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	s, err := identity.New(t.Context(), identity.Config{Settings: identity.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "identity.db")},
		identity.Dependencies{Directory: channel.As(commonv1.Caller_CALLER_IDENTITY), Tracing: noop.NewTracerProvider(), Now: time.Now})
	must(t, err)
	s.Stop()
	must(t, errors.Join(s.Close(), s.Close()))
}

func adoptingByName(d *directoryv1.Directory) { d.AdoptByName = proto.Bool(true) }

func uniqueGroupNames(d *directoryv1.Directory) { d.UniqueGroupNames = proto.Bool(true) }

func strict(d *directoryv1.Directory) { d.Mode = directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT }
