package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// tenant is a well-behaved organization beside the attackers' one: an IdP that sends at a steady, modest rate, and a service of the vendor
// that checks and watches access. It remembers what was acknowledged.
type tenant struct {
	server      *besieged
	credential  string
	base        string // path of the directory
	connections *connections
	lanes       chan int // the connections that are free
	group       string
	first       []*tenantUser // exist from the beginning: the first ones are always in the group, others are added and removed
	named       atomic.Int64  // number of created users

	mu      sync.Mutex
	made    []*tenantUser // all whose creation was acknowledged
	holders map[string]bool
	waiting map[string]awaited // changes of access that must arrive, by user
	now     *episode
}

// tenantUser is the acknowledged state of a user.
type tenantUser struct {
	mu              sync.Mutex
	id, name, title string
	member          bool
	// unsure says that a change of the user failed, so it is unknown whether it was made.
	unsure bool
}

// awaited is access that a change of the group must give or take away.
type awaited struct {
	holds bool
	since time.Time
}

// episode contains the tenant's measurements of one period.
type episode struct {
	took    map[string][]time.Duration // by kind of operation
	follows []time.Duration            // from the acknowledgement of a change until the watch reports its access
	errors  []string
}

const (
	siegeOrganization = "tenant"
	tenantUsers       = 4 * groupMembers / 2 // exist from the beginning
	// lanesOpen is how many SCIM operations the tenant has in flight at most. Further ones wait, and their wait counts.
	lanesOpen = 32
)

// allowed is the least time between the requests of a directory at which none exceeds its rate.
const allowed = 12 * time.Millisecond

// steady is how often per second each operation is started, whether or not earlier ones have ended. The SCIM operations are half of what a
// directory may send.
var steady = map[string]int{"create": 10, "get": 20, "patch": 10, "member": 10, "check": 50}

// settleTenant creates the organization with its directory, rule, users and group.
func settleTenant(ctx context.Context, b *besieged) (_ *tenant, err error) {
	t := &tenant{server: b, holders: map[string]bool{}, waiting: map[string]awaited{}, lanes: make(chan int, lanesOpen), now: newEpisode()}
	for lane := range lanesOpen {
		t.lanes <- lane
	}
	operator := withToken(ctx, operatorToken)
	made, err := newDirectory(ctx, b, siegeOrganization)
	if err != nil {
		return nil, err
	}
	t.base = "/scim/v2/" + made.Directory
	t.connections = connect(b.scim, "Authorization: Bearer "+made.Key+"\r\nContent-Type: application/scim+json\r\n")
	if _, err := rulev1.NewTenantServiceClient(b.public).CreateTenant(operator,
		&rulev1.CreateTenantRequest{OrganizationId: siegeOrganization, Tenant: &rulev1.Tenant{Id: generatorTenant}}); err != nil {
		return nil, err
	}
	if _, err := rulev1.NewRuleServiceClient(b.public).CreateRule(operator, &rulev1.CreateRuleRequest{OrganizationId: siegeOrganization, Rule: &rulev1.Rule{
		Enabled: proto.Bool(true), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: seedGroup}},
		Grants: []*rulev1.Grant{{TenantId: generatorTenant, RoleId: generatorRoleID}},
	}}); err != nil {
		return nil, err
	}
	if t.credential, err = newCredential(ctx, b, siegeOrganization); err != nil {
		return nil, err
	}
	rate := time.NewTicker(allowed)
	defer rate.Stop()
	for range tenantUsers {
		if err := t.create(ctx); err != nil {
			return nil, err
		}
		<-rate.C
	}
	t.first = slices.Clone(t.made)
	members := make([]string, groupMembers)
	for i, u := range t.first[:groupMembers] {
		members[i], u.member, t.holders[u.id] = `{"value":"`+u.id+`"}`, true, true
	}
	answer, err := t.send(ctx, http.MethodPost, "/Groups", strings.TrimSuffix(groupBody, "}")+`,"members":[`+strings.Join(members, ",")+`]}`, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	t.group, err = idOf(answer)
	return t, errors.Join(err, t.settle(ctx))
}

