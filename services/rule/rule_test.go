package rule_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/erasure/erasuretest"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	acme    = "acme"
	tenant  = "plant"
	patient = time.Minute // how long a test waits for what must happen: machines are busy, and may have two cores
)

// bundle is a rule service with a fake identity service, connected by the interceptors of one process.
type bundle struct {
	t        *testing.T
	config   rule.Config
	identity *identitytest.Identity
	events   *events
	erasures *erasuretest.Directory
	late     atomic.Int64 // how far the service's clock is ahead
	metrics  *metric.ManualReader
	spans    *tracetest.SpanRecorder

	service *rule.Service
	end     context.CancelFunc
	done    chan error
	dir     string

	tenants rulev1.TenantServiceClient
	roles   rulev1.RoleServiceClient
	rules   rulev1.RuleServiceClient
	syncs   rulev1.SyncServiceClient
	access  rulev1.AccessServiceClient
}

// setup starts a service with a tenant.
func setup(t *testing.T, change ...func(*rule.Config)) *bundle {
	t.Helper()
	b := &bundle{
		t: t, identity: identitytest.New(), events: &events{}, erasures: &erasuretest.Directory{}, dir: "directory-1",
		config: rule.Config{Settings: rule.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "rule.db"), Tuning: core.Tuning{
			RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond, RecheckInterval: 5 * time.Millisecond, LeaseDuration: 2 * time.Second,
		}},
	}
	for _, fn := range change {
		fn(&b.config)
	}
	b.start()
	t.Cleanup(func() { b.stop() })
	b.must(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: tenant}}))
	return b
}

// start opens the service on the bundle's file.
func (b *bundle) start() {
	b.t.Helper()
	b.metrics, b.spans = metric.NewManualReader(), tracetest.NewSpanRecorder()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.spans))
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracing})
	if err != nil {
		b.t.Fatal(err)
	}
	b.identity.Register(channel)
	b.erasures.Register(channel)
	failedeventsv1.RegisterFailedEventRecordServiceServer(channel, b.events)
	asRule := channel.As(commonv1.Caller_CALLER_RULE)
	b.service, err = rule.New(b.t.Context(), b.config, rule.Dependencies{
		Identity: asRule, FailedEvents: asRule, Directory: asRule, Log: slog.New(slog.NewTextHandler(testWriter{b.t}, nil)), Tracing: tracing,
		Meter: metric.NewMeterProvider(metric.WithReader(b.metrics)), Now: func() time.Time { return time.Now().Add(time.Duration(b.late.Load())) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.service.Register(channel)
	asGateway := channel.As(commonv1.Caller_CALLER_GATEWAY)
	b.tenants, b.roles = rulev1.NewTenantServiceClient(asGateway), rulev1.NewRoleServiceClient(asGateway)
	b.rules, b.syncs = rulev1.NewRuleServiceClient(asGateway), rulev1.NewSyncServiceClient(asGateway)
	b.access = rulev1.NewAccessServiceClient(asGateway)
	ctx, cancel := context.WithCancel(context.Background())
	b.end, b.done = cancel, make(chan error, 1)
	service, done := b.service, b.done
	go func() { done <- service.Run(ctx) }()
}

// stop stops the service. It may be stopped already.
func (b *bundle) stop() {
	b.t.Helper()
	if b.service == nil {
		return
	}
	b.end()
	if err := <-b.done; err != nil {
		b.t.Errorf("Run: %v", err)
	}
	if err := errors.Join(b.service.Close(), b.service.Close()); err != nil {
		b.t.Errorf("Close: %v", err)
	}
	b.service = nil
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// ctx returns the context of an operator's call through the gateway.
func (b *bundle) ctx() context.Context {
	return rpc.WithPrincipal(b.t.Context(), rpc.Operator("olga"))
}

// must fails the test if a call failed.
func (b *bundle) must(_ any, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// refused fails the test unless a call failed with this reason.
func (b *bundle) refused(reason fault.Reason, _ any, err error) {
	b.t.Helper()
	if err == nil {
		b.t.Fatalf("the call was let through, not refused with %s", fault.ReasonName(reason))
	}
	if got := rpc.Fault(err).Reason; got != reason {
		b.t.Fatalf("refused with %s, not %s: %v", fault.ReasonName(got), fault.ReasonName(reason), err)
	}
}

// caughtUp waits until access includes everything that identity has now.
func (b *bundle) caughtUp() {
	b.t.Helper()
	_, err := b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(patient)})
	if err != nil {
		b.t.Fatal(err)
	}
}

// eventually polls until ok.
func (b *bundle) eventually(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(patient)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			b.t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// groupRule creates an enabled rule that gives roles in the tenant, or in the organization, to a group.
func (b *bundle) groupRule(group string, roles ...string) string {
	b.t.Helper()
	return b.rule(&rulev1.Rule{Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: group}}}, roles...)
}

// valueRule creates an enabled rule that gives roles to users with a role value.
func (b *bundle) valueRule(value string, roles ...string) string {
	b.t.Helper()
	return b.rule(&rulev1.Rule{Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: value}}}, roles...)
}

func (b *bundle) rule(r *rulev1.Rule, roles ...string) string {
	b.t.Helper()
	r.Grants = grants(roles...)
	created, err := b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: r})
	if err != nil {
		b.t.Fatal(err)
	}
	return created.GetRule().GetId()
}

func grants(roles ...string) []*rulev1.Grant {
	var all []*rulev1.Grant
	for _, role := range roles {
		all = append(all, &rulev1.Grant{TenantId: tenantOf(role), RoleId: role})
	}
	return all
}

