package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/durationpb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// As many groups as may be above a user, each a member of all later ones, once froze the access of the whole organization: what is
// above a group was found anew for each user.
func TestDenseNestingFreezesNobody(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		const depth, users = 32, 60
		d := u.newDirectory(nil)
		var members []string
		for n := range users {
			members = append(members, d.user(fmt.Sprint("user-", n)))
		}
		groups := []string{d.group("level-0", members...)}
		for n := 1; n < depth; n++ {
			name := fmt.Sprint("level-", n)
			if n == depth-1 {
				name = "Designers" // of which the demo has a rule
			}
			groups = append(groups, d.group(name, groups...))
		}
		a, err := d.try(t.Context(), "POST", "/Groups", jsonText(map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": "one too many",
			"members": []map[string]string{{"value": groups[depth-1]}},
		}))
		if err != nil || a.status != http.StatusBadRequest || a.str("scimType") != "invalidValue" || !strings.Contains(a.str("detail"), "32") {
			t.Fatalf("a group around %d others is answered %d, %s, %v", depth, a.status, a.raw, err)
		}
		u.caughtUp()
		if held := len(u.held()); held != users {
			t.Fatalf("%d pieces of access are held, not %d", held, users)
		}
		inactive, deleted, removed := members[0], members[1], members[2]
		d.patch("/Users/"+inactive, "replace", "active", false, http.StatusOK)
		d.send("DELETE", "/Users/"+deleted, "", http.StatusNoContent)
		d.patch("/Groups/"+groups[0], "remove", fmt.Sprintf(`members[value eq %q]`, removed), nil, http.StatusNoContent)
		u.caughtUp()
		for _, id := range []string{inactive, deleted, removed} {
			if u.allowed(id, "designer") {
				t.Errorf("%s still holds the role", id)
			}
		}
		if held := len(u.held()); held != users-3 {
			t.Errorf("%d pieces of access are held, not %d", held, users-3)
		}

		// The same by REST, as an admin in a hurry does it.
		suspended := "/api/v1/organizations/demo/users/" + members[3]
		for _, c := range []struct {
			method, path, body string
			code               int
			says               string
		}{
			{"GET", "/api/v1/organizations/demo/access:status", "", http.StatusOK, `"setAsideCount":"0"`},
			{"POST", suspended + "/access:suspend", `{}`, http.StatusBadRequest, `reason`},
			{"POST", suspended + "/access:suspend", `{"reason":"stolen laptop"}`, http.StatusOK, `"suspendedBy":"operator"`},
			{"GET", suspended + "/access:check?tenantId=production&roleId=designer", "", http.StatusOK, `"suspended":true`},
			{"GET", "/api/v1/organizations/demo/suspensions", "", http.StatusOK, `"reason":"stolen laptop"`},
			{"POST", suspended + "/access:resume", `{}`, http.StatusOK, `{}`},
			{"POST", suspended + "/access:resume", `{}`, http.StatusNotFound, `NOT_FOUND`},
			{"GET", suspended + "/access:check?tenantId=production&roleId=designer", "", http.StatusOK, `"allowed":true`},
			{"GET", "/api/v1/organizations/demo/accessSettings", "", http.StatusOK, `"whenUnknown":"WHEN_UNKNOWN_KEEP"`},
		} {
			if code, answer := u.rest(c.method, c.path, c.body); code != c.code || !strings.Contains(strings.ReplaceAll(string(answer), " ", ""), strings.ReplaceAll(c.says, " ", "")) {
				t.Errorf("%s %s: %d %s", c.method, c.path, code, answer)
			}
		}
	})
}

