package connlimit

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greeting tells a client that its connection was accepted.
const greeting = "in"

// door is a limited listener that greets each connection, and keeps it open until the client closes it.
type door struct {
	t       *testing.T
	addr    string
	left    chan struct{} // a connection was closed
	mu      sync.Mutex
	refused map[Reason]int
}

func open(t *testing.T, o Options) *door {
	t.Helper()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, addr: inner.Addr().String(), left: make(chan struct{}, 10_000), refused: map[Reason]int{}}
	o.Refused = func(r Reason) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.refused[r]++
	}
	limited := Listen(inner, o)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := limited.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = conn.Write([]byte(greeting))
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
				_ = conn.Close() // counts once
				d.left <- struct{}{}
			})
		}
	})
	t.Cleanup(func() {
		_ = limited.Close()
		serving.Wait()
	})
	return d
}

// dial connects from an address of this machine, and reports whether the connection was accepted.
func (d *door) dial(from string) (conn net.Conn, in bool) {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(d.t.Context(), "tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		d.t.Fatal(err)
	}
	got, err := io.ReadAll(io.LimitReader(conn, int64(len(greeting))))
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		d.t.Fatal("a connection that was refused stayed open")
	}
	return conn, string(got) == greeting
}

// counts returns how many connections were refused for each reason.
func (d *door) counts() map[Reason]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.refused)
}

func TestConnectionsOverALimitAreClosedAtOnce(t *testing.T) {
	t.Parallel()
	exempt := []netip.Prefix{netip.MustParsePrefix("127.0.0.8/29")}
	for _, c := range []struct {
		name    string
		options Options
		from    []string // one connection after another
		in      []bool
		total   int
		address int
	}{
		{"up to the total", Options{Total: 2}, []string{"127.0.0.1", "127.0.0.1"}, []bool{true, true}, 0, 0},
		{"over the total", Options{Total: 2}, []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, []bool{true, true, false}, 1, 0},
		{"up to an address's share", Options{Total: 9, PerAddress: 2}, []string{"127.0.0.1", "127.0.0.1"}, []bool{true, true}, 0, 0},
		{
			"over an address's share, and another address",
			Options{Total: 9, PerAddress: 2},
			[]string{"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"},
			[]bool{true, true, false, true}, 0, 1,
		},
		{
			"a proxy has no share",
			Options{Total: 3, PerAddress: 1, Exempt: exempt},
			[]string{"127.0.0.9", "127.0.0.9", "127.0.0.9", "127.0.0.9"},
			[]bool{true, true, true, false}, 1, 0,
		},
		{"no limits", Options{}, []string{"127.0.0.1", "127.0.0.1"}, []bool{true, true}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.options)
			for i, from := range c.from {
				if _, in := d.dial(from); in != c.in[i] {
					t.Errorf("connection %d, from %s, was let in: %v", i+1, from, in)
				}
			}
			if refused := d.counts(); refused[Total] != c.total || refused[PerAddress] != c.address {
				t.Errorf("refused: %v", refused)
			}
		})
	}
}

func TestAConnectionThatIsClosedMakesRoom(t *testing.T) {
	t.Parallel()
	d := open(t, Options{Total: 1, PerAddress: 1})
	for range 3 {
		conn, in := d.dial("127.0.0.1")
		if !in {
			t.Fatal("it found no room")
		}
		if _, in := d.dial("127.0.0.2"); in {
			t.Fatal("there was room for two")
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		<-d.left
	}
}

func TestAThousandConnectionsFromOneAddressLeaveRoomForAnother(t *testing.T) {
	t.Parallel()
	d := open(t, Options{Total: 100, PerAddress: 20})
	var in int
	for range 1000 {
		if _, ok := d.dial("127.0.0.1"); ok {
			in++
		}
	}
	if refused := d.counts(); in != 20 || refused[PerAddress] != 980 {
		t.Errorf("%d of them were let in, and refused: %v", in, refused)
	}
	if _, ok := d.dial("127.0.0.2"); !ok {
		t.Error("another address was refused")
	}
}

func TestAnIPv6NetworkHasOneShare(t *testing.T) {
	t.Parallel()
	l := Listen(nil, Options{PerAddress: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}).(*listener)
	for addr, want := range map[string]string{
		"2001:db8::1":       "2001:db8::",
		"2001:db8::ffff:1":  "2001:db8::",
		"2001:db8:0:1::1":   "2001:db8:0:1::",
		"fe80::1%eth0":      "fe80::",
		"::ffff:192.0.2.1":  "192.0.2.1",
		"192.0.2.1":         "192.0.2.1",
		"::ffff:10.20.30.1": "",
		"10.20.30.1":        "",
	} {
		got := l.source(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1)))
		if got.IsValid() != (want != "") || got.IsValid() && got.String() != want {
			t.Errorf("%s counts as %v", addr, got)
		}
	}
	if got := l.source(&net.UnixAddr{Name: "x"}); got.IsValid() {
		t.Errorf("a socket counts as %v", got)
	}
}

func TestAListenerThatIsClosedEndsAccept(t *testing.T) {
	t.Parallel()
	inner, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := Listen(inner, Options{Total: 1})
	if err := limited.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := limited.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}
