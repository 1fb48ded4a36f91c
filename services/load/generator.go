package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// A generator is this binary in a role of this name. It drives one Usher, in turns that its parent process requests. It only uses the
// public API, so that the generator of another commit does the same with the Usher of that commit.
//
// systemVariable contains the Usher, a system as JSON. The generator writes a line of JSON, a prepared, when it is ready. Then it reads
// lines "run OPERATION SECONDS" from its standard input, to its end, and answers each with a line, a turn.

const generatorRole = "generator"

// systemVariable tells a generator which Usher to drive.
const systemVariable = "LOAD_SYSTEM"

// system is a running Usher, with the addresses and the token to drive it.
type system struct {
	SCIM    string `json:"scim"` // host:port
	GRPC    string `json:"grpc"` // host:port
	Token   string `json:"token"`
	Clients int    `json:"clients"`
	Users   int    `json:"users"`
}

// prepared says that a generator can take turns, or why it cannot.
type prepared struct {
	Operations []string `json:"operations,omitempty"`
	Error      string   `json:"error,omitempty"`
}

// turn is the result of a turn.
type turn struct {
	Done   int           `json:"done"`   // how often the operation was done
	Median time.Duration `json:"median"` // of the operation's duration, in nanoseconds
	Error  string        `json:"error,omitempty"`
}

// parseRun parses "run OPERATION SECONDS".
func parseRun(line string) (operation string, length time.Duration, err error) {
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "run" {
		return "", 0, fmt.Errorf("a line must be: run OPERATION SECONDS, not %q", line)
	}
	seconds, err := strconv.ParseFloat(words[2], 64)
	if err != nil || !(seconds > 0 && seconds <= mostSeconds) {
		return "", 0, fmt.Errorf("the seconds must be a number above 0, and %d at most, not %q", mostSeconds, words[2])
	}
	return words[1], time.Duration(seconds * float64(time.Second)), nil
}

// mostSeconds is the greatest length of a turn.
const mostSeconds = 600

func formatRun(operation string, length time.Duration) string {
	return fmt.Sprintf("run %s %g\n", operation, length.Seconds())
}

// generate runs the role of the generator for a system, as JSON.
func generate(ctx context.Context, of string, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	g, err := newGenerator(ctx, of)
	if err != nil {
		return errors.Join(err, answers.Encode(prepared{Error: err.Error()}))
	}
	defer g.close()
	if err := answers.Encode(prepared{Operations: slices.Sorted(maps.Keys(g.operations))}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var t turn
		operation, length, err := parseRun(lines.Text())
		if err == nil {
			t, err = g.turn(ctx, operation, length)
		}
		if err != nil {
			t = turn{Error: err.Error()}
		}
		if err := answers.Encode(t); err != nil {
			return err
		}
	}
	return nil
}

// generator drives an Usher with an organization, a directory and a key of its own.
type generator struct {
	system
	public      *grpc.ClientConn
	connections *connections
	base        string // path of the directory
	users       []string
	group       string
	created     atomic.Int64
	operations  map[string]func(ctx context.Context, client, n int) error
	done        map[string][]int // how often each client has done it, in all turns
}

const (
	generatorTenant, generatorRoleID = "product", "developer"
	// groupMembers is how many users are in the group that the rule names.
	groupMembers = 100
)

func newGenerator(ctx context.Context, of string) (_ *generator, err error) {
	g := &generator{done: map[string][]int{}}
	if err := json.Unmarshal([]byte(of), &g.system); err != nil {
		return nil, fmt.Errorf("%s: %w", systemVariable, err)
	}
	if g.Clients < 1 || g.Clients > mostClients || g.Users < leastUsers {
		return nil, fmt.Errorf("%s: 1 to %d clients and %d users or more are needed", systemVariable, mostClients, leastUsers)
	}
	if g.public, err = grpc.NewClient(g.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if err := g.setUp(ctx); err != nil {
		return nil, fmt.Errorf("setting up: %w", err)
	}
	if err := g.fill(ctx); err != nil {
		return nil, fmt.Errorf("adding users: %w", err)
	}
	g.operations = map[string]func(ctx context.Context, client, n int) error{
		"create": g.create, "get": g.get, "filter": g.filter, "patch": g.patch, "member": g.member, "check": g.check,
	}
	return g, g.check(ctx, 0, 0)
}

// setUp creates the organization, its directory, a tenant and a rule.
func (g *generator) setUp(ctx context.Context) error {
	ctx = g.asOperator(ctx)
	_, err := directoryv1.NewOrganizationServiceClient(g.public).CreateOrganization(ctx,
		&directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: organization, Federated: proto.Bool(true)}})
	if err != nil {
		return err
	}
	made, err := directoryv1.NewDirectoryServiceClient(g.public).CreateDirectory(ctx,
		&directoryv1.CreateDirectoryRequest{OrganizationId: organization, Directory: &directoryv1.Directory{DisplayName: proto.String("load")}})
	if err != nil {
		return err
	}
	g.base = "/scim/v2/" + made.GetDirectory().GetId()
	g.connections = connect(g.SCIM, "Authorization: Bearer "+made.GetSecret()+"\r\nContent-Type: application/scim+json\r\n")
	if _, err := rulev1.NewTenantServiceClient(g.public).CreateTenant(ctx,
		&rulev1.CreateTenantRequest{OrganizationId: organization, Tenant: &rulev1.Tenant{Id: generatorTenant}}); err != nil {
		return err
	}
	_, err = rulev1.NewRuleServiceClient(g.public).CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: organization, Rule: &rulev1.Rule{
		Enabled: proto.Bool(true), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: seedGroup}},
		Grants: []*rulev1.Grant{{TenantId: generatorTenant, RoleId: generatorRoleID}},
	}})
	return err
}

