package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// A credential with every scope but READ_PEOPLE, and MANAGE_RULES, which shows filters, reads nobody's name: neither as an attribute of the
// user, nor in what others say about the user.
func TestOnlyWhoMayReadPeopleReadsNames(t *testing.T) {
	t.Parallel()
	const name = "lovelace"
	u := startUsher(t, topologies["one process"], nil)
	d := u.newDirectory(nil)
	ada := d.send("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada.lovelace","externalId":"lovelace-1",
		"displayName":"Ada lovelace","name":{"familyName":"lovelace"},"nickName":"lovelace","emails":[{"value":"lovelace@example.com"}],
		"roles":[{"value":"lovelace"}]}`, http.StatusCreated).str("id")
	group := d.group("Engineers", ada)
	for _, wrong := range []struct{ method, path, body string }{
		{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada.lovelace"}`},
		{"PATCH", "/Users/" + ada, patchBody("replace", `emails[value eq "lovelace@example.com"].none`, "lovelace")},
		{"PATCH", "/Users/" + ada, patchBody("replace", "active", "lovelace")},
		{"PATCH", "/Groups/" + group, patchBody("add", "members", []map[string]string{{"value": "ada.lovelace"}})},
		{"PATCH", "/Groups/" + group, patchBody("add", "members", []map[string]string{{"value": "lovelace@example.com"}})},
		{"GET", "/Users?filter=userName+eq+lovelace@example.com", ""},
	} {
		if a, err := d.try(t.Context(), wrong.method, wrong.path, wrong.body); err != nil || a.status < 400 {
			t.Fatalf("%s %s: %d %v", wrong.method, wrong.path, a.status, err)
		}
	}
	of := "organizations/" + demo
	u.call("POST", of+"/tenants", `{"id":"works"}`)
	rule := u.call("POST", of+"/rules", `{"filter":{"filter":"userName sw \"ada.lovelace\""},"grants":[{"roleId":"organization-admin"}]}`)["rule"].(map[string]any)["id"].(string)
	sync := u.call("POST", of+"/syncs", `{}`)["sync"].(map[string]any)["id"].(string)
	u.call("POST", of+"/users/"+ada+"/access:suspend", `{"reason":"Ms lovelace lost her laptop."}`)
	u.caughtUp()
	var event string
	eventually(t, "the failed messages are events", func() bool {
		events, _ := u.call("GET", of+"/failedEvents", "")["failedEvents"].([]any)
		if len(events) == 6 {
			event = events[0].(map[string]any)["id"].(string)
		}
		return event != ""
	})

	s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
		AllOrganizations: true,
		Scopes: []commonv1.Scope{
			commonv1.Scope_SCOPE_MANAGE_ORGANIZATIONS, commonv1.Scope_SCOPE_MANAGE_DIRECTORIES, commonv1.Scope_SCOPE_GRANT_ACCESS,
			commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_EVENTS,
		},
	}})
	operator := service{u: u, secret: operatorToken}
	read := func(from service, method, path, body string) (int, string) {
		response := from.rest(method, path, body)
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		u.must(err)
		return response.StatusCode, string(raw)
	}
	described := describedBy(t, u)
	described.known = map[string]string{"organizationId": demo, "directoryId": d.id, "userId": ada, "groupId": group}
	ids := map[string]string{
		"GetDirectory": d.id, "GetRule": rule, "GetSync": sync, "GetFailedEvent": event, "GetTenant": "works", "GetRole": "designer",
	}
	batch := fmt.Sprintf(`{"ids":[%q,%q]}`, ada, group)
	shown, read200 := 0, 0
	for id, o := range described.operations {
		if id == "WatchAccess" || o.method != "get" && !strings.HasPrefix(id, "BatchGet") {
			continue // a watch does not end; its records contain ids only
		}
		method, path, body := strings.ToUpper(o.method), described.path(id, ids[id]), ""
		switch {
		case id == "BatchGetAccessStatus":
			body = fmt.Sprintf(`{"organizationIds":[%q]}`, demo)
		case method == "POST":
			body = batch
		case id == "ListAccessChanges":
			path += "?userId=" + ada
		case id == "LookupUser":
			path += "?id=" + ada
		case id == "ListNestedGroups":
			path += "?nesting=NESTING_MEMBERS"
		case id == "ListMembers":
			path += "?names=true"
		case id == "CheckAccess":
			path += "?roleId=organization-admin"
		}
		code, text := read(s, method, path, body)
		if code == http.StatusOK {
			read200++
		}
		if code >= 400 && code < 403 || code > 404 || strings.Contains(text, name) {
			t.Errorf("%s answers %d: %s", id, code, text)
		}
		if _, text := read(operator, method, path, body); strings.Contains(text, name) {
			shown++
		}
	}
	// The operator sees the name in two reads of users, two of rules, and in suspensions.
	if shown < 5 || read200 < 20 {
		t.Errorf("%d operations show the name to the operator, and %d answer the credential", shown, read200)
	}
	for _, by := range []string{"userName=ada.lovelace", "externalId=lovelace-1", "email=lovelace@example.com"} {
		if code, text := read(s, "GET", "/api/v1/"+of+"/users:lookup?"+by, ""); code != http.StatusForbidden || strings.Contains(text, ada) {
			t.Errorf("a look-up by %s: %d %s", by, code, text)
		}
	}
	users, err := u.read().BatchGetUsers(s.ctx(), &identityv1.BatchGetUsersRequest{OrganizationId: demo, Ids: []string{ada}})
	if u.must(err); len(users.GetUsers()) != 1 || strings.Contains(users.String(), name) {
		t.Errorf("gRPC: %v", users)
	}
}
