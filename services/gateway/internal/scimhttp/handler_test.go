package scimhttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func target() *identityv1.Target {
	return &identityv1.Target{OrganizationId: organization, DirectoryId: directory, BaseUrl: base}
}

func TestMessagesBecomeCalls(t *testing.T) {
	t.Parallel()
	document := `{"id":"` + someID + `"}`
	none := &identityv1.Projection{}
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`
	operations := []*identityv1.Operation{{Op: "Replace", Path: "active", Value: []byte(`"False"`)}}
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     proto.Message
		status                   int
		sends                    map[string]string // headers; "-" for none
		answers                  string
	}{
		{
			name: "POST creates a user", method: "POST", path: "/Users", body: `{"userName":"a"}`,
			want:   &identityv1.CreateUserRequest{Target: target(), Document: []byte(`{"userName":"a"}`), Projection: none},
			status: 201, answers: document,
			sends: map[string]string{
				"Location": base + "/Users/" + someID, "ETag": `W/"3"`, "Usher-Change-Cursor": "cursor1",
				"Content-Type": "application/scim+json", "Cache-Control": "no-store",
			},
		},
		{
			name: "POST creates a group", method: "POST", path: "/Groups?attributes=displayName,%20id", body: `{"displayName":"a"}`,
			want: &identityv1.CreateGroupRequest{
				Target: target(), Document: []byte(`{"displayName":"a"}`),
				Projection: &identityv1.Projection{Attributes: []string{"displayName", "id"}},
			},
			status: 201, answers: document, sends: map[string]string{"Location": base + "/Groups/" + someID},
		},
		{
			name: "GET reads a user", method: "GET", path: "/Users/" + someID + "?excludedAttributes=groups,roles",
			want: &identityv1.GetUserRequest{
				Target: target(), Id: someID, Projection: &identityv1.Projection{ExcludedAttributes: []string{"groups", "roles"}},
			},
			status: 200, answers: document,
			sends: map[string]string{"Location": base + "/Users/" + someID, "ETag": `W/"3"`, "Usher-Change-Cursor": "-"},
		},
		{
			name: "HEAD reads a user", method: "HEAD", path: "/Users/" + someID,
			want: &identityv1.GetUserRequest{Target: target(), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "GET of another version reads", method: "GET", path: "/Groups/" + someID, headers: []string{"If-None-Match", `W/"2"`},
			want: &identityv1.GetGroupRequest{Target: target(), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "GET of a version that the client has is 304", method: "GET", path: "/Groups/" + someID,
			headers: []string{"If-None-Match", `W/"2", W/"3"`}, status: 304, sends: map[string]string{"ETag": `W/"3"`},
			want: &identityv1.GetGroupRequest{Target: target(), Id: someID, Projection: none},
		},
		{
			name: "a slash at the end of the Base URL does no harm", method: "GET", path: "//Users/" + someID + "/",
			want: &identityv1.GetUserRequest{Target: target(), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "PUT replaces", method: "PUT", path: "/Users/" + someID, body: `{"userName":"a"}`,
			headers: []string{"If-Match", `W/"3", "4"`, "Content-Type", "application/json; charset=UTF-8"},
			want: &identityv1.ReplaceUserRequest{
				Target: target(), Id: someID, Document: []byte(`{"userName":"a"}`), IfMatch: []int64{3, 4}, Projection: none,
			},
			status: 200, answers: document, sends: map[string]string{"ETag": `W/"3"`, "Usher-Change-Cursor": "cursor1"},
		},
		{
			name: "PUT without a media type replaces", method: "PUT", path: "/Groups/" + someID, body: `{}`,
			headers: []string{"Content-Type", "", "If-Match", "*"},
			want:    &identityv1.ReplaceGroupRequest{Target: target(), Id: someID, Document: []byte(`{}`), Projection: none},
			status:  200, answers: document,
		},
		{
			name: "PATCH of a user answers with it", method: "PATCH", path: "/Users/" + someID, body: patch,
			want:   &identityv1.PatchUserRequest{Target: target(), Id: someID, Operations: operations, Projection: none},
			status: 200, answers: document,
		},
		{
			name: "PATCH of a group answers without it", method: "PATCH", path: "/Groups/" + someID, body: patch,
			headers: []string{"If-Match", `W/"3"`},
			want: &identityv1.PatchGroupRequest{
				Target: target(), Id: someID, Operations: operations, IfMatch: []int64{3}, Projection: none, OmitResource: true,
			},
			status: 204, sends: map[string]string{
				"ETag": `W/"3"`, "Location": base + "/Groups/" + someID, "Content-Type": "-", "Usher-Change-Cursor": "cursor1",
			},
		},
		{
			name: "PATCH of a group answers with the attributes that were asked for", method: "PATCH",
			path: "/Groups/" + someID + "?attributes=displayName", body: patch,
			want: &identityv1.PatchGroupRequest{
				Target: target(), Id: someID, Operations: operations, Projection: &identityv1.Projection{Attributes: []string{"displayName"}},
			},
			status: 200, answers: document,
		},
		{
			name: "DELETE removes", method: "DELETE", path: "/Users/" + someID, headers: []string{"If-Match", `W/"9"`},
			want:   &identityv1.DeleteUserRequest{Target: target(), Id: someID, IfMatch: []int64{9}},
			status: 204, sends: map[string]string{"Usher-Change-Cursor": "cursor1"},
		},
		{
			name: "DELETE removes a group", method: "DELETE", path: "/Groups/" + someID,
			want: &identityv1.DeleteGroupRequest{Target: target(), Id: someID}, status: 204,
		},
		{
			name: "GET lists", method: "GET", path: "/Users?filter=userName%20eq%20%22a%22&startIndex=2&count=1&sortBy=userName&sortOrder=descending",
			want: &identityv1.ListUsersRequest{
				Target: target(), Projection: none,
				Query: &identityv1.ListQuery{
					Filter: `userName eq "a"`, StartIndex: 2, Count: proto.Int64(1), SortBy: "userName", SortOrder: "descending",
				},
			},
			status:  200,
			answers: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`,
		},
		{
			name: "an endless count is a number", method: "GET", path: "/Groups?count=99999999999999999999&startIndex=-5",
			want: &identityv1.ListGroupsRequest{
				Target: target(), Query: &identityv1.ListQuery{StartIndex: -5, Count: proto.Int64(9223372036854775807)}, Projection: none,
			},
			status: 200,
		},
		{
			name: "POST to .search lists", method: "POST", path: "/Users/.search",
			body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"title pr","startIndex":3,"count":0,"attributes":["id"],"sortBy":"title","sortOrder":"ascending"}`,
			want: &identityv1.ListUsersRequest{
				Target: target(), Query: &identityv1.ListQuery{
					Filter: "title pr", StartIndex: 3, Count: proto.Int64(0), SortBy: "title", SortOrder: "ascending",
				},
				Projection: &identityv1.Projection{Attributes: []string{"id"}},
			},
			status: 200,
		},
		{
			name: "GET begins by cursor", method: "GET", path: "/Users?cursor&count=10",
			want: &identityv1.ListUsersRequest{
				Target: target(), Query: &identityv1.ListQuery{Cursor: proto.String(""), Count: proto.Int64(10)}, Projection: none,
			},
			status: 200,
		},
		{
			name: "GET goes on by cursor", method: "GET", path: "/Groups?cursor=1.abc",
			want: &identityv1.ListGroupsRequest{
				Target: target(), Query: &identityv1.ListQuery{Cursor: proto.String("1.abc")}, Projection: none,
			},
			status: 200,
		},
		{
			name: "POST to .search lists by cursor", method: "POST", path: "/Groups/.search",
			body: `{"cursor":"","count":10}`,
			want: &identityv1.ListGroupsRequest{
				Target: target(), Query: &identityv1.ListQuery{Cursor: proto.String(""), Count: proto.Int64(10)}, Projection: none,
			},
			status: 200,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.do(c.method, c.path, c.body, c.headers...)
			if a.Code != c.status {
				t.Fatalf("%d: %s", a.Code, a.Body)
			}
			got := w.identity.last(t)
			if !proto.Equal(got.request, c.want) {
				t.Errorf("identity got %s\nwant %s", protojson.Format(got.request), protojson.Format(c.want))
			}
			if got.messageID != a.Header().Get(MessageIDHeader) {
				t.Errorf("identity got message ID %q", got.messageID)
			}
			principal := &commonv1.Principal{
				Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY, OrganizationId: organization, DirectoryId: directory,
				Subject: "key-" + directory,
			}
			if !proto.Equal(got.principal, principal) {
				t.Errorf("identity was called for %v", got.principal)
			}
			for name, value := range c.sends {
				if got := a.Header().Get(name); got != value && (value != "-" || got != "") {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			if got := a.Body.String(); c.answers != "" && got != c.answers {
				t.Errorf("the body is %s", got)
			}
			if c.status == 204 || c.status == 304 {
				if a.Body.Len() != 0 {
					t.Errorf("there is a body: %s", a.Body)
				}
			}
			if len(w.events.all()) != 0 {
				t.Error("a failed event was recorded")
			}
		})
	}
}

func TestAListIsPutTogetherFromDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.listed = &identityv1.ListResult{TotalResults: proto.Int64(9), StartIndex: 4, Resources: []*identityv1.Resource{
		{Document: []byte(`{"id":"1"}`)}, {Document: []byte(`{"id":"2"}`)},
	}}
	a := w.do("GET", "/Users", "")
	const want = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":9,"startIndex":4,` +
		`"itemsPerPage":2,"Resources":[{"id":"1"},{"id":"2"}]}`
	if a.Body.String() != want {
		t.Errorf("the body is %s", a.Body)
	}
	// A page by cursor has no startIndex, and may not know the total.
	w.identity.listed.TotalResults, w.identity.listed.StartIndex, w.identity.listed.NextCursor = nil, 0, "1.abc_-"
	a = w.do("GET", "/Users?cursor", "")
	const byCursor = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"itemsPerPage":2,"nextCursor":"1.abc_-",` +
		`"Resources":[{"id":"1"},{"id":"2"}]}`
	if a.Body.String() != byCursor {
		t.Errorf("the page by cursor is %s", a.Body)
	}
}

func TestEveryWrongCredentialIsRefusedAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mistyped := []byte(w.keys[directory].Reveal())
	mistyped[10] ^= 1
	var details []string
	for _, c := range []struct{ name, directory, authorization string }{
		{"unknown key", directory, "Bearer " + bearer.APIKey.New().Reveal()},
		{"a service credential", directory, "Bearer " + w.credential.Reveal()},
		{"a service credential on no directory", "nonsense", "Bearer " + w.credential.Reveal()},
		{"revoked or expired key", directory, "Bearer " + w.revoked.Reveal()},
		{"another directory's key", directory, "Bearer " + w.keys[other].Reveal()},
		{"the key on another directory", other, "Bearer " + w.keys[directory].Reveal()},
		{"the key on a directory that there is not", "0198a000-0000-7000-8000-00000000ffff", "Bearer " + w.keys[directory].Reveal()},
		{"a suspended directory with another key", suspended, "Bearer " + w.keys[directory].Reveal()},
		{"no directory id", "nonsense", "Bearer " + w.keys[directory].Reveal()},
		{"mistyped key", directory, "Bearer " + string(mistyped)},
		{"no key's form", directory, "Bearer secret"},
		{"empty token", directory, "Bearer"},
		{"two tokens", directory, "Bearer " + w.keys[directory].Reveal() + " x"},
	} {
		for _, path := range []string{"/Users", "/Users/" + someID, "/Nothing", "", "/ServiceProviderConfig"} {
			for _, method := range []string{"GET", "POST", "BREW"} {
				r := httptest.NewRequest(method, "/scim/v2/"+c.directory+path, strings.NewReader("not JSON"))
				r.Header.Set("Authorization", c.authorization)
				a := w.serve(r)
				if a.Code != 401 || a.Header().Get("WWW-Authenticate") != "Bearer" || a.scim.Status != "401" || a.scim.SCIMType != "" {
					t.Errorf("%s, %s %s: %d %v %s", c.name, method, path, a.Code, a.Header(), a.Body)
				}
				detail, _, _ := strings.Cut(a.scim.Detail, " (message ")
				details = append(details, detail)
			}
		}
	}
	for _, detail := range details {
		if detail != keyDetail {
			t.Errorf("a detail differs: %q", detail)
		}
	}
	if w.identity.count() != 0 {
		t.Error("identity was called")
	}
	if len(w.events.all()) != 0 {
		t.Error("a failed event was recorded")
	}
	if strings.Contains(w.logs.String(), "message") {
		t.Errorf("lines were logged: %s", w.logs)
	}
}

func TestWithoutBearerTheClientIsToldHow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.keys[directory].Reveal()
	for _, values := range [][]string{nil, {"Basic " + key}, {key}, {""}, {"Bearer " + key, "Bearer " + key}} {
		r := w.request("GET", "/Users", "")
		r.Header["Authorization"] = values
		a := w.serve(r)
		if a.Code != 401 || !strings.Contains(a.scim.Detail, "Authorization: Bearer ush_...") {
			t.Errorf("%q: %d %s", values, a.Code, a.scim.Detail)
		}
	}
}

func TestTheSchemeAndTheDirectoryAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("GET", "/scim/v2/"+strings.ToUpper(directory)+"/Users/"+someID, nil)
	r.Header.Set("Authorization", "bearer  "+w.keys[directory].Reveal())
	a := w.serve(r)
	if a.Code != 200 || a.Header().Get("Location") != base+"/Users/"+someID {
		t.Errorf("%d %v", a.Code, a.Header())
	}
}

func TestAKeyThatCannotBeCheckedIs503(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		fault.New(fault.Unavailable, "x"), fault.New(fault.Internal, "x"), context.DeadlineExceeded, errors.New("secret cause"),
	} {
		w := newWorld(t)
		w.loadError = err
		a := w.do("GET", "/Users", "")
		if a.Code != 503 || a.Header().Get("Retry-After") == "" || strings.Contains(a.Body.String(), "secret cause") {
			t.Errorf("%v: %d %v %s", err, a.Code, a.Header(), a.Body)
		}
		if len(w.events.all()) != 0 {
			t.Errorf("%v: a failed event was recorded", err)
		}
	}
}

func TestALeaseThatIsOverOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Fatal(a.Code)
	}
	w.loadError = fault.New(fault.Unavailable, "directory is down")
	w.now = w.now.Add(4999 * time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Errorf("within the lease: %d", a.Code)
	}
	w.now = w.now.Add(time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 503 {
		t.Errorf("after the lease: %d", a.Code)
	}
	w.loadError = nil
	delete(w.keys, directory)
	r := w.request("GET", "/Users", "")
	r.Header.Set("Authorization", "Bearer "+w.revoked.Reveal())
	if a := w.serve(r); a.Code != 401 {
		t.Errorf("after the revocation: %d", a.Code)
	}
}

func TestASuspendedDirectoryIs403(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("GET", "/scim/v2/"+suspended+"/Users", nil)
	r.Header.Set("Authorization", "Bearer "+w.keys[suspended].Reveal())
	a := w.serve(r)
	if a.Code != 403 || !strings.Contains(a.scim.Detail, "not federated") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if events := w.events.all(); len(events) != 1 || events[0].GetReason() != "ORGANIZATION_NOT_FEDERATED" {
		t.Errorf("the failed events are %v", events)
	}
}

func TestBadInputIsRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	large := `{"x":"` + strings.Repeat("a", 1000) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		scimType, detail         string
	}{
		{"an unknown endpoint", "GET", "/Devices", "", nil, 404, "", "/Users, /Groups"},
		{"the Base URL itself", "GET", "", "", nil, 404, "", "no such endpoint"},
		{"a path below a resource", "GET", "/Users/" + someID + "/emails", "", nil, 404, "", "no such endpoint"},
		{"an escape that is none", "GET", "/Users/%FF", "", nil, 404, "", "no such endpoint"},
		{"an id that no resource has", "DELETE", "/Users/" + strings.Repeat("x", 201), "", nil, 404, "", "no such resource"},
		{"a schema that there is not", "GET", "/Schemas/urn:x", "", nil, 404, "", ""},
		{"a resource type that there is not", "GET", "/ResourceTypes/Device", "", nil, 404, "", ""},
		{"a method that a collection has not", "DELETE", "/Users", "", nil, 405, "", "DELETE is not possible"},
		{"a method that a resource has not", "POST", "/Users/" + someID, "{}", nil, 405, "", "GET, PUT, PATCH, DELETE"},
		{"a method that no one knows", "BREW", "/Groups", "", nil, 405, "", "OTHER is not possible"},
		{"a change of a description", "PUT", "/Schemas", "{}", nil, 405, "", "these are: GET"},
		{"reading a search", "GET", "/Users/.search", "", nil, 405, "", "POST"},
		{"bulk", "POST", "/Bulk", "{}", nil, 404, "", ""},
		{"another media type", "POST", "/Users", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "", "application/scim+json"},
		{"no media type at all", "POST", "/Users", "{}", []string{"Content-Type", ";;"}, 415, "", "application/scim+json"},
		{"another charset", "PUT", "/Users/" + someID, "{}", []string{"Content-Type", "application/json; charset=latin1"}, 415, "", "UTF-8"},
		{"a compressed body", "POST", "/Users", "{}", []string{"Content-Encoding", "gzip"}, 415, "", "Compressed"},
		{"no body", "POST", "/Users", "", nil, 400, "invalidSyntax", "no body"},
		{"a body over the limit", "POST", "/Users", large, nil, 413, "", "limit of 1000 bytes"},
		{"a PATCH over the limit", "PATCH", "/Users/" + someID, large, nil, 413, "", "limit of 1000 bytes"},
		{"a search over the limit", "POST", "/Groups/.search", large, nil, 413, "", "limit of 1000 bytes"},
		{"a group over its limit", "PUT", "/Groups/" + someID, strings.Repeat(large, 5), nil, 413, "", "limit of 5000 bytes"},
		{"a PATCH that is no JSON", "PATCH", "/Users/" + someID, `{"Operations":[`, nil, 400, "invalidSyntax", ""},
		{"a PATCH without operations", "PATCH", "/Groups/" + someID, `{}`, nil, 400, "invalidSyntax", "Operations"},
		{"a PATCH whose op is missing", "PATCH", "/Users/" + someID, `{"Operations":[{"path":"x"}]}`, nil, 400, "invalidSyntax", "op"},
		{"a PATCH whose path is a number", "PATCH", "/Users/" + someID, `{"Operations":[{"op":"add","path":1}]}`, nil, 400, "invalidSyntax", "path"},
		{"a count that is no number", "GET", "/Users?count=ten", "", nil, 400, "invalidValue", "count"},
		{"a startIndex that is no number", "GET", "/Groups?startIndex=1.5", "", nil, 400, "invalidValue", "startIndex"},
		{"an empty count", "GET", "/Users?count=", "", nil, 400, "invalidValue", "count"},
		{"a count that is no number, by cursor", "GET", "/Users?cursor=&count=ten", "", nil, 400, "invalidCount", "count"},
		{"an index and a cursor", "GET", "/Users?cursor=&startIndex=1", "", nil, 400, "invalidValue", "startIndex and cursor"},
		{"a search by index and by cursor", "POST", "/Users/.search", `{"cursor":"","startIndex":0}`, nil, 400, "invalidValue", "startIndex and cursor"},
		{"two filters", "GET", "/Users?filter=a&filter=b", "", nil, 400, "invalidValue", "filter is given 2 times"},
		{"two lists of attributes", "POST", "/Users?attributes=a&attributes=b", "{}", nil, 400, "invalidValue", "attributes"},
		{"a filter that is not UTF-8", "GET", "/Users?filter=%FF", "", nil, 400, "invalidValue", "UTF-8"},
		{"a query that is not escaped", "GET", "/Users?filter=%zz", "", nil, 400, "invalidValue", "percent"},
		{"a search that is no JSON", "POST", "/Users/.search", "[", nil, 400, "invalidSyntax", "SearchRequest"},
		{"a search with a wrong type", "POST", "/Users/.search", `{"count":"1"}`, nil, 400, "invalidValue", "count"},
		{"an If-Match that is no ETag", "PUT", "/Users/" + someID, "{}", []string{"If-Match", "3"}, 412, "", "If-Match"},
		{"an If-Match that never was", "DELETE", "/Users/" + someID, "", []string{"If-Match", `W/"abc"`}, 412, "", "If-Match"},
		{"too many versions", "DELETE", "/Users/" + someID, "", []string{"If-Match", strings.Repeat(`"1",`, 21)}, 400, "invalidValue", "20 versions"},
		{"a filtered description", "GET", "/Schemas?filter=x", "", nil, 403, "", "filtered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.do(c.method, c.path, c.body, c.headers...)
			if a.Code != c.status || a.scim.SCIMType != c.scimType || a.scim.Status != fmt.Sprint(c.status) {
				t.Errorf("%d: %s", a.Code, a.Body)
			}
			if !strings.Contains(a.scim.Detail, c.detail) {
				t.Errorf("the detail is %q", a.scim.Detail)
			}
			if (a.Header().Get("Allow") != "") != (c.status == 405) {
				t.Errorf("Allow is %q", a.Header().Get("Allow"))
			}
			if w.identity.count() != 0 {
				t.Error("identity was called")
			}
			wantEvents := 1
			if c.status == 404 && c.method == "GET" {
				wantEvents = 0
			}
			events := w.events.all()
			if len(events) != wantEvents {
				t.Fatalf("%d failed events", len(events))
			}
			if wantEvents == 1 && (events[0].GetStatus() != int32(c.status) || events[0].GetScimType() != c.scimType) {
				t.Errorf("the failed event is %v", events[0])
			}
		})
	}
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request("POST", "/Users", strings.Repeat("a", 1001))
	r.ContentLength = -1
	if a := w.serve(r); a.Code != 413 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	r = w.request("POST", "/Users", `{"x":"`+strings.Repeat("a", 1000-8)+`"}`)
	r.ContentLength = -1
	if a := w.serve(r); a.Code != 201 {
		t.Errorf("a body of just the limit: %d: %s", a.Code, a.Body)
	}
}

