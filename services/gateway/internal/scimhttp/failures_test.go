package scimhttp

import (
	"bufio"
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

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rpc"
)

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
		{"a change of the Base URL itself", "POST", "", "{}", nil, 405, "", "POST is not possible"},
		{"a search by GET", "GET", "/.search", "", nil, 405, "", "POST"},
		{"a search of all that is no JSON", "POST", "/.search", "[", nil, 400, "invalidSyntax", "SearchRequest"},
		{"reading oneself", "GET", "/Me", "", nil, 501, "", "API key"},
		{"changing oneself", "PATCH", "/Me", "{}", nil, 501, "", "/Users/{id}"},
		{"creating oneself", "POST", "/Me", "{}", nil, 501, "", "API key"},
		{"a path below a resource", "GET", "/Users/" + someID + "/emails", "", nil, 404, "", "no such endpoint"},
		{"an escape that is none", "GET", "/Users/%FF", "", nil, 404, "", "no such endpoint"},
		{"an id that no resource has", "DELETE", "/Users/" + strings.Repeat("x", 201), "", nil, 404, "", "no such resource"},
		{"a schema that there is not", "GET", "/Schemas/urn:x", "", nil, 404, "", ""},
		{"a resource type that there is not", "GET", "/ResourceTypes/Device", "", nil, 404, "", ""},
		{"a method that a collection has not", "DELETE", "/Users", "", nil, 405, "", "DELETE is not possible"},
		{"a method that a resource has not", "POST", "/Users/" + someID, "{}", nil, 405, "", "GET, PUT, PATCH, DELETE"},
		{"a method that no one knows", "BREW", "/Groups", "", nil, 405, "", "OTHER is not possible"},
		{"a change of a description", "PUT", "/Schemas", "{}", nil, 405, "", "Possible methods: GET"},
		{"reading a search", "GET", "/Users/.search", "", nil, 405, "", "POST"},
		{"another media type", "POST", "/Users", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "", "application/scim+json"},
		{"no media type at all", "POST", "/Users", "{}", []string{"Content-Type", ";;"}, 415, "", "application/scim+json"},
		{"another charset", "PUT", "/Users/" + someID, "{}", []string{"Content-Type", "application/json; charset=latin1"}, 415, "", "UTF-8"},
		{"a compressed body", "POST", "/Users", "{}", []string{"Content-Encoding", "gzip"}, 415, "", "Compressed"},
		{"no body", "POST", "/Users", "", nil, 400, "invalidSyntax", "no body"},
		{"a body over the limit", "POST", "/Users", large, nil, 413, "", "limit of 1000 bytes"},
		{"a PATCH over the limit", "PATCH", "/Users/" + someID, large, nil, 413, "", "limit of 1000 bytes"},
		{"a search over the limit", "POST", "/Groups/.search", large, nil, 413, "", "limit of 1000 bytes"},
		{"a group over its limit", "PUT", "/Groups/" + someID, strings.Repeat(large, 5), nil, 413, "", "limit of 5000 bytes"},
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
		{"a search for no list of names", "POST", "/Users/.search", `{"attributes":["id",7]}`, nil, 400, "invalidValue", "attributes"},
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

// broken fails after a few bytes, as a broken connection does.
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
		{"a HEAD of a missing user", "HEAD", "/Users/" + someID, fault.Missing("user", someID), 404, "", "", false},
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
				strings.Contains(e.GetDetail(), "jane@") || !e.GetFailTime().AsTime().Equal(w.now) {
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

func TestAServerWithoutTheRPCIsNotAMissingResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: w.handler.d.Tracing})
	if err != nil {
		t.Fatal(err)
	}
	// A channel that serves only another service.
	identityv1.RegisterFeedServiceServer(channel, identityv1.UnimplementedFeedServiceServer{})
	w.handler.d.Resources = identityv1.NewResourceServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))
	if a := w.do("GET", "/Users/"+someID, ""); a.Code != 503 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
}

func TestAPanicIsAFailedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.handler.d.Resources = nil
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

// unanswered checks that a failed event is recorded before the response is sent.
type unanswered struct {
	t        *testing.T
	response *httptest.ResponseRecorder
	recorded bool
}

func (u *unanswered) Record(context.Context, *failedeventsv1.FailedEvent) {
	u.recorded = true
	if u.response.Body.Len() > 0 || u.response.Result().Header.Get("Content-Length") != "" {
		u.t.Error("the response was written before the event")
	}
}

// Invariant 8.
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

// hasty lets every read deadline expire at once, so that the test need not wait for it.
type hasty struct{ http.ResponseWriter }

func (h hasty) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		at = time.Unix(1, 0)
	}
	return http.NewResponseController(h.ResponseWriter).SetReadDeadline(at)
}

func TestABodyThatDoesNotArriveIsATimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RequestTimeout = time.Hour })
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		pace.Handler(w.handler).ServeHTTP(hasty{rw}, r)
	}))
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
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
