package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-scim/usher/gen"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// The ids in the examples of the contract.
const (
	exampleUser  = "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70"
	exampleGroup = "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b71"
)

// Each operation of the description is called, with its example if it has one, in an order that works. All requests and answers are
// as it describes them, and no answer has a field that it does not describe.
func TestTheDescriptionIsTrue(t *testing.T) {
	t.Parallel()
	c := describedBy(t, startUsher(t, topologies["one process"], nil))
	c.known["organizationId"] = "acme"

	c.call("CreateOrganization", "")
	c.call("GetOrganization", "")
	c.call("ListOrganizations", "")
	c.call("UpdateOrganization", "")
	c.call("CreateRole", "")
	c.call("GetRole", "auditor")
	c.call("ListRoles", "")
	c.call("DeleteRole", "auditor")
	c.call("CreateTenant", "")
	c.call("GetTenant", "production")
	c.call("ListTenants", "")
	c.call("UpdateTenant", "production")
	d := c.createDirectory()
	c.call("GetDirectory", d.id)
	c.call("ListDirectories", "")
	c.call("UpdateDirectory", d.id)
	key := c.call("CreateApiKey", "").id("apiKey")
	c.call("ListApiKeys", "")
	c.call("RotateApiKey", key)
	c.call("RevokeApiKey", key)
	credential := c.call("CreateServiceCredential", "").id("serviceCredential")
	c.call("ListServiceCredentials", "")
	c.call("RotateServiceCredential", credential)
	c.call("RevokeServiceCredential", credential)
	c.call("RevokePortalLink", c.call("CreatePortalLink", "").id("portalLink"))
	c.call("ListPortalLinks", "")
	c.call("BlockSubject", "")
	c.call("ListBlockedSubjects", "")
	c.call("UnblockSubject", "")
	c.call("ListSessions", "")
	c.try("RevokeSession", exampleUser) // nobody has signed in
	c.call("ListOrganizationSessions", "")
	c.try("RevokeOrganizationSession", exampleUser)
	c.call("PutSchema", "urn:example:Badge:2.0:User")
	c.call("ListSchemas", "")
	c.call("DeleteSchema", "urn:example:Badge:2.0:User")

	ann := d.user("ann")
	designers := d.group("Designers", ann)
	c.known["userId"], c.known["groupId"] = ann, designers
	c.call("LookupUser", "", "userName=ann")
	c.call("BatchGetUsers", "")
	c.call("ListUserIds", "")
	c.call("FindGroups", "", "displayName=designers")
	c.call("BatchGetGroups", "")
	c.call("ListMembers", "", "pageSize=1")
	c.call("ListMembers", "", "names=true")
	c.call("SearchUsers", "", "query=an", "state=USER_STATE_ACTIVE")
	c.call("GetUser", "")
	c.call("ListUserGroups", "", "groupIds="+designers)
	c.call("SearchGroups", "", "query=des")
	c.call("GetGroup", "")
	c.call("ListNestedGroups", "", "nesting=NESTING_MEMBERS")
	c.call("ListRoleValues", "", "query=a")
	c.call("CountResources", "")
	c.call("ListCarriedMembers", "")
	c.call("FinishAdoption", "")
	c.call("ListUnadopted", "")
	c.call("ListQuirks", "")
	c.call("GetDirectoryProgress", "")
	c.call("ListDirectoryProgress", "")

	rule := c.call("CreateRule", "").id("rule")
	c.call("WaitUntilCaughtUp", "")
	c.call("GetRule", rule)
	c.call("ListRules", "")
	c.call("UpdateRule", rule)
	c.call("EnableRule", rule)
	c.call("DisableRule", rule)
	c.call("ListRuleProblems", "")
	c.call("CountRuleMatches", "")
	c.send("CountRuleMatches", "", `{"ids":["`+rule+`"]}`, "")
	c.call("PreviewRule", "")
	sync := c.call("StartSync", "").id("sync")
	c.call("GetSync", sync)
	c.call("ListSyncs", "")
	c.try("CancelSync", sync) // it may have ended
	c.call("GrantAccess", "")
	c.call("CheckAccess", "", "tenantId=production", "roleId=developer")
	c.call("ListAccess", "", "userId="+ann)
	c.call("ExplainAccess", "", "roleId=designer")
	c.call("ListAccessChanges", "", "userId="+ann)
	c.call("ListAccessChanges", "", "syncId="+sync)
	c.call("GetAccessCursor", "")
	c.call("GetAccessStatus", "")
	c.call("BatchGetAccessStatus", "")
	c.call("GetAccessSettings", "")
	c.call("UpdateAccessSettings", "")
	c.watch()
	c.call("SuspendAccess", "")
	c.call("ListSuspensions", "")
	c.call("ResumeAccess", "")
	c.call("RevokeAccess", "")
	c.call("DeleteRule", rule)

	d.send("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann"}`, http.StatusConflict)
	var event string
	eventually(t, "there is a failed event", func() bool {
		events, _ := c.call("ListFailedEvents", "").body["failedEvents"].([]any)
		for _, e := range events {
			event, _ = e.(map[string]any)["id"].(string)
		}
		return event != ""
	})
	c.call("ListActivity", "")
	c.call("GetFailedEvent", event)
	c.call("AcknowledgeFailedEvent", event)
	c.call("CountFailedEvents", "")
	c.call("AcknowledgeFailedEvents", "")

	c.call("DeleteDirectory", d.id)
	eventually(t, "the user is detached and changed", func() bool { return c.try("UpdateUser", "").code == http.StatusOK })
	eventually(t, "the user is detached and erased", func() bool { return c.try("EraseUser", "").code == http.StatusOK })
	eventually(t, "the tenant can be deleted", func() bool { return c.try("DeleteTenant", "production").code == http.StatusOK })
	c.call("EraseOrganization", "")

	for id := range c.operations {
		if !c.called[id] {
			t.Errorf("%s is not called", id)
		}
	}
}

// What is refused is as the description has it, and names fields as it does; over gRPC they have the names of the protos.
func TestRefusalsNameFieldsAsTheirInterfaceDoes(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	c := describedBy(t, u)
	c.known["organizationId"] = demo
	for _, r := range []struct{ operation, id, body, query, names string }{
		{"CreateRule", "", `{"displayName":"a","group":{"displayName":"g"},"grants":[{"tenantId":"main","roleId":""}]}`, "", "rule.grants[0].roleId"},
		{"CreateRule", "", `{"groups":{}}`, "", "groups"},
		{"UpdateOrganization", "", `{"displayName":"x","owner":"ann"}`, "", "owner"},
		{"UpdateOrganization", "", `{"displayName":""}`, "", "organization.displayName"},
		{"UpdateOrganization", "", `{"displayName":"x"}`, "updateMask=createTime", "updateMask"},
		{"GetRule", "x", "", "", "id"},
		{"ListRules", "", "", "pageSize=-1", "pageSize"},
		{"ListRules", "", "", "order=id", "order"},
	} {
		a := c.send(r.operation, r.id, r.body, r.query)
		if text := string(a.raw); a.code != http.StatusBadRequest || !strings.Contains(text, `"INVALID_REQUEST"`) ||
			!strings.Contains(text, `"`+r.names+`"`) && !strings.Contains(text, `field \"`+r.names+`\"`) {
			t.Errorf("%s %s?%s: %d %s", r.operation, r.body, r.query, a.code, text)
		}
	}
	_, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
		Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "g"}}, Grants: []*rulev1.Grant{{TenantId: "main"}},
	}})
	if f := requireReason(t, "a rule without a role", err, fault.InvalidRequest); f.Fields[0].Path != "rule.grants[0].role_id" {
		t.Errorf("gRPC names %q", f.Fields[0].Path)
	}
	_, err = u.organizations().UpdateOrganization(u.ctx(), &directoryv1.UpdateOrganizationRequest{OrganizationId: demo, Organization: &directoryv1.Organization{DisplayName: new(string)}})
	if f := requireReason(t, "an empty name", err, fault.InvalidRequest); f.Fields[0].Path != "organization.display_name" {
		t.Errorf("gRPC names %q", f.Fields[0].Path)
	}
}

