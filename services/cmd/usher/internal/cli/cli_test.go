package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/test/words"
)

// terminal runs commands against a running server, and stores their output.
type terminal struct {
	t    *testing.T
	base []string
	err  string
}

func newTerminal(t *testing.T, options ...func(*app.Options)) *terminal {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s := app.DevelopmentDefaults()
	s.DataDir = filepath.Join(t.TempDir(), "data")
	o := app.Options{Telemetry: tel}
	for _, set := range options {
		set(&o)
	}
	return &terminal{t: t, base: []string{"--addr", startServer(t, s, o), "--data-dir", s.DataDir}}
}

// startServer serves until the test ends, and returns the gRPC address.
func startServer(t *testing.T, s app.Settings, o app.Options) string {
	t.Helper()
	s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	o.Now = time.Now
	a, err := app.Start(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return a.GRPCAddr()
}

// run runs a command that must end with this code, and returns its output.
func (x *terminal) run(code int, args ...string) string {
	x.t.Helper()
	var out, err bytes.Buffer
	if got := Run(x.t.Context(), append(args, x.base...), &out, &err); got != code {
		x.t.Fatalf("usher %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), err.String())
	}
	x.err = err.String()
	return out.String()
}

// json runs a command with --output json.
func (x *terminal) json(args ...string) map[string]any {
	x.t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(x.run(0, append(args, "--output", "json")...)), &answer); err != nil {
		x.t.Fatalf("usher %s: %v", strings.Join(args, " "), err)
	}
	return answer
}

// want fails unless the text matches each pattern.
func want(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%q is not in:\n%s", pattern, text)
		}
	}
}