// newDirectory creates a directory, and its organization if it does not exist.
func newDirectory(ctx context.Context, b *besieged, organization string) (account, error) {
	ctx = withToken(ctx, operatorToken)
	organizations := directoryv1.NewOrganizationServiceClient(b.public)
	if _, err := organizations.GetOrganization(ctx, &directoryv1.GetOrganizationRequest{OrganizationId: organization}); err != nil {
		if _, err := organizations.CreateOrganization(ctx, &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: organization, Federated: proto.Bool(true)}}); err != nil {
			return account{}, err
		}
	}
	made, err := directoryv1.NewDirectoryServiceClient(b.public).CreateDirectory(ctx,
		&directoryv1.CreateDirectoryRequest{OrganizationId: organization, Directory: &directoryv1.Directory{DisplayName: proto.String("siege")}})
	return account{made.GetDirectory().GetId(), made.GetSecret()}, err
}

// newCredential creates a service credential of an organization, which may write.
func newCredential(ctx context.Context, b *besieged, organization string) (string, error) {
	made, err := directoryv1.NewServiceCredentialServiceClient(b.public).CreateServiceCredential(withToken(ctx, operatorToken),
		&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{DisplayName: "siege", OrganizationIds: []string{organization}, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_PEOPLE, commonv1.Scope_SCOPE_GRANT_ACCESS}}})
	return made.GetSecret(), err
}

func idOf(answer []byte) (string, error) {
	var made struct{ ID string }
	err := json.Unmarshal(answer, &made)
	return made.ID, err
}

func newEpisode() *episode { return &episode{took: map[string][]time.Duration{}} }

// live lets the tenant work until the context ends, and waits until the started operations have ended.
func (t *tenant) live(ctx context.Context) {
	var working, watching sync.WaitGroup
	hearing, deaf := context.WithCancel(context.WithoutCancel(ctx))
	watching.Go(func() { t.watch(hearing) })
	operations := map[string]func(ctx context.Context, n int) error{
		"create": func(ctx context.Context, _ int) error { return t.create(ctx) },
		"get":    t.get, "patch": t.patch, "member": t.member, "check": t.check,
	}
	for kind, rate := range steady {
		working.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case due := <-tick.C:
					// A started operation runs to its end: if it stopped in the middle, it would be unknown what was acknowledged.
					working.Go(func() { t.record(kind, due, operations[kind](context.WithoutCancel(ctx), n)) })
				}
			}
		})
	}
	working.Wait()
	t.hearAll()
	deaf()
	watching.Wait()
}

// hearAll waits until the watch has reported all awaited access, for a minute at most.
func (t *tenant) hearAll() {
	late := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		t.mu.Lock()
		left := len(t.waiting)
		t.mu.Unlock()
		if left == 0 || len(t.server.dead()) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			return // missing reports show as lost
		}
	}
}

func (t *tenant) record(kind string, since time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.took[kind] = append(t.now.took[kind], time.Since(since))
	if err != nil {
		t.now.errors = append(t.now.errors, kind+": "+err.Error())
	}
}

// turn starts another episode, and returns the last one. An operation belongs to the episode in which it ends.
func (t *tenant) turn() *episode {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended := t.now
	t.now = newEpisode()
	return ended
}

// send sends a request on a free connection.
func (t *tenant) send(ctx context.Context, method, path, body string, want int) ([]byte, error) {
	lane := <-t.lanes
	defer func() { t.lanes <- lane }()
	answer, err := t.connections.send(ctx, lane, method, t.base+path, body, want, true)
	if err != nil {
		t.connections.drop(lane)
	}
	return answer, err
}