// broken fails after a few bytes, as a connection that was cut does.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestABodyThatBreaksOffIsAFailedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request("POST", "/Users", "{}")
	r2 := httptest.NewRequest("POST", r.URL.Path, broken{})
	r2.Header = r.Header
	if a := w.serve(r2); a.Code != 400 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	if len(w.events.all()) != 1 || w.identity.count() != 0 {
		t.Error("it did not end as a failed message")
	}
}

func TestOutsideEveryDirectoryThereIsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/scim/v2", "/scim/v2/", "/scim", "/healthz", "/scim/v1/x/Users"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+w.keys[directory].Reveal())
		if a := w.serve(r); a.Code != 404 {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
}

func TestFailuresBecomeEventsAndAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path string
		err                error
		status             int
		operation, id      string
		event              bool
	}{
		{"a conflict of names", "POST", "/Users", fault.New(fault.Uniqueness, "Another user has this userName."), 409, "POST /Users", "", true},
		{"a write to what is not there", "PATCH", "/Users/" + someID, fault.Missing("user", someID), 404, "PATCH /Users/{id}", someID, true},
		{"an id that is none of ours", "DELETE", "/Groups/jane@example.com", fault.Missing("group", "jane@example.com"), 404, "DELETE /Groups/{id}", "", true},
		{"a read of what is not there", "GET", "/Users/" + someID, fault.Missing("user", someID), 404, "", "", false},
		{"a look at what is not there", "HEAD", "/Users/" + someID, fault.Missing("user", someID), 404, "", "", false},
		{"a bad filter", "GET", "/Users", fault.New(fault.InvalidFilter, "no"), 400, "GET /Users", "", true},
		{"a directory that is not ready", "GET", "/Users", fault.New(fault.NotReady, "soon").Retry(2 * time.Second), 503, "GET /Users", "", true},
		{"a directory that was deleted", "GET", "/Users", fault.New(fault.Deleted, "directory gone"), 401, "GET /Users", "", true},
		{"identity over a rate", "GET", "/Users", fault.New(fault.Limit, "slow down").Retry(time.Second), 429, "", "", false},
		{"a fault of ours", "GET", "/Users", errors.New("pq: secret"), 500, "GET /Users", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.identity.err = c.err
			body := ""
			if c.method == "POST" || c.method == "PATCH" {
				body = `{"Operations":[{"op":"add","path":"title","value":"x"}]}`
			}
			a := w.do(c.method, c.path, body)
			if a.Code != c.status {
				t.Fatalf("%d: %s", a.Code, a.Body)
			}
			for _, leak := range []string{"pq: secret", "jane@", "directory gone"} {
				if strings.Contains(a.Body.String(), leak) {
					t.Errorf("the answer tells: %s", a.Body)
				}
			}
			if (a.Header().Get("Retry-After") != "") != (c.status == 503 || c.status == 429) {
				t.Errorf("Retry-After is %q", a.Header().Get("Retry-After"))
			}
			events := w.events.all()
			if !c.event {
				if len(events) != 0 {
					t.Errorf("failed events: %v", events)
				}
				return
			}
			if len(events) != 1 {
				t.Fatalf("failed events: %v", events)
			}
			e := events[0]
			if e.GetOperation() != c.operation || e.GetResourceId() != c.id || e.GetStatus() != int32(c.status) ||
				e.GetMessageId() != a.Header().Get(MessageIDHeader) || e.GetOrganizationId() != organization ||
				e.GetDirectoryId() != directory || e.GetDetail() == "" || e.GetRemedy() == "" || len(e.GetTraceId()) != 32 ||
				strings.Contains(e.GetDetail(), "jane@") || !e.GetTime().AsTime().Equal(w.now) {
				t.Errorf("the failed event is %s", protojson.Format(e))
			}
			logs := w.logs.String()
			if !strings.Contains(logs, e.GetMessageId()) || !strings.Contains(logs, e.GetTraceId()) {
				t.Errorf("the log has not the message's ID and trace: %s", logs)
			}
			if strings.Count(logs, `"trace_id"`) != strings.Count(logs, "\n") {
				t.Errorf("a line does not say its trace once: %s", logs)
			}
		})
	}
}

