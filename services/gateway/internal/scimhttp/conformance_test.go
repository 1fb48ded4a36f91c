package scimhttp

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/scim"
)

// lacking returns the paths whose members an object does not have.
func lacking(object map[string]any, paths ...string) (missing []string) {
	for _, path := range paths {
		at := any(object)
		for name := range strings.SplitSeq(path, ".") {
			members, _ := at.(map[string]any)
			at = members[name]
		}
		if at == nil {
			missing = append(missing, path)
		}
	}
	return missing
}

func TestDescriptionsHaveAllRequiredMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := get[map[string]any](t, w, "/ServiceProviderConfig")
	if missing := lacking(config, "patch.supported", "bulk.supported", "bulk.maxOperations", "bulk.maxPayloadSize", "filter.supported",
		"filter.maxResults", "changePassword.supported", "sort.supported", "etag.supported", "pagination.cursor", "pagination.index"); missing != nil {
		t.Errorf("the configuration lacks %v", missing)
	}
	schemes, _ := config["authenticationSchemes"].([]any)
	if len(schemes) != 1 {
		t.Fatalf("the schemes are %v", schemes)
	}
	scheme, _ := schemes[0].(map[string]any)
	if missing := lacking(scheme, "type", "name", "description"); missing != nil {
		t.Errorf("the scheme lacks %v", missing)
	}
	if schemas, err := json.Marshal(config["schemas"]); err != nil || string(schemas) != `["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]` {
		t.Errorf("its schemas are %s", schemas)
	}
	type list struct {
		Schemas   []string
		Resources []map[string]any
	}
	described := get[list](t, w, "/Schemas")
	types := get[list](t, w, "/ResourceTypes")
	for _, l := range []list{described, types} {
		if len(l.Schemas) != 1 || l.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:ListResponse" {
			t.Errorf("a list's schemas are %v", l.Schemas)
		}
	}
	for _, schema := range described.Resources {
		if missing := lacking(schema, "id", "name", "description", "attributes"); missing != nil {
			t.Errorf("%v lacks %v", schema["id"], missing)
		}
	}
	served := func(urn any) bool {
		return slices.ContainsFunc(described.Resources, func(schema map[string]any) bool { return schema["id"] == urn })
	}
	for _, kind := range types.Resources {
		if missing := lacking(kind, "name", "description", "endpoint", "schema", "meta.location"); missing != nil {
			t.Errorf("%v lacks %v", kind["id"], missing)
		}
		if !served(kind["schema"]) {
			t.Errorf("the schema %v is not served", kind["schema"])
		}
		extensions, _ := kind["schemaExtensions"].([]any)
		for _, one := range extensions {
			extension, _ := one.(map[string]any)
			if missing := lacking(extension, "schema", "required"); missing != nil || !served(extension["schema"]) {
				t.Errorf("the extension %v lacks %v, or is not served", extension, missing)
			}
		}
	}
}

func TestDescriptionsIgnoreParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/" + scim.UserSchema} {
		whole := w.do("GET", path, "").Body.String()
		for _, query := range []string{"count=0", "startIndex=2", "sortBy=name&sortOrder=descending", "attributes=id", "excludedAttributes=name", "cursor=x", "count=many"} {
			if a := w.do("GET", path+"?"+query, ""); a.Code != 200 || a.Body.String() != whole {
				t.Errorf("%s?%s: %d %s", path, query, a.Code, a.Body)
			}
		}
		if a := w.do("GET", path+"?filter=id+pr", ""); a.Code != 403 {
			t.Errorf("a filter of %s: %d", path, a.Code)
		}
	}
}

func TestAMessageIsNoSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, message := range []string{"ListResponse", "SearchRequest", "PatchOp", "BulkRequest", "BulkResponse", "Error"} {
		urn := "urn:ietf:params:scim:api:messages:2.0:" + message
		if a := w.do("GET", "/Schemas/"+urn, ""); a.Code != 404 {
			t.Errorf("%s: %d", urn, a.Code)
		}
	}
	if all := w.do("GET", "/Schemas", "").Body.String(); strings.Count(all, "urn:ietf:params:scim:api:") != 1 { // the one of the list itself
		t.Errorf("the schemas are %s", all)
	}
}

func TestALocationIsPercentEncoded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	results := w.bulk("", `{"method":"PUT","path":"/Users/a%20%3Fb%2F\u00e9","data":null}`)
	if want := base + "/Users/a%20%3Fb%2F%C3%A9"; results[0].Location != want {
		t.Errorf("the location is %q, not %q", results[0].Location, want)
	}
}

// An executed Bulk gets 200 whatever its operations did, and contains the results of all of them.
func TestABulkOfFailuresIsExecuted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	results := w.bulk("", `{"method":"POST","path":"/Users","bulkId":"a","data":7}`, `{"method":"DELETE","path":"/Users/1","version":"x"}`)
	if got := statuses(results); got != "201 412" || results[0].BulkID != "a" {
		t.Errorf("%s: %+v", got, results)
	}
}
