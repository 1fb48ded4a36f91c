package app

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func development(dataDir string) Settings {
	s := DevelopmentDefaults()
	s.DataDir = dataDir
	s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	return s
}

func start(t *testing.T, s Settings) (*App, error) {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return Start(t.Context(), s, Options{Telemetry: tel, Now: time.Now})
}

// certificatesFor creates a folder of certificates.
func certificatesFor(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certificates")
	authority, err := certificates.NewAuthority(time.Now(), time.Hour)
	if err == nil {
		err = authority.Write(folder, time.Now(), services[:]...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func stop(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 2 { // it is safe to stop twice
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}
}

func TestProfilesAreServedIfEnabled(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		ops := operations(&readiness{}, http.NotFoundHandler(), on)
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
			answer := httptest.NewRecorder()
			ops.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			if want := map[bool]int{false: http.StatusNotFound, true: http.StatusOK}[on]; answer.Code != want {
				t.Errorf("%s, with profiles %v: %d", path, on, answer.Code)
			}
		}
	}
	if s := Defaults(); s.Profiles || s.OpsAddr != "127.0.0.1:8083" || DevelopmentDefaults().Profiles {
		t.Errorf("by default there are profiles (%v), at %s", s.Profiles, s.OpsAddr)
	}
}

func TestItStartsServesAndStops(t *testing.T) {
	t.Parallel()
	for name, targets := range map[string][]string{"all services": {"all"}, "two of them": {"gateway", "directory"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			s := development(folder)
			s.Target, s.CertificatesDir, s.Directory.ListenAddr = targets, certificatesFor(t), "127.0.0.1:0"
			a, err := start(t, s)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for path, want := range map[string]string{"/readyz": "ready", "/livez": "alive", "/metrics": "go_goroutines", "/debug/pprof/": "404", "/debug/pprof/cmdline": "404"} {
				response, err := client.Get("http://" + a.OpsAddr() + path)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(response.Body)
				response.Body.Close()
				if none := want == "404"; err != nil || (response.StatusCode == http.StatusOK) == none || !strings.Contains(string(text), want) {
					t.Errorf("%s: %d %v, want %q in it", path, response.StatusCode, err, want)
				}
			}
			info, err := os.Stat(a.TokenPath())
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the token's file: %v %v, want mode 0600", info, err)
			}
			if folderInfo, err := os.Stat(folder); err != nil || folderInfo.Mode().Perm() != 0o700 {
				t.Errorf("the data folder: %v %v, want mode 0700", folderInfo, err)
			}
			if _, err := start(t, s); err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("a second one started in the same data folder: %v", err)
			}
			token, err := os.ReadFile(a.TokenPath())
			if err != nil {
				t.Fatal(err)
			}
			stop(t, a)
			again, err := start(t, s)
			if err != nil {
				t.Fatalf("starting again: %v", err)
			}
			if kept, err := os.ReadFile(again.TokenPath()); err != nil || string(kept) != string(token) {
				t.Errorf("the token was not kept: %v", err)
			}
			stop(t, again)
		})
	}
}

func TestAStartThatFailsLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := development(folder)
	s.OpsAddr = "203.0.113.1:1" // not an address of this machine
	if _, err := start(t, s); err == nil || !strings.Contains(err.Error(), "ops_addr") {
		t.Errorf("got %v, want an error that names ops_addr", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "identity.db"), []byte("this is no database, and never was one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, development(folder)); err == nil || !strings.Contains(err.Error(), "identity") {
		t.Errorf("got %v, want an error that names identity", err)
	}
}

func TestABootstrapTokenThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	s := development(t.TempDir())
	path := filepath.Join(s.DataDir, "bootstrap-token")
	if err := os.WriteFile(path, []byte("hunter2-0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check().Err(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"the check": s.Check().Err(), "the start": func() error { _, err := start(t, s); return err }()} {
		if want := "data_dir: " + path + " can be read by other users (mode 0644): use chmod 600"; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
	}
	// The tokens of the settings replace it.
	s.OperatorToken = "0123456789abcdef0123456789abcdef"
	if err := s.Check().Err(); err != nil {
		t.Error(err)
	}
}

// provider returns an identity provider, one of whose people is this principal.
func provider(principal string) gateway.OIDCProvider {
	p := gateway.OIDCProvider{Name: "staff", Issuer: "https://login.example.com", ClientID: "usher"}
	p.Mappings = append(p.Mappings, gateway.OIDCMapping{Claim: []string{"role"}, Value: "x", Principal: gateway.OIDCPrincipal(principal)})
	if principal != "operator" {
		p.Mappings[0].Organization = "acme"
	}
	return p
}

func TestBadSettingsNameTheirKeyAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, c := range map[string]struct {
		change func(*Settings)
		want   []string
	}{
		"the defaults of development":  {func(*Settings) {}, nil},
		"no data folder":               {func(s *Settings) { s.DataDir = "" }, []string{"data_dir must be a folder"}},
		"an address without a port":    {func(s *Settings) { s.SCIMAddr = "localhost" }, []string{"scim_addr must be host:port"}},
		"a public URL without a host":  {func(s *Settings) { s.PublicURL = "scim.example.com" }, []string{"public_url must be an http or https"}},
		"a public URL with a query":    {func(s *Settings) { s.PublicURL = "https://scim.example.com?a" }, []string{"public_url must be an address without a query"}},
		"a public URL with a fragment": {func(s *Settings) { s.PublicURL = "https://scim.example.com/x#" }, []string{"public_url must be an address without a query"}},
		"a public URL with a path":     {func(s *Settings) { s.PublicURL = "https://example.com/usher" }, nil},
		"a level that slog lacks":      {func(s *Settings) { s.LogLevel = "loud" }, []string{"log_level must be debug"}},
		"a format that is none":        {func(s *Settings) { s.LogFormat = "xml" }, []string{"log_format must be json or text"}},
		"a negative rate":              {func(s *Settings) { s.Gateway.RatePerSecond = -1 }, []string{"gateway.rate_per_second"}},
		"no workers and no time":       {func(s *Settings) { s.Rule.Workers, s.ShutdownTimeout = 0, 0 }, []string{"rule.workers", "shutdown_timeout"}},
		"no way to sign in":            {func(s *Settings) { s.Dev = false }, []string{"operator_token or operator_token_files must be set, a mapping of oidc name the operator, or dev be true"}},
		"a token that can be guessed":  {func(s *Settings) { s.Dev, s.OperatorToken = false, "secret" }, []string{"operator_token must be 32 characters"}},
		"an operator who signs in, in place of dev": {func(s *Settings) {
			s.Dev, s.OIDC, s.AdminURL = false, []gateway.OIDCProvider{provider("operator")}, "https://admin.example.com"
		}, nil},
		"people who sign in, and no operator": {func(s *Settings) {
			s.Dev, s.OIDC, s.AdminURL = false, []gateway.OIDCProvider{provider("organization_viewer")}, "https://admin.example.com"
		}, []string{"operator_token or operator_token_files must be set, a mapping of oidc name the operator, or dev be true"}},
		"people who cannot come back": {func(s *Settings) {
			s.Dev, s.OIDC = false, []gateway.OIDCProvider{provider("operator")}
		}, []string{"admin_url must be set where people sign in at an identity provider"}},
		"people who would send their sessions in plain text": {func(s *Settings) {
			s.Dev, s.OIDC, s.AdminURL = false, []gateway.OIDCProvider{provider("operator")}, "http://admin.example.com"
		}, []string{"admin_url must be an https address where people sign in"}},
		"people who sign in on this machine": {func(s *Settings) {
			s.Dev, s.OIDC, s.AdminURL = false, []gateway.OIDCProvider{provider("operator")}, "http://127.0.0.1:8081"
		}, nil},
		"people who sign in while Usher is developed": {func(s *Settings) {
			s.OIDC, s.AdminURL = []gateway.OIDCProvider{provider("operator")}, "http://admin.example.com"
		}, nil},
		"an admin URL with a path":              {func(s *Settings) { s.AdminURL = "https://example.com/usher" }, []string{"admin_url must be an http or https address without a path"}},
		"an admin URL without a scheme":         {func(s *Settings) { s.AdminURL = "admin.example.com" }, []string{"admin_url must be an http or https address without a path"}},
		"a token in place of dev":               {func(s *Settings) { s.Dev, s.OperatorToken = false, "0123456789abcdef0123456789abcdef" }, nil},
		"a token with a space":                  {func(s *Settings) { s.OperatorToken = "hunter2 hunter2 hunter2 hunter2 hunter2" }, []string{"operator_token must be one line of ASCII characters without spaces"}},
		"a token that is too long":              {func(s *Settings) { s.OperatorToken = secret.Text(strings.Repeat("a", 1025)) }, []string{"operator_token must be at most 1024 bytes, not 1025"}},
		"files of tokens with the same name":    {func(s *Settings) { s.OperatorTokenFiles = []string{"1/token", "2/token"} }, []string{`operator_token_files must be files with different names, and not both "1/token" and "2/token"`}},
		"only files of tokens that are missing": {func(s *Settings) { s.OperatorTokenFiles = []string{"nowhere/a", "nowhere/b"} }, []string{"operator_token_files: open nowhere/a: no such file", "operator_token_files: open nowhere/b: no such file"}},
		"a missing file beside a token": {func(s *Settings) {
			s.OperatorTokenFiles, s.OperatorToken = []string{"nowhere"}, "0123456789abcdef0123456789abcdef"
		}, nil},
		"a folder of tokens":                        {func(s *Settings) { s.OperatorTokenFiles = []string{folder} }, []string{"operator_token_files: ", "is not a regular file"}},
		"a target that is none":                     {func(s *Settings) { s.Target = []string{"gateway", "console"} }, []string{"target must be of gateway", `"console"`}},
		"no target":                                 {func(s *Settings) { s.Target = nil }, []string{"target must be one or more"}},
		"a part without certificates":               {func(s *Settings) { s.Target = []string{"rule"} }, []string{"certificates_dir must be a folder"}},
		"a directory that can't tell its Base URLs": {func(s *Settings) { s.Target, s.CertificatesDir = []string{"directory"}, "c" }, []string{"public_url must be set", "admin_url must be set"}},
		"a database that is none":                   {func(s *Settings) { s.DatabaseURL = "mysql://root:hunter2@db" }, []string{"database_url must be an address such as postgres"}},
		"one service's database":                    {func(s *Settings) { s.Rule.DatabaseURL = "hunter2" }, []string{"rule.database_url must be"}},
		"a Redis that is none":                      {func(s *Settings) { s.RedisURL = "hunter2" }, []string{"redis_url must be"}},
		"an address without a port among several":   {func(s *Settings) { s.Identity.Addr = "a:1, b" }, []string{`identity.addr must be host:port, not "b"`}},
		"no connections":                            {func(s *Settings) { s.Identity.DatabaseConnections = 0 }, []string{"identity.database_connections must be above 0"}},
		"a certificate without a key":               {func(s *Settings) { s.TLSCertFile = "a" }, []string{"tls_cert_file and tls_key_file"}},
		"no rate at all":                            {func(s *Settings) { s.Gateway.RatePerSecond = math.NaN() }, []string{"gateway.rate_per_second"}},
		"memory below zero":                         {func(s *Settings) { s.Gateway.InFlightShareBytes, s.Identity.InFlightBytes = -1, -2 }, []string{`gateway.in_flight_share_bytes must be 0, or at least 33619976, which the largest body of max_body_bytes and max_bulk_bytes takes, not "-1"`, `identity.in_flight_bytes must be 0, or at least 109051904, which the largest group takes, not "-2"`}},
		"no watches":                                {func(s *Settings) { s.Gateway.WatchesPerCredential = 0 }, []string{`gateway.watches_per_credential must be above 0, not "0"`}},
		"no connections to listeners":               {func(s *Settings) { s.MaxConnections, s.MaxConnectionsPerAddress = 0, -1 }, []string{`max_connections must be above 0, not "0"`, `max_connections_per_address must be above 0, not "-1"`}},
		"a proxy that is none":                      {func(s *Settings) { s.TrustedProxies = []string{"10.0.0.1", "proxy.example.com"} }, []string{`trusted_proxies must be addresses: "proxy.example.com" is no address`}},
		"proxies":                                   {func(s *Settings) { s.TrustedProxies = []string{"10.0.0.1", "192.0.2.0/24", "2001:db8::/32"} }, nil},
		"no look-ups of unknown keys":               {func(s *Settings) { s.Gateway.UnknownKeys, s.Gateway.UnknownKeysPerAddress = 0, math.NaN() }, []string{`gateway.unknown_keys must be above 0, not "0"`, `gateway.unknown_keys_per_address must be above 0, not "NaN"`}},
		"a spool that holds no record":              {func(s *Settings) { s.Gateway.SpoolBytes = 0 }, []string{"gateway.spool_bytes must be above 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := development("x")
			c.change(&s)
			err := s.Check().Err()
			if (err == nil) != (len(c.want) == 0) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}
