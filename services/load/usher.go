package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// serveUsher runs an Usher as `usher serve` does, with the defaults of production except for the settings in the environment.
func serveUsher(ctx context.Context) error {
	s := app.Defaults()
	s.Profiles = true
	if err := config.Load(&s, config.Source{Environ: os.Environ()}); err != nil {
		return err
	}
	t, err := telemetry.New(ctx, telemetry.Config{Service: s.ServiceName(), Logs: os.Stderr, StatementsOver: s.TraceStatementsOver})
	if err != nil {
		return err
	}
	a, err := app.Start(ctx, s, app.Options{Telemetry: t, Now: time.Now})
	if err != nil {
		return err
	}
	app.PaceCollector(s)
	at := addresses{SCIM: a.SCIMAddr(), Admin: a.AdminAddr(), GRPC: a.GRPCAddr(), Ops: a.OpsAddr()}
	for _, service := range backend {
		at.Service += a.ServiceAddr(service)
	}
	if err := announce(at); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-a.Failed():
	}
	stopping, cancel := context.WithTimeout(context.Background(), s.ShutdownTimeout)
	defer cancel()
	err = errors.Join(err, a.Stop(stopping))
	t.Shutdown(stopping)
	return err
}

// backend lists the services behind the gateway, each one after those that it calls.
var backend = []commonv1.Caller{
	commonv1.Caller_CALLER_DIRECTORY, commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_FAILEDEVENTS, commonv1.Caller_CALLER_RULE,
}

const (
	organization  = "load"
	operatorToken = "the-operator-of-the-load-measurements"
)

// account is a directory and its key.
type account struct {
	Directory string `json:"directory"`
	Key       string `json:"key"`
}

// usher is a running Usher with a directory of users.
type usher struct {
	options
	who         string
	processes   []*process // the gateway is the last one
	data        string     // the folder with the files of the last one
	public      *grpc.ClientConn
	account     account
	connections *connections

	users   int          // that were filled in
	created atomic.Int64 // by POST since then
}

