package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

const (
	badge = "urn:example:params:Badge:2.0:User"
	cost  = "urn:example:Cost:1.0"
)

const badgeDefinition = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + badge + `","name":"Badge","attributes":[
	{"name":"number","required":true,"caseExact":true,"mutability":"immutable"},{"name":"color","canonicalValues":["red","blue"]},
	{"name":"floors","type":"integer","multiValued":true},{"name":"seal","returned":"request"}]}`

// admin sends a request to the admin REST, of a directory, and gives the answer.
func (d *directory) admin(method, path, body string, want int) map[string]any {
	d.u.t.Helper()
	response := service{u: d.u, secret: operatorToken}.rest(method, "/api/v1/organizations/"+demo+"/directories/"+d.id+path, body)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		d.u.t.Fatalf("%s %s: %d, want %d (%v): %s", method, path, response.StatusCode, want, err, raw)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		d.u.t.Fatal(err)
	}
	return answer
}

func (d *directory) register(urn, resourceType, definition string) {
	d.u.t.Helper()
	d.admin("PUT", "/schemas/"+urn, `{"resourceType":"`+resourceType+`","definition":`+definition+`}`, http.StatusOK)
}

func badged(userName, attributes string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + badge + `"],"userName":"` + userName + `","` + badge + `":{` + attributes + `}}`
}

// An admin registers an extension, and from then on it is like any schema of SCIM's.
func TestADirectoryHasExtensionsOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, mode := range []directoryv1.DirectoryMode{directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT, directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			inEveryTopology(t, func(t *testing.T, u *usher) {
				d, other := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{Mode: mode}}), u.newDirectory(nil)
				d.register(badge, "RESOURCE_TYPE_USER", badgeDefinition)
				d.register(cost, "RESOURCE_TYPE_GROUP", `{"id":"`+cost+`","attributes":[{"name":"center"}]}`)

				if got := d.send("GET", "/Schemas", "", 200).body["totalResults"]; got != 5.0 {
					t.Errorf("%v schemas are served", got)
				}
				if got := d.send("GET", "/Schemas/"+badge, "", 200); got.str("name") != "Badge" {
					t.Errorf("the schema is %s", got.raw)
				}
				if got := string(d.send("GET", "/ResourceTypes/User", "", 200).raw); !strings.Contains(got, `{"schema":"`+badge+`","required":false}`) {
					t.Errorf("the resource type is %s", got)
				}
				if got := other.send("GET", "/Schemas", "", 200).body["totalResults"]; got != 3.0 {
					t.Errorf("%v schemas are served of another directory", got)
				}

				ann := d.send("POST", "/Users", badged("ann", `"number":"7a","color":"Red","floors":[1,2],"seal":"x"`), 201).str("id")
				bob := d.send("POST", "/Users", badged("bob", `"number":"7B","color":"blue"`), 201).str("id")
				d.patch("/Users/"+ann, "add", badge+":floors", []int{3}, 200)
				shown := func(id, query string) string {
					t.Helper()
					part, _ := json.Marshal(d.send("GET", "/Users/"+id+query, "", 200).body[badge])
					return string(part)
				}
				if got := shown(ann, ""); got != `{"color":"Red","floors":[1,2,3],"number":"7a"}` {
					t.Error("shown is", got)
				}
				if got := shown(ann, "?attributes="+badge+":seal"); got != `{"seal":"x"}` {
					t.Error("on request it is", got)
				}
				group := d.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","`+cost+`"],"displayName":"g","`+cost+`":{"center":"42"}}`, 201).str("id")
				for filter, want := range map[string]string{
					badge + `:color eq "RED"`:                           ann,
					badge + `:number eq "7b"`:                           "",
					badge + `:number ew "B" or userName eq "nobody"`:    bob,
					badge + `:floors gt 2`:                              ann,
					`not (` + badge + `:floors pr) and userName pr`:     bob,
					`schemas eq "` + badge + `" and ` + badge + ` pr`:   ann + " " + bob,
					cost + `:center eq "42"`:                            group,
					cost + `:center eq "42" or ` + badge + `:floors pr`: ann + " " + group,
				} {
					var found []string
					resources, _ := d.send("GET", "/?filter="+url.QueryEscape(filter), "", 200).body["Resources"].([]any)
					for _, resource := range resources {
						one, _ := resource.(map[string]any)
						found = append(found, fmt.Sprint(one["id"]))
					}
					if got := strings.Join(found, " "); got != want {
						t.Errorf("%s: %s, not %s", filter, got, want)
					}
				}
				sorted := d.send("GET", "/Users?sortBy="+badge+":color&sortOrder=descending", "", 200)
				if first, _ := sorted.body["Resources"].([]any)[0].(map[string]any); first["id"] != ann {
					t.Error("by color the first is", first["id"])
				}

				if got := d.patch("/Users/"+ann, "replace", badge+":number", "8", 400); got.str("scimType") != "mutability" {
					t.Errorf("another number: %s", got.raw)
				}
				if got := d.send("POST", "/Users", badged("cleo", `"color":"red"`), 400); got.str("scimType") != "invalidValue" || !strings.Contains(got.str("detail"), badge+":number is required") {
					t.Errorf("without a number: %s", got.raw)
				}

				// What fits no schema any more is not there.
				d.register(badge, "RESOURCE_TYPE_USER", `{"id":"`+badge+`","attributes":[{"name":"color"},{"name":"floors"}]}`)
				if got := shown(ann, ""); got != `{"color":"Red"}` {
					t.Error("by the changed schema it is", got)
				}
				d.admin("DELETE", "/schemas/"+badge, "", 200)
				if got := shown(bob, ""); got != "null" {
					t.Error("without the schema it is", got)
				}
				if got := d.send("GET", "/Users/"+bob, "", 200).body["schemas"]; fmt.Sprint(got) != "[urn:ietf:params:scim:schemas:core:2.0:User]" {
					t.Error("without the schema, schemas are", got)
				}
				d.send("GET", "/Users?filter="+url.QueryEscape(badge+` pr`), "", 400)
				want := http.StatusCreated
				if mode == directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT {
					want = http.StatusBadRequest
				}
				d.send("POST", "/Users", badged("dora", `"color":"red"`), want)
			})
		})
	}
}

