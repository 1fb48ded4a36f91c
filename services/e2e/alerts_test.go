package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

const alertsFile = "../../deploy/prometheus/alerts.yaml"

// alertRule is an alert or a recording rule.
type alertRule struct {
	Alert       string
	Record      string
	Expr        string
	Annotations map[string]string
}

// alertRules reads the rules of a file.
func alertRules(t *testing.T, text string) (all []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each alert has a page that says what to do.
func TestEachAlertHasARunbook(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{}
	for _, rule := range alertRules(t, readFile(t, alertsFile)) {
		if rule.Alert == "" {
			continue
		}
		name, ok := strings.CutPrefix(rule.Annotations["runbook_url"], "https://github.com/usher-scim/usher/blob/main/deploy/runbooks/")
		if !ok || rule.Annotations["summary"] == "" {
			t.Errorf("%s has the annotations %v", rule.Alert, rule.Annotations)
			continue
		}
		text := readFile(t, filepath.Join("../../deploy/runbooks", name))
		for _, part := range []string{"**Meaning.**", "**Whom it hurts.**", "**First look.**", "**When to wake somebody.**"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", name, part)
			}
		}
		pages[name] = true
	}
	if len(pages) == 0 {
		t.Error("there are no alerts")
	}
}

// Alerts wait as long as their tests say, and Prometheus accepts the files that users load.
func TestAlertsPassTheirOwnTests(t *testing.T) {
	t.Parallel()
	promtool := kit.Program(t, "promtool")
	for _, arguments := range [][]string{{"test", "rules", "alerts_test.yaml"}, {"check", "config", "prometheus.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, arguments...)
		cmd.Dir = filepath.Dir(alertsFile)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(arguments, " "), err, said)
		}
	}
}

// shortened makes the windows of rules seconds, and thresholds small, so that a test sees an alert begin and end.
func shortened(text string) string {
	return strings.NewReplacer(
		"5m]", "6s]", "10m]", "8s]", "15m]", "8s]", "30m]", "8s]", "1h]", "8s]", "6h]", "8s]", "1d]", "8s]", "offset 10m", "offset 8s",
		"> 1000", "> 3", ") > 30", ") > 1", "age_seconds) > 60", "age_seconds) > 1",
	).Replace(text)
}

// observed is a deployment whose metrics a Prometheus reads.
type observed struct {
	*deployment
	prometheus *kit.Prometheus
	rules      map[string]alertRule // by alert
	postgres   *kit.Proxy
	database   string // not through the proxy
	redis      *kit.Proxy
	refuse     string // while this file exists, no gateway reaches failedevents
	token      string // the file of the operator's token at the second gateway
}

