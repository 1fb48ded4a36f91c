package e2e

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// A directory is deleted and replaced while identity is down. Until it is back an IdP is told to come again; then it takes
// everything back under the old ids, and no access ever goes.
func TestADirectoryIsReplacedWhileIdentityIsDown(t *testing.T) {
	t.Parallel()
	u := deploy(t, twoGateways(t, 500*time.Millisecond))
	old := u.newDirectory(nil)
	config := simulate.Config{IdP: simulate.Entra, Users: 20, Groups: 6, Seed: 7, Cycles: simulate.NoCycles}
	s := simulation(t, old, config)
	run(t.Context(), t, s)
	u.caughtUp()
	requireState(t, old, s.Expect())
	ids, held := resourceIDs(old), u.held()
	if len(held) == 0 {
		t.Fatal("nobody holds anything")
	}
	before, err := u.access().GetAccessCursor(u.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
	if err != nil {
		t.Fatal(err)
	}
	var someone string
	for id := range ids {
		someone = id
	}

	u.processes["identity"].kill()
	old.delete()
	old.send("GET", "/Users", "", http.StatusUnauthorized)
	replacement := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("again"), ReplacesId: old.id}})
	second := u.gateway(1)
	for _, at := range []*directory{replacement, replacement.at(second)} {
		for _, request := range [][3]string{
			{"GET", "/Users", ""},
			{"GET", "/Users/" + someone, ""},
			{"POST", "/Users", `{"userName":"early@example.com"}`},
			{"POST", "/Groups", `{"displayName":"early"}`},
			{"PATCH", "/Users/" + someone, patchBody("replace", "active", false)},
			{"DELETE", "/Users/" + someone, ""},
		} {
			a := at.send(request[0], request[1], request[2], http.StatusServiceUnavailable)
			if a.header.Get("Retry-After") == "" {
				t.Errorf("%s %s: it does not say when to come again: %s", request[0], request[1], a.raw)
			}
		}
	}
	requireHeld(t, u.usher, held)

	if err := u.processes["identity"].start(); err != nil {
		t.Fatal(err)
	}
	config.Retry = simulate.RetryPolicy{Attempts: 40}
	again := simulation(t, replacement.at(second), config)
	run(t.Context(), t, again)
	u.caughtUp()
	requireState(t, replacement, again.Expect())
	for id := range resourceIDs(replacement) {
		if !ids[id] {
			t.Errorf("%s has a new id", id)
		}
		delete(ids, id)
	}
	if len(ids) > 0 {
		t.Errorf("not taken back: %v", ids)
	}
	requireHeld(t, u.usher, held)
	for _, change := range u.accessChanges(before.GetCursor()) {
		if change.GetKind() == rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED {
			t.Errorf("access went on the way: %v", change)
		}
	}
}
