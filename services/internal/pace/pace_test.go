package pace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a listener whose connections have no buffers, and use the clock of a synctest bubble.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accepted:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// connect serves with a handler, and returns a connection to it, which ends with the test.
func connect(t *testing.T, handler http.HandlerFunc) net.Conn {
	t.Helper()
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: Handler(handler), ReadHeaderTimeout: time.Minute, WriteTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p)
	}()
	client, theirs := net.Pipe()
	p.accepted <- theirs
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
		<-served
	})
	return client
}

// drip writes a number of bytes at a rate.
func drip(w io.Writer, bytes, perSecond int) {
	for part := make([]byte, perSecond); bytes > 0; bytes -= perSecond {
		<-time.After(time.Second)
		if _, err := w.Write(part[:min(bytes, perSecond)]); err != nil {
			return
		}
	}
}

func TestABodyMayNotStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		length int
		rate   int // bytes per second; 0: nothing arrives
		whole  bool
		took   time.Duration // until it was read or given up
	}{
		{"announced, and nothing comes", 64 << 20, 0, false, Grace},
		{"a small one, and nothing comes", 1, 0, false, Grace},
		{"a byte a second", 1000, 1, false, Grace},
		{"at half the pace", 4 << 20, Rate / 2, false, 2 * Grace},
		{"at half the pace, within the grace", 300 << 10, Rate / 2, true, 10 * time.Second},
		{"at the pace", 4 << 20, Rate, true, 64 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				type result struct {
					bytes int64
					err   error
					took  time.Duration
				}
				read := make(chan result, 1)
				client := connect(t, func(w http.ResponseWriter, r *http.Request) {
					start := time.Now()
					n, err := io.Copy(io.Discard, r.Body)
					read <- result{n, err, time.Since(start)}
					if err != nil {
						Refuse(w, r, func() {})
					}
				})
				go func() { _, _ = io.Copy(io.Discard, client) }()
				if _, err := fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", c.length); err != nil {
					t.Fatal(err)
				}
				dripped := make(chan struct{})
				go func() {
					defer close(dripped)
					if c.rate > 0 {
						drip(client, c.length, c.rate)
					}
				}()
				got := <-read
				<-dripped
				if whole := got.err == nil && got.bytes == int64(c.length); whole != c.whole {
					t.Errorf("%d bytes came, and %v", got.bytes, got.err)
				}
				if !c.whole && !errors.Is(got.err, os.ErrDeadlineExceeded) {
					t.Errorf("it ended with %v", got.err)
				}
				if early, late := c.took-2*time.Second, c.took+2*time.Second; got.took < early || got.took > late {
					t.Errorf("it took %s", got.took)
				}
			})
		})
	}
}

func TestTheReadingOfAnAnswerMayNotStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		bytes int
		rate  int // bytes per second that the client reads; 0: it does not read
		whole bool
		took  time.Duration
	}{
		{"nobody reads", 4 << 20, 0, false, Grace + time.Second},
		{"nobody reads a small one", 100, 0, true, 0}, // it fits into the server's buffer: the connection ends instead
		{"at half the pace", 4 << 20, Rate / 2, false, 2 * Grace},
		{"at the pace", 4 << 20, Rate, true, 64 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				type result struct {
					err  error
					took time.Duration
				}
				written := make(chan result, 1)
				client := connect(t, func(w http.ResponseWriter, _ *http.Request) {
					start := time.Now()
					_, err := w.Write(make([]byte, c.bytes))
					written <- result{err, time.Since(start)}
				})
				if _, err := fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					if c.rate > 0 {
						for part := make([]byte, c.rate); ; {
							<-time.After(time.Second)
							if _, err := io.ReadFull(client, part); err != nil {
								return
							}
						}
					}
				}()
				got := <-written
				if (got.err == nil) != c.whole || !c.whole && !errors.Is(got.err, os.ErrDeadlineExceeded) {
					t.Errorf("it ended with %v", got.err)
				}
				if early, late := c.took-2*time.Second, c.took+2*time.Second; got.took < early || got.took > late {
					t.Errorf("it took %s", got.took)
				}
				if c.rate == 0 {
					<-time.After(time.Minute)
					if _, err := client.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("the connection is still open: %v", err)
					}
				}
				_ = client.Close()
				<-gone
			})
		})
	}
}