func (t *tenant) create(ctx context.Context) error {
	name := "tenant-" + strconv.FormatInt(t.named.Add(1), 10)
	answer, err := t.send(ctx, http.MethodPost, "/Users", userBody(name), http.StatusCreated)
	if err != nil {
		return err
	}
	id, err := idOf(answer)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = append(t.made, &tenantUser{id: id, name: "person." + name + "@example.com", title: "Engineer"})
	return nil
}

func (t *tenant) get(ctx context.Context, n int) error {
	u := t.first[n%len(t.first)]
	answer, err := t.send(ctx, http.MethodGet, "/Users/"+u.id, "", http.StatusOK)
	if err == nil && !strings.Contains(string(answer), u.name) {
		err = fmt.Errorf("the answer is not user %s", u.id)
	}
	return err
}

func (t *tenant) patch(ctx context.Context, n int) error {
	u := t.first[n%len(t.first)]
	u.mu.Lock()
	defer u.mu.Unlock()
	title := "title " + strconv.Itoa(n)
	_, err := t.send(ctx, http.MethodPatch, "/Users/"+u.id, patch(fmt.Sprintf(`"replace","path":"title","value":%q`, title)), http.StatusOK)
	if u.title = title; err != nil {
		u.unsure = true
	}
	return err
}

// member adds a user to the group, or removes it again. It uses the users that are added and removed.
func (t *tenant) member(ctx context.Context, n int) error {
	u := t.first[groupMembers+n%(len(t.first)-groupMembers)]
	u.mu.Lock()
	defer u.mu.Unlock()
	op := `"add","path":"members","value":[{"value":"` + u.id + `"}]`
	if u.member {
		op = `"remove","path":"members[value eq \"` + u.id + `\"]"`
	}
	t.await(u.id, !u.member) // the watch may be faster than the answer
	_, err := t.send(ctx, http.MethodPatch, "/Groups/"+t.group, patch(op), http.StatusNoContent)
	u.member = !u.member
	if err != nil {
		u.unsure = true
		t.mu.Lock()
		delete(t.waiting, u.id)
		t.mu.Unlock()
	}
	return err
}

// await records a change that the watch must report.
func (t *tenant) await(user string, holds bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[user] = awaited{holds, time.Now()}
}

// check checks a user whose access never changes.
func (t *tenant) check(ctx context.Context, n int) error {
	allowed, err := t.may(ctx, t.first[n%groupMembers].id)
	if err == nil && !allowed {
		err = errors.New("a user does not hold what the rule gives")
	}
	return err
}

func (t *tenant) may(ctx context.Context, user string) (bool, error) {
	ctx, cancel := context.WithTimeout(withToken(ctx, t.credential), answerWithin)
	defer cancel()
	answer, err := rulev1.NewAccessServiceClient(t.server.public).CheckAccess(ctx, &rulev1.CheckAccessRequest{
		OrganizationId: siegeOrganization, UserId: user, TenantId: generatorTenant, RoleId: generatorRoleID,
	})
	return answer.GetAllowed(), err
}

// watch watches access until the context ends. If a watch ends earlier, this is an error, and the next watch continues from its cursor.
func (t *tenant) watch(ctx context.Context) {
	access := rulev1.NewAccessServiceClient(t.server.public)
	ctx = withToken(ctx, t.credential)
	begun, err := access.GetAccessCursor(ctx, &rulev1.GetAccessCursorRequest{OrganizationId: siegeOrganization})
	cursor := begun.GetCursor()
	for again := time.NewTicker(time.Second); ; {
		if err == nil {
			err = t.follow(ctx, access, &cursor)
		}
		if ctx.Err() != nil {
			again.Stop()
			return
		}
		t.mu.Lock()
		t.now.errors = append(t.now.errors, fmt.Sprintf("watch: %v", err))
		t.mu.Unlock()
		select {
		case <-again.C:
			err = nil
		case <-ctx.Done():
		}
	}
}

