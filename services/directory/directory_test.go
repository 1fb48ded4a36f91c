package directory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a running directory service with its clients.
type bundle struct {
	*testing.T
	service       *directory.Service
	folder        string
	clock         *clock
	organizations directoryv1.OrganizationServiceClient
	directories   directoryv1.DirectoryServiceClient
	keys          directoryv1.ApiKeyServiceClient
	credentials   directoryv1.ServiceCredentialServiceClient
	lookup        directoryv1.KeyLookupServiceClient
	feed          directoryv1.DirectoryFeedServiceClient
	channel       *rpc.InProcess
	meter         metric.MeterProvider // of services that are opened later

	mu          sync.Mutex
	certain     bool     // the result of the invalidation of keys
	invalidated [][]byte // the digests to invalidate
}

// clock is a time that the test controls.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(t *testing.T, change ...func(*directory.Config)) *bundle {
	t.Helper()
	b := &bundle{T: t, folder: t.TempDir(), clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)}, certain: true}
	b.service = b.open(change...)
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	b.service.Register(channel)
	gateway, identity := channel.As(commonv1.Caller_CALLER_GATEWAY), channel.As(commonv1.Caller_CALLER_IDENTITY)
	b.organizations = directoryv1.NewOrganizationServiceClient(gateway)
	b.directories = directoryv1.NewDirectoryServiceClient(gateway)
	b.keys = directoryv1.NewApiKeyServiceClient(gateway)
	b.credentials = directoryv1.NewServiceCredentialServiceClient(gateway)
	b.lookup = directoryv1.NewKeyLookupServiceClient(gateway)
	b.feed = directoryv1.NewDirectoryFeedServiceClient(identity)
	b.channel = channel
	return b
}

// open opens a service on the bundle's database: a second one is another replica.
func (b *bundle) open(change ...func(*directory.Config)) *directory.Service {
	b.Helper()
	c := directory.Config{Settings: directory.Defaults(), DatabasePath: filepath.Join(b.folder, "directory.db"), PublicURL: "https://usher.test/", AdminURL: "https://admin.usher.test/", Poll: time.Hour}
	for _, each := range change {
		each(&c)
	}
	s, err := directory.New(b.Context(), c, directory.Dependencies{
		Invalidate: b.invalidate, Tracing: noop.NewTracerProvider(), Meter: b.meter, Now: b.clock.Now,
	})
	must(b, err)
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func (b *bundle) invalidate(_ context.Context, digests ...[sha256.Size]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range digests {
		b.invalidated = append(b.invalidated, d[:])
	}
	return b.certain
}

func (b *bundle) setCertain(certain bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.certain = certain
}

// operator returns the context of a call by the operator.
func (b *bundle) operator() context.Context {
	return rpc.WithPrincipal(b.Context(), rpc.Operator("operator"))
}

func (b *bundle) organization(id string) {
	b.Helper()
	_, err := b.organizations.CreateOrganization(b.operator(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: id, Federated: proto.Bool(true)}})
	must(b, err)
}

func (b *bundle) tryCreate(r *directoryv1.CreateDirectoryRequest) (*directoryv1.CreateDirectoryResponse, error) {
	if r.OrganizationId = "acme"; r.Directory == nil {
		r.Directory = &directoryv1.Directory{}
	}
	r.Directory.DisplayName = proto.String("Entra ID")
	return b.directories.CreateDirectory(b.operator(), r)
}

// directory creates a directory of acme.
func (b *bundle) directory() *directoryv1.CreateDirectoryResponse {
	b.Helper()
	r, err := b.tryCreate(&directoryv1.CreateDirectoryRequest{ReplaceNone: true})
	must(b, err)
	return r
}

func (b *bundle) deleteDirectory(id string) *directoryv1.Directory {
	b.Helper()
	r, err := b.directories.DeleteDirectory(b.operator(), &directoryv1.DeleteDirectoryRequest{OrganizationId: "acme", Id: id})
	must(b, err)
	return r.GetDirectory()
}

// resolve resolves a secret.
func (b *bundle) resolve(secret string) (*directoryv1.ResolveKeyResponse, error) {
	digest := sha256.Sum256([]byte(secret))
	return b.lookup.ResolveKey(b.Context(), &directoryv1.ResolveKeyRequest{KeyDigest: digest[:]})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, what string, err error, want fault.Reason) *fault.Error {
	t.Helper()
	f := rpc.Fault(err)
	if f == nil || f.Reason != want {
		t.Fatalf("%s: got %v, want %s", what, err, fault.ReasonName(want))
	}
	return f
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, url string }{
		"no database": {}, "both databases": {"x", "postgres://nobody@127.0.0.1:1/none"},
	} {
		config := directory.Config{
			Settings: directory.Defaults(), DatabasePath: c.path, PublicURL: "ftp://x", AdminURL: "admin", Lease: time.Minute, ClockSkew: -1, Poll: -1,
		}
		config.DatabaseURL, config.DatabaseConnections = secret.Text(c.url), -1
		_, err := directory.New(t.Context(), config, directory.Dependencies{})
		for _, key := range []string{"database_url", "directory.database_connections", "public_url", "admin_url", "the lease", "the clock skew", "the poll interval"} {
			if err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v does not name %s", name, err, key)
			}
		}
	}
}