// observe starts a process of each service on PostgreSQL and Redis, both behind proxies, and a Prometheus with the alerts.
func observe(t *testing.T) *observed {
	t.Helper()
	folder := t.TempDir()
	o := &observed{refuse: filepath.Join(folder, "refuse"), token: filepath.Join(folder, "token"), rules: map[string]alertRule{}}
	p := twoGateways(t, 500*time.Millisecond)
	o.database = p.database
	direct, err := url.Parse(p.database)
	if err != nil {
		t.Fatal(err)
	}
	o.postgres = kit.StartProxy(t, "unix", direct.Query().Get("host")+"/.s.PGSQL.5432")
	direct.Host, direct.RawQuery = o.postgres.Addr(), "sslmode=disable"
	p.database = direct.String()
	o.redis = kit.StartProxy(t, "unix", kit.StartRedis(t).Path())
	p.redis = "redis://" + o.redis.Addr()
	const body = 64 << 10 // the largest one
	p.env = append(p.env, refuseVariable+"="+o.refuse, "USHER_GATEWAY__SPOOL_BYTES=65536", "USHER_FAILEDEVENTS__DATABASE_CONNECTIONS=2",
		fmt.Sprintf("USHER_GATEWAY__IN_FLIGHT_BYTES=%d", 100*body), fmt.Sprintf("USHER_GATEWAY__IN_FLIGHT_SHARE_BYTES=%d", 12*body),
		fmt.Sprintf("USHER_GATEWAY__MAX_BODY_BYTES=%d", body), fmt.Sprintf("USHER_GATEWAY__MAX_BULK_BYTES=%d", body), fmt.Sprintf("USHER_GATEWAY__MAX_GROUP_BYTES=%d", body))
	if err := os.WriteFile(o.token, []byte(strings.Repeat("t", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.each = map[string][]string{"gateway-2": {"USHER_OPERATOR_TOKEN=", "USHER_OPERATOR_TOKEN_FILES=" + o.token}}
	o.deployment = deploy(t, p)
	o.usher.database = o.database

	alerts := shortened(readFile(t, alertsFile))
	var targets []string
	for _, process := range o.processes {
		targets = append(targets, process.addrs.Ops)
	}
	configuration := filepath.Join(folder, "prometheus.yaml")
	for path, text := range map[string]string{
		filepath.Join(folder, "alerts.yaml"): alerts,
		configuration: "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yaml]\n" +
			"scrape_configs: [{job_name: usher, static_configs: [{targets: [\"" + strings.Join(targets, `","`) + "\"]}]}]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.prometheus = kit.StartPrometheus(t, configuration)
	for _, rule := range alertRules(t, alerts) {
		if rule.Alert != "" {
			o.rules[rule.Alert] = rule
		}
	}
	return o
}

// fires reports whether the expression of an alert is true.
func (o *observed) fires(alert string) bool {
	o.t.Helper()
	rule, ok := o.rules[alert]
	if !ok {
		o.t.Fatalf("there is no alert %s", alert)
	}
	found, err := o.prometheus.Query(rule.Expr)
	if err != nil {
		o.t.Fatalf("%s: %v", alert, err)
	}
	return len(found) > 0
}

// sql executes a statement, which may wait until the end of the test.
func (o *observed) sql(ctx context.Context, statements ...string) *pgx.Conn {
	o.t.Helper()
	db, err := pgx.Connect(ctx, o.database)
	o.must(err)
	for _, statement := range statements {
		_, err := db.Exec(ctx, statement)
		o.must(err)
	}
	return db
}

// metricName matches the names of metrics in an expression, also the recorded ones.
var metricName = regexp.MustCompile(`\b(?:usher|rpc)[_:][a-z0-9_:]+\b|\bup\b`)

// Each cause makes its alert true, and its end makes it false. The metrics that alerts read exist.
func TestEachAlertTellsItsCause(t *testing.T) {
	t.Parallel()
	o := observe(t)
	d := o.newDirectory(nil)
	ann, bob := d.user("ann"), d.user("bob")
	d.group("Designers", ann, bob)
	o.caughtUp()
	traffic := func() {
		for range 5 {
			_, _ = d.try(t.Context(), http.MethodGet, "/Users/"+ann, "")
		}
	}
	told := map[string]bool{}
	// tells lets a cause begin, and end once its alerts are true.
	tells := func(begin, end func(), alerts ...string) {
		t.Helper()
		begin()
		for _, alert := range alerts {
			eventually(t, alert+" is true", func() bool {
				traffic() // a counter that appears with a value shows no increase yet
				return o.fires(alert)
			})
			told[alert] = true
		}
		end()
		for _, alert := range alerts {
			eventually(t, alert+" is false again", func() bool { return !o.fires(alert) })
		}
	}
	tells(func() { o.processes["failedevents"].kill() }, func() { o.must(o.processes["failedevents"].start()) }, "UsherProcessDown")
	tells(o.redis.Cut, o.redis.Mend, "UsherRedisDown")
	tells(func() { o.processes["rule"].kill() }, func() { o.must(o.processes["rule"].start()) }, "UsherRuleMissing")
	o.tellsOfTheDatabase(tells, d, traffic)
	o.tellsOfAccess(tells, d, ann, bob)
	o.tellsOfGateways(tells, d)
	o.tellsOfSecrets(tells)
	for alert, rule := range o.rules {
		if !told[alert] {
			t.Errorf("nothing caused %s", alert)
		}
		if !o.exist(rule.Expr) {
			t.Errorf("%s reads a metric that does not exist: %s", alert, rule.Expr)
		}
	}
	o.readsOfDashboards(d)
}

// readsOfDashboards fails the test unless each query of each dashboard works, and reads metrics that exist.
func (o *observed) readsOfDashboards(d *directory) {
	o.t.Helper()
	unkeyed := *d
	unkeyed.key = "nonsense"
	_, err := unkeyed.try(o.t.Context(), http.MethodGet, "/Users", "")
	o.must(err)
	response := service{u: o.usher, secret: "nonsense"}.rest(http.MethodGet, "/api/v1/organizations", "")
	_ = response.Body.Close()
	files, err := filepath.Glob("../../deploy/grafana/*.json")
	if err != nil || len(files) == 0 {
		o.t.Fatalf("there are no dashboards: %v", err)
	}
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		o.must(json.Unmarshal([]byte(readFile(o.t, file)), &dashboard))
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				what := filepath.Base(file) + ", " + panel.Title
				expression := strings.NewReplacer("$__rate_interval", "30s", "$instance", ".*").Replace(target.Expr)
				eventually(o.t, what+" has its metrics", func() bool { return o.exist(expression) })
				if _, err := o.prometheus.Query(expression); err != nil {
					o.t.Errorf("%s: %s: %v", what, expression, err)
				}
			}
		}
	}
}

// exist reports whether all metrics that an expression reads exist.
func (o *observed) exist(expression string) bool {
	for _, name := range metricName.FindAllString(expression, -1) {
		if name == "rpc_method" || name == "rpc_response_status_code" { // these are labels
			continue
		}
		if found, err := o.prometheus.Query("count(last_over_time(" + name + "[1h]))"); err != nil || len(found) == 0 {
			return false
		}
	}
	return true
}

type tells func(begin, end func(), alerts ...string)

func (o *observed) tellsOfTheDatabase(tells tells, d *directory, traffic func()) {
	ctx := o.t.Context()
	tells(o.postgres.Cut, func() {
		o.postgres.Mend()
		eventually(o.t, "messages are answered again", func() bool {
			a, err := d.try(ctx, http.MethodGet, "/Users", "")
			return err == nil && a.status == http.StatusOK
		})
		for range 20 {
			traffic()
		}
	}, "UsherDatabaseDown", "UsherSCIMErrorsFast", "UsherSCIMErrorsSlow")
	tells(func() {
		o.processes["identity"].kill()
		waiting, cancel := context.WithTimeout(o.ctx(), 3*time.Second)
		defer cancel()
		_, _ = o.access().WaitUntilCaughtUp(waiting, &rulev1.WaitUntilCaughtUpRequest{OrganizationId: demo, Timeout: durationpb.New(time.Second)}) // in vain
	}, func() { o.must(o.processes["identity"].start()) }, "UsherRuleWorkFails")

	var holds *pgx.Conn
	tells(func() {
		holds = o.sql(ctx, "BEGIN", "CREATE TEMPORARY TABLE held (x int)")
		d.user("held-back")
	}, func() { o.must(holds.Close(ctx)) }, "UsherFeedHeldBack", "UsherRulesBehind")
	late := 0
	tells(func() {
		holds = o.sql(ctx, "BEGIN", "CREATE TEMPORARY TABLE held (x int)")
		for n := range 3 {
			d.user(fmt.Sprint("late-", n))
		}
		_, err := holds.Exec(ctx, "SELECT pg_sleep(2)") // longer than the objective
		o.must(err)
		o.must(holds.Close(ctx))
		o.caughtUp()
		d.user("late-again") // a lag that is new to Prometheus shows no increase yet
	}, func() {
		o.caughtUp()
		for range 5 {
			late++
			d.user(fmt.Sprint("in-time-", late))
			o.caughtUp()
		}
	}, "UsherAccessLateFast", "UsherAccessLateSlow")

	tells(func() {
		locks := o.sql(ctx, "BEGIN", "LOCK TABLE usher_failedevents.events IN ACCESS EXCLUSIVE MODE")
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				_, _ = o.events().ListFailedEvents(o.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo}) // it must wait
			})
		}
		_, err := locks.Exec(ctx, "SELECT pg_sleep(4)") // meanwhile all wait
		o.must(err)
		o.must(locks.Close(ctx))
		calls.Wait()
	}, func() {}, "UsherDatabasePoolFull")
}