func TestAServerWithoutTheRPCIsNotAResourceThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	channel, err := rpc.NewInProcess(slog.New(slog.DiscardHandler), w.handler.d.Tracing)
	if err != nil {
		t.Fatal(err)
	}
	// A channel with another service only.
	identityv1.RegisterGroupServiceServer(channel, w.identity)
	w.handler.resources[users] = userResources{identityv1.NewUserServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))}
	if a := w.do("GET", "/Users/"+someID, ""); a.Code != 503 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
}

func TestAPanicIsAFailedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.handler.resources[users] = nil
	a := w.do("GET", "/Users", "")
	if a.Code != 500 || strings.Contains(a.Body.String(), "nil pointer") {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	if len(w.events.all()) != 1 {
		t.Error("no failed event was recorded")
	}
	if !strings.Contains(w.logs.String(), "nil pointer") {
		t.Error("the cause is not in the log")
	}
}

func TestEachDirectoryHasItsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond = 2 })
	for range 2 {
		if a := w.do("GET", "/Users", ""); a.Code != 200 {
			t.Fatal(a.Code)
		}
	}
	a := w.do("GET", "/Users", "")
	if a.Code != 429 || a.Header().Get("Retry-After") != "1" || a.scim.Status != "429" {
		t.Errorf("%d %v %s", a.Code, a.Header(), a.Body)
	}
	r := httptest.NewRequest("GET", "/scim/v2/"+other+"/Users", nil)
	r.Header.Set("Authorization", "Bearer "+w.keys[other].Reveal())
	if a := w.serve(r); a.Code != 200 {
		t.Errorf("another directory: %d", a.Code)
	}
	w.now = w.now.Add(500 * time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Errorf("after a while: %d", a.Code)
	}
	if len(w.events.all()) != 0 {
		t.Error("a failed event was recorded")
	}
}

