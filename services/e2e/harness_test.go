package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// demo is the organization that development mode makes.
const demo = "demo"

// topology is how the services of an Usher are spread.
type topology struct {
	split    bool // a process a service, with mutual TLS between them; else one process
	postgres bool // all on one PostgreSQL; else each on SQLite
}

// topologies are the two ways in which the services talk.
var topologies = map[string]topology{"one process": {}, "a process a service": {split: true}}

// setups are those in which every scenario must hold: each topology, and each engine. The third one, a process a service on SQLite,
// is what some tests of faults and of the services' talk run on.
var setups = map[string]topology{
	"one process":                       {},
	"a process a service on PostgreSQL": {split: true, postgres: true},
}

// inEveryTopology runs a scenario on an Usher of its own in each setup.
func inEveryTopology(t *testing.T, scenario func(t *testing.T, u *usher)) {
	t.Helper()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, startUsher(t, setup, nil))
		})
	}
}

// directoryTest is of something that holds in any directory.
type directoryTest struct {
	name string
	test func(t *testing.T, d *directory)
}

// inDirectories runs tests at a time, each in a directory of its own: on an Usher in one process, and on one of a process a
// service on PostgreSQL.
func inDirectories(t *testing.T, tests []directoryTest) {
	t.Helper()
	for _, name := range []string{"one process", "a process a service on PostgreSQL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := startUsher(t, setups[name], nil)
			for _, c := range tests {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.test(t, (&usher{t: t, conn: u.conn, token: u.token, addrs: u.addrs}).newDirectory(nil))
				})
			}
		})
	}
}

// usher is a running Usher with clients of an operator.
type usher struct {
	t     *testing.T
	conn  *grpc.ClientConn
	token string
	addrs addresses

	database string // where identity keeps its data: a SQLite file, or the URL of a PostgreSQL database
	folder   string // where all services keep theirs; empty on PostgreSQL
}

// addresses are where an Usher listens.
type addresses struct{ SCIM, Admin, GRPC, Ops string }

const (
	// quickLease keeps revocations between processes short, which wait for leases to run out.
	quickLease = time.Second
	// operatorToken is the token of every Usher that is tested.
	operatorToken = "the-operator-of-the-end-to-end-tests"
	// anyPort lets the system choose.
	anyPort = "127.0.0.1:0"
)

// startUsher runs one within this process, in a data folder of its own. Where it is split, each service has an App of its
// own, and they speak over TCP as they would between processes. tel is where spans and logs go; nil is nowhere.
func startUsher(t *testing.T, setup topology, tel *telemetry.Telemetry) *usher {
	t.Helper()
	return startUsherAt(t, setup, tel, time.Now, func(*app.Settings) {})
}

// startUsherAt is startUsher with a clock, and with changes of the settings.
func startUsherAt(t *testing.T, setup topology, tel *telemetry.Telemetry, now func() time.Time, change func(*app.Settings)) *usher {
	t.Helper()
	if tel == nil {
		tel = quiet(t)
	}
	s := testSettings(t.TempDir())
	change(&s)
	if setup.postgres {
		// The start migrates it.
		s.DatabaseURL = secret.Text(kit.Postgres(t, "usher", func(context.Context, string) error { return nil }))
	}
	u := &usher{t: t, token: operatorToken, database: string(s.DatabaseURL)}
	if u.database == "" {
		u.folder = s.DataDir
		u.database = filepath.Join(s.DataDir, "identity.db")
		if setup.split {
			u.database = filepath.Join(s.DataDir, "identity", "identity.db")
		}
	}
	if !setup.split {
		a := startAppAt(t, s, tel, now)
		u.addrs = addresses{SCIM: a.SCIMAddr(), Admin: a.AdminAddr(), GRPC: a.GRPCAddr(), Ops: a.OpsAddr()}
		u.connect()
		return u
	}
	s.CertificatesDir = certificatesFor(t)
	s.SCIMAddr = freeAddr(t)
	s.PublicURL = "http://" + s.SCIMAddr
	s.AdminAddr = freeAddr(t)
	s.AdminURL = "http://" + s.AdminAddr
	folder := s.DataDir
	// Each starts after those that it calls, whose addresses it then knows.
	for _, service := range []struct {
		caller commonv1.Caller
		of     *config.Service
	}{
		{commonv1.Caller_CALLER_DIRECTORY, &s.Directory.Service},
		{commonv1.Caller_CALLER_FAILEDEVENTS, &s.FailedEvents.Service},
		{commonv1.Caller_CALLER_IDENTITY, &s.Identity.Service},
		{commonv1.Caller_CALLER_RULE, &s.Rule.Service},
		{commonv1.Caller_CALLER_GATEWAY, &config.Service{}},
	} {
		name := rpc.CallerName(service.caller)
		service.of.ListenAddr = anyPort
		s.Target, s.DataDir = []string{name}, filepath.Join(folder, name)
		a := startAppAt(t, s, tel, now)
		service.of.Addr = a.ServiceAddr(service.caller)
		u.addrs = addresses{SCIM: a.SCIMAddr(), Admin: a.AdminAddr(), GRPC: a.GRPCAddr(), Ops: a.OpsAddr()}
	}
	u.connect()
	u.seed()
	return u
}

