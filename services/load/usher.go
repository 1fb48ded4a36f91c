package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/app"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// serveUsher is an Usher as `usher serve` runs it, with the defaults of production but for what the environment says.
func serveUsher(ctx context.Context) error {
	s := app.Defaults()
	if err := config.Load(&s, config.Source{Environ: os.Environ()}); err != nil {
		return err
	}
	t, err := telemetry.New(ctx, telemetry.Config{Logs: os.Stderr})
	if err != nil {
		return err
	}
	a, err := app.Start(ctx, s, app.Options{Telemetry: t, OpenAPI: []byte("{}"), Now: time.Now})
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(app.Ballast())
	at := addresses{SCIM: a.SCIMAddr(), GRPC: a.GRPCAddr(), Ops: a.OpsAddr()}
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
	return errors.Join(err, a.Stop(stopping), t.Shutdown(stopping))
}

// backend are the services behind the gateway, each after those that it calls.
var backend = []commonv1.Caller{
	commonv1.Caller_CALLER_DIRECTORY, commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_FAILEDEVENTS, commonv1.Caller_CALLER_RULE,
}

const (
	organization  = "load"
	operatorToken = "the operator of the load measurements"
)

// account is a directory and its key.
type account struct{ directory, key string }

// usher is a running one, with a directory of users.
type usher struct {
	options
	who         string
	processes   []*process // the gateway's last
	public      *grpc.ClientConn
	account     account
	connections *connections

	users   int
	id      func(n int) string // of a user
	group   func(n int) string // of a group: smallGroups of 10 members, then the large one
	created atomic.Int64
}