// startUsher starts an Usher on a PostgreSQL database, or on SQLite if database is empty.
func startUsher(ctx context.Context, c options, folder, setup, database string) (u *usher, err error) {
	u = &usher{options: c, who: setup}
	common := []string{
		"USHER_OPERATOR_TOKEN=" + operatorToken, "USHER_MIGRATE=true", "USHER_GATEWAY__RATE_PER_SECOND=0", "USHER_SHUTDOWN_DELAY=0s",
		"USHER_OPS_ADDR=127.0.0.1:0", "USHER_SCIM_ADDR=127.0.0.1:0", "USHER_ADMIN_ADDR=127.0.0.1:0", "USHER_GRPC_ADDR=127.0.0.1:0",
	}
	if database != "" {
		common = append(common, "USHER_DATABASE_URL="+database)
	}
	start := func(name string, env ...string) error {
		name = fmt.Sprintf("%s-%s", filepath.Base(folder), name)
		u.data = filepath.Join(folder, name)
		env = append(append(env, common...), "USHER_DATA_DIR="+u.data)
		p, err := startProcess(ctx, folder, name, usherRole, env...)
		if err == nil {
			u.processes = append(u.processes, p)
		}
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if setup != splitSetup {
		err = start("all")
	} else {
		err = startSplit(folder, &common, start, u)
	}
	if err == nil {
		u.public, err = grpc.NewClient(u.gateway().GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

// startSplit starts a process per service, each one after those that it calls, so that their addresses are known.
func startSplit(folder string, common *[]string, start func(name string, env ...string) error, u *usher) error {
	certified := filepath.Join(folder, "certificates")
	authority, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	if err == nil {
		err = authority.Write(certified, time.Now(), append(backend, commonv1.Caller_CALLER_GATEWAY)...)
	}
	if err != nil {
		return err
	}
	*common = append(*common, "USHER_CERTIFICATES_DIR="+certified, "USHER_PUBLIC_URL=http://load.test", "USHER_ADMIN_URL=http://admin.load.test")
	for _, service := range backend {
		name := rpc.CallerName(service)
		key := "USHER_" + strings.ToUpper(name)
		if err := start(name, "USHER_TARGET="+name, key+"__LISTEN_ADDR=127.0.0.1:0"); err != nil {
			return err
		}
		*common = append(*common, key+"__ADDR="+u.processes[len(u.processes)-1].Service)
	}
	return start("gateway", "USHER_TARGET=gateway")
}

func (u *usher) gateway() *process { return u.processes[len(u.processes)-1] }

func (u *usher) asOperator(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+operatorToken)
}

// createDirectory creates the organization and its directory.
func (u *usher) createDirectory(ctx context.Context) (account, error) {
	_, err := directoryv1.NewOrganizationServiceClient(u.public).CreateOrganization(u.asOperator(ctx),
		&directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: organization, Federated: proto.Bool(true)}})
	if err != nil {
		return account{}, err
	}
	return u.addDirectory(ctx, "load", "")
}

// addDirectory creates a directory that replaces a deleted one, or none if replaces is empty.
func (u *usher) addDirectory(ctx context.Context, name, replaces string) (account, error) {
	made, err := directoryv1.NewDirectoryServiceClient(u.public).CreateDirectory(u.asOperator(ctx), &directoryv1.CreateDirectoryRequest{
		OrganizationId: organization, Directory: &directoryv1.Directory{DisplayName: proto.String(name), ReplacesId: replaces},
	})
	return account{made.GetDirectory().GetId(), made.GetSecret()}, err
}

// open prepares SCIM requests to a directory.
func (u *usher) open(a account) {
	u.account = a
	u.connections = connect(u.gateway().SCIM, "Authorization: Bearer "+a.Key+"\r\nContent-Type: application/scim+json\r\n")
}

func (u *usher) send(ctx context.Context, client int, method, path, body string, want int, keep bool) ([]byte, error) {
	return u.connections.send(ctx, client, method, "/scim/v2/"+u.account.Directory+path, body, want, keep)
}

// post creates a resource.
func (u *usher) post(ctx context.Context, path, body string) error {
	_, err := u.send(ctx, 0, http.MethodPost, path, body, http.StatusCreated, false)
	return err
}

// members are the members of a group, by the numbers of the users.
type members struct{ from, to int }

const (
	// The number of small groups, and the number of members of each.
	smallGroups, smallGroup = 50, 10
	// largest is the greatest number of members of the large group, which has half of the users. mostMedium is that of the medium group,
	// which has a fiftieth of the users, and none of the large group.
	largest, mostMedium = 250_000, 10_000
	// spare is how many users each client has of its own, to add to groups in which they are not members: the last ones.
	spare = 16
	// leastUsers leaves room for all of these.
	leastUsers, mostClients = 1000, 30
)

// groupsOf returns the small groups, the large one, and the medium one.
func groupsOf(users int) (all []members) {
	for n := range smallGroups {
		all = append(all, members{smallGroup * n, smallGroup * (n + 1)})
	}
	large := largeGroup(users)
	return append(all, members{0, large}, members{large, large + mediumGroup(users)})
}

func largeGroup(users int) int { return min(users/2, largest) }

func mediumGroup(users int) int { return min(users/50, mostMedium) }

// userBody returns a user of about 800 bytes, such as IdPs send.
func userBody(name string) string {
	return strings.ReplaceAll(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"ext-NAME","userName":"person.NAME@example.com",`+
		`"active":true,"displayName":"Person NAME","name":{"givenName":"Person","familyName":"Number NAME","formatted":"Person NAME"},`+
		`"title":"Engineer","preferredLanguage":"en-US","emails":[{"primary":true,"type":"work","value":"person.NAME@example.com"}],`+
		`"phoneNumbers":[{"type":"work","value":"+1 555 NAME"}],"addresses":[{"type":"work","locality":"Berlin","country":"DE"}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"NAME","department":"Research"}}`, "NAME", name)
}

const groupBody = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"` + seedGroup + `"}`

// settle waits until the rules were applied to everything that was written.
func (u *usher) settle(ctx context.Context) error {
	_, err := rulev1.NewAccessServiceClient(u.public).WaitUntilCaughtUp(u.asOperator(ctx), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization})
	return err
}

// cpu returns the CPU time of its processes, without that of its database.
func (u *usher) cpu() time.Duration {
	var pids []int
	for _, p := range u.processes {
		pids = append(pids, p.pid())
	}
	return cpuOf(pids...)
}

func (u *usher) close() error {
	var errs []error
	if u.connections != nil {
		u.connections.close()
	}
	if u.public != nil {
		errs = append(errs, u.public.Close())
	}
	for i := len(u.processes) - 1; i >= 0; i-- {
		errs = append(errs, u.processes[i].stop())
	}
	return errors.Join(errs...)
}
