package e2e

import (
	"fmt"
	"strings"
	"testing"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

// A stored document has its limit (identity.document_bytes), by whatever way it would grow.
func TestADocumentKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	const (
		urn   = "urn:example:params:Notes:1.0:User"
		limit = "1048576"
	)
	notes := func(from, to int) string {
		var all []string
		for n := from; n < to; n++ {
			all = append(all, fmt.Sprintf(`"%d%s"`, n, strings.Repeat("x", 200_000)))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	add := func(value string) string {
		return `{"Operations":[{"op":"add","path":"` + urn + `:notes","value":` + value + `}]}`
	}
	inBulk := func(user, body string) string {
		return `{"method":"PATCH","path":"/Users/` + user + `","data":` + body + `}`
	}
	inDirectories(t, []directoryTest{{"through a Bulk and an extension", func(t *testing.T, d *directory) {
		d.register(urn, "RESOURCE_TYPE_USER", `{"id":"`+urn+`","attributes":[{"name":"notes","multiValued":true}]}`)
		whole := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + urn + `"],"userName":"%s","` + urn + `":{"notes":%s}}`
		user := d.send("POST", "/Users", fmt.Sprintf(whole, "ann", notes(0, 4)), 201).str("id")
		version := func() string {
			meta, _ := d.of("/Users/" + user)["meta"].(map[string]any)
			return fmt.Sprint(meta["version"])
		}
		events := func() []*failedeventsv1.FailedEvent {
			answer, err := d.u.events().ListFailedEvents(d.u.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo, DirectoryId: d.id})
			if err != nil {
				t.Fatal(err)
			}
			return answer.GetFailedEvents()
		}
		refused := func(name, told string, says ...string) {
			t.Helper()
			for _, part := range append(says, limit) {
				if !strings.Contains(told, part) {
					t.Errorf("%s: %s", name, told)
				}
			}
		}
		grown := []string{"invalidValue", "1200"} // the first digits of its size in bytes

		// The first two operations are small by themselves, but the second one would make the document too large. The third is
		// larger than a message may be outside of a Bulk.
		statuses := d.send("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
			inBulk(user, add(notes(4, 5)))+","+inBulk(user, add(notes(5, 6)))+`,{"method":"POST","path":"/Users","bulkId":"b","data":`+
			fmt.Sprintf(whole, "bob", notes(0, 6))+`}]}`, 200)
		var got []string
		results, _ := statuses.body["Operations"].([]any)
		for n, result := range results {
			one, _ := result.(map[string]any)
			got = append(got, fmt.Sprint(one["status"]))
			switch n {
			case 1:
				refused("growing in a Bulk", jsonText(one["response"]), grown...)
			case 2:
				refused("a user in a Bulk", jsonText(one["response"]))
			}
		}
		if strings.Join(got, " ") != "200 400 413" {
			t.Fatalf("the operations got %v", got)
		}
		if total := d.send("GET", `/Users?count=0`, "", 200).body["totalResults"]; total != 1.0 {
			t.Errorf("there are %v users", total)
		}
		before := version()
		refused("a PATCH", string(d.send("PATCH", "/Users/"+user, add(notes(5, 6)), 400).raw), grown...)
		if after := version(); after != before {
			t.Errorf("its version was %s, and is %s", before, after)
		}
		shown, _ := d.of("/Users/" + user)[urn].(map[string]any)
		if kept, _ := shown["notes"].([]any); len(kept) != 5 {
			t.Errorf("it has %d notes", len(kept))
		}
		// Each refusal is one failed event.
		eventually(t, "three failed events", func() bool { return len(events()) >= 3 })
		if n := len(events()); n != 3 {
			t.Errorf("there are %d failed events", n)
		}
	}}})
}
