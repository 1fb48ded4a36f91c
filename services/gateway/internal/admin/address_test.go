package admin

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAnAddressHasALimitOfConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name, method, path, body string
		field                    string // the refused field
	}{
		{"nothing", "GET", "/api/v1/organizations/acme", "", ""},
		{"a parameter", "GET", "/api/v1/organizations/acme/rules?pageSize=1&pageToken=", "", ""},
		{"a mask", "PATCH", "/api/v1/organizations/acme/rules/0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70?updateMask=displayName,enabled", "{}", ""},
		{"one that is unknown", "GET", "/api/v1/organizations/acme/rules?pageSize=1&order=id", "", "order"},
		{"one by its name in the proto", "GET", "/api/v1/organizations/acme/rules?page_size=1", "", "page_size"},
		{"one of another case", "GET", "/api/v1/organizations/acme/rules?PageSize=1", "", "PageSize"},
		{"one that the path has", "GET", "/api/v1/organizations/acme/rules?organizationId=other", "", "organizationId"},
		{"one that the body has", "POST", "/api/v1/organizations?displayName=Acme", `{"id":"acme"}`, "displayName"},
		{"a part of what the body is", "PATCH", "/api/v1/organizations/acme?organization.federated=true", "{}", "organization.federated"},
		{"a part of a message", "GET", "/api/v1/organizations/acme/rules?pageToken.x=1", "", "pageToken.x"},
		{"any where there is none", "DELETE", "/api/v1/roles/auditor?force=true", "", "force"},
		{"one twice", "GET", "/api/v1/organizations/acme/rules?pageSize=1&pageSize=2", "", "pageSize"},
		{"no number", "GET", "/api/v1/organizations/acme/rules?pageSize=many", "", "pageSize"},
		{"no number of 32 bits", "GET", "/api/v1/organizations/acme/rules?pageSize=4294967296", "", "pageSize"},
		{"neither true nor false", "GET", "/api/v1/organizations/acme/directories?showDeleted=1", "", "showDeleted"},
		{"no text", "GET", "/api/v1/organizations/acme/rules?pageToken=%ff", "", "pageToken"},
		{"no text in the path", "GET", "/api/v1/organizations/%ff/rules", "", "organizationId"},
		{"a long name", "GET", "/api/v1/roles?" + strings.Repeat("a", 5000) + "=1", "", strings.Repeat("a", maxNameShown)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := w.do(c.method, c.path, c.body)
			var f failure
			if err := json.Unmarshal(a.Body.Bytes(), &f); err != nil {
				t.Fatalf("%d: %v: %s", a.Code, err, a.Body)
			}
			refused := ""
			if len(f.Details) == 2 && len(f.Details[1].FieldViolations) == 1 && f.Details[0].Reason == "INVALID_REQUEST" && a.Code == 400 {
				refused = f.Details[1].FieldViolations[0].Field
			}
			if refused != c.field || !strings.HasPrefix(f.Message, c.field) || a.Body.Len() > 1000 {
				t.Errorf("%d: %.1000s", a.Code, a.Body)
			}
		})
	}
}

func TestAQueryThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, query := range []string{"pageSize=%zz", "pageSize=1;pageToken=a"} {
		a := w.do("GET", "/api/v1/organizations/acme/rules?"+query, "")
		if a.Code != 400 || !strings.Contains(a.Body.String(), "INVALID_REQUEST") || !strings.Contains(a.Body.String(), "the query is not valid") {
			t.Errorf("%s: %d: %s", query, a.Code, a.Body)
		}
	}
}

func TestARefusalOfAMethodListsTheAllowedOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/api/v1/organizations":                                  "GET, POST",
		"/api/v1/organizations/acme":                             "GET, PATCH",
		"/api/v1/organizations/acme:erase":                       "POST",
		"/api/v1/organizations/acme/rules/1":                     "DELETE, GET, PATCH",
		"/api/v1/organizations/acme/directories/1/schemas/urn:a": "DELETE, PUT",
	} {
		if a := w.do("TRACE", path, ""); a.Code != 405 || a.Header().Get("Allow") != want {
			t.Errorf("%s: %d, %q", path, a.Code, a.Header().Get("Allow"))
		}
	}
	// The mux would read them as ids.
	for path, method := range map[string]string{"/api/v1/organizations/acme:erase": "GET", "/api/v1/organizations/acme/rules/1:enable": "DELETE"} {
		if a := w.do(method, path, ""); a.Code != 405 || a.Header().Get("Allow") != "POST" {
			t.Errorf("%s %s: %d, %q", method, path, a.Code, a.Header().Get("Allow"))
		}
	}
	if a := w.do("PUT", "/api/v1/organizations/acme/directories/0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70/schemas/urn:example:erase", "{}"); a.Code == 405 {
		t.Errorf("a schema whose id ends like an action: %s", a.Body)
	}
}
