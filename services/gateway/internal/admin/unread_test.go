package admin

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/services/internal/pace"
)

// once is a listener with one connection. It has no buffers, and uses the clock of a synctest bubble.
type once struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (o *once) Accept() (net.Conn, error) {
	select {
	case conn := <-o.accepted:
		return conn, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *once) Close() error {
	close(o.closed)
	return nil
}

func (o *once) Addr() net.Addr { return &net.UnixAddr{} }

// A watch that is not read ends, however much the client has read before.
func TestAWatchThatIsNotReadEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const before = 8 << 20 // this alone would allow the client to stop for two minutes
		w := newWorld(t)
		start, left := time.Now(), make(chan time.Duration, 1)
		w.accesses.endless, w.accesses.left = true, func() { left <- time.Since(start) }
		server := &http.Server{Handler: pace.Handler(w.handler), ReadHeaderTimeout: time.Minute, WriteTimeout: time.Minute}
		listener := &once{make(chan net.Conn, 1), make(chan struct{})}
		client, theirs := net.Pipe()
		listener.accepted <- theirs
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(listener)
		}()
		if _, err := io.WriteString(client, "GET /api/v1/organizations/acme/access:watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, client, before); err != nil {
			t.Fatal(err)
		}
		if took := <-left; took < pace.Still-time.Second || took > pace.Still+time.Second {
			t.Errorf("it ended after %s", took)
		}
		_ = client.Close()
		_ = server.Close()
		<-served
	})
}