// A client that was fast, such as one of a watch, gets no more time than others.
func TestAClientThatWasFastMayNotStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const before = 64 << 20 // Longest of this is 17 minutes
		ended := make(chan time.Duration, 1)
		client := connect(t, func(w http.ResponseWriter, _ *http.Request) {
			start, err := time.Now(), error(nil)
			for err == nil {
				_, err = w.Write(make([]byte, step))
			}
			ended <- time.Since(start)
		})
		if _, err := fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, client, before); err != nil {
			t.Fatal(err)
		}
		if took := <-ended; took < Still-time.Second || took > Still+time.Second {
			t.Errorf("it ended after %s", took)
		}
	})
}

// The time that Usher itself takes does not count as the client's time: neither between two reads, nor between two parts of a stream.
func TestTheServersOwnTimeDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, func(w http.ResponseWriter, r *http.Request) {
			body := make([]byte, 20)
			for i := range body {
				if _, err := io.ReadFull(r.Body, body[i:i+1]); err != nil {
					t.Error(err)
				}
				<-time.After(time.Hour)
			}
			for i := range body {
				if _, err := w.Write(body[i : i+1]); err != nil {
					t.Error(err)
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-time.After(time.Hour)
			}
		})
		reader := bufio.NewReader(client)
		for range 2 { // the second one on the same connection
			go fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
			if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
				t.Fatalf("%q, %v", line, err)
			}
			if _, err := reader.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			go fmt.Fprint(client, "01234567890123456789")
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if err != nil || string(body) != "01234567890123456789" {
				t.Errorf("%q, %v", body, err)
			}
			<-time.After(time.Hour)
		}
	})
}

func TestARefusedClientCanSendItsBodyAndReadTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const length = 8 << 20
		client := connect(t, func(w http.ResponseWriter, r *http.Request) {
			Refuse(w, r, func() { w.WriteHeader(http.StatusRequestEntityTooLarge) })
		})
		sent := make(chan error, 1)
		go func() {
			_, err := fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", length, strings.Repeat("x", length))
			sent <- err
		}()
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%v, %v", answer, err)
		}
		_ = answer.Body.Close()
		if err := <-sent; err != nil {
			t.Errorf("the body was cut: %v", err)
		}
	})
}

// endless is a body that never ends, and counts the bytes that were read.
type endless struct{ read *atomic.Int64 }

func (e endless) Read(p []byte) (int, error) {
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func TestRefusedBodiesAreReadAtARate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var read atomic.Int64
		var clients sync.WaitGroup
		allowed := newRefused() // other tests have another clock
		start := time.Now()
		for range 64 {
			clients.Go(func() { discard(t.Context(), endless{&read}, allowed) })
		}
		clients.Wait()
		if most := int64(refusedRate + refusedBurst + step); read.Load() > most || read.Load() < refusedRate/2 {
			t.Errorf("%d MiB were read, at most %d may be", read.Load()>>20, most>>20)
		}
		if took := time.Since(start); took > grace {
			t.Errorf("it took %s", took)
		}
	})
}

func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header string
		closes bool
	}{
		"a body":                  {"Content-Length: 10\r\n", true},
		"a body without a length": {"Transfer-Encoding: chunked\r\n", true},
		"no body":                 {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := connect(t, func(w http.ResponseWriter, r *http.Request) {
					Refuse(w, r, func() { w.WriteHeader(http.StatusUnauthorized) })
				})
				start, reader := time.Now(), bufio.NewReader(client)
				go fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", c.header)
				answer, err := http.ReadResponse(reader, nil)
				if err != nil || answer.StatusCode != http.StatusUnauthorized || answer.Close != c.closes {
					t.Fatalf("%v, %v", answer, err)
				}
				_ = answer.Body.Close()
				if !c.closes {
					return
				}
				if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) || time.Since(start) > 2*grace {
					t.Errorf("after %s: %v", time.Since(start), err)
				}
			})
		})
	}
}
