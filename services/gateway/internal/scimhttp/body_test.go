package scimhttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

func TestASilentClientKeepsNoConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, headers string
		status              int
	}{
		{"no key", "/scim/v2/" + directory + "/Users", "Content-Length: 1000\r\n", 401},
		{"no key, no length", "/scim/v2/" + directory + "/Users", "Transfer-Encoding: chunked\r\n", 401},
		{"no key, more than the server reads", "/scim/v2/" + directory + "/Users", "Content-Length: 10000000\r\n", 401},
		{"a key that is none", "/scim/v2/" + directory + "/Users", "Content-Length: 1000\r\nAuthorization: Bearer " + bearer.APIKey.New().Reveal() + "\r\n", 401},
		{"no directory", "/", "Content-Length: 1000\r\n", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.RequestTimeout = time.Hour })
			server := httptest.NewServer(w.handler)
			defer server.Close()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n", c.path, c.headers); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(conn)
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, bodyErr := io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != c.status || !answer.Close || bodyErr != nil {
				t.Errorf("%d, closes: %v, %v", answer.StatusCode, answer.Close, bodyErr)
			}
			if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("the connection is not closed: %v", err)
			}
		})
	}
}

func TestAFailureAfterTheBodyKeepsTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = fault.New(fault.Uniqueness, "no")
	if a := w.do("POST", "/Users", "{}"); a.Code != 409 || a.Header().Get("Connection") != "" {
		t.Errorf("%d, Connection: %q", a.Code, a.Header().Get("Connection"))
	}
}

func TestAHeaderAloneGetsLittleMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request("POST", "/Groups", "{}")
	r.ContentLength = 7 << 20
	m := &message{reserved: w.handler.config.InFlight.Open(directory)}
	body, err := (&body{w: httptest.NewRecorder(), r: r}).all(7<<20, &m.reserved)
	if err != nil {
		t.Fatal(err)
	}
	if cap(body) > bodyRoom || w.handler.config.InFlight.Bytes() > 0 {
		t.Errorf("it has room for %d bytes, and %d are reserved", cap(body), w.handler.config.InFlight.Bytes())
	}
}

func TestABodyReservesMemoryAsItArrives(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{0, 1, bodyRoom - 1, bodyRoom, bodyRoom + 1, 100_000, 1 << 20} {
		for _, announced := range []int64{length, 2 << 20} {
			b := inflight.New(1<<30, 1<<30)
			reserved := b.Open(directory)
			body, err := reserved.ReadAll(strings.NewReader(strings.Repeat("a", int(length))), announced, bodyRoom, bytesPerByte)
			if err != nil || int64(len(body)) != length || strings.Trim(string(body), "a") != "" {
				t.Fatalf("%d bytes, and %v", len(body), err)
			}
			if most := max(0, bytesPerByte*(int64(cap(body))-bodyRoom)); b.Bytes() != most || int64(cap(body)) > max(bodyRoom, 2*length) {
				t.Errorf("a body of %d bytes with room for %d reserves %d", length, cap(body), b.Bytes())
			}
		}
	}
}