// fill adds the users, and the group of the first ones.
func (g *generator) fill(ctx context.Context) error {
	g.users = make([]string, g.Users)
	add := func(path, body string) (id string, err error) {
		answer, err := g.connections.send(ctx, 0, http.MethodPost, g.base+path, body, http.StatusCreated, true)
		if err != nil {
			return "", err
		}
		var made struct{ ID string }
		err = json.Unmarshal(answer, &made)
		return made.ID, err
	}
	for i := range g.users {
		var err error
		if g.users[i], err = add("/Users", userBody(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	members := make([]string, groupMembers)
	for i := range members {
		members[i] = `{"value":"` + g.users[i] + `"}`
	}
	var err error
	body := strings.TrimSuffix(groupBody, "}") + `,"members":[` + strings.Join(members, ",") + `]}`
	if g.group, err = add("/Groups", body); err != nil {
		return err
	}
	return g.settle(ctx)
}

func (g *generator) asOperator(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+g.Token)
}

// settle waits until the rules were applied to everything that was written.
func (g *generator) settle(ctx context.Context) error {
	_, err := rulev1.NewAccessServiceClient(g.public).WaitUntilCaughtUp(g.asOperator(ctx), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization})
	return err
}

// turn lets all clients do an operation for some time, and waits until its background work is done.
func (g *generator) turn(ctx context.Context, name string, length time.Duration) (turn, error) {
	do := g.operations[name]
	if do == nil {
		return turn{}, fmt.Errorf("there is no operation %q", name)
	}
	if g.done[name] == nil {
		g.done[name] = make([]int, g.Clients)
	}
	done, took, failures := g.done[name], make([][]time.Duration, g.Clients), make([]error, g.Clients)
	begun := time.Now()
	var clients sync.WaitGroup
	for client := range g.Clients {
		clients.Go(func() {
			for time.Since(begun) < length && failures[client] == nil {
				start := time.Now()
				failures[client] = do(ctx, client, done[client])
				took[client] = append(took[client], time.Since(start))
				done[client]++
			}
		})
	}
	clients.Wait()
	if err := errors.Join(failures...); err != nil {
		return turn{}, err
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	return turn{Done: len(all), Median: all[len(all)/2]}, g.settle(ctx)
}

func (g *generator) send(ctx context.Context, client int, method, path, body string, want int) error {
	_, err := g.connections.send(ctx, client, method, g.base+path, body, want, false)
	return err
}

// any returns the number of a user.
func (g *generator) any(client, n int) int { return scatter(client+n*g.Clients, len(g.users)) }

func (g *generator) create(ctx context.Context, client, _ int) error {
	return g.send(ctx, client, http.MethodPost, "/Users", userBody(fmt.Sprintf("new-%d", g.created.Add(1))), http.StatusCreated)
}

func (g *generator) get(ctx context.Context, client, n int) error {
	return g.send(ctx, client, http.MethodGet, "/Users/"+g.users[g.any(client, n)], "", http.StatusOK)
}

func (g *generator) filter(ctx context.Context, client, n int) error {
	filter := fmt.Sprintf(`userName eq "person.%d@example.com"`, g.any(client, n))
	return g.send(ctx, client, http.MethodGet, "/Users?filter="+url.QueryEscape(filter), "", http.StatusOK)
}

func (g *generator) patch(ctx context.Context, client, n int) error {
	body := patch(fmt.Sprintf(`"replace","path":"title","value":"title %d-%d"`, client, n))
	return g.send(ctx, client, http.MethodPatch, "/Users/"+g.users[g.any(client, n)], body, http.StatusOK)
}

// member adds one of the client's own users to the group, or removes it again.
func (g *generator) member(ctx context.Context, client, n int) error {
	id := g.users[len(g.users)-1-client*spare-n/2%spare]
	op := `"add","path":"members","value":[{"value":"` + id + `"}]`
	if n%2 == 1 {
		op = `"remove","path":"members[value eq \"` + id + `\"]"`
	}
	return g.send(ctx, client, http.MethodPatch, "/Groups/"+g.group, patch(op), http.StatusNoContent)
}

// check checks the access that a user holds because of the rule.
func (g *generator) check(ctx context.Context, client, n int) error {
	answer, err := rulev1.NewAccessServiceClient(g.public).CheckAccess(g.asOperator(ctx), &rulev1.CheckAccessRequest{
		OrganizationId: organization, UserId: g.users[scatter(client+n*g.Clients, groupMembers)], TenantId: generatorTenant, RoleId: generatorRoleID,
	})
	if err == nil && !answer.GetAllowed() {
		err = errors.New("a user does not hold what the rule gives")
	}
	return err
}

func (g *generator) close() {
	if g.connections != nil {
		g.connections.close()
	}
	_ = g.public.Close() // there are no more calls
}
