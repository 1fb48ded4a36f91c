package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// marker is in every text of what is to be erased, and nowhere else.
	marker = "Zq7-to-be-erased"
	// keeper is in texts of what stays, so that a search that finds nothing is one that could have.
	keeper = "Zq7-to-be-kept"
)

// call sends a request to the admin REST that must be answered with 200.
func (u *usher) call(method, path, body string) map[string]any {
	u.t.Helper()
	code, raw := u.rest(method, "/api/v1/"+path, body)
	if code != http.StatusOK {
		u.t.Fatalf("%s %s: %d %s", method, path, code, raw)
	}
	var answer map[string]any
	u.must(json.Unmarshal(raw, &answer))
	return answer
}

// fillTexts puts a text wherever the demo organization can hold one, and gives a directory of it with a user who has access.
func fillTexts(u *usher, text string) (d *directory, user string) {
	u.t.Helper()
	of := "organizations/" + demo
	u.call("PATCH", of, fmt.Sprintf(`{"displayName":"org %s"}`, text))
	d = u.newDirectory(&directoryv1.CreateDirectoryRequest{ReplaceNone: true, Directory: &directoryv1.Directory{DisplayName: proto.String("directory " + text)}})
	d.admin("POST", "/apiKeys", fmt.Sprintf(`{"displayName":"key %s"}`, text), http.StatusOK)
	d.admin("PUT", "/schemas/urn:example:"+text, fmt.Sprintf(`{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"urn:example:%s",
		"description":"schema %[1]s","attributes":[{"name":"number"}]}}`, text), http.StatusOK)
	u.call("POST", of+"/tenants", fmt.Sprintf(`{"id":"main","displayName":"tenant %s"}`, text))
	u.call("POST", of+"/rules", fmt.Sprintf(`{"displayName":"rule %s","group":{"displayName":"group %[1]s"},
		"grants":[{"tenantId":"main","roleId":"designer"},{"roleId":"organization-admin"}]}`, text))
	u.call("POST", of+"/rules", fmt.Sprintf(`{"filter":{"filter":"title eq \"%s\""},"grants":[{"tenantId":"main","roleId":"developer"}]}`, text))
	u.call("POST", "serviceCredentials", fmt.Sprintf(`{"displayName":"credential %s","organizationIds":["demo"],"scopes":["SCOPE_READ_ACCESS"]}`, text))

	user = d.send("POST", "/Users", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:%s"],"userName":"%[1]s",
		"externalId":"external %[1]s","displayName":"user %[1]s","title":"%[1]s","nickName":"%s","emails":[{"value":"%[1]s@example.com"}],
		"urn:example:%[1]s":{"number":"%[1]s"},"attribute-%[1]s":1}`, text, bytes.Repeat([]byte(text), 2000)), http.StatusCreated).str("id")
	// A user is written often, so its bytes are in more places than where it is now.
	for n := range 20 {
		d.patch("/Users/"+user, "replace", "nickName", string(bytes.Repeat([]byte(text), 1+n*37)), http.StatusOK)
	}
	d.group("group "+text, user, d.user("second "+text))
	d.send("DELETE", "/Users/"+d.user("third "+text), "", http.StatusNoContent)
	d.send("PATCH", "/Users/"+user, patchBody("replace", "name.attribute-"+text, "x"), http.StatusBadRequest)
	d.send("POST", "/Users", fmt.Sprintf(`{"userName":"%s"}`, text), http.StatusConflict)
	u.caughtUp()
	u.call("POST", of+"/access:grant", `{"userId":"`+user+`","tenantId":"main","roleId":"global-admin"}`)
	u.call("POST", of+"/users/"+d.user("fourth "+text)+"/access:suspend", fmt.Sprintf(`{"reason":"reason %s"}`, text))
	u.call("POST", of+"/syncs", `{}`)
	u.caughtUp()
	eventually(u.t, "the failed messages are events", func() bool {
		events, _ := u.call("GET", of+"/failedEvents", "")["failedEvents"].([]any)
		return len(events) >= 2
	})
	return d, user
}

// holds says where a text is kept: in which files of a folder, or in which tables.
func (u *usher) holds(text string) (places []string) {
	u.t.Helper()
	if u.folder != "" {
		return filesWith(u.t, u.folder, text)
	}
	return tablesWith(u.t, u.database, text)
}

// filesWith gives the files below a folder that have a text in them.
func filesWith(t *testing.T, folder, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a file of the spool, or SQLite's, that is gone
		}
		if bytes.Contains(raw, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// tablesWith gives the tables of a PostgreSQL database with rows that have a text in them.
func tablesWith(t *testing.T, url, text string) (found []string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	rows, err := db.Query(t.Context(), `SELECT table_schema || '.' || table_name FROM information_schema.tables
		WHERE table_schema LIKE 'usher\_%' AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("the tables are %v (error %v)", tables, err)
	}
	for _, table := range tables {
		var there bool
		// Bytes are written as hexadecimal digits.
		if err := db.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM `+table+` t
			WHERE position($1 IN t::text) > 0 OR position(encode(convert_to($1, 'UTF8'), 'hex') IN t::text) > 0)`, text).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there {
			found = append(found, table)
		}
	}
	return found
}

// gone says that an organization is erased.
func (u *usher) gone(id string) bool {
	_, err := u.organizations().GetOrganization(u.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: id})
	return err != nil && rpc.Fault(err).Reason == fault.NotFound
}

func TestAnErasedOrganizationLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d, user := fillTexts(u, marker)
		if !u.held()[user+" main/designer"] || !u.held()[user+" main/global-admin"] || !u.held()[user+" /organization-admin"] {
			t.Fatalf("the user holds %v", u.held())
		}
		before := len(u.held())
		if places := u.holds(marker); len(places) < 4 {
			t.Fatalf("before, the text is in %v alone", places)
		}
		u.call("POST", "organizations", `{"id":"other","displayName":"org `+keeper+`"}`)
		cursor, err := u.access().GetAccessCursor(u.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
		u.must(err)

		erased := u.call("POST", "organizations/demo:erase", `{}`)["organization"].(map[string]any)
		if erased["eraseTime"] == nil || len(erased["erasingServices"].([]any)) != 4 {
			t.Errorf("the answer is %v", erased)
		}
		d.send("GET", "/Users", "", http.StatusUnauthorized)
		eventually(t, "the organization is gone", func() bool { return u.gone(demo) })

		removed := map[string]bool{}
		for _, change := range u.accessChanges(cursor.GetCursor()) {
			what := change.GetUserId() + " " + change.GetTenantId() + "/" + change.GetRoleId()
			if change.GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED || removed[what] {
				t.Errorf("the access feed says %v", change)
			}
			removed[what] = true
		}
		if len(removed) != before {
			t.Errorf("%d of %d were removed: %v", len(removed), before, removed)
		}
		eventually(t, "no file and no table has a text of it", func() bool { return len(u.holds(marker)) == 0 })
		if len(u.holds(keeper)) == 0 {
			t.Error("nothing has a text of what stays: the search finds nothing")
		}

		// The id is another organization's, which has nothing of the one before.
		u.call("POST", "organizations", `{"id":"demo","displayName":"new `+keeper+`","federated":true}`)
		for _, list := range []string{
			"directories?showDeleted=true", "tenants", "rules", "syncs", "access", "suspensions", "failedEvents", "userIds", "groups",
		} {
			for field, value := range u.call("GET", "organizations/demo/"+list, "") {
				if all, _ := value.([]any); len(all) > 0 {
					t.Errorf("the new organization has %s: %v", field, value)
				}
			}
		}
		d.send("GET", "/Users", "", http.StatusUnauthorized)
		eventually(t, "every service knows that the erasure is over", func() bool {
			code, _ := u.rest("POST", "/api/v1/organizations/demo/tenants", `{"id":"first"}`)
			return code == http.StatusOK
		})
		_, user = fillTexts(u, keeper)
		if !u.held()[user+" main/designer"] || !u.held()[user+" main/developer"] || len(u.held()) != before {
			t.Errorf("in the new organization the user holds %v", u.held())
		}
	})
}

func TestAnErasedUserLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		body := `{"userName":"%s","externalId":"%[1]s","displayName":"%[1]s","emails":[{"value":"%[1]s@example.com"}]}`
		gone := d.send("POST", "/Users", fmt.Sprintf(body, marker), http.StatusCreated).str("id")
		stays := d.send("POST", "/Users", fmt.Sprintf(body, keeper), http.StatusCreated).str("id")
		d.group("Designers", gone, stays)
		u.caughtUp()
		// Failed events name the user: who is there, and who was to be created.
		d.send("POST", "/Users", fmt.Sprintf(body, marker), http.StatusConflict)
		d.send("PATCH", "/Users/"+stays, fmt.Sprintf(`{"Operations":[{"op":"replace","path":"externalId","value":"%s"}]}`, marker), http.StatusConflict)
		d.send("POST", "/Users", fmt.Sprintf(`{"userName":"%s","active":"maybe"}`, keeper), http.StatusBadRequest)
		names := func() map[string]bool {
			all := map[string]bool{}
			events, _ := u.call("GET", "organizations/demo/failedEvents", "")["failedEvents"].([]any)
			for _, e := range events {
				e := e.(map[string]any)
				all[fmt.Sprint(e["status"], " ", e["subject"], " ", e["conflictingName"])] = true
			}
			return all
		}
		eventually(t, "the failed events have names", func() bool {
			all := names()
			return all["409 "+marker+" "+marker] && all["409  "+marker] && all["400 "+keeper+" "]
		})
		u.call("POST", "organizations/demo/access:grant", `{"userId":"`+gone+`","tenantId":"staging","roleId":"developer"}`)
		u.call("POST", "organizations/demo/users/"+gone+"/access:suspend", `{"reason":"because of `+marker+`"}`)
		path := "/api/v1/organizations/demo/users/" + gone + ":erase"
		if code, raw := u.rest("POST", path, `{}`); code != http.StatusConflict || !bytes.Contains(raw, []byte("USER_NOT_DETACHED")) {
			t.Errorf("erasing a user whom an IdP manages: %d %s", code, raw)
		}
		if code, raw := u.rest("POST", "/api/v1/organizations/demo/users/anybody:erase", `{}`); code != http.StatusBadRequest {
			t.Errorf("erasing what is no id: %d %s", code, raw)
		}
		before := u.held()
		_, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		requireHeld(t, u, before)
		var answer struct{ ChangeCursor string }
		eventually(t, "the user is erased", func() bool {
			code, raw := u.rest("POST", path, `{}`) // once identity has learned of the directory's deletion
			u.must(json.Unmarshal(raw, &answer))
			return code == http.StatusOK
		})
		_, err = u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{
			OrganizationId: demo, ChangeCursor: answer.ChangeCursor, Timeout: durationpb.New(time.Minute),
		})
		u.must(err)
		if code, raw := u.rest("POST", path, `{}`); code != http.StatusNotFound {
			t.Errorf("erasing it again: %d %s", code, raw)
		}
		eventually(t, "no file and no table has a text of it", func() bool { return len(u.holds(marker)) == 0 })
		if all := names(); len(all) != 2 || !all["409  "] || !all["400 "+keeper+" "] {
			t.Errorf("the failed events have the names %v", all)
		}
		for what := range u.held() {
			if what[:len(gone)] == gone {
				t.Errorf("who was erased holds %s", what)
			}
		}
		if len(u.holds(keeper)) == 0 || !u.held()[stays+" production/designer"] {
			t.Errorf("the other user is in %v and holds %v", u.holds(keeper), u.held())
		}
	})
}
