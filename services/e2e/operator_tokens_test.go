package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// opens tells whether a token opens the gRPC and the REST API.
func (s service) opens() (overGRPC, overREST bool) {
	s.u.t.Helper()
	_, err := s.u.organizations().ListOrganizations(s.ctx(), &directoryv1.ListOrganizationsRequest{})
	if err != nil {
		requireReason(s.u.t, "listing organizations", err, fault.Unauthenticated)
	}
	response := s.rest(http.MethodGet, "/api/v1/organizations", "")
	response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized {
		s.u.t.Errorf("over REST: %d", response.StatusCode)
	}
	return err == nil, response.StatusCode == http.StatusOK
}

// tenantSlowly creates a tenant over REST, with a body that does not end before finish is called. finish gives the answer's status.
func (s service) tenantSlowly(id string) (finish func() int) {
	s.u.t.Helper()
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(s.ctx(), http.MethodPost, "http://"+s.u.addrs.Admin+"/api/v1/organizations/demo/tenants", reader)
	if err != nil {
		s.u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.secret)
	status := make(chan int, 1)
	go func() {
		defer close(status)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			status <- response.StatusCode
		}
	}()
	if _, err := io.WriteString(writer, `{"id":"`); err != nil {
		s.u.t.Fatal(err)
	}
	return func() int {
		_, _ = io.WriteString(writer, id+`"}`) // it may have been refused already
		_ = writer.Close()
		return <-status
	}
}

// An operator rotates its token: first both are valid, and then the old one is refused, with everything that began with it.
func TestTheOperatorRotatesItsToken(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	oldFile, newFile := filepath.Join(folder, "old"), filepath.Join(folder, "new")
	s := testSettings(t.TempDir())
	s.OperatorToken, s.OperatorTokenFiles = "", []string{oldFile, newFile}
	u := &usher{t: t}
	former, next := service{u: u, secret: "former-" + operatorToken}, service{u: u, secret: "next-" + operatorToken}
	put := func(path, token string) {
		t.Helper()
		err := os.WriteFile(path+".tmp", []byte(token+"\n"), 0o600)
		if err == nil {
			err = os.Rename(path+".tmp", path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(oldFile, former.secret)
	a := startApp(t, s, quiet(t))
	u.addrs = addresses{SCIM: a.SCIMAddr(), Admin: a.AdminAddr(), GRPC: a.GRPCAddr(), Ops: a.OpsAddr()}
	u.connect()
	is := func(s service, want bool) func() bool {
		return func() bool { overGRPC, overREST := s.opens(); return overGRPC == want && overREST == want }
	}
	if !is(former, true)() || !is(next, false)() {
		t.Fatal("not only the first token is valid")
	}

	put(newFile, next.secret)
	eventually(t, "the second token opens both APIs", is(next, true))
	if !is(former, true)() {
		t.Error("the first token is not valid any more")
	}
	if valid := u.metric("usher_operator_tokens"); valid != "2" {
		t.Errorf("%s tokens are valid", valid)
	}

	// Removing the first one ends what began with it.
	watch, err := u.access().WatchAccess(former.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
	if err != nil {
		t.Fatal(err)
	}
	stays, err := u.access().WatchAccess(next.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
	if err != nil {
		t.Fatal(err)
	}
	watched := former.rest(http.MethodGet, "/api/v1/organizations/demo/access:watch", "")
	defer watched.Body.Close()
	finish := former.tenantSlowly("slow")
	if err := os.Remove(oldFile); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = watch.Recv()
	}
	requireReason(t, "the watch", err, fault.Unauthenticated)
	if text, err := io.ReadAll(watched.Body); err != nil || !strings.Contains(string(text), `"UNAUTHENTICATED"`) {
		t.Errorf("the watch over REST ended with %q, %v", text, err)
	}
	if status := finish(); status != http.StatusUnauthorized {
		t.Errorf("the slow request: %d", status)
	}
	u.token = next.secret
	tenants, err := u.tenants().ListTenants(next.ctx(), &rulev1.ListTenantsRequest{OrganizationId: demo})
	if err != nil || len(tenants.GetTenants()) != 2 { // those of the demo data
		t.Errorf("tenants: %v, %v", tenants, err)
	}
	if !is(former, false)() || !is(next, true)() {
		t.Error("not only the second token is valid")
	}
	if _, err := stays.Recv(); err != nil {
		t.Errorf("the watch with the other token: %v", err)
	}

	// Records contain the name of the file.
	suspended, err := u.access().SuspendAccess(next.ctx(), &rulev1.SuspendAccessRequest{
		OrganizationId: demo, UserId: "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70", Reason: "a test",
	})
	if by := suspended.GetSuspension().GetSuspendedBy(); err != nil || by != "operator/new" {
		t.Errorf("suspended by %q, %v", by, err)
	}

	// A file that others can read has no valid token. Usher keeps running without any.
	if err := os.Chmod(newFile, 0o644); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		_, err = stays.Recv()
	}
	requireReason(t, "the watch with a token that others can read", err, fault.Unauthenticated)
	if !is(next, false)() || u.metric("usher_operator_tokens") != "0" || u.metric("usher_operator_token_files_refused_total") == "0" {
		t.Error("a token that others can read is valid")
	}
	if err := os.Chmod(newFile, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token is valid again", is(next, true))
}