func (t *tenant) follow(ctx context.Context, access rulev1.AccessServiceClient, cursor *string) error {
	stream, err := access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: siegeOrganization, AfterCursor: *cursor})
	if err != nil {
		return err
	}
	for {
		told, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("it has ended")
		}
		if err != nil {
			return err
		}
		*cursor = told.GetCursor()
		if change := told.GetChange(); change != nil {
			t.heard(change.GetUserId(), change.GetKind() == rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_ADDED)
		}
	}
}

// heard records access that was given or taken away.
func (t *tenant) heard(user string, holds bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holders[user] = holds
	if w, ok := t.waiting[user]; ok && w.holds == holds {
		t.now.follows = append(t.now.follows, time.Since(w.since))
		delete(t.waiting, user)
	}
}

func (t *tenant) settle(ctx context.Context) error {
	_, err := rulev1.NewAccessServiceClient(t.server.public).WaitUntilCaughtUp(withToken(ctx, operatorToken),
		&rulev1.WaitUntilCaughtUpRequest{OrganizationId: siegeOrganization})
	return err
}

// lost compares the stored data with the acknowledged data when nothing is in flight, and returns the differences. checked is how many
// facts it compared.
func (t *tenant) lost(ctx context.Context) (lost []string, checked int, err error) {
	if err := t.settle(ctx); err != nil {
		return nil, 0, fmt.Errorf("waiting for access: %w", err)
	}
	stored, err := t.stored(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, u := range t.made {
		if u.unsure {
			continue
		}
		checked++
		if is := stored[u.id]; is.UserName != u.name || is.Title != u.title {
			lost = append(lost, fmt.Sprintf("user %s was acknowledged with userName %q and title %q, and has %q and %q", u.id, u.name, u.title, is.UserName, is.Title))
		}
	}
	answer, err := t.send(ctx, http.MethodGet, "/Groups/"+t.group, "", http.StatusOK)
	if err != nil {
		return nil, 0, err
	}
	var group struct{ Members []struct{ Value string } }
	if err := json.Unmarshal(answer, &group); err != nil {
		return nil, 0, err
	}
	members := map[string]bool{}
	for _, m := range group.Members {
		members[m.Value] = true
	}
	for _, u := range t.first {
		if u.unsure {
			continue
		}
		allowed, err := t.may(ctx, u.id)
		if err != nil {
			return nil, 0, err
		}
		checked += 3
		if members[u.id] != u.member || allowed != u.member || t.holders[u.id] != u.member {
			lost = append(lost, fmt.Sprintf("user %s, acknowledged as a member: %v; is one: %v; may: %v; by the watch: %v",
				u.id, u.member, members[u.id], allowed, t.holders[u.id]))
		}
	}
	return lost, checked, nil
}

// storedUser is a user in a list.
type storedUser struct{ ID, UserName, Title string }

// stored lists all users.
func (t *tenant) stored(ctx context.Context) (map[string]storedUser, error) {
	all := map[string]storedUser{}
	for {
		answer, err := t.send(ctx, http.MethodGet, fmt.Sprintf("/Users?count=1000&attributes=userName,title&startIndex=%d", len(all)+1), "", http.StatusOK)
		if err != nil {
			return nil, err
		}
		var page struct{ Resources []storedUser }
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		before := len(all)
		for _, u := range page.Resources {
			all[u.ID] = u
		}
		if len(all) == before {
			return all, nil
		}
	}
}

// all returns the latencies of all operations, the shortest first.
func (e *episode) all() []time.Duration {
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(e.took))...)))
}

// worst returns the kind of operation with the longest latency.
func (e *episode) worst() (kind string) {
	var longest time.Duration
	for name, took := range e.took {
		if most := slices.Max(took); most > longest {
			kind, longest = name, most
		}
	}
	return kind
}

// quantile returns the least of the sorted latencies that a share of them does not exceed; 0 for an empty list.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