// describedClient calls an Usher by its description.
type describedClient struct {
	t          *testing.T
	u          *usher
	compiler   *jsonschema.Compiler
	operations map[string]describedOperation // by id
	known      map[string]string             // ids, by their parameters in paths
	called     map[string]bool
}

type describedOperation struct {
	method, path string
	OperationID  string
	Responses    map[string]any
	RequestBody  struct {
		Content map[string]struct{ Example json.RawMessage }
	}
}

const describedAt = "https://usher.example/openapi.json"

func describedBy(t *testing.T, u *usher) *describedClient {
	t.Helper()
	var document any
	var paths struct {
		Paths map[string]map[string]describedOperation
	}
	if err := errors.Join(json.Unmarshal(gen.OpenAPI, &document), json.Unmarshal(gen.OpenAPI, &paths)); err != nil {
		t.Fatal(err)
	}
	closeObjects(document)
	c := &describedClient{
		t: t, u: u, compiler: jsonschema.NewCompiler(), operations: map[string]describedOperation{}, known: map[string]string{}, called: map[string]bool{},
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	u.must(c.compiler.AddResource(describedAt, document))
	for path, methods := range paths.Paths {
		for method, o := range methods {
			o.method, o.path = method, path
			c.operations[o.OperationID] = o
		}
	}
	return c
}

// closeObjects changes schemas so that they allow only the properties that they describe.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok && v["type"] == "object" && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closeObjects(member)
		}
	case []any:
		for _, member := range v {
			closeObjects(member)
		}
	}
}

