package app

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePublicListenersSpeakTLS(t *testing.T) {
	t.Parallel()
	s := development(filepath.Join(t.TempDir(), "data"))
	folder := certificatesFor(t)
	s.TLSCertFile, s.TLSKeyFile = filepath.Join(folder, "gateway.crt"), filepath.Join(folder, "gateway.key")
	a, err := start(t, s)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, a)
	if !strings.HasPrefix(a.PublicURL(), "https://") {
		t.Errorf("the public URL is %s", a.PublicURL())
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	for _, c := range []struct {
		name    string
		version uint16
		speaks  bool
	}{
		{"TLS 1.3", tls.VersionTLS13, true},
		{"TLS 1.2", tls.VersionTLS12, true},
		{"TLS 1.1", tls.VersionTLS11, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
				RootCAs: trusted, ServerName: "gateway.usher.internal",
				MinVersion: c.version, MaxVersion: c.version,
			}}}
			for _, addr := range []string{a.SCIMAddr(), a.AdminAddr()} {
				answer, err := client.Get("https://" + addr + "/scim/v2/x/Users")
				if (err == nil) != c.speaks {
					t.Fatalf("%v", err)
				}
				if err != nil {
					continue
				}
				answer.Body.Close()
				if answer.TLS.Version != c.version || addr == a.SCIMAddr() && answer.StatusCode != http.StatusUnauthorized {
					t.Errorf("%x: %d", answer.TLS.Version, answer.StatusCode)
				}
			}
		})
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := plain.Get("http://" + a.SCIMAddr() + "/scim/v2/x/Users")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest { // Go's own answer: the gateway never sees it
		t.Errorf("without TLS: %d", answer.StatusCode)
	}
}