// startApp starts a part of an Usher, and stops it with the test.
func startApp(t *testing.T, s app.Settings, tel *telemetry.Telemetry) *app.App {
	t.Helper()
	return startAppAt(t, s, tel, time.Now)
}

func startAppAt(t *testing.T, s app.Settings, tel *telemetry.Telemetry, now func() time.Time) *app.App {
	t.Helper()
	a, err := app.Start(t.Context(), s, app.Options{Telemetry: tel, Now: now, Lease: quickLease, ClockSkew: quickLease / 4})
	if err != nil {
		t.Fatalf("starting: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
		select {
		case err := <-a.Failed():
			t.Errorf("a part ended on its own: %v", err)
		default:
		}
	})
	return a
}

func testSettings(dataDir string) app.Settings {
	s := app.DevelopmentDefaults()
	s.DataDir, s.OperatorToken = dataDir, operatorToken
	s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = anyPort, anyPort, anyPort, anyPort
	return s
}

// certificatesFor makes a folder of certificates of all services.
func certificatesFor(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certificates")
	authority, err := certificates.NewAuthority(time.Now(), time.Hour)
	if err == nil {
		err = authority.Write(folder, time.Now(), commonv1.Caller_CALLER_GATEWAY, commonv1.Caller_CALLER_DIRECTORY,
			commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_RULE, commonv1.Caller_CALLER_FAILEDEVENTS)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// lastPort is the last one that freeAddr gave out. They are below those that the system gives to connections.
var lastPort atomic.Int32

// freeAddr gives a loopback address that nothing listens on, each once.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12_000+(int(lastPort.Add(1))+os.Getpid()*97)%18_000)
		if listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr); err == nil {
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			return addr
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// quiet logs nowhere.
func quiet(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// connect makes the operator's gRPC connection.
func (u *usher) connect() {
	u.t.Helper()
	var err error
	u.conn, err = grpc.NewClient("dns:///"+u.addrs.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { u.conn.Close() })
}

// seed writes the demo data, where the start did not.
func (u *usher) seed() {
	u.t.Helper()
	if err := app.SeedDemo(u.ctx(), u.conn, u.conn); err != nil {
		u.t.Fatalf("writing the demo data: %v", err)
	}
}

// ctx is a context of the operator, with a deadline that only a hang reaches.
func (u *usher) ctx() context.Context {
	ctx, cancel := context.WithTimeout(u.t.Context(), 2*time.Minute)
	u.t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+u.token)
}

func (u *usher) directories() directoryv1.DirectoryServiceClient {
	return directoryv1.NewDirectoryServiceClient(u.conn)
}
func (u *usher) keys() directoryv1.ApiKeyServiceClient {
	return directoryv1.NewApiKeyServiceClient(u.conn)
}
func (u *usher) rules() rulev1.RuleServiceClient    { return rulev1.NewRuleServiceClient(u.conn) }
func (u *usher) syncs() rulev1.SyncServiceClient    { return rulev1.NewSyncServiceClient(u.conn) }
func (u *usher) access() rulev1.AccessServiceClient { return rulev1.NewAccessServiceClient(u.conn) }
func (u *usher) read() identityv1.ReadServiceClient { return identityv1.NewReadServiceClient(u.conn) }
func (u *usher) events() failedeventsv1.FailedEventServiceClient {
	return failedeventsv1.NewFailedEventServiceClient(u.conn)
}

// directory is a directory as an IdP sees it.
type directory struct {
	u                *usher
	id, baseURL, key string
	http             *http.Client
}

// newDirectory creates one in the demo organization.
func (u *usher) newDirectory(request *directoryv1.CreateDirectoryRequest) *directory {
	u.t.Helper()
	if request == nil {
		request = &directoryv1.CreateDirectoryRequest{}
	}
	request.OrganizationId = demo
	if request.Directory == nil {
		request.Directory = &directoryv1.Directory{}
	}
	if request.GetDirectory().GetDisplayName() == "" {
		request.Directory.DisplayName = proto.String(u.t.Name())
	}
	r, err := u.directories().CreateDirectory(u.ctx(), request)
	if err != nil {
		u.t.Fatalf("creating a directory: %v", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	u.t.Cleanup(transport.CloseIdleConnections)
	return &directory{
		u: u, id: r.GetDirectory().GetId(), baseURL: r.GetDirectory().GetBaseUrl(), key: r.GetSecret(), http: &http.Client{Transport: transport},
	}
}

// answer is what an IdP gets.
type answer struct {
	status    int
	header    http.Header
	body      map[string]any
	raw       []byte
	messageID string
	cursor    string
}

func (a answer) str(key string) string { s, _ := a.body[key].(string); return s }

// try sends one message and gives the answer, or the error of the connection.
func (d *directory) try(ctx context.Context, method, path, body string) (answer, error) {
	return d.tryWith(ctx, method, path, body, nil)
}

// tryWith sends one message with these headers, besides the usual ones or in their place.
func (d *directory) tryWith(ctx context.Context, method, path, body string, headers map[string]string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, d.baseURL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+d.key)
	request.Header.Set("Content-Type", "application/scim+json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := d.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{
		status: response.StatusCode, header: response.Header, raw: raw,
		messageID: response.Header.Get("Usher-Message-Id"), cursor: response.Header.Get("Usher-Change-Cursor"),
	}
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			return a, fmt.Errorf("the body is no JSON object: %q", raw)
		}
	}
	return a, nil
}

// send sends one message that must be answered with this status.
func (d *directory) send(method, path, body string, want int) answer {
	d.u.t.Helper()
	a, err := d.try(d.u.t.Context(), method, path, body)
	if err != nil {
		d.u.t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != want {
		d.u.t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.status, want, a.raw)
	}
	return a
}

// user creates a user and gives its id.
func (d *directory) user(userName string) string {
	d.u.t.Helper()
	return d.send("POST", "/Users", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"externalId":%q}`,
		userName, "ext-"+userName), http.StatusCreated).str("id")
}

// group creates a group with members and gives its id.
func (d *directory) group(name string, members ...string) string {
	d.u.t.Helper()
	body := map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name}
	var list []map[string]string
	for _, m := range members {
		list = append(list, map[string]string{"value": m})
	}
	if list != nil {
		body["members"] = list
	}
	return d.send("POST", "/Groups", jsonText(body), http.StatusCreated).str("id")
}

// patch sends a PATCH of one operation.
func (d *directory) patch(path, op, target string, value any, want int) answer {
	d.u.t.Helper()
	return d.send("PATCH", path, patchBody(op, target, value), want)
}

func patchBody(op, target string, value any) string {
	operation := map[string]any{"op": op}
	if target != "" {
		operation["path"] = target
	}
	if value != nil {
		operation["value"] = value
	}
	return jsonText(map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{operation},
	})
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // the tests' own values marshal
	}
	return string(text)
}

// caughtUp waits until access is up to date with all that was sent.
func (u *usher) caughtUp() {
	u.t.Helper()
	if _, err := u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{
		OrganizationId: demo, Timeout: durationpb.New(time.Minute),
	}); err != nil {
		u.t.Fatalf("waiting for access: %v", err)
	}
}

// held lists effective access as "user tenant/role", with ids for users, sorted by the server.
func (u *usher) held() map[string]bool {
	u.t.Helper()
	all := map[string]bool{}
	for token := ""; ; {
		r, err := u.access().ListAccess(u.ctx(), &rulev1.ListAccessRequest{OrganizationId: demo, PageToken: token, PageSize: 1000})
		if err != nil {
			u.t.Fatalf("listing access: %v", err)
		}
		for _, a := range r.GetAccess() {
			if a.GetEffective() {
				all[a.GetUserId()+" "+a.GetTenantId()+"/"+a.GetRoleId()] = true
			}
		}
		if token = r.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// allowed asks for one role of one user in the production tenant.
func (u *usher) allowed(userID, role string) bool {
	u.t.Helper()
	r, err := u.access().CheckAccess(u.ctx(), &rulev1.CheckAccessRequest{OrganizationId: demo, UserId: userID, TenantId: "production", RoleId: role})
	if err != nil {
		u.t.Fatalf("checking access: %v", err)
	}
	return r.GetAllowed()
}

// place reads a cursor, which is opaque to others.
func (u *usher) place(cursor string) feed.Cursor {
	u.t.Helper()
	at, err := feed.Parse(cursor)
	if err != nil {
		u.t.Fatal(err)
	}
	return at
}

// accessChanges reads the access feed up to its end.
func (u *usher) accessChanges(after string) (changes []*rulev1.AccessChange) {
	u.t.Helper()
	end, err := u.access().GetAccessCursor(u.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
	if err != nil {
		u.t.Fatal(err)
	}
	if end.GetCursor() == after {
		return nil
	}
	ctx, cancel := context.WithCancel(u.ctx())
	defer cancel()
	stream, err := u.access().WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: demo, AfterCursor: after})
	if err != nil {
		u.t.Fatal(err)
	}
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			u.t.Fatal("the watch ended")
		}
		if err != nil {
			u.t.Fatalf("watching access: %v", err)
		}
		if r.GetChange() != nil {
			changes = append(changes, r.GetChange())
		}
		// Other transactions of the server may have moved the end on meanwhile.
		if at := u.place(r.GetCursor()); !at.Before(u.place(end.GetCursor())) {
			return changes
		}
	}
}