func TestRatesAreRememberedForSoManyDirectories(t *testing.T) {
	t.Parallel()
	r, now := newRates(1, nil), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range maxDirectories + 1 {
		if _, ok := r.admit(t.Context(), fmt.Sprint(i), now); !ok {
			t.Fatal(i)
		}
	}
	if len(r.by) > maxDirectories {
		t.Errorf("%d are remembered", len(r.by))
	}
	if wait, ok := r.admit(t.Context(), "x", now); !ok || wait != 0 {
		t.Error("a new one is not admitted")
	}
	later := now.Add(time.Hour)
	r.makeRoom(later)
	if _, ok := r.admit(t.Context(), "y", later); !ok {
		t.Error("a new one is not admitted")
	}
}

func TestRefusalsAreCountedAndLoggedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond = 1; c.TallyEvery = time.Millisecond })
	for range 3 {
		w.do("GET", "/Users", "")
		w.do("GET", "/Users", "", "Authorization", "Bearer nonsense")
	}
	before := w.logs.String()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.handler.Run(ctx)
	line := strings.TrimPrefix(w.logs.String(), before)
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, `"malformed":3`) || !strings.Contains(line, `"rate_limited":2`) {
		t.Errorf("logged: %s", line)
	}
	w.handler.Run(ctx)
	if again := w.logs.String(); again != before+line {
		t.Errorf("logged again: %s", again)
	}
}