// A directory that replaces another one understands at once what the IdP goes on to send.
func TestExtensionsComeAlongWithAReplacedDirectory(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		old := u.newDirectory(nil)
		old.register(badge, "RESOURCE_TYPE_USER", badgeDefinition)
		ann := old.send("POST", "/Users", badged("ann", `"number":"7"`), 201).str("id")
		if _, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: old.id}); err != nil {
			t.Fatal(err)
		}
		next := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{ReplacesId: old.id}})
		adopted := next.send("POST", "/Users", badged("ann", `"number":"8"`), 201)
		if got := fmt.Sprint(adopted.body[badge]); adopted.str("id") != ann || got != "map[number:8]" {
			t.Errorf("adopted is %s", adopted.raw)
		}
		old.admin("PUT", "/schemas/"+badge, `{"resourceType":"RESOURCE_TYPE_USER","definition":`+badgeDefinition+`}`, http.StatusConflict)
	})
}

// Bad definitions are refused with the place of what is wrong, and change nothing.
func TestSchemasThatAreRefused(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		d.register(cost, "RESOURCE_TYPE_GROUP", `{"id":"`+cost+`","attributes":[{"name":"center"}]}`)
		for _, c := range []struct{ name, urn, body, says string }{
			{"no definition", badge, `{"resourceType":"RESOURCE_TYPE_USER"}`, "definition"},
			{"no resource type", badge, `{"definition":` + badgeDefinition + `}`, "schema.resourceType"},
			{"another id", badge + "x", `{"resourceType":"RESOURCE_TYPE_USER","definition":` + badgeDefinition + `}`, "definition.id"},
			{"a type that there is not", badge, `{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"` + badge + `","attributes":[{"name":"a","type":"float"}]}}`,
				"definition.attributes[0].type"},
			{"SCIM's own", "urn:ietf:params:scim:schemas:core:2.0:User", `{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"urn:ietf:params:scim:schemas:core:2.0:User","attributes":[{"name":"a"}]}}`,
				"definition.id"},
			{"within one of groups", cost + ":center", `{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"` + cost + `:center","attributes":[{"name":"a"}]}}`,
				"definition.id"},
			{"too much", badge, `{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"` + badge + `","attributes":[` +
				strings.Repeat(`{"name":"a","description":"`+strings.Repeat("x", 1000)+`"},`, 70) + `{"name":"b"}]}}`, "65536 bytes"},
		} {
			answer := d.admin("PUT", "/schemas/"+c.urn, c.body, http.StatusBadRequest)
			if text, _ := json.Marshal(answer); !strings.Contains(string(text), c.says) {
				t.Errorf("%s: %s", c.name, text)
			}
		}
		for i := range 9 {
			urn := fmt.Sprint("urn:example:x:", i)
			d.register(urn, "RESOURCE_TYPE_USER", `{"id":"`+urn+`","attributes":[{"name":"a"}]}`)
		}
		d.admin("PUT", "/schemas/urn:example:x:9", `{"resourceType":"RESOURCE_TYPE_USER","definition":{"id":"urn:example:x:9","attributes":[{"name":"a"}]}}`, http.StatusTooManyRequests)
		if all, _ := d.admin("GET", "/schemas", "", http.StatusOK)["schemas"].([]any); len(all) != 10 {
			t.Errorf("%d schemas are there", len(all))
		}
		d.admin("DELETE", "/schemas/"+badge, "", http.StatusNotFound)
	})
}

// What a rule's filter looks at may be an extension's.
func TestARuleGivesRolesByAnExtension(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		create := func(filter string) error {
			_, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
				Match:  &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: filter}},
				Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "developer"}},
			}})
			return err
		}
		filter := badge + `:color eq "red" and not (userType eq "Guest")`
		requireReason(t, "a rule by what no directory has", create(filter), fault.InvalidRequest)
		d.register(badge, "RESOURCE_TYPE_USER", badgeDefinition)
		if err := create(filter); err != nil {
			t.Fatal(err)
		}
		ann := d.send("POST", "/Users", badged("ann", `"number":"1","color":"Red"`), 201).str("id")
		bob := d.send("POST", "/Users", badged("bob", `"number":"2"`), 201).str("id")
		expect := func(what string, users ...string) {
			t.Helper()
			u.caughtUp()
			want := map[string]bool{}
			for _, id := range users {
				want[id+" production/developer"] = true
			}
			if got := u.held(); !maps.Equal(got, want) {
				t.Errorf("%s: %v, not %v", what, got, want)
			}
		}
		expect("at first", ann)
		d.patch("/Users/"+bob, "add", badge+":color", "RED", 200)
		expect("with a color", ann, bob)
		d.patch("/Users/"+ann, "add", "userType", "guest", 200)
		expect("as a guest", bob)
		d.admin("DELETE", "/schemas/"+badge, "", 200)
		expect("without the schema nothing changes before a message", bob)
		d.patch("/Users/"+bob, "add", "title", "x", 200)
		expect("and with it")
	})
}
