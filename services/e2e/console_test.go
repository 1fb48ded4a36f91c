package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/console"
)

// consoleFolder contains the web app and its tests.
const consoleFolder = "../console/web"

// consoleWorld is what the tests in a browser know about the Usher that they use.
type consoleWorld struct {
	Admin, SCIM   string
	OperatorToken string
	// Usher is the path of the command.
	Usher string
	// Organizations are the ids of organizations, such as one for each test file. In each, the people admin-<id> and viewer-<id> can sign in at the
	// provider "customers". The person "operator" can sign in at "staff". The person "stranger" may not do anything.
	Organizations []string
	// RuleDatabase is the SQLite file of the rule service.
	RuleDatabase string
}

// The console in a real browser. The tests are in services/console/web/browser.
func TestConsole(t *testing.T) {
	t.Parallel()
	inBrowser(t, "browser", organizationsOfTests(t)...)
}

// Screenshots of all pages, for people to look at, in services/console/screenshots.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	if os.Getenv("CONSOLE_SCREENSHOTS") == "" {
		t.Skip("it checks nothing: make screenshots runs it")
	}
	inBrowser(t, "screenshots", "screenshots", "screenshots-empty", "screenshots-excessive")
}

// inBrowser runs a script of the web app's package.json against an Usher with these organizations, at which people sign in.
func inBrowser(t *testing.T, script string, organizations ...string) {
	t.Helper()
	requireBrowser(t)
	p := startPeople(t, topology{})
	user(p.staff, "operator", "operator")
	user(p.customers, "stranger", "guest", demo)
	for _, id := range organizations {
		user(p.customers, "admin-"+id, "admin", id)
		user(p.customers, "viewer-"+id, "viewer", id)
		_, err := p.organizations().CreateOrganization(p.ctx(), &directoryv1.CreateOrganizationRequest{
			Organization: &directoryv1.Organization{Id: id, Federated: proto.Bool(true)},
		})
		p.must(err)
	}
	world, err := json.Marshal(consoleWorld{
		Admin: "http://" + p.addrs.Admin, SCIM: "http://" + p.addrs.SCIM, OperatorToken: operatorToken,
		Usher: product(t), Organizations: organizations, RuleDatabase: filepath.Join(p.folder, "rule.db"),
	})
	p.must(err)
	cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", script)
	cmd.Dir = consoleFolder
	cmd.Env = append(os.Environ(), "CONSOLE_WORLD="+string(world), "NO_COLOR=1")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, output.String())
		return
	}
	t.Log(output.String())
}

// requireBrowser skips the test where the console cannot run. In CI, this is a failure.
func requireBrowser(t *testing.T) {
	t.Helper()
	var missing []string
	for _, program := range []string{"npm", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if c, err := console.New(false); err != nil || !c.Built() {
		missing = append(missing, "the built console (make console)")
	}
	if len(missing) == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("the tests of the console need %s", strings.Join(missing, ", "))
	}
	t.Skipf("=== THE CONSOLE IS NOT TESTED: this needs %s ===", strings.Join(missing, ", "))
}

// organizationsOfTests returns an id for each file with tests of the console.
func organizationsOfTests(t *testing.T) (ids []string) {
	t.Helper()
	files, err := filepath.Glob(consoleFolder + "/browser/*.test.ts")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests: %v", err)
	}
	for _, file := range files {
		id, _, _ := strings.Cut(filepath.Base(file), ".")
		if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(id) {
			t.Fatalf("the name of %s cannot be that of an organization", file)
		}
		ids = append(ids, id)
	}
	return ids
}