func TestNoSecretAndNothingPersonalIsLoggedOrTraced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/Users", `{"userName":"jane@example.com"}`)
	w.do("GET", "/Users/jane@example.com", "")
	w.do("GET", `/Users?filter=userName%20eq%20%22jane@example.com%22`, "")
	w.do("BREW", "/jane@example.com", "")
	w.do("PATCH", "/Users/jane@example.com", `{"Operations":[{"op":"add","path":"emails[value eq \"jane@example.com\"]"`)
	w.do("GET", "/Users", "", "Authorization", "Bearer "+w.revoked.Reveal())
	text := w.logs.String()
	for _, span := range w.spans.GetSpans() {
		text += fmt.Sprintln(span.Name, span.Attributes, span.Events, span.Status)
	}
	for _, event := range w.events.all() {
		text += protojson.Format(event)
	}
	for _, secret := range []string{"jane", w.keys[directory].Reveal(), w.revoked.Reveal(), "ush_"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in: %s", secret, text)
		}
	}
}

func TestATraceIsContinuedAndNamedByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	a := w.do("GET", "/Users/"+someID, "", "Traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
	names := map[string]bool{}
	for _, span := range w.spans.GetSpans() {
		names[span.Name] = true
		if span.SpanContext.TraceID().String() != traceID {
			t.Errorf("%s is of trace %s", span.Name, span.SpanContext.TraceID())
		}
		if span.Name != "GET /scim/v2/{directory_id}/Users/{id}" {
			continue
		}
		found := false
		for _, attribute := range span.Attributes {
			found = found || string(attribute.Key) == rpc.MessageIDAttribute && attribute.Value.AsString() == a.Header().Get(MessageIDHeader)
		}
		if !found {
			t.Errorf("the span has not the message ID: %v", span.Attributes)
		}
	}
	if !names["GET /scim/v2/{directory_id}/Users/{id}"] || !names["usher.identity.v1.UserService/GetUser"] {
		t.Errorf("the spans are %v", names)
	}
}

