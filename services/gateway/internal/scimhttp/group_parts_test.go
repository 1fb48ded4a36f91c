package scimhttp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// largeBody has more than two parts.
var largeBody = `{"displayName":"A","members":[` + strings.Repeat(`{"value":"x"},`, 100_000) + `{"value":"x"}]}`

func TestALargeGroupsBodyIsForwardedInParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		operation    identityv1.Write_Operation
		id           string
		status       int
	}{
		{"POST", "/Groups", creates, "", 201},
		{"PUT", "/Groups/" + someID, replaces, someID, 200},
		{"PATCH", "/Groups/" + someID, patches, someID, 204},
	} {
		for _, length := range []int64{int64(len(largeBody)), -1} {
			t.Run(c.method, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *Config) { c.MaxGroupBytes = 4 << 20 })
				r := w.request(c.method, c.path+"?excludedAttributes=members", largeBody, "If-Match", `W/"3"`)
				r.ContentLength = length
				a := w.serve(r)
				if a.Code != c.status || a.Header().Get("ETag") != `W/"3"` || a.Header().Get(ChangeCursorHeader) != "cursor1" {
					t.Fatalf("%d %v: %s", a.Code, a.Header(), a.Body)
				}
				got := w.identity.last(t).request.(*identityv1.WriteResourceStreamRequest)
				write := got.GetWrite()
				if string(got.GetPart()) != largeBody {
					t.Error("identity got another body")
				}
				if write.GetOperation() != c.operation || write.GetId() != c.id || got.GetTarget().GetDirectoryId() != directory ||
					strings.Join(write.GetProjection().GetExcludedAttributes(), ",") != "members" || write.GetOmitResource() != (c.method == "PATCH") {
					got.Part = nil
					t.Errorf("identity got %v", got)
				}
				if c.id != "" && !slices.Equal(write.GetIfMatch(), []int64{3}) {
					t.Errorf("If-Match is %v", write.GetIfMatch())
				}
				if size := got.GetSize(); size != length && size != 4<<20 {
					t.Errorf("the size is %d", size)
				}
			})
		}
	}
}

func TestALargeGroupOfABulkIsForwardedInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.MaxBulkBytes, c.MaxGroupBytes = 4<<20, 4<<20 })
	results := w.bulk("",
		`{"method":"PUT","path":"/Groups/`+someID+`","version":"W/\"3\"","data":`+largeBody+`}`,
		`{"method":"POST","path":"/Groups","bulkId":"g","data":`+largeBody+`}`,
	)
	if got := statuses(results); got != "200 201" {
		t.Fatalf("%s: %+v", got, results)
	}
	for n, write := range []*identityv1.Write{
		{Operation: replaces, Id: someID, IfMatch: []int64{3}, Projection: &identityv1.Projection{}}, {Operation: creates, Projection: &identityv1.Projection{}},
	} {
		got := w.identity.calls[n].request.(*identityv1.WriteResourceStreamRequest)
		if string(got.GetPart()) != largeBody || got.GetSize() != int64(len(largeBody)) || !proto.Equal(got.GetWrite(), write) {
			got.Part = nil
			t.Errorf("identity got %v", got)
		}
	}
}

// Identity reserves memory for this size, for which others would have to wait.
func TestASmallBodyWithoutALengthReservesItsOwnSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request("POST", "/Groups", `{"displayName":"a"}`)
	r.ContentLength = -1
	a := w.serve(r)
	if got := w.identity.last(t).request.(*identityv1.WriteResourceStreamRequest); a.Code != 201 || got.GetSize() != int64(len(`{"displayName":"a"}`)) {
		t.Errorf("%d: identity got %v", a.Code, got)
	}
}

func TestALargeGroupsBodyThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		limit  int64
		length int64
		body   io.Reader
		header string
		err    error
		status int
		detail string
	}{
		{"too large by its header", 1 << 20, int64(len(largeBody)), strings.NewReader(largeBody), "", nil, 413, "1048576 bytes"},
		{"too large without one", 1 << 20, -1, strings.NewReader(largeBody), "", nil, 413, "1048576 bytes"},
		{"cut", 4 << 20, int64(len(largeBody)), io.MultiReader(strings.NewReader(largeBody[:1000]), failing{io.ErrUnexpectedEOF}), "", nil, 400, "could not be read"},
		{"empty", 4 << 20, -1, strings.NewReader(""), "", nil, 400, "no body"},
		{"of another type", 4 << 20, int64(len(largeBody)), strings.NewReader(largeBody), "text/xml", nil, 415, mediaSCIM},
		{"refused by identity", 4 << 20, int64(len(largeBody)), strings.NewReader(largeBody), "", fault.New(fault.Uniqueness, "taken"), 409, "taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(config *Config) { config.MaxGroupBytes = c.limit })
			w.identity.err = c.err
			r := w.request("POST", "/Groups", "{}")
			r.Body, r.ContentLength = io.NopCloser(c.body), c.length
			if c.header != "" {
				r.Header.Set("Content-Type", c.header)
			}
			a := w.serve(r)
			if a.Code != c.status || !strings.Contains(a.scim.Detail, c.detail) {
				t.Errorf("%d: %s", a.Code, a.Body)
			}
			if events := w.events.all(); len(events) != 1 || events[0].GetStatus() != int32(c.status) {
				t.Errorf("failed events: %v", events)
			}
			if c.err == nil && w.identity.count() > 0 {
				t.Error("identity wrote it")
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestALargeGroupIsShownInParts(t *testing.T) {
	t.Parallel()
	parts := []string{`{"members":[`, `1,`, `2]}`}
	whole := strings.Join(parts, "")
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		etag, want         string
	}{
		{"GET", "/Groups/" + someID, "", nil, 200, `W/"4"`, whole},
		{"HEAD", "/Groups/" + someID, "", nil, 200, `W/"4"`, ""},
		{"GET", "/Groups/" + someID, "", []string{"If-None-Match", `W/"3"`}, 304, `W/"3"`, ""},
		{"POST", "/Groups", "{}", nil, 201, `W/"4"`, whole},
		{"PUT", "/Groups/" + someID, "{}", nil, 200, `W/"4"`, whole},
		{"PATCH", "/Groups/" + someID + "?attributes=members", `{"Operations":[]}`, nil, 200, `W/"4"`, whole},
		{
			"GET", "/Groups", "", nil, 200, "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"startIndex":1,` +
				`"itemsPerPage":2,"Resources":[{"id":"1"},` + whole + `]}`,
		},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.identity.large, w.identity.parts = true, parts
			two := int64(2)
			w.identity.listed = &identityv1.ListResult{TotalResults: &two, StartIndex: 1, Resources: []*identityv1.Resource{
				{Id: "1", Document: []byte(`{"id":"1"}`)}, w.identity.resource(),
			}}
			a := w.do(c.method, c.path, c.body, c.headers...)
			if a.Code != c.status || a.Header().Get("ETag") != c.etag || a.Body.String() != c.want {
				t.Errorf("%d, ETag %s: %s", a.Code, a.Header().Get("ETag"), a.Body)
			}
			if c.want != "" && a.Header().Get("Content-Type") != mediaSCIM {
				t.Errorf("the type is %q", a.Header().Get("Content-Type"))
			}
		})
	}
}

// A client must not take part of a group for the whole.
func TestALargeGroupThatBreaksOffIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.large, w.identity.parts, w.identity.cut = true, []string{strings.Repeat("x", 10_000)}, fault.New(fault.Unavailable, "gone")
	server := httptest.NewServer(w.handler)
	defer server.Close()
	r := w.request("GET", "/Groups/"+someID, "")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+r.URL.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = r.Header
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes and %v", len(got), err)
	}
	server.Close()
	if events := w.events.all(); len(events) != 1 || events[0].GetStatus() != 503 {
		t.Errorf("failed events: %v", events)
	}
}

func TestALargeGroupThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := int64(1)
	w.identity.large = true
	w.identity.listed = &identityv1.ListResult{TotalResults: &one, StartIndex: 1, Resources: []*identityv1.Resource{w.identity.resource()}}
	w.identity.gone = true
	if a := w.do("GET", "/Groups", ""); a.Code != 200 || !strings.Contains(a.Body.String(), `"Resources":[]`) {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	if a := w.do("GET", "/Groups/"+someID, ""); a.Code != 404 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
}

// A client that gets an error sends the group again, which would create it twice.
func TestALargeGroupThatIsWrittenAndCannotBeShown(t *testing.T) {
	t.Parallel()
	for method, status := range map[string]int{"POST": 201, "PUT": 204} {
		w := newWorld(t)
		w.identity.large, w.identity.gone = true, true
		path := "/Groups"
		if method == "PUT" {
			path += "/" + someID
		}
		a := w.do(method, path, `{"displayName":"A"}`)
		if a.Code != status || a.Header().Get("Location") != base+"/Groups/"+someID || a.Header().Get(ChangeCursorHeader) != "cursor1" || a.Body.Len() > 0 {
			t.Errorf("%s: %d %v %s", method, a.Code, a.Header(), a.Body)
		}
		if events := w.events.all(); len(events) > 0 {
			t.Errorf("%s: failed events %v", method, events)
		}
	}
}