// The whole walk-through of an operator, from an organization to the access of a user, with its reasons.
func TestAWalkThrough(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	want(t, x.run(0, "org", "list"), `demo +Demo +true`)
	want(t, x.run(0, "org", "create", "acme", "--name", "Acme"), `acme +Acme +false`)
	x.run(1, "directory", "create", "--organization", "acme", "--name", "Okta")
	want(t, x.err, `ORGANIZATION_NOT_FEDERATED`, `federated`)
	want(t, x.run(0, "org", "update", "acme", "--federated"), `acme +Acme +true`)
	want(t, x.run(0, "tenant", "list"), `production +Production`, `staging +Staging`)
	want(t, x.run(0, "tenant", "create", "qa", "--organization", "acme"), `qa +qa`)
	want(t, x.run(0, "tenant", "delete", "qa", "--organization", "acme"), `^$`)
	want(t, x.run(0, "role", "list"), `designer +Designer +tenant`, `organization-admin +Organization Admin +organization`)
	want(t, x.run(0, "role", "create", "auditor", "--name", "Auditor", "--rank", "5"), `auditor +Auditor +tenant +5`)
	want(t, x.run(0, "role", "delete", "auditor"), `^$`)

	created := x.json("directory", "create", "--organization", "demo", "--name", "Entra ID")
	directory := created["directory"].(map[string]any)["id"].(string)
	base, key := created["directory"].(map[string]any)["baseUrl"].(string), created["secret"].(string)
	want(t, x.run(0, "directory", "list"), `STATE +MODE +UNIQUE GROUP NAMES +BASE URL`, directory+` +Entra ID +active +tolerant +false +`+regexp.QuoteMeta(base))
	want(t, x.run(0, "directory", "get", directory), `active +tolerant +false`)
	want(t, x.run(0, "directory", "update", directory, "--name", "Entra"), `Entra +active +tolerant +false`)
	want(t, x.run(0, "key", "create", "--directory", directory, "--name", "second", "--expires-in", "1h"), `ush_\w{49}`)
	keys := x.json("key", "list", "--directory", directory)["apiKeys"].([]any)
	if len(keys) != 2 || strings.Contains(x.run(0, "key", "list", "--directory", directory), key) {
		t.Errorf("the keys: %v", keys)
	}
	replaced := keys[1].(map[string]any)["id"].(string)
	want(t, x.run(0, "key", "rotate", replaced, "--directory", directory, "--overlap", "1h", "--name", "new"), `ush_\w{49} +false +20`)
	x.run(1, "key", "rotate", replaced, "--directory", directory)
	want(t, x.err, `was rotated before`)
	want(t, x.run(0, "key", "revoke", keys[0].(map[string]any)["id"].(string), "--directory", directory), `second`)

	report := x.json("simulate", "--idp", "okta", "--users", "12", "--groups", "5", "--seed", "3", "--cycles", "0", "--base-url", base, "--key-file", keyFile(t, key))
	if report["Failures"] != nil && len(report["Failures"].([]any)) > 0 {
		t.Errorf("simulate: %v", report["Failures"])
	}
	want(t, x.run(0, "access", "wait"), `CHANGE CURSOR`)
	access := x.json("access", "list")["access"].([]any)
	if len(access) == 0 {
		t.Fatal("nobody holds anything")
	}
	first := access[0].(map[string]any)
	user := first["userId"].(string)
	want(t, x.run(0, "access", "list", "--user", user), `true +rule "[A-Za-z ]+": in group "[A-Za-z ]+"`)
	want(t, x.run(0, "access", "check", "--user", user, "--tenant", "production", "--role", first["roleId"].(string)), `true`)
	name := x.json("user", "get", user)["user"].(map[string]any)["userName"].(string)
	x.run(1, "user", "erase", name)
	want(t, x.err, `USER_NOT_DETACHED`)
	x.people(user, name)
	want(t, x.run(0, "access", "grant", "--user", name, "--role", "organization-admin"), `organization-admin +true +manual`)
	want(t, x.run(0, "access", "list", "--user", name), `organization-admin +true +granted by operator`)
	x.run(1, "access", "revoke", "--user", name, "--role", "organization-admin")
	want(t, x.err, `LAST_ORGANIZATION_ADMIN`)

	made := x.json("rule", "create", "--group", "Designers", "--grant", "staging:participant")["rule"].(map[string]any)
	rule, etag := made["id"].(string), made["etag"].(string)
	want(t, x.run(0, "rule", "list"), rule+` .*true +Designers +staging +participant +pinned`)
	want(t, x.run(0, "access", "status"), `wait for a rule sync: \d+, the first since 20`)
	want(t, x.run(0, "sync", "start", "--wait"), `done`)
	if status := x.run(0, "access", "status"); strings.Contains(status, "rule sync") {
		t.Errorf("after the sync: %s", status)
	}
	want(t, x.run(0, "sync", "list"), `STATE +USERS DONE +TIME LEFT`, `done +\d+ `)
	last := x.json("sync", "list")["syncs"].([]any)[0].(map[string]any)["id"].(string)
	want(t, x.run(0, "access", "changes", "--sync", last), `CHANGE TIME +KIND`, `added +[0-9a-f-]+ +staging +participant .*`+last)
	want(t, x.run(0, "access", "changes", "--user", name, "--limit", "1"), `added +`+user)
	want(t, x.run(0, "access", "explain", name, "--role", "organization-admin"), `organization-admin in the organization: granted by operator\.`)
	x.run(1, "access", "explain", name, "--tenant", "production")
	want(t, x.err, `tenant_id: needs role_id`)
	x.run(2, "access", "changes")
	want(t, x.err, `one of --user and --sync`)
	want(t, x.run(0, "access", "list", "--tenant", "staging"), `staging +participant +true`)
	want(t, x.run(0, "rule", "update", rule, "--grant", "staging:designer", "--etag", etag), rule+` .*true +Designers +staging +designer +pinned`)
	x.run(1, "rule", "update", rule, "--name", "x", "--etag", etag)
	want(t, x.err, `CONFLICT`, `etag`)
	want(t, x.run(0, "rule", "disable", rule), `false`)
	want(t, x.run(0, "rule", "update", rule, "--name", "Artists"), rule+` +Artists +false +Designers +staging +designer +pinned`)
	want(t, x.run(0, "rule", "update", rule, "--role-value", "art"), rule+` +Artists +false +art +staging +designer`)
	want(t, x.run(0, "rule", "enable", rule), `true`)
	want(t, x.run(0, "rule", "get", rule), rule)
	want(t, x.run(0, "rule", "delete", rule), ``)
	want(t, x.run(0, "rule", "create", "--role-value", "ops", "--grant", "organization-admin"), `ops`)

	want(t, x.run(0, "rule", "create", "--filter", `userType eq "Employee"`, "--grant", "production:developer"), `userType eq "Employee"`)
	x.run(1, "rule", "create", "--filter", `shoeSize eq 43`, "--grant", "production:developer")
	want(t, x.err, `rule.filter.filter.*shoeSize`)

	want(t, x.run(0, "rule", "problems"), `RULE ID +KIND`, `waits_for_sync`)
	want(t, x.run(0, "rule", "defaults", "--tenant", "production"), `RESULT +ID`, `exists +\S+ +true +Designers +production:designer`)
	want(t, x.run(0, "rule", "defaults", "--tenant", "staging"), `created +\S+ +true +Designers +staging:designer`, `created .*Administrators +staging:global-admin`)
	if again := x.run(0, "rule", "defaults", "--tenant", "staging"); strings.Contains(again, "created") {
		t.Errorf("the default rules are created again: %s", again)
	}
	x.run(1, "rule", "defaults", "--tenant", "none")
	want(t, x.err, `NOT_FOUND`)
	want(t, x.run(0, "access", "statuses"), `ORGANIZATION ID +OLDEST CHANGE AGE +SET ASIDE COUNT +RULES WAITING COUNT +SYNC RUNNING`, `demo +\S+s +0 +\d+ +false`)
	want(t, x.run(0, "access", "statuses", "demo", "none"), `none +`)
	x.run(1, "rule", "preview", "--filter", "shoeSize eq 43")
	want(t, x.err, `SCIM_INVALID_FILTER`)
	want(t, x.run(0, "rule", "preview", "--group", "Nobody has this"), `Groups: 0. Users: 0.`)

	want(t, x.run(0, "directory", "quirks", directory), `NAME +MESSAGE COUNT +LAST TIME`)
	want(t, x.run(0, "directory", "progress", directory), `Users +12\nGroups +`, `KIND +FIRST TIME +LAST TIME +MESSAGE COUNT`, `user_created .* 12 `, `newest 12 users`, `userName +12`)
	want(t, x.run(0, "directory", "progress", directory, "--output", "json"), `"sampledUserCount": 12`, `"quirkCount": `)
	want(t, x.run(0, "directory", "unadopted", directory), `ID +RESOURCE TYPE +DIRECTORY ID +NAME +EXTERNAL ID`)
	file := filepath.Join(t.TempDir(), "badge.json")
	if err := os.WriteFile(file, []byte(`{"id":"urn:example:Badge:2.0:User","attributes":[{"name":"number"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, x.run(0, "schema", "put", file, "--directory", directory), `urn:example:Badge:2.0:User +user`)
	want(t, x.run(0, "schema", "list", "--directory", directory), `urn:example:Badge:2.0:User +user`)
	want(t, x.run(0, "schema", "delete", "urn:example:badge:2.0:user", "--directory", directory), ``)
	want(t, x.run(0, "schema", "list", "--directory", directory), `ID +RESOURCE TYPE`)
	x.run(2, "schema", "put", filepath.Join(t.TempDir(), "none"), "--directory", directory)
	want(t, x.err, `no such file`)
	group := x.json("user", "get", user)["user"].(map[string]any)["groupIds"].([]any)[0].(string)
	refusedPatch(t, base, key, group)
	events := func() string { return x.run(0, "event", "list") }
	for deadline := time.After(20 * time.Second); !strings.Contains(events(), group); {
		select {
		case <-deadline:
			t.Fatalf("the events do not name the group %s:\n%s", group, events())
		case <-time.After(50 * time.Millisecond):
		}
	}
	want(t, events(), `OPERATION +RESOURCE ID +SUBJECT +STATUS +REASON`, `PATCH /Groups/\S+ +`+group+` +400`)
	want(t, x.run(0, "event", "list", "--since", "1h", "--until", "2100-01-01T00:00:00Z", "--reason", "SCIM_INVALID_PATH"), group)
	want(t, x.run(0, "event", "list", "--until", "1h"), `^ID .*\n$`)
	x.run(2, "event", "list", "--since", "yesterday")
	want(t, x.err, `--since must be a time such as`)
	want(t, x.run(0, "event", "counts"), `REASON +COUNT +AT LEAST +NEWEST FAIL TIME`, `SCIM_INVALID_PATH +1 +false`)
	exported := map[string]any{}
	if err := json.Unmarshal([]byte(x.run(0, "event", "export", "--directory", directory, "--open")), &exported); err != nil || exported["resourceId"] != group {
		t.Errorf("exported is %v: %v", exported, err)
	}
	x.run(2, "event", "acknowledge")
	x.run(2, "event", "acknowledge", exported["id"].(string), "--directory", directory)
	want(t, x.err, `--directory is for --reason`)
	want(t, x.run(0, "event", "acknowledge", "--reason", "SCIM_INVALID_PATH", "--directory", directory), `ACKNOWLEDGED COUNT\n1\n`)
	want(t, x.run(0, "event", "counts"), `^REASON .*\n$`)
	want(t, x.run(0, "event", "counts", "--all"), `SCIM_INVALID_PATH +1 +false`)
	want(t, x.run(0, "event", "export", "--open"), `^$`)
	// The gateway sends its counts every ten seconds.
	for deadline := time.After(time.Minute); !strings.Contains(x.run(0, "directory", "activity", directory), directory); {
		select {
		case <-deadline:
			t.Fatal("no message is counted")
		case <-time.After(250 * time.Millisecond):
		}
	}
	want(t, x.run(0, "directory", "activity", "--days", "--since", "720h"), `DIRECTORY ID +ACCEPTED +FAILED +RATE LIMITED`, directory+` +\d\d+ +1 +0 +20\S+ +20\S+ +20`)
	x.run(1, "directory", "activity", "--since", "800h")
	want(t, x.err, `start_time: must be at most 30 days ago`)
	want(t, x.run(0, "directory", "delete", directory), `deleted`)
	want(t, x.run(0, "directory", "list", "--deleted"), directory+` +Entra +deleted`)
	x.run(1, "simulate", "--base-url", base, "--key-file", keyFile(t, key))
	again := x.json("directory", "create", "--name", "again")["directory"].(map[string]any)
	if again["replacesId"] != directory {
		t.Errorf("it replaces %v, want %s", again["replacesId"], directory)
	}
	want(t, x.run(0, "directory", "carried", again["id"].(string)), `GROUP ID`)
	want(t, x.run(0, "directory", "finish-adoption", again["id"].(string)), `0`)

	x.run(2, "org", "erase", "acme")
	want(t, x.err, `cannot be undone: add --yes`)
	want(t, x.run(0, "org", "get", "acme"), `acme`)
	want(t, x.run(0, "org", "erase", "acme", "--yes"), `acme +\d{4}-\S+ +identity,rule,failedevents,directory`)
	x.run(1, "org", "update", "acme", "--name", "Acme")
	want(t, x.err, `ORGANIZATION_ERASING`)
}

// A command that creates something can be repeated when its answer was lost.
func TestARepeatedCommandCreatesOnce(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	again := []string{"--request-id", "6b1f0a52-5a55-4f0e-9a57-1d2f7a3c4e5b"}
	repeated := func(args ...string) string {
		t.Helper()
		first := x.run(0, append(args, again...)...)
		return first + x.run(0, append(args, again...)...)
	}
	want(t, repeated("directory", "create", "--name", "Twice"), `API key +ush_`, `A call before this one created it`)
	directories := x.json("directory", "list")["directories"].([]any)
	if len(directories) != 1 {
		t.Fatalf("there are the directories %v", directories)
	}
	id := directories[0].(map[string]any)["id"].(string)
	want(t, repeated("key", "create", "--directory", id), `ush_`, `true`)
	if keys := x.json("key", "list", "--directory", id)["apiKeys"].([]any); len(keys) != 2 {
		t.Errorf("there are the keys %v", keys)
	}
	want(t, repeated("credential", "create", "--name", "billing", "--all", "--scope", "read-access"), `usc_`, `A call before this one created it`)
	want(t, repeated("portal-link", "create"), `URL +http`, `A call before this one made it`)
	again[1] = uuid.Must(uuid.NewV7()).String() // such as that of a command that failed: the end is the same in both calls
	want(t, repeated("key", "create", "--directory", id, "--expires-in", "1h"), `ush_`, `true`)
	want(t, repeated("credential", "create", "--name", "x", "--all", "--scope", "read-access", "--expires-in", "1h"), `usc_`, `A call before this one created it`)
	want(t, repeated("portal-link", "create", "--expires-in", "2h"), `URL +http`, `A call before this one made it`)
	want(t, x.run(0, "--version"), `usher version \S+`)
	sessions := x.json("session", "list", "--organization", "demo")
	if all := sessions["sessions"].([]any); len(all) != 0 {
		t.Errorf("nobody has signed in, and there are the sessions %v", all)
	}
	x.run(1, "session", "revoke", "--organization", "demo", again[1])
	want(t, x.err, `NOT_FOUND`)
	want(t, repeated("org", "create", "acme"), `acme +acme`)
	want(t, repeated("tenant", "create", "qa"), `qa +qa`)
	want(t, repeated("role", "create", "auditor"), `auditor`)
	want(t, repeated("rule", "create", "--group", "G", "--grant", "qa:auditor"), `Group G`)
	if rules := x.json("rule", "list")["rules"].([]any); len(rules) != 6 { // with those of the demo data
		t.Errorf("there are the rules %v", rules)
	}
	x.run(1, "tenant", "create", "other", again[0], again[1])
	want(t, x.err, `REQUEST_ID_REUSED`)
	x.run(1, "tenant", "create", "other", again[0], "no-uuid")
	want(t, x.err, `request_id`)
	lost := &terminal{t: t, base: append(slices.Clone(x.base), "--addr", "127.0.0.1:1")}
	lost.run(1, "tenant", "create", "other")
	want(t, lost.err, `UNAVAILABLE`, `repeat the command with --request-id [0-9a-f-]{36}`)
}

// Access is suspended and resumed manually, and its answers say how old their data is.
func TestAccessInAnEmergency(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	created := x.json("directory", "create", "--name", "Okta")
	x.run(0, "simulate", "--idp", "okta", "--users", "6", "--groups", "5", "--seed", "3", "--cycles", "0", "--base-url", created["directory"].(map[string]any)["baseUrl"].(string), "--key-file", keyFile(t, created["secret"].(string)))
	x.run(0, "access", "wait")
	held := x.json("access", "list")["access"].([]any)[0].(map[string]any)
	user, role := held["userId"].(string), held["roleId"].(string)
	name := x.json("user", "get", user)["user"].(map[string]any)["userName"].(string)
	check := []string{"access", "check", "--user", user, "--tenant", "production", "--role", role}
	want(t, x.run(0, check...), `ALLOWED +AS OF TIME +UNKNOWN +SUSPENDED +KEPT\n`, `true +20\d\d-\S+ +false +false +false`)
	want(t, x.run(0, "access", "status"), `known as of 20\d\d-\S+ \(\d+\.\d s ago\)\. Users set aside: 0\.`)

	x.run(1, "access", "suspend", "--user", name)
	want(t, x.err, `reason.*INVALID_REQUEST`)
	want(t, x.run(0, "access", "suspend", "--user", name, "--reason", "stolen laptop"), user+` +stolen laptop +operator`)
	want(t, x.run(0, check...), `false +20\d\d-\S+ +false +true`)
	want(t, x.run(0, "access", "list", "--user", user), `false +.*suspended: see usher access suspensions`)
	want(t, x.run(0, "access", "suspensions"), user+` +stolen laptop`)
	want(t, x.run(0, "access", "resume", "--user", user), ``)
	x.run(1, "access", "resume", "--user", user)
	want(t, x.err, `the access of user "`+user+`" is not suspended \(NOT_FOUND\)`)
	want(t, x.run(0, check...), `true`)
	want(t, x.run(0, "access", "grant", "--user", user, "--role", "organization-admin", "--keep"), `organization-admin +true +manual +false`)
	want(t, x.run(0, "access", "list", "--user", user), `organization-admin +true +granted with keep by operator`)
	x.run(1, "access", "grant", "--user", user, "--role", role, "--tenant", "production", "--keep")
	want(t, x.err, `keep: only the role "organization-admin" can be granted with keep, not "`+role+`" \(INVALID_REQUEST\)`)
	x.run(0, "access", "suspend", "--user", user, "--reason", "stolen laptop")
	want(t, x.err, `warning: .*last effective Organization Admin`)
	again := x.json("directory", "create", "--name", "Okta of a merger")
	x.run(0, "simulate", "--idp", "okta", "--users", "6", "--groups", "5", "--seed", "3", "--cycles", "0", "--base-url", again["directory"].(map[string]any)["baseUrl"].(string), "--key-file", keyFile(t, again["secret"].(string)))
	x.run(1, "access", "suspend", "--user", name, "--reason", "stolen laptop")
	want(t, x.err, `several users match: name the user by its id \(USER_AMBIGUOUS\)`)
	// A user that Usher does not know, by id.
	want(t, x.run(0, "access", "suspend", "--user", "01890000-0000-7000-8000-000000000000", "--reason", "a leak"), `a leak`)

	want(t, x.run(0, "access", "settings"), `keep`)
	want(t, x.run(0, "access", "settings", "--when-unknown", "suspend"), `suspend`)
	want(t, x.run(0, "access", "settings"), `suspend`)
	x.run(2, "access", "settings", "--when-unknown", "ask")
	want(t, x.err, `must be keep or suspend`)
}

// refusedPatch sends a PATCH that a directory refuses.
func refusedPatch(t *testing.T, base, key, group string) {
	t.Helper()
	const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"shoeSize","value":1}]}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, base+"/Groups/"+group, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Fatalf("the PATCH is answered with %s", response.Status)
	}
}

// away is a connection to a service that answers with an error while one is set.
type away struct {
	grpc.ClientConnInterface
	with *atomic.Pointer[error]
}

func (a away) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	if err := a.with.Load(); err != nil {
		return *err
	}
	return a.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
}

// Commands that only concern access work while identity, which knows the names of users, cannot be reached.
func TestAccessWithoutIdentity(t *testing.T) {
	t.Parallel()
	var identity atomic.Pointer[error]
	x := newTerminal(t, func(o *app.Options) {
		o.Intercept = func(_, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
			if callee == commonv1.Caller_CALLER_IDENTITY {
				return away{conn, &identity}
			}
			return conn
		}
	})
	created := x.json("directory", "create", "--name", "Okta")
	x.run(0, "simulate", "--idp", "okta", "--users", "6", "--groups", "5", "--seed", "3", "--cycles", "0", "--base-url", created["directory"].(map[string]any)["baseUrl"].(string), "--key-file", keyFile(t, created["secret"].(string)))
	x.run(0, "access", "wait")
	held := x.json("access", "list")["access"].([]any)[0].(map[string]any)
	user, role := held["userId"].(string), held["roleId"].(string)
	name := x.json("user", "get", user)["user"].(map[string]any)["userName"].(string)
	want(t, x.run(0, "access", "list"), regexp.QuoteMeta(name)+` +production`)
	if x.err != "" {
		t.Errorf("it warns while all is well: %s", x.err)
	}

	for reason, err := range map[string]error{
		"UNAVAILABLE": fault.New(fault.Unavailable, "away"), "DEADLINE": fault.New(fault.Deadline, "slow"),
	} {
		identity.Store(&err)
		want(t, x.run(0, "access", "list"), user+` +production +`+role+` +true +rule "[A-Za-z ]+": in group`)
		want(t, x.err, `^usher: warning: users are shown by their ids: .*\(`+reason+`\)\n$`)
		want(t, x.run(0, "access", "list", "--user", user), user+` +production`)
		of := []string{"--tenant", "production", "--role", role}
		for _, command := range [][]string{
			append([]string{"check"}, of...), append([]string{"list"}, of...), append([]string{"revoke"}, of...),
			{"suspend", "--reason", "stolen laptop"}, {"resume"},
		} {
			x.run(1, append([]string{"access"}, append(command, "--user", name)...)...)
			want(t, x.err, `^usher: name the user by its id: looking it up needs identity, which cannot be reached \(`+reason+`\)\n$`)
		}
		want(t, x.run(0, "access", "suspend", "--user", user, "--reason", "stolen laptop"), user)
		want(t, x.run(0, "access", "check", "--user", user, "--tenant", "production", "--role", role), `false`)
		x.run(0, "access", "resume", "--user", user)
		// The id would not help here.
		x.run(1, "access", "grant", "--user", name, "--role", "organization-admin")
		if strings.Contains(x.err, "by its id") {
			t.Errorf("a grant says %s", x.err)
		}
	}
}

// paged is a connection to a service that answers a list of access with these pages.
type paged struct {
	grpc.ClientConnInterface
	pages []*rulev1.ListAccessResponse
}

func (p paged) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	request, is := args.(*rulev1.ListAccessRequest)
	if !is {
		return p.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
	}
	page := p.pages[len(request.GetPageToken())]
	proto.Merge(reply.(proto.Message), page)
	return nil
}

// The data of a list with many pages is as old as its oldest page.
func TestAListIsAsOldAsItsOldestPage(t *testing.T) {
	t.Parallel()
	at := func(seconds int64, nanos int32) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}
	}
	for name, c := range map[string]struct {
		asOf []*timestamppb.Timestamp
		want any
	}{
		"the first":         {[]*timestamppb.Timestamp{at(1, 5e8), at(2, 0), at(3, 0)}, "1970-01-01T00:00:01.500Z"},
		"one in the middle": {[]*timestamppb.Timestamp{at(4, 0), at(2, 0), at(3, 0)}, "1970-01-01T00:00:02Z"},
		"of no time":        {[]*timestamppb.Timestamp{at(1, 0), nil, at(3, 0)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages []*rulev1.ListAccessResponse
			for i, asOf := range c.asOf {
				token := strings.Repeat("x", (i+1)%len(c.asOf))
				pages = append(pages, &rulev1.ListAccessResponse{Access: []*rulev1.Access{{RoleId: "designer"}}, NextPageToken: token, AsOfTime: asOf})
			}
			x := newTerminal(t, func(o *app.Options) {
				o.Intercept = func(_, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
					if callee == commonv1.Caller_CALLER_RULE {
						return paged{conn, pages}
					}
					return conn
				}
			})
			list := x.json("access", "list")
			if list["asOfTime"] != c.want || len(list["access"].([]any)) != 3 {
				t.Errorf("the list is %v, and should be as of %v", list, c.want)
			}
		})
	}
}

// An update changes only the fields of its flags.
func TestAnUpdateChangesOnlyTheFieldsOfItsFlags(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	part := func(answer map[string]any, path ...string) any {
		for _, key := range path {
			answer, _ = answer[key].(map[string]any)
		}
		return answer["displayName"]
	}
	x.run(0, "org", "update", "demo", "--name", "Renamed")
	if o := x.json("org", "get", "demo")["organization"].(map[string]any); o["federated"] != true || o["displayName"] != "Renamed" {
		t.Errorf("the organization is %v", o)
	}
	x.run(0, "org", "update", "demo", "--federated=false")
	x.run(0, "org", "update", "demo", "--federated")
	if name := part(x.json("org", "get", "demo"), "organization"); name != "Renamed" {
		t.Errorf("the organization is named %v", name)
	}

	made := x.json("directory", "create", "--name", "Okta", "--strict", "--unique-group-names")
	id := made["directory"].(map[string]any)["id"].(string)
	directory := func() map[string]any { return x.json("directory", "get", id)["directory"].(map[string]any) }
	x.run(0, "directory", "update", id, "--name", "Renamed")
	if d := directory(); d["mode"] != "DIRECTORY_MODE_STRICT" || d["uniqueGroupNames"] != true || d["displayName"] != "Renamed" {
		t.Errorf("the directory is %v", d)
	}
	x.run(0, "directory", "update", id, "--adopt-by-name")
	if d := directory(); d["adoptByName"] != true {
		t.Errorf("the directory is %v", d)
	}
	x.run(0, "directory", "update", id, "--strict=false")
	if d := directory(); d["mode"] != "DIRECTORY_MODE_TOLERANT" || d["uniqueGroupNames"] != true || d["displayName"] != "Renamed" {
		t.Errorf("the directory is %v", d)
	}
	x.run(1, "directory", "update", id, "--name", "")
	want(t, x.err, `directory.display_name`)

	rule := func(flags ...string) any {
		args := append([]string{"rule", "create", "--role-value", "x", "--grant", "production:developer"}, flags...)
		return x.json(args...)["rule"].(map[string]any)["enabled"]
	}
	if rule() != true || rule("--disabled=false") != true || rule("--disabled") != false {
		t.Error("a rule applies unless it is made with --disabled")
	}
}

// A service signs in with its credential, and can do what its scope allows.
func TestServiceCredentials(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	x.run(0, "org", "create", "acme", "--federated")
	made := x.json("credential", "create", "--name", "billing", "--organization", "demo", "--organization", "acme", "--scope", "read-access,read-people", "--expires-in", "1h")
	id, secret := made["serviceCredential"].(map[string]any)["id"].(string), made["secret"].(string)
	want(t, x.run(0, "credential", "create", "--name", "sign-up", "--all", "--scope", "manage-organizations"), `usc_\w{49}`, `shown only now`)
	want(t, x.run(0, "credential", "list"), id+` +billing +demo,acme +false +read_people,read_access +20`, `sign-up +true +manage_organizations +20`)

	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The operator's token is not available.
	service := &terminal{t: t, base: []string{"--addr", x.base[1], "--data-dir", t.TempDir(), "--token-file", file}}
	want(t, service.run(0, "tenant", "list"), `production +Production`)
	user := x.json("directory", "create", "--name", "Okta")
	x.run(0, "simulate", "--users", "4", "--groups", "5", "--cycles", "0", "--base-url", user["directory"].(map[string]any)["baseUrl"].(string), "--key-file", keyFile(t, user["secret"].(string)))
	x.run(0, "access", "wait")
	want(t, service.run(0, "access", "list"), `@.* +production +\S+ +true +rule "`)
	x.run(0, "rule", "create", "--filter", "userName pr", "--grant", "production:participant")
	x.run(0, "sync", "start", "--wait")
	nameless := &terminal{t: t, base: []string{"--addr", x.base[1], "--data-dir", t.TempDir(), "--token-file", keyFile(t,
		x.json("credential", "create", "--name", "checks", "--all", "--scope", "read-access")["secret"].(string))}}
	want(t, nameless.run(0, "access", "list"), `\n[0-9a-f-]{36} +production +participant +true +rule "Users that match a filter": matches a filter`)
	for _, refused := range [][]string{{"org", "list"}, {"org", "get", "nowhere"}, {"credential", "list"}} {
		service.run(1, refused...)
		want(t, service.err, `CALLER_NOT_ALLOWED`)
	}
	service.run(1, "tenant", "create", "qa")
	want(t, service.err, `SCOPE_MISSING`, `MANAGE_ORGANIZATIONS`)
	want(t, x.run(0, "credential", "rotate", id, "--overlap", "0s"), `usc_\w{49} +false +20`)
	want(t, x.run(0, "credential", "list"), id+` .* expired `)
	want(t, x.run(0, "credential", "revoke", id), `billing`)
	service.run(1, "tenant", "list")
	want(t, service.err, `UNAUTHENTICATED`)
	if err := os.WriteFile(file, []byte("two\ntokens\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	service.run(1, "tenant", "list")
	want(t, service.err, `does not contain exactly one token`)
}

// The environment belongs to the whole process, so this test does not run in parallel.
func TestATokenFromTheEnvironment(t *testing.T) {
	x := newTerminal(t)
	token, err := os.ReadFile(filepath.Join(x.base[3], "bootstrap-token"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := &terminal{t: t, base: []string{"--addr", x.base[1], "--data-dir", t.TempDir()}}
	t.Setenv("USHER_TOKEN", string(token))
	want(t, elsewhere.run(0, "org", "list"), `demo`)
	t.Setenv("USHER_TOKEN", "hush hush")
	elsewhere.run(1, "org", "list")
	if want(t, elsewhere.err, `USHER_TOKEN does not contain exactly one token`); strings.Contains(elsewhere.err, "hush") {
		t.Errorf("it shows the token: %s", elsewhere.err)
	}
	t.Setenv("USHER_TOKEN", "wrong")
	elsewhere.run(1, "org", "list")
	want(t, elsewhere.err, `UNAUTHENTICATED`)
}

// A command signs in with the first of the server's token files that it can read.
func TestATokenFromTheServersSettings(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	file := writeFile(t, path("usher.yaml"), "operator_token_files: ["+path("missing")+", "+path("old")+", "+path("new")+"]\n")
	writeFile(t, path("old"), "hunter2")
	writeFile(t, path("new"), "new-hunter2-0123456789abcdefghijklmnopqrstuvwxyz\n")
	s := app.DevelopmentDefaults()
	s.DataDir, s.OperatorTokenFiles = path("data"), []string{path("new")}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	addr := startServer(t, s, app.Options{Telemetry: tel})

	x := &terminal{t: t, base: []string{"--addr", addr, "--data-dir", path("nowhere"), "--config", file}}
	want(t, x.run(0, "org", "list"), `demo`)
	if err := os.Remove(path("new")); err != nil {
		t.Fatal(err)
	}
	x.run(1, "org", "list")
	want(t, x.err, `no token of the operator can be read`, path("missing")+`: no such file`, path("old")+`: the token must be 32 characters`, `--token-file`)
	if strings.Contains(x.err, "hunter2") {
		t.Errorf("it shows a token: %s", x.err)
	}
	x.base[5] = path("other.yaml")
	x.run(1, "org", "list")
	want(t, x.err, `reading the configuration file `+path("other.yaml"))
	x.base[5] = writeFile(t, path("same.yaml"), "operator_token_files: [a/token, b/token]")
	x.run(1, "org", "list")
	want(t, x.err, `operator_token_files must be files with different names`)
}

func TestSIGHUPMakesServeReadTheTokensAtOnce(t *testing.T) {
	t.Parallel()
	token := writeFile(t, filepath.Join(t.TempDir(), "token"), "0123456789abcdef0123456789abcdef")
	printed := &lockedBuffer{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := make(chan int, 1)
	go func() {
		code <- Run(ctx, []string{"serve", "--config", settingsFile(t, map[string]string{"operator_token_files": token})}, io.Discard, printed)
	}()
	says := func(text string) {
		t.Helper()
		deadline, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
		defer tick.Stop()
		for !strings.Contains(printed.String(), text) {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%q is not in:\n%s", text, printed)
			}
		}
	}
	says("msg=serving")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // this process serves
		t.Fatal(err)
	}
	says(`msg="the operator's tokens are read again" service=gateway signal=hangup`)
	stop()
	if code := <-code; code != 0 {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}

func TestBadUsage(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a command that is none":               {[]string{"fly"}, 2, "fly"},
		"a flag that is none":                  {[]string{"org", "list", "--fast"}, 2, "--fast"},
		"an argument too few":                  {[]string{"org", "get"}, 2, "1 arg"},
		"an output that is none":               {[]string{"org", "list", "-o", "xml"}, 2, `table or json, not "xml"`},
		"a rule that matches nobody":           {[]string{"rule", "create", "--grant", "a:b"}, 2, "one of --group, --role-value and --filter"},
		"a grant without a role":               {[]string{"rule", "create", "--group", "g", "--grant", "a:"}, 2, "--grant must be"},
		"an organization that is none":         {[]string{"org", "get", "nowhere"}, 1, "NOT_FOUND"},
		"an id that is none":                   {[]string{"rule", "get", "x"}, 1, "INVALID_REQUEST"},
		"a slug that is none":                  {[]string{"org", "create", "Not A Slug"}, 1, "organization.id"},
		"erasing one that is not there":        {[]string{"user", "erase", "00000000-0000-7000-8000-000000000000"}, 1, "NOT_FOUND"},
		"a state that is none":                 {[]string{"user", "list", "--state", "gone"}, 2, "--state must be active, inactive or detached"},
		"nesting without a direction":          {[]string{"group", "nested", "x"}, 2, "one of --members and --containers"},
		"nesting in both directions":           {[]string{"group", "nested", "x", "--members", "--containers"}, 2, "one of --members and --containers"},
		"a group that is none":                 {[]string{"group", "get", "No Group"}, 1, `there is no group "No Group"`},
		"a user that is not there":             {[]string{"access", "list", "--user", "nobody@example.com"}, 1, "NOT_FOUND"},
		"an IdP that is none":                  {[]string{"simulate", "--idp", "ping", "--base-url", "http://127.0.0.1:1", "--key-file", keyFile(t, "k")}, 2, "ping"},
		"a simulation without a key":           {[]string{"simulate", "--base-url", "http://127.0.0.1:1"}, 2, "--key-file must be set, or USHER_KEY"},
		"a key in clear text":                  {[]string{"simulate", "--base-url", "http://scim.example.com/scim/v2/x", "--key-file", keyFile(t, "k")}, 2, "--base-url is another machine"},
		"a base URL that is none":              {[]string{"simulate", "--base-url", "http://%", "--key-file", keyFile(t, "k")}, 2, "--base-url must be a URL"},
		"a setting that is none":               {[]string{"config", "check", "--dev", "--log-level", "loud"}, 2, "log_level must be"},
		"serving without a way to enter":       {[]string{"serve"}, 2, "operator_token or operator_token_files must be set, a mapping of oidc name the operator, or dev be true"},
		"targets that are none":                {[]string{"serve", "--dev", "--target", "gateway,console"}, 2, `not "console"`},
		"a part without certificates":          {[]string{"serve", "--dev", "--target", "rule"}, 2, "certificates_dir must be a folder"},
		"migrating nothing":                    {[]string{"migrate"}, 2, "database_url must be set"},
		"certificates for no time":             {[]string{"certificates", "create", "x", "--valid", "0s"}, 2, "--valid must be above 0"},
		"a credential of no scope":             {[]string{"credential", "create", "--name", "x", "--all"}, 2, "scope"},
		"a credential of a scope that is none": {[]string{"credential", "create", "--name", "x", "--all", "--scope", "read-all"}, 2, "read-access"},
		"a credential of no organization":      {[]string{"credential", "create", "--name", "x", "--scope", "read-access"}, 2, "organization"},
		"a credential of two scopes":           {[]string{"credential", "create", "--name", "x", "--scope", "read-access", "--all", "--organization", "demo"}, 2, "all"},
		"a credential with two ends":           {[]string{"credential", "create", "--name", "x", "--scope", "read-access", "--all", "--expires-in", "1h", "--never-expires"}, 2, "never-expires"},
		"a credential of no address":           {[]string{"credential", "create", "--name", "x", "--scope", "read-access", "--all", "--address-range", "here"}, 1, "address_ranges[0]"},
		"a credential for nobody":              {[]string{"credential", "create", "--name", "x", "--scope", "read-access", "--organization", "nowhere"}, 1, "organization_ids[0]"},
		"nothing to change":                    {[]string{"org", "update", "demo"}, 2, "nothing to change"},
		"nothing to change of a rule":          {[]string{"rule", "update", "x"}, 2, "nothing to change"},
		"a rule that matches by two":           {[]string{"rule", "update", "x", "--group", "g", "--filter", "title pr"}, 2, "one of --group, --role-value and --filter"},
		"a rule that matches the empty":        {[]string{"rule", "create", "--group", "", "--grant", "production:developer"}, 1, "rule.group.display_name"},
	} {
		t.Run(name, func(t *testing.T) {
			y := &terminal{t: t, base: x.base}
			out := y.run(c.code, c.args...)
			want(t, out+y.err, regexp.QuoteMeta(c.want))
		})
	}
}

// lockedBuffer is a buffer that several goroutines write logs to.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The log contains who changed what, with the organization and the object, and nobody else's name.
func TestTheLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	logs := &lockedBuffer{}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: logs})
	if err != nil {
		t.Fatal(err)
	}
	x := newTerminal(t, func(o *app.Options) { o.Telemetry = tel })
	x.run(0, "org", "create", "acme", "--name", "The Acme Company")
	x.run(0, "org", "update", "acme", "--federated")
	made := x.json("directory", "create", "--organization", "acme", "--name", "Okta")
	directory := made["directory"].(map[string]any)["id"].(string)
	x.run(1, "access", "grant", "--organization", "acme", "--user", "00000000-0000-7000-8000-000000000000", "--role", "developer", "--tenant", "plant")
	x.run(1, "access", "grant", "--organization", "acme", "--user", "00000000-0000-7000-8000-000000000000", "--role", "organization-admin", "--keep")
	x.run(1, "rule", "delete", "ann@example.com", "--organization", "acme")
	x.run(1, "user", "erase", "00000000-0000-7000-8000-000000000000", "--organization", "acme")
	x.run(0, "org", "list")

	var changes []string
	for line := range strings.Lines(logs.String()) {
		if strings.Contains(line, `"msg":"change"`) && strings.Contains(line, `"principal":"operator"`) { // not the demo data
			changes = append(changes, line)
		}
	}
	for n, patterns := range [][]string{
		{`OrganizationService/CreateOrganization`, `"principal_kind":"operator","principal":"operator","organization_id":"acme"`, `"code":"OK"`},
		{`OrganizationService/UpdateOrganization`, `"organization_id":"acme"`},
		{`DirectoryService/CreateDirectory`, `"organization_id":"acme","id":"` + directory + `"`},
		{`AccessService/GrantAccess`, `"user_id":"00000000-0000-7000-8000-000000000000"`, `"tenant_id":"plant"`, `"role_id":"developer"`, `"reason":"NOT_FOUND"`},
		{`AccessService/GrantAccess`, `"role_id":"organization-admin","keep":true,"code":"NotFound"`},
		{`RuleService/DeleteRule`, `"organization_id":"acme"`, `"reason":"INVALID_REQUEST"`},
		{`DetachedUserService/EraseUser`, `"organization_id":"acme"`, `"user_id":"00000000-0000-7000-8000-000000000000"`, `"reason":"NOT_FOUND"`},
	} {
		if n >= len(changes) {
			t.Fatalf("there are %d changes in the log:\n%s", len(changes), logs)
		}
		want(t, changes[n], patterns...)
	}
	if len(changes) != 7 || strings.Contains(strings.Join(changes, ""), "Acme Company") || strings.Contains(logs.String(), "ann@example.com") {
		t.Errorf("the changes are:\n%s", strings.Join(changes, ""))
	}
}

// keyFile creates a file with a key.
func keyFile(t *testing.T, key string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestATokenGoesToNoOtherMachineInClearText(t *testing.T) {
	t.Parallel()
	token := keyFile(t, "x")
	for addr, refused := range map[string]bool{
		"127.0.0.1:1": false, "[::1]:1": false, "localhost:1": false, "usher.invalid:8082": true, "0.0.0.0:1": false, "127.0.0.1.example.invalid:1": true, "usher": true,
	} {
		x := &terminal{t: t, base: []string{"--addr", addr, "--token-file", token, "--timeout", "1s"}}
		code := 1 // the file is missing
		if refused {
			code = 2
		}
		x.run(code, "org", "list")
		if told := strings.Contains(x.err, "--insecure"); told != refused {
			t.Errorf("%s: %s", addr, x.err)
		}
		x.base = append(x.base, "--insecure")
		x.run(1, "org", "list")
	}
	x := &terminal{t: t, base: []string{"--addr", "usher.invalid:8082", "--token-file", token, "--timeout", "1s", "--tls"}}
	x.run(1, "org", "list")
}

func TestAMissingServer(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, base: []string{"--data-dir", t.TempDir()}}
	x.run(1, "org", "list")
	want(t, x.err, `bootstrap token`, `--data-dir`, `USHER_TOKEN`)
	if err := os.WriteFile(filepath.Join(x.base[1], "bootstrap-token"), []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.base = append(x.base, "--addr", "127.0.0.1:1", "--timeout", "5s")
	x.run(1, "org", "list")
	want(t, x.err, `UNAVAILABLE`)
	x.run(1, "access", "suspend", "--user", "anna", "--reason", "a leak")
	want(t, x.err, `UNAVAILABLE.*--addr`)
}

// An operator needs to know which server did not answer, and why.
func TestAMissingDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("database_url: postgres://usher:hunter2@127.0.0.1:1/usher\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t}
	x.run(1, "migrate", "--config", file)
	want(t, x.err, `migrating directory`, `127\.0\.0\.1:1`, `refused`)
	if strings.Contains(x.err, "hunter2") || strings.Contains(x.err, "--addr") {
		t.Errorf("it says %s", x.err)
	}
}

func TestConfigCheckListsEverySetting(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("dev: true\ngateway:\n  rate_per_second: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := Run(t.Context(), []string{"config", "check", "--config", file}, &out, &err); code != 0 {
		t.Fatalf("exit code %d: %s", code, err.String())
	}
	want(t, out.String(), `gateway.rate_per_second +7 `, `scim_addr +127.0.0.1:8080 `, `log_format +text`)
	for line := range strings.Lines(out.String()) {
		if len(strings.Fields(line)) < 3 {
			t.Errorf("a setting without its meaning: %q", line)
		}
	}
}

func TestAFolderOfCertificates(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "certificates")
	x := &terminal{t: t}
	want(t, x.run(0, "certificates", "create", folder), `Certificates until 20\d\d-\d\d-\d\d are in `+regexp.QuoteMeta(folder))
	for _, service := range []string{"gateway", "directory", "identity", "rule", "failedevents"} {
		info, err := os.Stat(filepath.Join(folder, service+".key"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", service, info, err)
		}
	}
	x.run(1, "certificates", "create", folder)
	want(t, x.err, `ca.crt already exists`)
}

func TestTheHelpIsEasyToRead(t *testing.T) {
	t.Parallel()
	commands := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		commands++
		texts := []string{cmd.Short, cmd.Long}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { texts = append(texts, f.Usage) })
		for _, text := range texts {
			for _, problem := range words.Problems(text) {
				t.Errorf("%s: %s", cmd.CommandPath(), problem)
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(newRoot(&client{}))
	if commands < 60 {
		t.Errorf("only %d commands were read", commands)
	}
}