func TestEachMessageHasItsOwnID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("GET", "/Users", "", MessageIDHeader, "theirs")
	b := w.do("GET", "/Users", "", MessageIDHeader, "theirs")
	if first, second := a.Header().Get(MessageIDHeader), b.Header().Get(MessageIDHeader); first == second || first == "theirs" {
		t.Errorf("the message IDs are %q and %q", first, second)
	}
}

func TestALargeGroupPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.MaxGroupBytes = 4 << 20 })
	body := bytes.Repeat([]byte(`{"value":"x"},`), 100_000)
	if a := w.do("POST", "/Groups", string(body)); a.Code != 201 {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if got := w.identity.last(t).request.(*identityv1.CreateGroupRequest).GetDocument(); !bytes.Equal(got, body) {
		t.Error("identity got something else")
	}
}

func TestMessagesAreMeasuredByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond = 3 })
	w.do("PATCH", "/Users/"+someID, `{"Operations":[{"op":"add","path":"title","value":"x"}]}`)
	r := w.request("BREW", "/jane@example.com", "")
	r.Host = "evil.example.com"
	w.serve(r)
	w.do("GET", "/Users", "")
	w.do("GET", "/Users", "") // one too many
	w.do("GET", "/Users", "", "Authorization", "Bearer "+bearer.APIKey.New().Reveal())
	points := w.measured()
	for _, want := range []string{
		"usher_gateway_messages_total{method=PATCH,route=/Users/{id},status_class=2xx}",
		"usher_gateway_messages_total{method=OTHER,route=/{unknown},status_class=4xx}",
		"usher_gateway_messages_total{method=GET,route=/Users,status_class=2xx}",
		"usher_gateway_message_duration_seconds{method=GET,route=/Users}",
		"usher_gateway_rate_limited_total{}",
		"usher_gateway_unauthenticated_total{reason=unknown}",
		"usher_gateway_ignored_values_total{}",
		"usher_gateway_quirks_total{quirk=op-capitalised}",
	} {
		if points[want] != 1 {
			t.Errorf("%s is %d", want, points[want])
		}
	}
	for point := range points {
		// Whatever a client can put into a label makes as many series as it likes.
		if strings.Contains(point, "evil") || strings.Contains(point, "jane") || strings.Contains(point, directory) || strings.Contains(point, "BREW") {
			t.Errorf("a client chose a label: %s", point)
		}
	}
}

