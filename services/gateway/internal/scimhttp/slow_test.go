package scimhttp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowBody arrives at 64 KiB per second.
type slowBody struct{ io.Reader }

func (b slowBody) Read(p []byte) (int, error) {
	<-time.After(time.Second)
	return b.Reader.Read(p[:min(len(p), 64<<10)])
}

// slowAnswer is read at 64 KiB per second.
type slowAnswer struct{ *httptest.ResponseRecorder }

func (a slowAnswer) Write(p []byte) (int, error) {
	<-time.After(time.Duration(len(p)) * time.Second / (64 << 10))
	return a.ResponseRecorder.Write(p)
}

// The message has ten seconds after its body has arrived; the time of its client does not count.
func TestASlowClientIsServed(t *testing.T) {
	t.Parallel()
	large := `{"displayName":"` + strings.Repeat("a", 2<<20) + `"}`
	bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"` +
		strings.Repeat("a", 1<<20) + `"}}]}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"a body", "POST", "/Users", large, 201},
		{"a Bulk", "POST", "/Bulk", bulk, 200},
		{"a group in parts", "POST", "/Groups", large, 201},
		{"a group in parts that is shown in parts", "PUT", "/Groups/" + someID + "?attributes=members", large, 200},
		{"a group that is shown in parts", "GET", "/Groups/" + someID, "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) { c.MaxBodyBytes, c.MaxGroupBytes, c.MaxBulkBytes = 4<<20, 4<<20, 4<<20 })
				part := strings.Repeat("x", 1<<20)
				w.identity.large, w.identity.parts = strings.Contains(c.path, someID), []string{part, part, part}
				r := w.request(c.method, c.path, c.body)
				if c.body != "" {
					r.Body = io.NopCloser(slowBody{strings.NewReader(c.body)})
				}
				start, a := time.Now(), httptest.NewRecorder()
				w.handler.ServeHTTP(slowAnswer{a}, r)
				if a.Code != c.status || strings.Contains(a.Body.String(), `"503"`) {
					t.Errorf("%d: %.1000s", a.Code, a.Body)
				}
				if took := time.Since(start); took < 15*time.Second {
					t.Errorf("it took %s", took)
				}
				if w.identity.large && a.Body.Len() != 3<<20 {
					t.Errorf("%d bytes came", a.Body.Len())
				}
				if reserved := w.handler.config.InFlight.Bytes(); reserved != 0 {
					t.Errorf("%d bytes are not released", reserved)
				}
			})
		})
	}
}

func TestIdentityMayNotStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, method, path, body string }{
		{"writing a group", "POST", "/Groups", strings.Repeat("a", 2<<20)},
		{"reading a group", "GET", "/Groups/" + someID, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) { c.MaxGroupBytes = 4 << 20 })
				w.identity.large, w.identity.stalls = true, true
				start, a := time.Now(), httptest.NewRecorder()
				func() {
					defer func() {
						// The cut answer began with a success status.
						if p := recover(); p != nil {
							if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
								return
							}
							panic(p)
						}
					}()
					w.handler.ServeHTTP(a, w.request(c.method, c.path, c.body))
				}()
				if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
				if events := w.events.all(); len(events) != 1 || events[0].GetStatus() != 503 || events[0].GetReason() != "DEADLINE" {
					t.Errorf("failed events: %v", events)
				}
			})
		})
	}
}