func tenantOf(role string) string {
	if role == "organization-admin" {
		return ""
	}
	return tenant
}

// pins returns a rule's pins, by directory.
func (b *bundle) pins(ruleID string) map[string]*rulev1.GroupPin {
	b.t.Helper()
	got, err := b.rules.GetRule(b.ctx(), &rulev1.GetRuleRequest{OrganizationId: acme, Id: ruleID})
	if err != nil {
		b.t.Fatal(err)
	}
	pins := map[string]*rulev1.GroupPin{}
	for _, p := range got.GetRule().GetGroup().GetPins() {
		pins[p.GetDirectoryId()] = p
	}
	return pins
}

// grant gives a role manually.
func (b *bundle) grant(user, role string) (*rulev1.Access, error) {
	r, err := b.access.GrantAccess(b.ctx(), &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenantOf(role), RoleId: role})
	return r.GetAccess(), err
}

// revoke revokes a manual role.
func (b *bundle) revoke(user, role string) (*rulev1.Access, error) {
	r, err := b.access.RevokeAccess(b.ctx(), &rulev1.RevokeAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenantOf(role), RoleId: role})
	return r.GetAccess(), err
}

// list returns all access of a user, or of everybody, page by page.
func (b *bundle) list(user string) []*rulev1.Access {
	b.t.Helper()
	var all []*rulev1.Access
	for token := ""; ; {
		r, err := b.access.ListAccess(b.ctx(), &rulev1.ListAccessRequest{OrganizationId: acme, UserId: user, PageToken: token, PageSize: 7})
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, r.GetAccess()...)
		if token = r.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// holds fails the test unless a user effectively holds exactly these roles.
func (b *bundle) holds(user string, roles ...string) {
	b.t.Helper()
	if got := b.roleIDs(user); !slices.Equal(got, sorted(roles)) {
		b.t.Fatalf("the user effectively holds %v, not %v", got, roles)
	}
	for _, role := range []string{"participant", "designer", "developer", "automation-admin", "global-admin", "organization-admin"} {
		r, err := b.access.CheckAccess(b.ctx(), &rulev1.CheckAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenantOf(role), RoleId: role})
		if err != nil {
			b.t.Fatal(err)
		}
		if r.GetAllowed() != slices.Contains(roles, role) {
			b.t.Fatalf("CheckAccess of %s says %v", role, r.GetAllowed())
		}
	}
}

func (b *bundle) roleIDs(user string) []string {
	b.t.Helper()
	roles := []string{}
	for _, a := range b.list(user) {
		if a.GetEffective() {
			roles = append(roles, a.GetRoleId())
		}
	}
	return sorted(roles)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return append([]string{}, list...)
}

// sync runs a rule sync to its end.
func (b *bundle) sync() *rulev1.Sync {
	b.t.Helper()
	started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.synced(started.GetSync().GetId())
}

// synced waits for the end of a rule sync.
func (b *bundle) synced(id string) *rulev1.Sync {
	b.t.Helper()
	var sync *rulev1.Sync
	b.eventually("the rule sync has ended", func() bool {
		r, err := b.syncs.GetSync(b.ctx(), &rulev1.GetSyncRequest{OrganizationId: acme, Id: id})
		if err != nil {
			b.t.Fatal(err)
		}
		sync = r.GetSync()
		return sync.GetState() != rulev1.SyncState_SYNC_STATE_RUNNING
	})
	return sync
}

// changes reads the access feed from a cursor to its end.
func (b *bundle) changes(after string) []*rulev1.AccessChange {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx())
	defer cancel()
	stream, err := b.access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: acme, AfterCursor: after})
	if err != nil {
		b.t.Fatal(err)
	}
	var all []*rulev1.AccessChange
	for {
		r, err := stream.Recv()
		if err != nil {
			b.t.Fatal(err)
		}
		if r.GetChange() == nil {
			return all
		}
		all = append(all, r.GetChange())
	}
}

// cursor returns the end of the access feed.
func (b *bundle) cursor() string {
	b.t.Helper()
	r, err := b.access.GetAccessCursor(b.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: acme})
	if err != nil {
		b.t.Fatal(err)
	}
	return r.GetCursor()
}

// reconciled returns how many users were reconciled since the start of the service.
func (b *bundle) reconciled() int64 {
	b.t.Helper()
	var all metricdata.ResourceMetrics
	if err := b.metrics.Collect(b.t.Context(), &all); err != nil {
		b.t.Fatal(err)
	}
	var sum int64
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "usher_rule_users_reconciled_total" {
				for _, point := range data.DataPoints {
					sum += point.Value
				}
			}
		}
	}
	return sum
}

// events is a failedevents service that stores what it gets.
type events struct {
	failedeventsv1.UnimplementedFailedEventRecordServiceServer
	mu   sync.Mutex
	all  map[string]*failedeventsv1.FailedEvent
	fail int // how many calls fail first
}

func (e *events) RecordFailedEvents(_ context.Context, r *failedeventsv1.RecordFailedEventsRequest) (*failedeventsv1.RecordFailedEventsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail > 0 {
		e.fail--
		return nil, identitytest.Unavailable()
	}
	if e.all == nil {
		e.all = map[string]*failedeventsv1.FailedEvent{}
	}
	for _, event := range r.GetFailedEvents() {
		e.all[event.GetId()] = event
	}
	return &failedeventsv1.RecordFailedEventsResponse{}, nil
}

func (e *events) recorded() []*failedeventsv1.FailedEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*failedeventsv1.FailedEvent
	for _, event := range e.all {
		all = append(all, event)
	}
	return all
}