// unanswered sees that a failed event is recorded while the response is still to be written.
type unanswered struct {
	t        *testing.T
	response *httptest.ResponseRecorder
	recorded bool
}

func (u *unanswered) Record(context.Context, *failedeventsv1.FailedEvent) {
	u.recorded = true
	if u.response.Body.Len() > 0 || u.response.Result().Header.Get("Content-Type") != "" {
		u.t.Error("the response was written before the event")
	}
}

func TestAFailedEventIsRecordedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = fault.New(fault.Uniqueness, "no")
	seen := &unanswered{t: t, response: httptest.NewRecorder()}
	w.handler.d.Events = seen
	w.handler.ServeHTTP(seen.response, w.request("POST", "/Users", "{}"))
	if !seen.recorded {
		t.Error("no event was recorded")
	}
}

func TestABodyThatDoesNotArriveIsATimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RequestTimeout = 50 * time.Millisecond })
	server := httptest.NewServer(w.handler)
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /scim/v2/%s/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{",
		directory, w.keys[directory].Reveal()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != 408 || w.identity.count() != 0 || len(w.events.all()) != 1 {
		t.Errorf("%d, %d calls, %d failed events", answer.StatusCode, w.identity.count(), len(w.events.all()))
	}
}

func TestAKeyIsCheckedBeforeABodyIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("POST", "/scim/v2/"+directory+"/Users", broken{})
	r.Header.Set("Authorization", "Bearer "+w.revoked.Reveal())
	r.ContentLength = 1 << 40
	if a := w.serve(r); a.Code != 401 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
}
