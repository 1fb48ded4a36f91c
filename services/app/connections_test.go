package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/config"
)

// from returns a client whose connections come from an address of this machine.
func from(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
}

func TestAnAddressMayNotTakeEveryConnection(t *testing.T) {
	t.Parallel()
	const share, more = 50, 1000
	s := development(filepath.Join(t.TempDir(), "data"))
	s.MaxConnectionsPerAddress, s.TrustedProxies = share, []string{"127.0.0.3"}
	a, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, a)
	for label, addr := range map[string]string{"scim": a.SCIMAddr(), "admin": a.AdminAddr()} {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.1")}}
		open := 0
		for range more {
			conn, err := dialer.DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if open == share {
				if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // writing to a closed connection may fail
				if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
					t.Fatalf("a connection beyond the share is open: %v", err)
				}
				continue
			}
			open++
		}
		for address, want := range map[string]bool{"127.0.0.1": false, "127.0.0.2": true, "127.0.0.3": true} {
			answer, err := from(address).Get("http://" + addr + "/")
			if err == nil {
				answer.Body.Close()
			}
			if (err == nil) != want {
				t.Errorf("%s: %s is served: %v", label, address, err)
			}
		}
	}
	answer, err := from("127.0.0.1").Get("http://" + a.OpsAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	metrics, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"scim", "admin"} {
		counted := ""
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, connectionsRefused) && strings.Contains(line, `listener="`+label+`"`) && strings.Contains(line, `reason="address"`) {
				counted = line
			}
		}
		if want := fmt.Sprintf(" %d\n", more-share+1); !strings.HasSuffix(counted, want) {
			t.Errorf("of %s it counted %q, want%s", label, counted, want)
		}
	}
}

func TestTrustedProxiesReplaceTheDefault(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"10.0.0.0/8": "[10.0.0.0/8]", "10.1.1.1,2001:db8::/32,10.3.3.3": "[10.1.1.1 2001:db8::/32 10.3.3.3]", "": "[]"} {
		s := Defaults()
		if err := config.Load(&s, config.Source{Environ: []string{"USHER_TRUSTED_PROXIES=" + given}}); err != nil || fmt.Sprint(s.TrustedProxies) != want {
			t.Errorf("%q is %v, %v", given, s.TrustedProxies, err)
		}
	}
}
