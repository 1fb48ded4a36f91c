package scimhttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
)

func TestASilentClientHoldsNoConnection(t *testing.T) {
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

func TestAHeaderAloneGetsLittleRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request("POST", "/Groups", "{}")
	r.ContentLength = 7 << 20
	body, err := w.handler.readBody(httptest.NewRecorder(), r, &message{}, 7<<20)
	if err != nil {
		t.Fatal(err)
	}
	if cap(body) >= 2*ahead {
		t.Errorf("it has room for %d bytes", cap(body))
	}
}

func TestLargeBodiesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const limit, inFlight = 2 << 20, 4 << 20
	large := `{"x":"` + strings.Repeat("a", 3<<19) + `"}`
	for _, c := range []struct {
		name, body    string
		withoutLength bool
		taken         int64 // by others
		status        int
	}{
		{"a large one finds room", large, false, inFlight - limit, 201},
		{"a large one finds none", large, false, inFlight - 1<<20, 503},
		{"one without a length may become large", "{}", true, inFlight - 1<<20, 503},
		{"one without a length finds room", "{}", true, inFlight - limit, 201},
		{"a small one needs none", "{}", false, inFlight, 201},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(config *Config) {
				config.MaxBodyBytes, config.BodiesInFlight = limit, inFlight
				if c.status == 503 {
					config.RequestTimeout = 20 * time.Millisecond
				}
			})
			if err := w.handler.bodies.Acquire(context.Background(), c.taken); err != nil {
				t.Fatal(err)
			}
			r := w.request("POST", "/Users", c.body)
			if c.withoutLength {
				r.ContentLength = -1
			}
			a := w.serve(r)
			if a.Code != c.status || (a.Header().Get("Retry-After") == "1") != (c.status == 503) {
				t.Errorf("%d, Retry-After %q: %s", a.Code, a.Header().Get("Retry-After"), a.Body)
			}
			if !w.handler.bodies.TryAcquire(inFlight - c.taken) {
				t.Error("its room is not given back")
			}
		})
	}
}

func TestALargeBodyWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MaxBodyBytes, c.BodiesInFlight = 2<<20, 2<<20 })
		if err := w.handler.bodies.Acquire(t.Context(), 2<<20); err != nil {
			t.Fatal(err)
		}
		r := w.request("POST", "/Users", `{"x":"`+strings.Repeat("a", 3<<19)+`"}`)
		answered := make(chan int, 1)
		go func() {
			a := httptest.NewRecorder()
			w.handler.ServeHTTP(a, r)
			answered <- a.Code
		}()
		synctest.Wait()
		if len(answered) > 0 || w.identity.count() > 0 {
			t.Error("it did not wait")
		}
		w.handler.bodies.Release(2 << 20)
		if code := <-answered; code != 201 {
			t.Error(code)
		}
	})
}