type describedAnswer struct {
	t    *testing.T
	code int
	raw  []byte
	body map[string]any
}

// id gives the id of the resource that the answer holds under a name.
func (a describedAnswer) id(name string) string {
	a.t.Helper()
	resource, _ := a.body[name].(map[string]any)
	id, ok := resource["id"].(string)
	if !ok {
		a.t.Fatalf("the answer has no %s: %s", name, a.raw)
	}
	return id
}

// call calls an operation with the example of its body, and demands that it works. Its {id} is that of the resource.
func (c *describedClient) call(operation, id string, query ...string) describedAnswer {
	c.t.Helper()
	a := c.try(operation, id, query...)
	if a.code != http.StatusOK {
		c.t.Fatalf("%s: %d %s", operation, a.code, a.raw)
	}
	return a
}

// try is call of what may be refused.
func (c *describedClient) try(operation, id string, query ...string) describedAnswer {
	c.t.Helper()
	body := string(c.operations[operation].RequestBody.Content["application/json"].Example)
	body = strings.NewReplacer(exampleUser, c.known["userId"], exampleGroup, c.known["groupId"]).Replace(body)
	if body != "" {
		c.validate("its example", c.pointer(operation, "requestBody"), []byte(body))
	}
	return c.send(operation, id, body, strings.Join(query, "&"))
}

// send calls an operation, and holds the answer against the description.
func (c *describedClient) send(operation, id, body, query string) describedAnswer {
	c.t.Helper()
	c.called[operation] = true
	a := describedAnswer{t: c.t}
	a.code, a.raw = c.u.rest(strings.ToUpper(c.operations[operation].method), c.path(operation, id)+"?"+query, body)
	c.u.must(json.Unmarshal(a.raw, &a.body))
	status := strconv.Itoa(a.code)
	if _, ok := c.operations[operation].Responses[status]; !ok {
		status = "default"
	}
	c.validate(operation+" answered "+strconv.Itoa(a.code), c.pointer(operation, "responses", status), a.raw)
	return a
}

func (c *describedClient) path(operation, id string) string {
	c.t.Helper()
	o, ok := c.operations[operation]
	if !ok {
		c.t.Fatalf("there is no operation %s; these are: %s", operation, slices.Sorted(maps.Keys(c.operations)))
	}
	path := strings.ReplaceAll(o.path, "{id}", url.PathEscape(id))
	for name, value := range c.known {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	return path
}

// pointer gives the place of the schema of JSON in a part of an operation.
func (c *describedClient) pointer(operation string, part ...string) string {
	o := c.operations[operation]
	pointer := "#"
	for _, name := range slices.Concat([]string{"paths", o.path, o.method}, part, []string{"content", "application/json", "schema"}) {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return describedAt + pointer
}

func (c *describedClient) validate(what, pointer string, raw []byte) {
	c.t.Helper()
	schema, err := c.compiler.Compile(pointer)
	if err != nil {
		c.t.Fatalf("the description of %s: %v", what, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	c.u.must(err)
	if err := schema.Validate(value); err != nil {
		c.t.Errorf("%s: %v\nin %s", what, err, raw)
	}
}

// createDirectory creates the directory of the example.
func (c *describedClient) createDirectory() *directory {
	c.t.Helper()
	a := c.call("CreateDirectory", "")
	transport := &http.Transport{}
	c.t.Cleanup(transport.CloseIdleConnections)
	d := &directory{u: c.u, id: a.id("directory"), http: &http.Client{Transport: transport}}
	d.baseURL, _ = a.body["directory"].(map[string]any)["baseUrl"].(string)
	d.key, _ = a.body["secret"].(string)
	c.known["directoryId"] = d.id
	return d
}

// watch reads the first change of the access feed.
func (c *describedClient) watch() {
	c.t.Helper()
	c.called["WatchAccess"] = true
	response := service{u: c.u, secret: operatorToken}.rest(http.MethodGet, c.path("WatchAccess", ""), "")
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	c.validate("a line of the stream", c.pointer("WatchAccess", "responses", "200"), line)
	if !bytes.Contains(line, []byte(`"change":{`)) {
		c.t.Errorf("the line has no change: %s", line)
	}
}