// startUsher starts one on a PostgreSQL database, or on SQLite where database is empty.
func startUsher(ctx context.Context, c options, folder, setup, database string) (u *usher, err error) {
	u = &usher{options: c, who: setup}
	setup, before := strings.CutSuffix(setup, beforeSuffix)
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if before {
		binary = c.before
	}
	common := []string{
		"USHER_OPERATOR_TOKEN=" + operatorToken, "USHER_MIGRATE=true", "USHER_GATEWAY__RATE_PER_SECOND=0", "USHER_SHUTDOWN_DELAY=0s",
		"USHER_OPS_ADDR=127.0.0.1:0", "USHER_SCIM_ADDR=127.0.0.1:0", "USHER_ADMIN_ADDR=127.0.0.1:0", "USHER_GRPC_ADDR=127.0.0.1:0",
	}
	if database != "" {
		common = append(common, "USHER_DATABASE_URL="+database)
	}
	start := func(name string, env ...string) error {
		name = fmt.Sprintf("%s-%s", filepath.Base(folder), name)
		env = append(append(env, common...), "USHER_DATA_DIR="+filepath.Join(folder, name))
		p, err := startBinary(ctx, binary, folder, name, usherRole, env...)
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

// startSplit starts a process a service, each after those that it calls, whose addresses it then knows.
func startSplit(folder string, common *[]string, start func(name string, env ...string) error, u *usher) error {
	certified := filepath.Join(folder, "certificates")
	authority, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	if err == nil {
		err = authority.Write(certified, time.Now(), append(backend, commonv1.Caller_CALLER_GATEWAY)...)
	}
	if err != nil {
		return err
	}
	*common = append(*common, "USHER_CERTIFICATES_DIR="+certified, "USHER_PUBLIC_URL=http://load.test")
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

// createDirectory makes the organization and its directory.
func (u *usher) createDirectory(ctx context.Context) (account, error) {
	ctx = u.asOperator(ctx)
	_, err := directoryv1.NewOrganizationServiceClient(u.public).CreateOrganization(ctx,
		&directoryv1.CreateOrganizationRequest{OrganizationId: organization, Federated: true})
	if err != nil {
		return account{}, err
	}
	made, err := directoryv1.NewDirectoryServiceClient(u.public).CreateDirectory(ctx,
		&directoryv1.CreateDirectoryRequest{OrganizationId: organization, DisplayName: "load"})
	return account{made.GetDirectory().GetId(), made.GetApiKey()}, err
}

// open lets SCIM requests be sent to a directory.
func (u *usher) open(a account) {
	u.account = a
	u.connections = connect(u.gateway().SCIM, "Authorization: Bearer "+a.key+"\r\nContent-Type: application/scim+json\r\n")
}

func (u *usher) send(ctx context.Context, client int, method, path, body string, want int, keep bool) (http.Header, []byte, error) {
	return u.connections.send(ctx, client, method, "/scim/v2/"+u.account.directory+path, body, want, keep)
}

// post creates a resource and gives its id.
func (u *usher) post(ctx context.Context, client int, path, body string) (string, error) {
	header, _, err := u.send(ctx, client, http.MethodPost, path, body, http.StatusCreated, false)
	location := header.Get("Location")
	return location[strings.LastIndexByte(location, '/')+1:], err
}

// fillByPosts creates users and groups as an IdP does.
func (u *usher) fillByPosts(ctx context.Context, users int) error {
	ids := make([]string, users)
	var clients sync.WaitGroup
	failures := make(chan error, u.clients)
	for client := range u.clients {
		clients.Go(func() {
			for n := client; n < users; n += u.clients {
				id, err := u.post(ctx, client, "/Users", userBody(fmt.Sprint(n)))
				if err != nil {
					failures <- err
					return
				}
				ids[n] = id
			}
		})
	}
	clients.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	var groups []string
	for _, members := range groupsOf(users) {
		id, err := u.post(ctx, 0, "/Groups", groupBody(fmt.Sprintf("group %d", len(groups)), ids[members.from:members.to]))
		if err != nil {
			return err
		}
		groups = append(groups, id)
	}
	u.users, u.id, u.group = users, func(n int) string { return ids[n] }, func(n int) string { return groups[n] }
	return nil
}

// members are those of a group, by the users' numbers.
type members struct{ from, to int }

const (
	smallGroups = 50
	// largest is how many members the large group has at most; it has half of the users.
	largest = 100_000
	// spare is how many users each client has to itself, to add to groups that they are not in: the last ones.
	spare = 16
	// leastUsers leave room for all of them.
	leastUsers, mostClients = 1000, 30
)

func groupsOf(users int) (all []members) {
	for n := range smallGroups {
		all = append(all, members{10 * n, 10 * (n + 1)})
	}
	return append(all, members{0, largeGroup(users)})
}

func largeGroup(users int) int { return min(users/2, largest) }

// userBody is a user of some 800 bytes, as IdPs send them.
func userBody(name string) string {
	return strings.ReplaceAll(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"ext-NAME","userName":"person.NAME@example.com",`+
		`"active":true,"displayName":"Person NAME","name":{"givenName":"Person","familyName":"Number NAME","formatted":"Person NAME"},`+
		`"title":"Engineer","preferredLanguage":"en-US","emails":[{"primary":true,"type":"work","value":"person.NAME@example.com"}],`+
		`"phoneNumbers":[{"type":"work","value":"+1 555 NAME"}],"addresses":[{"type":"work","locality":"Berlin","country":"DE"}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"NAME","department":"Research"}}`, "NAME", name)
}

func groupBody(name string, members []string) string {
	list := make([]map[string]string, 0, len(members))
	for _, id := range members {
		list = append(list, map[string]string{"value": id})
	}
	text, _ := json.Marshal(map[string]any{ // strings always marshal
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name, "members": list,
	})
	return string(text)
}

// checkTotal compares what a list says with what there is.
func (u *usher) checkTotal(ctx context.Context, want int) error {
	_, body, err := u.send(ctx, 0, http.MethodGet, "/Users?count=0", "", http.StatusOK, true)
	if err != nil {
		return err
	}
	var list struct {
		TotalResults int `json:"totalResults"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	if list.TotalResults != want {
		return fmt.Errorf("a list says that there are %d users, not %d", list.TotalResults, want)
	}
	return nil
}

// settle waits until the rules were applied to all that was written.
func (u *usher) settle(ctx context.Context) error {
	_, err := rulev1.NewAccessServiceClient(u.public).WaitUntilCaughtUp(u.asOperator(ctx), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization})
	return err
}

// The names of what is measured.
const (
	createUser   = "create a user"
	getUser      = "get a user by id"
	filterUsers  = "filter `userName eq`"
	patchUser    = "PATCH one attribute"
	pageOfUsers  = "page of 100 users"
	memberOfMany = "a member in or out, of 50 groups"
	memberOfTen  = "a member in or out, of one group of 10"
)

func memberOfLarge(users int) string {
	return fmt.Sprintf("a member in or out, of one group of %s", thousands(float64(largeGroup(users))))
}

// scatter spreads what is asked for over all users.
func scatter(n, users int) int { return n * 7919 % users }

// operations are what is measured, of a filled one.
func (u *usher) operations() []*operation {
	any := func(client, n int) int { return scatter(client+n*u.clients, u.users) }
	user := func(client, n int) string { return "/Users/" + u.id(any(client, n)) }
	nothing := func(int, int) string { return "" }
	member := func(group func(client, n int) int) *operation {
		return u.operation("", http.MethodPatch, http.StatusNoContent,
			func(client, n int) string { return "/Groups/" + u.group(group(client, n)) },
			func(client, n int) string {
				id := u.id(u.users - 1 - client*spare - n/2%spare)
				op := `"add","path":"members","value":[{"value":"` + id + `"}]`
				if n%2 == 1 {
					op = `"remove","path":"members[value eq \"` + id + `\"]"`
				}
				return patch(op)
			})
	}
	named := func(name string, o *operation) *operation { o.name = name; return o }
	return []*operation{
		u.operation(createUser, http.MethodPost, http.StatusCreated, func(int, int) string { return "/Users" },
			func(int, int) string { return userBody(fmt.Sprintf("new-%d", u.created.Add(1))) }),
		u.operation(getUser, http.MethodGet, http.StatusOK, user, nothing),
		u.operation(filterUsers, http.MethodGet, http.StatusOK, func(client, n int) string {
			return fmt.Sprintf("/Users?filter=userName+eq+%%22person.%d@example.com%%22", any(client, n))
		}, nothing),
		u.operation(patchUser, http.MethodPatch, http.StatusOK, user, func(client, n int) string {
			return patch(fmt.Sprintf(`"replace","path":"title","value":"title %d-%d"`, client, n))
		}),
		u.operation(pageOfUsers, http.MethodGet, http.StatusOK, func(int, int) string { return fmt.Sprintf("/Users?startIndex=1&count=%d", hopPage) }, nothing),
		named(memberOfMany, member(func(client, n int) int { return (client + n/2*u.clients) % smallGroups })),
		named(memberOfTen, member(func(int, int) int { return 0 })),
		named(memberOfLarge(u.users), member(func(int, int) int { return smallGroups })),
	}
}

func patch(operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":` + operation + `}]}`
}

func (u *usher) operation(name, method string, want int, path, body func(client, n int) string) *operation {
	o := &operation{who: u.who, name: name, cpu: u.cpu, take: u.byClients(func(ctx context.Context, client, n int) error {
		_, _, err := u.send(ctx, client, method, path(client, n), body(client, n), want, false)
		return err
	})}
	if method != http.MethodGet {
		o.rest = u.settle
	}
	return o
}

// cpu is the CPU time of its processes, without that of its database.
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