func (o *observed) tellsOfAccess(tells tells, d *directory, ann, bob string) {
	const admin = "organization-admin"
	grant := func(user string, keep bool) {
		_, err := o.access().GrantAccess(o.ctx(), &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: user, RoleId: admin, Keep: keep})
		o.must(err)
	}
	tells(func() {
		grant(ann, true)
		grant(bob, false)
		d.patch("/Users/"+ann, "Replace", "active", "False", http.StatusOK)
	}, func() {}, "UsherAdminKept")
	tells(func() {
		var members []string
		for n := range 10 {
			members = append(members, d.user(fmt.Sprint("many-", n)))
		}
		group := d.group("Developers", members...)
		o.caughtUp()
		d.patch("/Groups/"+group, "remove", "members", nil, http.StatusNoContent)
	}, func() {}, "UsherManyRemovals")
	var groups []string
	tells(func() {
		groups = []string{d.group("Nested 0", bob)}
		for n := range 40 { // deeper than groups may be
			groups = append(groups, d.group(fmt.Sprint("Nested ", n+1)))
		}
		o.caughtUp()
		o.plantNesting(groups)
		d.patch("/Users/"+bob, "replace", "displayName", "Bob", http.StatusOK)
	}, func() {
		d.patch("/Groups/"+groups[20], "remove", fmt.Sprintf(`members[value eq %q]`, groups[19]), nil, http.StatusNoContent)
	}, "UsherUsersSetAside")
}