// What is stored may be beyond the limits: it was written before there were any. Users above whom it lies are set aside, others are
// not held up, and what is beyond can be reduced.
func TestWhatIsStoredBeyondTheLimitsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		const depth = 40
		d := u.newDirectory(nil)
		ann, bob, eve := d.user("ann"), d.user("bob"), d.user("eve")
		designers := d.group("Designers", ann, eve)
		groups := []string{d.group("level-0", ann, eve)}
		for n := 1; n < depth; n++ {
			groups = append(groups, d.group(fmt.Sprint("level-", n)))
		}
		u.caughtUp()
		u.plantNesting(groups)
		before := time.Now()
		d.patch("/Groups/"+designers, "remove", fmt.Sprintf(`members[value eq %q]`, ann), nil, http.StatusNoContent)
		d.patch("/Groups/"+designers, "add", "members", []map[string]string{{"value": bob}}, http.StatusNoContent)
		d.patch("/Users/"+eve, "replace", "active", false, http.StatusOK)
		if aside := u.setAside(); !slices.Equal(aside, []string{ann}) {
			t.Fatalf("set aside are %v", aside)
		}
		if !u.allowed(bob, "designer") || u.allowed(eve, "designer") {
			t.Error("others were held up")
		}
		check := func(user string) *rulev1.CheckAccessResponse {
			t.Helper()
			r, err := u.access().CheckAccess(u.ctx(), &rulev1.CheckAccessRequest{OrganizationId: demo, UserId: user, TenantId: "production", RoleId: "designer"})
			u.must(err)
			return r
		}
		if r := check(ann); !r.GetAllowed() || !r.GetUnknown() {
			t.Errorf("the check of who is set aside says %v", r)
		}
		eventually(t, "others are known as of later, the one set aside is not", func() bool {
			return check(bob).GetAsOfTime().AsTime().After(before.Add(2*time.Second)) && check(ann).GetAsOfTime().AsTime().Before(before.Add(time.Second))
		})
		eventually(t, "a failed event says why", func() bool {
			r, err := u.events().ListFailedEvents(u.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo})
			u.must(err)
			return slices.ContainsFunc(r.GetFailedEvents(), func(e *failedeventsv1.FailedEvent) bool {
				return e.GetResourceId() == ann && e.GetReason() == "USERS_SET_ASIDE" && strings.Contains(e.GetDetail(), "32")
			})
		})
		suspend := rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND
		_, err := u.access().UpdateAccessSettings(u.ctx(), &rulev1.UpdateAccessSettingsRequest{
			OrganizationId: demo, Settings: &rulev1.AccessSettings{WhenUnknown: suspend},
		})
		u.must(err)
		eventually(t, "the organization has chosen to suspend", func() bool { return !check(ann).GetAllowed() })

		d.patch("/Groups/"+groups[20], "remove", fmt.Sprintf(`members[value eq %q]`, groups[19]), nil, http.StatusNoContent)
		u.caughtUp()
		if r := check(ann); r.GetAllowed() || r.GetUnknown() {
			t.Errorf("once it is within the limits the check says %v", r)
		}
	})
}

// plantNesting makes each group a member of the next, in the database.
func (u *usher) plantNesting(groups []string) {
	u.t.Helper()
	const plant = `INSERT INTO %smembers (organization_id, group_id, member_id, member_group, carried) VALUES ($1, $2, $3, %s, %s)`
	var exec func(organization, group, member string) error
	if strings.HasPrefix(u.database, "postgres") {
		db, err := pgx.Connect(u.t.Context(), u.database)
		u.must(err)
		defer db.Close(context.WithoutCancel(u.t.Context()))
		exec = func(organization, group, member string) error {
			_, err := db.Exec(u.t.Context(), fmt.Sprintf(plant, "usher_identity.", "true", "false"), organization, group, member)
			return err
		}
	} else {
		db, err := sql.Open("sqlite", "file:"+u.database+"?_pragma=busy_timeout(10000)")
		u.must(err)
		defer db.Close()
		exec = func(organization, group, member string) error {
			_, err := db.ExecContext(u.t.Context(), fmt.Sprintf(plant, "", "1", "0"), organization, group, member)
			return err
		}
	}
	for n := 1; n < len(groups); n++ {
		u.must(exec(demo, groups[n], groups[n-1]))
	}
}

// setAside waits until access is up to date but for users that are set aside, and gives their ids.
func (u *usher) setAside() []string {
	u.t.Helper()
	_, err := u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: demo, Timeout: durationpb.New(time.Minute)})
	f := rpc.Fault(err)
	if err == nil || f.Reason != fault.UsersSetAside {
		u.t.Fatalf("waiting for access: %v", err)
	}
	return strings.Split(f.Metadata["user_ids"], ",")
}
