package e2e

import (
	"strings"
	"testing"
)

// bulk sends operations and gives each one's status and the id in its location.
func (d *directory) bulk(operations ...string) (statuses string, ids []string) {
	d.u.t.Helper()
	a := d.send("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		strings.Join(operations, ",")+`]}`, 200)
	results, _ := a.body["Operations"].([]any)
	var all []string
	for _, result := range results {
		one, _ := result.(map[string]any)
		status, _ := one["status"].(string)
		location, _ := one["location"].(string)
		all = append(all, status)
		ids = append(ids, location[strings.LastIndexByte(location, '/')+1:])
	}
	return strings.Join(all, " "), ids
}

// A Bulk gives access as its operations would one by one.
func TestABulkOfUsersAndTheirGroups(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		const enterprise = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
		statuses, ids := d.bulk(
			`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"Designers","members":[{"value":"bulkId:ann"},{"value":"bulkId:bob"}]}}`,
			`{"method":"POST","path":"/Users","bulkId":"ann","data":{"userName":"ann",`+enterprise+`:{"manager":{"value":"bulkId:bob"}}}}`,
			`{"method":"POST","path":"/Users","bulkId":"bob","data":{"userName":"bob",`+enterprise+`:{"manager":{"value":"bulkId:ann"}}}}`,
			`{"method":"POST","path":"/Users","bulkId":"twin","data":{"userName":"ANN"}}`,
			`{"method":"PATCH","path":"/Users/bulkId:bob","data":{"Operations":[{"op":"replace","path":"active","value":false}]}}`,
		)
		if statuses != "201 201 201 409 200" {
			t.Fatal(statuses)
		}
		u.caughtUp()
		if group, ann, bob := ids[0], ids[1], ids[2]; !u.allowed(ann, "designer") || u.allowed(bob, "designer") {
			t.Errorf("group %s: ann %v, bob %v", group, u.allowed(ann, "designer"), u.allowed(bob, "designer"))
		}
		// Nor does a message that says nothing of it activate anybody within a Bulk.
		statuses, _ = d.bulk(
			`{"method":"PUT","path":"/Users/`+ids[2]+`","data":{`+userSchema+`,"userName":"bob",`+enterprise+`:{"manager":{"value":"`+ids[1]+`"}}}}`,
			`{"method":"PATCH","path":"/Users/`+ids[2]+`","data":{"Operations":[{"op":"remove","path":"active"}]}}`,
		)
		u.caughtUp()
		if bob := d.of("/Users/" + ids[2]); statuses != "200 200" || bob["active"] != false || u.allowed(ids[2], "designer") {
			t.Errorf("%s: bob is %v, allowed %v", statuses, bob, u.allowed(ids[2], "designer"))
		}
		for user, manager := range map[string]string{ids[1]: ids[2], ids[2]: ids[1]} {
			if got := d.send("GET", "/Users/"+user, "", 200); !strings.Contains(string(got.raw), `"value":"`+manager+`"`) {
				t.Errorf("the manager of %s is not %s: %s", user, manager, got.raw)
			}
		}
		// Groups cannot be members of each other.
		statuses, _ = d.bulk(
			`{"method":"POST","path":"/Groups","bulkId":"x","data":{"displayName":"x","members":[{"value":"bulkId:y"}]}}`,
			`{"method":"POST","path":"/Groups","bulkId":"y","data":{"displayName":"y","members":[{"value":"bulkId:x"}]}}`,
		)
		if statuses != "201 409" {
			t.Error(statuses)
		}
		d.send("POST", "/Bulk", `{}`, 400)
	})
}