// Invariant 3.
func TestACreatedDirectoryShowsItsAddressAlwaysAndItsSecretOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	id := made.GetDirectory().GetId()
	equal(t, "base URL", made.GetDirectory().GetBaseUrl(), "https://usher.test/scim/v2/"+id)
	got, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: id})
	must(t, err)
	equal(t, "as read", got.GetDirectory(), made.GetDirectory())
	equal(t, "its base URL", got.GetDirectory().GetBaseUrl(), made.GetDirectory().GetBaseUrl())
	keys, err := b.keys.ListApiKeys(b.operator(), &directoryv1.ListApiKeysRequest{OrganizationId: "acme", DirectoryId: id})
	must(t, err)
	equal(t, "how many keys", len(keys.GetApiKeys()), 1)
	equal(t, "the key", keys.GetApiKeys()[0].GetId(), made.GetApiKey().GetId())
	if strings.Contains(keys.String()+got.String(), made.GetSecret()) {
		t.Error("the secret is shown a second time")
	}
	opened, err := b.resolve(made.GetSecret())
	must(t, err)
	equal(t, "what the key opens", []string{opened.GetDirectory().GetOrganizationId(), opened.GetDirectory().GetDirectoryId(), opened.GetDirectory().GetApiKeyId()}, []string{"acme", id, made.GetApiKey().GetId()})
}

// Invariant 1.
func TestOnlyAFederatedOrganizationGetsDirectories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.organizations.CreateOrganization(b.operator(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "acme"}})
	must(t, err)
	_, err = b.tryCreate(&directoryv1.CreateDirectoryRequest{})
	refused(t, "creating", err, fault.NotFederated)
}

func TestANewDirectoryReplacesByDefaultTheOnlyReplaceableOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	first, second := b.directory().GetDirectory().GetId(), b.directory().GetDirectory().GetId()
	b.deleteDirectory(first)
	heir, err := b.tryCreate(&directoryv1.CreateDirectoryRequest{})
	must(t, err)
	equal(t, "what it replaces", heir.GetDirectory().GetReplacesId(), first)
	for name, id := range map[string]string{"a live one": second, "a replaced one": first, "none that there is": ids.New()} {
		_, err = b.tryCreate(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{ReplacesId: id}})
		refused(t, "replacing "+name, err, fault.NotReplaceable)
	}
	b.deleteDirectory(second)
	named, err := b.tryCreate(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{ReplacesId: strings.ToUpper(second)}})
	must(t, err)
	equal(t, "what it replaces when named", named.GetDirectory().GetReplacesId(), second)
}

// Invariant 1.
func TestAnOrganizationThatStopsBeingFederatedHasItsDirectoriesSuspended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	for _, federated := range []bool{false, true} {
		_, err := b.organizations.UpdateOrganization(b.operator(), &directoryv1.UpdateOrganizationRequest{
			OrganizationId: "acme", Organization: &directoryv1.Organization{Federated: proto.Bool(federated)}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"federated"}},
		})
		must(t, err)
		opened, err := b.resolve(made.GetSecret())
		must(t, err)
		equal(t, "suspended", opened.GetDirectory().GetSuspended(), !federated)
		got, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetDirectory().GetId()})
		must(t, err)
		equal(t, "its state", got.GetDirectory().GetState() == directoryv1.DirectoryState_DIRECTORY_STATE_SUSPENDED, !federated)
	}
}

func TestUpdatesChangeOnlyTheNamedFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	id := b.directory().GetDirectory().GetId()
	update := func(d *directoryv1.Directory, mask ...string) (*directoryv1.Directory, error) {
		r, err := b.directories.UpdateDirectory(b.operator(), &directoryv1.UpdateDirectoryRequest{
			OrganizationId: "acme", Id: id, Directory: d, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
		})
		return r.GetDirectory(), err
	}
	strict := directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
	for _, c := range []struct {
		name string
		d    *directoryv1.Directory
		mask []string
		want []any
	}{
		{"the name alone", &directoryv1.Directory{DisplayName: proto.String("Okta"), Mode: strict, UniqueGroupNames: proto.Bool(true)}, []string{"display_name"}, []any{"Okta", false, false}},
		{"the mode alone", &directoryv1.Directory{DisplayName: proto.String("x"), Mode: strict}, []string{"mode"}, []any{"Okta", true, false}},
		{"unique names alone", &directoryv1.Directory{UniqueGroupNames: proto.Bool(true)}, []string{"unique_group_names"}, []any{"Okta", true, true}},
		{"what is set", &directoryv1.Directory{DisplayName: proto.String("Ping")}, nil, []any{"Ping", true, true}},
		{"a false that is set", &directoryv1.Directory{UniqueGroupNames: proto.Bool(false)}, nil, []any{"Ping", true, false}},
		{"nothing", &directoryv1.Directory{}, nil, []any{"Ping", true, false}},
		{"adoption by name alone", &directoryv1.Directory{AdoptByName: proto.Bool(true)}, []string{"adopt_by_name"}, []any{"Ping", true, false, true}},
		{"no adoption by name", &directoryv1.Directory{AdoptByName: proto.Bool(false)}, nil, []any{"Ping", true, false}},
	} {
		got, err := update(c.d, c.mask...)
		must(t, err)
		if len(c.want) == 3 {
			c.want = append(c.want, false)
		}
		equal(t, c.name, []any{got.GetDisplayName(), got.GetMode() == strict, got.GetUniqueGroupNames(), got.GetAdoptByName()}, c.want)
	}
	for _, c := range []struct {
		name, field string
		d           *directoryv1.Directory
		mask        []string
	}{
		{"a field that can't be changed", "update_mask", &directoryv1.Directory{}, []string{"state"}},
		{"a named field without a value", "directory.display_name", &directoryv1.Directory{}, []string{"display_name"}},
		{"an empty name", "directory.display_name", &directoryv1.Directory{DisplayName: proto.String("")}, []string{"display_name"}},
		{"an empty name without a mask", "directory.display_name", &directoryv1.Directory{DisplayName: proto.String("")}, nil},
		{"too long a name", "directory.display_name", &directoryv1.Directory{DisplayName: proto.String(strings.Repeat("ü", 201))}, nil},
		{"a mode that there is none of", "directory.mode", &directoryv1.Directory{Mode: 7}, []string{"mode"}},
	} {
		_, err := update(c.d, c.mask...)
		f := refused(t, c.name, err, fault.InvalidRequest)
		if len(f.Fields) != 1 || f.Fields[0].Path != c.field {
			t.Errorf("%s: the error names %v", c.name, f.Fields)
		}
	}
	_, err := update(&directoryv1.Directory{DisplayName: proto.String(strings.Repeat("ü", 200))})
	must(t, err)
	b.deleteDirectory(id)
	_, err = update(&directoryv1.Directory{DisplayName: proto.String("x")})
	refused(t, "updating a deleted one", err, fault.Deleted)
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var organizations, directories []string
	for n := range 5 {
		organizations = append(organizations, fmt.Sprint("org", n))
		b.organization(organizations[n])
	}
	b.organization("acme")
	for range 5 {
		directories = append(directories, b.directory().GetDirectory().GetId())
	}
	b.deleteDirectory(directories[2])
	walk := func(page func(token string) ([]string, string, error)) []string {
		var all []string
		for token := ""; ; {
			some, next, err := page(token)
			must(t, err)
			if all = append(all, some...); next == "" {
				return all
			}
			token = next
		}
	}
	equal(t, "organizations", walk(func(token string) (found []string, next string, err error) {
		r, err := b.organizations.ListOrganizations(b.operator(), &directoryv1.ListOrganizationsRequest{PageSize: 2, PageToken: token})
		for _, o := range r.GetOrganizations() {
			found = append(found, o.GetId())
		}
		return found, r.GetNextPageToken(), err
	}), append([]string{"acme"}, organizations...))
	list := func(deleted bool) func(token string) ([]string, string, error) {
		return func(token string) (found []string, next string, err error) {
			r, err := b.directories.ListDirectories(b.operator(), &directoryv1.ListDirectoriesRequest{
				OrganizationId: "acme", PageSize: 2, PageToken: token, ShowDeleted: deleted,
			})
			for _, d := range r.GetDirectories() {
				found = append(found, d.GetId())
			}
			return found, r.GetNextPageToken(), err
		}
	}
	equal(t, "all directories", walk(list(true)), directories)
	equal(t, "those that are not deleted", walk(list(false)), append(append([]string{}, directories[:2]...), directories[3:]...))
	_, token, err := list(true)("")
	must(t, err)
	_, _, err = list(false)(token)
	refused(t, "a token of another list", err, fault.PageToken)
}

// Invariant 3.
func TestNoSecretIsInTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	added, err := b.keys.CreateApiKey(b.operator(), &directoryv1.CreateApiKeyRequest{OrganizationId: "acme", DirectoryId: made.GetDirectory().GetId(), ApiKey: &directoryv1.ApiKey{}})
	must(t, err)
	credential := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	must(t, b.service.Close()) // everything is in the files now
	files, err := os.ReadDir(b.folder)
	must(t, err)
	var stored []byte
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(b.folder, file.Name()))
		must(t, err)
		stored = append(stored, content...)
	}
	for _, secret := range []string{made.GetSecret(), added.GetSecret(), credential.GetSecret()} {
		digest := sha256.Sum256([]byte(secret))
		if !bytes.Contains(stored, digest[:]) {
			t.Error("the digest is not in the files: they are not the database")
		}
		// Neither the whole secret, nor a part without its prefix, its checksum or one half.
		random := secret[len("ush_"):][:43]
		for _, part := range []string{secret, random, random[:21], random[21:]} {
			if bytes.Contains(stored, []byte(part)) {
				t.Errorf("%d characters of a secret are in the files", len(part))
			}
		}
	}
}
