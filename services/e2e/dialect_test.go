package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// dialect is what an admin reads of how an IdP speaks SCIM.
type dialect struct {
	Quirks []struct {
		Name, Meaning, Specification, MessageCount, LastMessageID string
	}
	IgnoredValues []struct{ Path, MessageCount string }
}

// quirks reads the dialect of a directory over REST.
func (d *directory) quirks() (got dialect) {
	d.u.t.Helper()
	request, err := http.NewRequestWithContext(d.u.t.Context(), http.MethodGet,
		"http://"+d.u.addrs.Admin+"/api/v1/organizations/demo/directories/"+d.id+"/quirks", http.NoBody)
	if err != nil {
		d.u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+operatorToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.u.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
		d.u.t.Fatalf("status %d, error %v", response.StatusCode, err)
	}
	return got
}

// Forms in which attributes are named, each a quirk of a tolerant directory, with the standard's effect, and refused by a strict
// one.
func TestAttributesAreNamedInOtherForms(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		tolerant := u.newDirectory(nil)
		strict := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("strict"), Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT}})
		const work = `?attributes=userName,emails%5Btype+eq+%22work,%22%5D`
		const someone = `{` + userSchema + `,"userName":"ann","title":"Guide","emails":[{"value":"a","type":"work"},{"value":"b"}]}`
		for _, d := range []*directory{tolerant, strict} {
			at := "/Users/" + d.send("POST", "/Users", someone, http.StatusCreated).str("id")
			list := "/Users" + work
			messages := []struct {
				method, path, body, scimType string
				shows                        string // in the answer of a tolerant directory
			}{
				{"PATCH", at, ops(`{"op":"add","path":"manager","value":{"value":"m1"}}`), "invalidPath", `{"manager":{"value":"m1"}}`},
				{"PATCH", at, ops(`{"op":"add","path":"manager","value":[{"$ref":"x/m2","value":"m2"}]}`), "invalidPath", `{"manager":{"value":"m2","$ref":"x/m2"}}`},
				{"PATCH", at, ops(set("department", `"d"`)), "invalidPath", `"department":"d"`},
				{"PATCH", at, ops(set(enterprise+".manager", `{"value":"m3"}`)), "invalidPath", `"manager":{"value":"m3"}`},
				{"GET", at + work, "", "invalidValue", `"userName":"ann","emails":[{"value":"a","type":"work"},{"value":"b"}]}`},
				{"GET", list, "", "invalidValue", `"userName":"ann","emails":[{"value":"a","type":"work"},{"value":"b"}]}`},
				{"POST", "/Users/.search", `{"attributes":["emails[type eq \"work\"]"]}`, "invalidValue", `"emails":[{"value":"a","type":"work"},{"value":"b"}]}`},
				{"PATCH", at, `{` + userSchema + `,"Operations":[` + set("title", `"t"`) + `]}`, "invalidValue", `"title":"t"`},
			}
			for _, m := range messages {
				if d == strict {
					if a := d.send(m.method, m.path, m.body, http.StatusBadRequest); a.str("scimType") != m.scimType {
						t.Errorf("%s %s, strictly: %s", m.method, m.path, a.raw)
					}
				} else if a := d.send(m.method, m.path, m.body, http.StatusOK); !strings.Contains(string(a.raw), m.shows) {
					t.Errorf("%s %s: %s does not show %s", m.method, m.path, a.raw, m.shows)
				}
			}
		}
		var got []string
		for _, q := range tolerant.quirks().Quirks {
			got = append(got, q.Name+" "+q.MessageCount)
		}
		if want := "array-as-single-value 1, attributes-with-filter 3, path-dot-after-urn 1, path-without-urn 3, schemas-missing 1"; strings.Join(got, ", ") != want {
			t.Errorf("the quirks are %v, not %s", got, want)
		}
		if found := strict.quirks().Quirks; len(found) > 0 {
			t.Errorf("a strict directory has quirks: %v", found)
		}
	})
}

// An admin reads over REST how an IdP speaks SCIM, with the ID of the last message that did so.
func TestAnAdminReadsAnIdPsQuirks(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		id := d.user("anna")
		const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","value":{"title":"Guide","zip":"1"}}]}`
		last := d.send("PATCH", "/Users/"+id, body, http.StatusOK)

		got := d.quirks()
		if len(got.Quirks) != 1 || got.Quirks[0].Name != "op-capitalised" || got.Quirks[0].MessageCount != "1" ||
			got.Quirks[0].Meaning == "" || got.Quirks[0].Specification != "RFC 7644 §3.5.2" || got.Quirks[0].LastMessageID != last.messageID {
			t.Errorf("the quirks are %+v, the message was %s", got.Quirks, last.messageID)
		}
		if len(got.IgnoredValues) != 1 || got.IgnoredValues[0].Path != "zip" {
			t.Errorf("ignored were %+v", got.IgnoredValues)
		}
	})
}
