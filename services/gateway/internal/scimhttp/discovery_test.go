package scimhttp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

func get[T any](t *testing.T, w *world, path string) T {
	t.Helper()
	a := w.do("GET", path, "")
	if a.Code != 200 || a.Header().Get("Content-Type") != "application/scim+json" {
		t.Fatalf("%s: %d %s", path, a.Code, a.Body)
	}
	var into T
	if err := json.Unmarshal(a.Body.Bytes(), &into); err != nil {
		t.Fatal(err)
	}
	return into
}

type described struct {
	ID   string
	Meta struct{ ResourceType, Location string }
}

type describedList struct {
	TotalResults, ItemsPerPage, StartIndex int
	Resources                              []described
}

func TestTheServiceDescribesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type supported struct{ Supported bool }
	config := get[struct {
		Patch, ChangePassword, Sort, ETag supported
		Bulk                              struct {
			Supported                     bool
			MaxOperations, MaxPayloadSize int
		}
		Filter struct {
			Supported  bool
			MaxResults int
		}
		Pagination struct {
			Cursor, Index                bool
			DefaultPaginationMethod      string
			DefaultPageSize, MaxPageSize int
			CursorTimeout                *int
		}
		AuthenticationSchemes []struct{ Type string }
		Meta                  struct{ Location string }
	}](t, w, "/ServiceProviderConfig")
	if !config.Patch.Supported || !config.Bulk.Supported ||
		config.Bulk.MaxOperations != 20 || config.Bulk.MaxPayloadSize != 20_000 || config.ChangePassword.Supported || !config.Sort.Supported ||
		!config.ETag.Supported || !config.Filter.Supported || config.Filter.MaxResults != 1000 ||
		len(config.AuthenticationSchemes) != 1 || config.AuthenticationSchemes[0].Type != "oauthbearertoken" ||
		config.Meta.Location != base+"/ServiceProviderConfig" {
		t.Errorf("it says %+v", config)
	}
	if p := config.Pagination; !p.Cursor || !p.Index || p.DefaultPaginationMethod != "index" || p.DefaultPageSize != 200 ||
		p.MaxPageSize != 1000 || p.CursorTimeout != nil {
		t.Errorf("of pages it says %+v", p)
	}
	for path, ids := range map[string][]string{
		"/ResourceTypes": {"User", "Group"},
		"/Schemas":       {scim.UserSchema, scim.EnterpriseUserSchema, scim.GroupSchema},
	} {
		list := get[describedList](t, w, path)
		if list.TotalResults != len(ids) || list.ItemsPerPage != len(ids) || list.StartIndex != 1 || len(list.Resources) != len(ids) {
			t.Fatalf("%s: %+v", path, list)
		}
		for i, id := range ids {
			if one := get[described](t, w, path+"/"+id); one.ID != id || one != list.Resources[i] || one.Meta.Location != base+path+"/"+id {
				t.Errorf("%s/%s: %+v, in the list %+v", path, id, one, list.Resources[i])
			}
		}
	}
	if w.identity.count() != 0 {
		t.Error("identity was called")
	}
}

// Entra ID's test for its gallery looks for externalId there.
func TestSchemasListExternalID(t *testing.T) {
	t.Parallel()
	type attribute struct {
		Name, Type, Mutability, Uniqueness string
		CaseExact                          bool
	}
	w := newWorld(t)
	for urn, uniqueness := range map[string]string{scim.UserSchema: "server", scim.GroupSchema: "none"} {
		schema := get[struct{ Attributes []attribute }](t, w, "/Schemas/"+urn)
		var found []attribute
		for _, a := range schema.Attributes {
			if a.Name == "externalId" {
				found = append(found, a)
			}
		}
		if want := (attribute{"externalId", "string", "readWrite", uniqueness, true}); len(found) != 1 || found[0] != want {
			t.Errorf("%s: %+v, not %+v", urn, found, want)
		}
	}
}

func TestADescriptionIsWhereItsHeadersSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/ServiceProviderConfig":                       "/ServiceProviderConfig",
		"/ResourceTypes/User":                          "/ResourceTypes/User",
		"/Schemas/" + strings.ToUpper(scim.UserSchema): "/Schemas/" + scim.UserSchema,
		"/ResourceTypes":                               "",
		"/Schemas":                                     "",
	} {
		if want != "" {
			want = base + want
		}
		if got := w.do("GET", path, "").Header().Get("Content-Location"); got != want {
			t.Errorf("%s: Content-Location is %q, not %q", path, got, want)
		}
	}
}

func TestNothingIsDescribedWithoutIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = fault.New(fault.Unavailable, "not now")
	if a := w.do("GET", "/Schemas", ""); a.Code != 503 {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

func TestADescriptionWithALongIDIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.do("GET", "/Schemas/"+strings.Repeat("x", maxID+1), ""); a.Code != 404 {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}