func (o *observed) tellsOfGateways(tells tells, d *directory) {
	wrong := func() {
		for range 60 {
			_, _ = d.try(o.t.Context(), http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]}`)
		}
	}
	tells(func() {
		o.must(os.WriteFile(o.refuse, nil, 0o600))
		for range 5 {
			wrong()
		}
	}, func() { o.must(os.Remove(o.refuse)) }, "UsherSpoolFills", "UsherFailedEventsLost")
	large := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + strings.Repeat("x", 60<<10) + `"}`
	tells(func() {
		var sent sync.WaitGroup
		for range 8 {
			sent.Go(func() {
				for range 20 {
					_, _ = d.try(o.t.Context(), http.MethodPost, "/Users", large)
				}
			})
		}
		sent.Wait()
	}, func() {}, "UsherMemoryRefuses")
	tells(func() { o.must(os.Remove(o.token)) },
		func() { o.must(os.WriteFile(o.token, []byte(strings.Repeat("t", 40)), 0o600)) }, "UsherOperatorTokenInvalid")
}

func (o *observed) tellsOfSecrets(tells tells) {
	// The directory service looks for expiring secrets when it starts, and then every few minutes.
	var id string
	tells(func() {
		made, err := o.credentials().CreateServiceCredential(o.ctx(), &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
			DisplayName: "soon", OrganizationIds: []string{demo}, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS}, ExpireTime: timestamppb.New(time.Now().Add(72 * time.Hour)),
		}})
		o.must(err)
		id = made.GetServiceCredential().GetId()
		o.processes["directory"].restart()
	}, func() {
		eventually(o.t, "the credential is revoked", func() bool {
			_, err := o.credentials().RevokeServiceCredential(o.ctx(), &directoryv1.RevokeServiceCredentialRequest{Id: id})
			return err == nil
		})
		o.processes["directory"].restart()
	}, "UsherSecretsExpire")
	tells(func() {}, func() {
		authority, err := certificates.NewAuthority(time.Now(), 90*24*time.Hour)
		o.must(err)
		folder := settingOf(o.processes["gateway"], "USHER_CERTIFICATES_DIR")
		o.must(os.RemoveAll(folder))
		o.must(authority.Write(folder, time.Now(), commonv1.Caller_CALLER_GATEWAY,
			commonv1.Caller_CALLER_DIRECTORY, commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_RULE, commonv1.Caller_CALLER_FAILEDEVENTS))
	}, "UsherCertificateExpires")
}