func TestWorkInFlightIsBounded(t *testing.T) {
	t.Parallel()
	const (
		total, share = 8 << 20, 4 << 20
		large        = 200_000
		largeBody    = messageBytes + bytesPerByte*(large+1-bodyRoom)
	)
	largeOne := `{"x":"` + strings.Repeat("a", large-8) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		answer                   int   // size of the document that identity returns, in bytes
		own, others              int64 // bytes that the directory, and others, have already reserved
		status                   int
		budget                   string
		called                   bool // identity was called
	}{
		{"a message in the last room of its share", "POST", "/Users", "{}", 0, share - messageBytes, 0, 201, "", true},
		{"a message over its share", "POST", "/Users", "{}", 0, share - messageBytes + 1, 0, 429, "directory", false},
		{"a message in the last room of all", "POST", "/Users", "{}", 0, 0, total - messageBytes, 201, "", true},
		{"a message over all", "POST", "/Users", "{}", 0, 0, total - messageBytes + 1, 503, "total", false},
		{"a large body in the last room of its share", "POST", "/Users", largeOne, 0, share - largeBody, 0, 201, "", true},
		{"a large body over its share", "POST", "/Users", largeOne, 0, share - largeBody + 1, 0, 429, "directory", false},
		{"a large body over all", "POST", "/Users", largeOne, 0, 0, total - largeBody + 1, 503, "total", false},
		{"an answer in the last room of its share", "GET", "/Users/" + someID, "", large, share - messageBytes - 2*large, 0, 200, "", true},
		{"an answer over its share", "GET", "/Users/" + someID, "", large, share - messageBytes - 2*large + 1, 0, 429, "directory", true},
		{"an answer over all", "GET", "/Users/" + someID, "", large, 0, total - messageBytes - 2*large + 1, 503, "total", true},
		{"the answer to a search over its share", "POST", "/Users/.search", "{}", large, share - messageBytes - 2*large + 1, 0, 429, "directory", true},
		{"the answer to what is written", "POST", "/Users", "{}", large, share - messageBytes, 0, 201, "", true},
		{"a group in parts over its share", "PUT", "/Groups/" + someID, "in parts", 0, share - messageBytes - partsInFlight + 1, 0, 429, "directory", false},
		{"a group in parts in the last room", "PUT", "/Groups/" + someID, "in parts", 0, share - messageBytes - partsInFlight, 0, 200, "", true},
		{"a Bulk's operations are in its reservation", "POST", "/Bulk", aBulk, 0, share - messageBytes - bytesPerByte*(int64(len(aBulk))+1-bodyRoom), 0, 200, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(config *Config) {
				config.MaxBodyBytes, config.InFlight = 1<<20, inflight.New(total, share)
			})
			if c.answer > 0 {
				w.identity.document = `"` + strings.Repeat("a", c.answer-2) + `"`
				w.identity.listed = &identityv1.ListResult{Resources: []*identityv1.Resource{{Id: someID, Document: []byte(w.identity.document)}}}
			}
			own, others := w.handler.config.InFlight.Open(directory), w.handler.config.InFlight.Open("others")
			own.Take(c.own)
			others.Take(c.others)
			r := w.request(c.method, c.path, c.body)
			if c.body == "in parts" {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), -1
			}
			a := w.serve(r)
			if a.Code != c.status {
				t.Fatalf("%d: %s", a.Code, a.Body)
			}
			if called := w.identity.count() > 0; called != c.called {
				t.Errorf("identity was called: %v", called)
			}
			refused := c.status == 429 || c.status == 503
			if (a.Header().Get("Retry-After") == "1") != refused {
				t.Errorf("Retry-After is %q", a.Header().Get("Retry-After"))
			}
			if limit := map[string]string{"directory": "4194304 bytes", "total": "8388608 bytes"}[c.budget]; !strings.Contains(a.scim.Detail, limit) {
				t.Errorf("the detail is %q", a.scim.Detail)
			}
			counted := map[string]int64{}
			for name, n := range w.measured() {
				if n > 0 && (strings.HasPrefix(name, "usher_gateway_over_budget_total") || strings.HasPrefix(name, "usher_gateway_rate_limited_total")) {
					counted[name] = n
				}
			}
			want := map[string]int64{}
			if refused {
				want["usher_gateway_over_budget_total{budget="+c.budget+"}"] = 1
			}
			if !maps.Equal(counted, want) {
				t.Errorf("counted %v, want %v", counted, want)
			}
			if events := len(w.events.all()); (events == 1) != (c.status == 503) || events > 1 {
				t.Errorf("%d failed events", events)
			}
			if c.budget == "directory" {
				// Others are served meanwhile, and the directory itself when there is memory again.
				r := w.request("POST", "/Users", "{}", "Authorization", "Bearer "+w.keys[other].Reveal())
				r.URL.Path = "/scim/v2/" + other + "/Users"
				if a := w.serve(r); a.Code != 201 {
					t.Errorf("another directory gets %d: %s", a.Code, a.Body)
				}
			}
			own.Close()
			others.Close()
			if reserved := w.handler.config.InFlight.Bytes(); reserved != 0 {
				t.Errorf("%d bytes are not released", reserved)
			}
			if a := w.do("POST", "/Users", "{}"); a.Code != 201 {
				t.Errorf("once there is room it gets %d", a.Code)
			}
		})
	}
}

// Identity has its own budgets, for large groups.
func TestAGroupForWhichIdentityHasNoMemory(t *testing.T) {
	t.Parallel()
	for budget, status := range map[string]int{inflight.ShareBudget: 429, inflight.TotalBudget: 503} {
		t.Run(budget, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.identity.err = fault.New(fault.Limit, "100 bytes").Retry(time.Second).With(inflight.BudgetKey, budget)
			if budget == inflight.TotalBudget {
				w.identity.err = fault.New(fault.Unavailable, "100 bytes").Retry(time.Second).With(inflight.BudgetKey, budget)
			}
			r := w.request("POST", "/Groups", `{"displayName":"a"}`)
			r.ContentLength = -1
			a := w.serve(r)
			if a.Code != status || a.Header().Get("Retry-After") != "1" || !strings.Contains(a.scim.Detail, "100 bytes") {
				t.Errorf("%d, Retry-After %q: %s", a.Code, a.Header().Get("Retry-After"), a.Body)
			}
			if n := w.measured()["usher_gateway_over_budget_total{budget="+budget+"}"]; n != 1 {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

// aBulk has an operation that needs more memory than a Bulk leaves of its reservation.
var aBulk = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"` +
	strings.Repeat("a", bodyRoom+500) + `"}}]}`

// Only the bytes that have arrived reserve memory, not the announced ones.
func TestAnAnnouncedBodyReservesNothingUntilItArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.MaxBodyBytes, c.MaxGroupBytes, c.InFlight = 64<<20, 64<<20, inflight.New(8<<20, 4<<20)
	})
	var serving sync.WaitGroup
	var senders []*io.PipeWriter
	for range 10 {
		for _, path := range []string{"/Users", "/Bulk"} {
			reader, writer := io.Pipe()
			r := w.request("POST", path, "{}")
			r.Body, r.ContentLength = reader, 64<<20
			if path == "/Bulk" {
				r.ContentLength = 20_000
			}
			serving.Go(func() { w.handler.ServeHTTP(httptest.NewRecorder(), r) })
			senders = append(senders, writer)
			if _, err := writer.Write([]byte("{")); err != nil {
				t.Error(err)
			}
		}
	}
	if reserved := w.handler.config.InFlight.Bytes(); reserved != 20*messageBytes {
		t.Errorf("they have reserved %d bytes", reserved)
	}
	if a := w.do("POST", "/Users", "{}"); a.Code != 201 {
		t.Errorf("another message gets %d", a.Code)
	}
	for _, sender := range senders {
		_ = sender.CloseWithError(io.ErrUnexpectedEOF)
	}
	serving.Wait()
}
