package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
)

// An admin reads over REST how an IdP speaks SCIM, with the ID of the last message that did so.
func TestAnAdminReadsAnIdPsQuirks(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		id := d.user("anna")
		const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","value":{"title":"Guide","zip":"1"}}]}`
		last := d.send("PATCH", "/Users/"+id, body, http.StatusOK)

		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			"http://"+u.addrs.Admin+"/api/v1/organizations/demo/directories/"+d.id+"/quirks", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+operatorToken)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var got struct {
			Quirks []struct {
				Name, Meaning, Specification, MessageCount, LastMessageID string
			}
			IgnoredValues []struct{ Path, MessageCount string }
		}
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("status %d, error %v", response.StatusCode, err)
		}
		if len(got.Quirks) != 1 || got.Quirks[0].Name != "op-capitalised" || got.Quirks[0].MessageCount != "1" ||
			got.Quirks[0].Meaning == "" || got.Quirks[0].Specification != "RFC 7644 §3.5.2" || got.Quirks[0].LastMessageID != last.messageID {
			t.Errorf("the quirks are %+v, the message was %s", got.Quirks, last.messageID)
		}
		if len(got.IgnoredValues) != 1 || got.IgnoredValues[0].Path != "zip" {
			t.Errorf("ignored were %+v", got.IgnoredValues)
		}
	})
}
