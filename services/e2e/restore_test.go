package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/simulate"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// A database is restored into another cluster from a dump that lacks what came last. Who follows a feed is told that it has
// to begin anew, and access is what the restored users and groups say: also where rule kept a database of its own, which
// knows what identity has forgotten.
func TestARestoredDatabase(t *testing.T) {
	t.Parallel()
	for name, ruleApart := range map[string]bool{"of all services": false, "of all but rule": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := kit.StartPostgres(t)
			p := plan{split: true, database: server.Database("app")}
			if ruleApart {
				p.each = map[string][]string{"rule": {"USHER_RULE__DATABASE_URL=" + server.Database("rules")}}
			}
			u := deploy(t, p)
			d := u.newDirectory(nil)
			s := simulation(t, d, simulate.Config{IdP: simulate.Entra, Users: 40, Groups: 8, Seed: 5})
			run(t.Context(), t, s)
			u.caughtUp()
			requireState(t, d, s.Expect())
			dump := filepath.Join(t.TempDir(), "dump.sql")
			server.Dump("app", dump)

			// What the dump does not have: a newcomer, a group that lost its members, another directory.
			late := d.user("late")
			for _, group := range d.all("/Groups") {
				path := "/Groups/" + group["id"].(string)
				switch group["displayName"] {
				case "Designers":
					d.patch(path, "add", "members", []any{map[string]any{"value": late}}, http.StatusNoContent)
				case "Participants":
					d.patch(path, "remove", "members", nil, http.StatusNoContent)
				}
			}
			other := u.newDirectory(nil)
			other.user("elsewhere")
			u.caughtUp()
			if !u.allowed(late, "designer") {
				t.Fatal("the newcomer is no designer")
			}
			before, err := u.access().GetAccessCursor(u.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
			if err != nil {
				t.Fatal(err)
			}

			for _, process := range u.processes {
				if err := process.terminate(); err != nil {
					t.Errorf("%s: %v", process.name, err)
				}
			}
			cluster := kit.StartPostgres(t)
			url := cluster.Database("app")
			cluster.Restore("app", dump)
			for _, name := range append(append([]string{}, backend...), "gateway") {
				u.processes[name].env = append(u.processes[name].env, "USHER_DATABASE_URL="+url)
				if err := u.processes[name].start(); err != nil {
					t.Fatal(err)
				}
			}

			u.caughtUp()
			requireState(t, d, s.Expect())
			if u.allowed(late, "designer") {
				t.Error("a user that is not there any more is a designer")
			}
			if a, err := other.try(t.Context(), "GET", "/Users", ""); err != nil || a.status != http.StatusUnauthorized {
				t.Errorf("a directory that is not there any more answers %d, %v", a.status, err)
			}
			stream, err := u.access().WatchAccess(u.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo, AfterCursor: before.GetCursor()})
			if err == nil {
				_, err = stream.Recv()
			}
			if ruleApart {
				// Its own feed has lost nothing: the loss is told as changes.
				if err != nil {
					t.Errorf("following rule's feed: %v", err)
				}
			} else {
				requireReason(t, "a cursor of before", err, fault.CursorExpired)
			}
			// The IdP notices nothing but that a user is not there, and sends it again.
			again := d.user("late")
			for _, group := range d.all("/Groups") {
				if group["displayName"] == "Designers" {
					d.patch("/Groups/"+group["id"].(string), "add", "members", []any{map[string]any{"value": again}}, http.StatusNoContent)
				}
			}
			u.caughtUp()
			if !u.allowed(again, "designer") {
				t.Error("what comes after the restore has no effect")
			}
		})
	}
}
