package scimhttp

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

func target(of kind) *identityv1.Target {
	return &identityv1.Target{OrganizationId: organization, DirectoryId: directory, BaseUrl: base, ResourceType: string(of)}
}

func TestMessagesBecomeCalls(t *testing.T) {
	t.Parallel()
	document := `{"id":"` + someID + `"}`
	none := &identityv1.Projection{}
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`
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
			want:   &identityv1.WriteResourceRequest{Target: target(users), Write: &identityv1.Write{Operation: creates, Projection: none}, Document: []byte(`{"userName":"a"}`)},
			status: 201, answers: document,
			sends: map[string]string{
				"Location": base + "/Users/" + someID, "ETag": `W/"3"`, "Usher-Change-Cursor": "cursor1",
				"Content-Type": "application/scim+json", "Cache-Control": "no-store",
			},
		},
		{
			name: "POST creates a group", method: "POST", path: "/Groups?attributes=displayName,%20id", body: `{"displayName":"a"}`,
			want: &identityv1.WriteResourceRequest{
				Target:   target(groups),
				Write:    &identityv1.Write{Operation: creates, Projection: &identityv1.Projection{Attributes: []string{"displayName", "id"}}},
				Document: []byte(`{"displayName":"a"}`),
			},
			status: 201, answers: document, sends: map[string]string{"Location": base + "/Groups/" + someID},
		},
		{
			name: "GET reads a user", method: "GET", path: "/Users/" + someID + "?excludedAttributes=groups,roles",
			want: &identityv1.GetResourceRequest{
				Target:     target(users),
				Id:         someID,
				Projection: &identityv1.Projection{ExcludedAttributes: []string{"groups", "roles"}},
			},
			status: 200, answers: document,
			sends: map[string]string{"Location": base + "/Users/" + someID, "ETag": `W/"3"`, "Usher-Change-Cursor": "-"},
		},
		{
			name: "HEAD reads a user", method: "HEAD", path: "/Users/" + someID,
			want: &identityv1.GetResourceRequest{Target: target(users), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "GET of another version reads", method: "GET", path: "/Groups/" + someID, headers: []string{"If-None-Match", `W/"2"`},
			want: &identityv1.GetResourceRequest{Target: target(groups), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "GET of a version that the client has is 304", method: "GET", path: "/Groups/" + someID,
			headers: []string{"If-None-Match", `W/"2", W/"3"`}, status: 304, sends: map[string]string{"ETag": `W/"3"`},
			want: &identityv1.GetResourceRequest{Target: target(groups), Id: someID, Projection: none},
		},
		{
			name: "a slash at the end of the Base URL does no harm", method: "GET", path: "//Users/" + someID + "/",
			want: &identityv1.GetResourceRequest{Target: target(users), Id: someID, Projection: none}, status: 200, answers: document,
		},
		{
			name: "PUT replaces", method: "PUT", path: "/Users/" + someID, body: `{"userName":"a"}`,
			headers: []string{"If-Match", `W/"3", "4"`, "Content-Type", "application/json; charset=UTF-8"},
			want: &identityv1.WriteResourceRequest{
				Target:   target(users),
				Write:    &identityv1.Write{Operation: replaces, Id: someID, IfMatch: []int64{3, 4}, Projection: none},
				Document: []byte(`{"userName":"a"}`),
			},
			status: 200, answers: document, sends: map[string]string{"ETag": `W/"3"`, "Usher-Change-Cursor": "cursor1"},
		},
		{
			name: "PUT without a media type replaces", method: "PUT", path: "/Groups/" + someID, body: `{}`,
			headers: []string{"Content-Type", "", "If-Match", "*"},
			want:    &identityv1.WriteResourceRequest{Target: target(groups), Write: &identityv1.Write{Operation: replaces, Id: someID, Projection: none}, Document: []byte(`{}`)},
			status:  200, answers: document,
		},
		{
			name: "PATCH of a user answers with it", method: "PATCH", path: "/Users/" + someID, body: patch,
			want:   &identityv1.WriteResourceRequest{Target: target(users), Write: &identityv1.Write{Operation: patches, Id: someID, Projection: none}, Document: []byte(patch)},
			status: 200, answers: document,
		},
		{
			name: "PATCH of a group answers without it", method: "PATCH", path: "/Groups/" + someID, body: patch,
			headers: []string{"If-Match", `W/"3"`},
			want: &identityv1.WriteResourceRequest{
				Target:   target(groups),
				Write:    &identityv1.Write{Operation: patches, Id: someID, IfMatch: []int64{3}, Projection: none, OmitResource: true},
				Document: []byte(patch),
			},
			status: 204, sends: map[string]string{
				"ETag": `W/"3"`, "Location": base + "/Groups/" + someID, "Content-Type": "-", "Usher-Change-Cursor": "cursor1",
			},
		},
		{
			name: "PATCH of a group answers with the attributes that were asked for", method: "PATCH",
			path: "/Groups/" + someID + "?attributes=displayName", body: patch,
			want: &identityv1.WriteResourceRequest{
				Target:   target(groups),
				Write:    &identityv1.Write{Operation: patches, Id: someID, Projection: &identityv1.Projection{Attributes: []string{"displayName"}}},
				Document: []byte(patch),
			},
			status: 200, answers: document,
		},
		{
			name: "DELETE removes", method: "DELETE", path: "/Users/" + someID, headers: []string{"If-Match", `W/"9"`},
			want:   &identityv1.DeleteResourceRequest{Target: target(users), Id: someID, IfMatch: []int64{9}},
			status: 204, sends: map[string]string{"Usher-Change-Cursor": "cursor1"},
		},
		{
			name: "DELETE removes a group", method: "DELETE", path: "/Groups/" + someID,
			want: &identityv1.DeleteResourceRequest{Target: target(groups), Id: someID}, status: 204,
		},
		{
			name: "GET lists", method: "GET", path: "/Users?filter=userName%20eq%20%22a%22&startIndex=2&count=1&sortBy=userName&sortOrder=descending",
			want: &identityv1.ListResourcesRequest{
				Target:     target(users),
				Projection: none,
				Query: &identityv1.ListQuery{
					Filter: `userName eq "a"`, StartIndex: 2, Count: proto.Int64(1), SortBy: "userName", SortOrder: "descending",
				},
			},
			status:  200,
			answers: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`,
		},
		{
			name: "an endless count is a number", method: "GET", path: "/Groups?count=99999999999999999999&startIndex=-5",
			want: &identityv1.ListResourcesRequest{
				Target:     target(groups),
				Query:      &identityv1.ListQuery{StartIndex: -5, Count: proto.Int64(9223372036854775807)},
				Projection: none,
			},
			status: 200,
		},
		{
			name: "POST to .search lists", method: "POST", path: "/Users/.search",
			body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"title pr","startIndex":3,"count":0,"attributes":["id"],"sortBy":"title","sortOrder":"ascending"}`,
			want: &identityv1.ListResourcesRequest{
				Target: target(users),
				Query: &identityv1.ListQuery{
					Filter: "title pr", StartIndex: 3, Count: proto.Int64(0), SortBy: "title", SortOrder: "ascending",
				},
				Projection: &identityv1.Projection{Attributes: []string{"id"}},
			},
			status: 200,
		},
		{
			name: "POST to .search takes names in one string", method: "POST", path: "/Users/.search",
			body: `{"attributes":"userName, id","excludedAttributes":""}`,
			want: &identityv1.ListResourcesRequest{
				Target:     target(users),
				Query:      &identityv1.ListQuery{},
				Projection: &identityv1.Projection{Attributes: []string{"userName", "id"}},
			},
			status: 200,
		},
		{
			name: "GET of the root lists all types", method: "GET", path: "/?filter=id%20pr&count=7&attributes=id",
			want: &identityv1.ListResourcesRequest{
				Target: target(""), Query: &identityv1.ListQuery{Filter: "id pr", Count: proto.Int64(7)},
				Projection: &identityv1.Projection{Attributes: []string{"id"}},
			},
			status: 200, answers: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`,
		},
		{
			name: "POST to .search of the root lists all types", method: "POST", path: "/.search", body: `{"cursor":"u2.","sortBy":"id"}`,
			want: &identityv1.ListResourcesRequest{
				Target: target(""), Query: &identityv1.ListQuery{Cursor: proto.String("u2."), SortBy: "id"}, Projection: none,
			},
			status: 200, answers: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"itemsPerPage":0,"Resources":[]}`,
		},
		{
			name: "GET begins by cursor", method: "GET", path: "/Users?cursor&count=10",
			want: &identityv1.ListResourcesRequest{
				Target:     target(users),
				Query:      &identityv1.ListQuery{Cursor: proto.String(""), Count: proto.Int64(10)},
				Projection: none,
			},
			status: 200,
		},
		{
			name: "GET goes on by cursor", method: "GET", path: "/Groups?cursor=1.abc",
			want: &identityv1.ListResourcesRequest{
				Target:     target(groups),
				Query:      &identityv1.ListQuery{Cursor: proto.String("1.abc")},
				Projection: none,
			},
			status: 200,
		},
		{
			name: "POST to .search lists by cursor", method: "POST", path: "/Groups/.search",
			body: `{"cursor":"","count":10}`,
			want: &identityv1.ListResourcesRequest{
				Target:     target(groups),
				Query:      &identityv1.ListQuery{Cursor: proto.String(""), Count: proto.Int64(10)},
				Projection: none,
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

func TestAListContainsTheDocuments(t *testing.T) {
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
	// A page by cursor has no startIndex, and its total may be unknown.
	w.identity.listed.TotalResults, w.identity.listed.StartIndex, w.identity.listed.NextCursor = nil, 0, "1.abc_-"
	a = w.do("GET", "/Users?cursor", "")
	const byCursor = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"itemsPerPage":2,"nextCursor":"1.abc_-",` +
		`"Resources":[{"id":"1"},{"id":"2"}]}`
	if a.Body.String() != byCursor {
		t.Errorf("the page by cursor is %s", a.Body)
	}
}
