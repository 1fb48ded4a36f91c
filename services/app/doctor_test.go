package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// nowhere is a finding that each look without a running process has.
var nowhere = []string{"skipped | process", "no process answers at ops_addr"}

// examinable returns the settings of a process on SQLite that does not run.
func examinable(t *testing.T) Settings {
	t.Helper()
	s := DevelopmentDefaults()
	s.DataDir, s.OpsAddr = filepath.Join(t.TempDir(), "data"), "127.0.0.1:1"
	return s
}

// certified writes certificates for 90 days.
func certified(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certificates")
	authority, err := certificates.NewAuthority(time.Now(), 90*24*time.Hour)
	if err == nil {
		err = authority.Write(folder, time.Now(), services[:]...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// running starts services until the test ends.
func running(t *testing.T, s Settings) *App {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	a, err := Start(t.Context(), s, Options{Telemetry: tel, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestTheDoctorFindsNothingWrongWithARunningProcess(t *testing.T) {
	t.Parallel()
	s := examinable(t)
	s.OpsAddr = running(t, s).OpsAddr()
	got := s.Examine(t.Context(), nil, time.Now)
	doctortest.Finds(t, got)
	checks := map[string]string{}
	for _, f := range got {
		checks[f.Check] += f.Message
	}
	for check, text := range map[string]string{
		"settings": "can be used", "data-folder": fmt.Sprintf("process %d serves from it", os.Getpid()), "disk-space": "are free", "sqlite-file": "WAL",
		"spool": "contains", "listener": "no listener is open", "process": "is ready", "feed-lag": "access includes all changes",
	} {
		if !strings.Contains(checks[check], text) {
			t.Errorf("%s says %q, want %q", check, checks[check], text)
		}
	}
}

func TestTheDoctorFindsUnsafeListenersAndFolders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *Settings)
		want   [][]string
	}{
		"as they are": {func(*Settings) {}, nil},
		"open to the world": {func(s *Settings) { s.SCIMAddr, s.AdminAddr, s.GRPCAddr = ":8080", "10.0.0.1:8081", "[::]:8082" }, [][]string{
			{"warning | listener | scim_addr", "without TLS", "API keys", doctor.PageListeners}, {"listener | admin_addr"}, {"listener | grpc_addr"},
		}},
		"behind a proxy": {func(s *Settings) { s.SCIMAddr, s.TrustedProxies = ":8080", []string{"10.0.0.0/8"} }, nil},
		"of another process": {func(s *Settings) {
			s.SCIMAddr, s.Target, s.CertificatesDir, s.PublicURL, s.AdminURL = ":8080", []string{"failedevents"}, certified(t), "", ""
		}, [][]string{{"peer | directory"}}},
		"operations for all":         {func(s *Settings) { s.OpsAddr = "0.0.0.0:1" }, [][]string{{"warning | listener | ops_addr", "on all networks"}}},
		"operations for the network": {func(s *Settings) { s.OpsAddr = "127.1.2.3:1" }, nil},
		"profiles for the network":   {func(s *Settings) { s.OpsAddr, s.Profiles = "ops.invalid:1", true }, [][]string{{"warning | listener | ops_addr", "/debug/pprof/"}}},
		"a folder for all to see": {func(s *Settings) {
			if err := os.Mkdir(s.DataDir, 0o755); err != nil {
				t.Error(err)
			}
		}, [][]string{{"warning | data-folder", "chmod 700", doctor.PageDisk}}},
		"a folder that is a file": {func(s *Settings) {
			if err := os.WriteFile(s.DataDir, nil, 0o600); err != nil {
				t.Error(err)
			}
		}, [][]string{{"error | settings", "data_dir must be a folder"}, {"error | spool"}}},
		"a setting that is wrong": {func(s *Settings) { s.LogLevel = "loud" }, [][]string{{"error | settings | settings | log_level must be", "usher config check"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := examinable(t)
			c.change(&s)
			doctortest.Finds(t, s.Examine(t.Context(), nil, time.Now), append(c.want, nowhere)...)
		})
	}
	got := examinable(t).Examine(t.Context(), config.Problems{fmt.Errorf("colour is not a setting")}, time.Now)
	doctortest.Finds(t, got, nowhere, []string{"error | settings", "colour is not a setting"})
}

func TestTheDoctorAsksOtherServices(t *testing.T) {
	t.Parallel()
	folder := certified(t)
	s := examinable(t)
	s.Target, s.CertificatesDir, s.PublicURL, s.AdminURL = []string{"directory", "failedevents"}, folder, "http://127.0.0.1", "http://127.0.0.1"
	s.Directory.ListenAddr, s.FailedEvents.ListenAddr = "127.0.0.1:0", "127.0.0.1:0"
	a := running(t, s)
	s = examinable(t)
	s.Target, s.CertificatesDir = []string{"identity"}, folder
	s.Directory.Addr, s.FailedEvents.Addr = a.ServiceAddr(commonv1.Caller_CALLER_DIRECTORY), a.ServiceAddr(commonv1.Caller_CALLER_FAILEDEVENTS)
	look := func(change func(s *Settings), want ...[]string) {
		t.Helper()
		changed := s
		change(&changed)
		doctortest.Finds(t, changed.Examine(t.Context(), nil, time.Now), append(want, []string{"skipped | process"})...)
	}
	look(func(*Settings) {})
	look(func(s *Settings) { s.Directory.Addr = "127.0.0.1:1" },
		[]string{"error | peer | directory, called by identity", "127.0.0.1:1: nothing answers", "nc -vz 127.0.0.1 1", doctor.PagePeer})
	look(func(s *Settings) { s.Directory.Addr += ",127.0.0.1:1" }, []string{"warning | peer | directory, called by identity", "127.0.0.1:1"})
	look(func(s *Settings) { s.Directory.Addr = s.FailedEvents.Addr }, []string{"error | peer", "does not trust the certificate", "directory.usher.internal"})
	look(func(s *Settings) { s.Directory.Addr = "directory.invalid:1" }, []string{"error | peer", "has no address"})
	look(func(s *Settings) { s.CertificatesDir = certified(t) },
		[]string{"error | peer | directory", "does not trust"}, []string{"error | peer | failedevents", "does not trust"})
	look(func(s *Settings) { s.CertificatesDir += "/none" }, []string{"error | settings"}, []string{"error | certificate"}, []string{"skipped | peer"}, []string{"skipped | peer"})
}

func TestTheDoctorLooksAtEachServerOnce(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url, redis := server.Database("app"), kit.Redis(t)
	if err := migrated(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	s := examinable(t)
	s.DatabaseURL, s.RedisURL, s.Migrate = secret.Text(url), secret.Text(redis), false
	got := s.Examine(t.Context(), nil, time.Now)
	doctortest.Finds(t, got, nowhere)
	servers, schemas := 0, 0
	for _, f := range got {
		switch f.Check {
		case "database-reachable":
			servers++
			if want := "database of directory, identity, failedevents and rule"; f.Subject != want {
				t.Errorf("the server is %q, want %q", f.Subject, want)
			}
		case "database-schema":
			schemas++
		}
	}
	if servers != 1 || schemas != 4 {
		t.Errorf("%d servers and %d schemas were looked at", servers, schemas)
	}
	server.ExecuteIn("app", `REVOKE UPDATE ON usher_rule.rules FROM app; REVOKE TRUNCATE ON usher_identity.changes FROM app`)
	doctortest.Finds(t, s.Examine(t.Context(), nil, time.Now), nowhere,
		[]string{"error | database-privileges | rule database", "GRANT UPDATE ON TABLE usher_rule.rules TO app"},
		[]string{"error | database-privileges | identity database", "GRANT TRUNCATE ON TABLE usher_identity.changes TO app"})
	s.Rule.DatabaseURL = "postgres://app:hunter2@127.0.0.1:1/app"
	s.Target, s.CertificatesDir = []string{"rule"}, certified(t)
	doctortest.Finds(t, s.Examine(t.Context(), nil, time.Now), nowhere, []string{"peer | identity"}, []string{"peer | failedevents"}, []string{"peer | directory"},
		[]string{"error | database-reachable | rule database"}, []string{"skipped | database-schema | rule database"})
}

func TestTheDoctorReadsHowFarAccessLags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ready   int
		metrics string
		want    [][]string
	}{
		"little":    {200, metricOldestChange + ` 1.5`, nil},
		"some":      {200, metricOldestChange + `{otel_scope_name="x"} 12`, [][]string{{"warning | feed-lag", "12s old", doctor.PageLag}}},
		"much":      {200, metricOldestChange + ` 3` + "\n" + metricOldestChange + `{a="}"} 61 1700000000`, [][]string{{"error | feed-lag", "1m1s old"}}},
		"set aside": {200, metricOldestChange + " 1\n" + metricSetAside + " 2", [][]string{{"warning | users-set-aside", "of 2 users"}}},
		"nothing":   {200, metricOldestChange + `_total 9`, [][]string{{"skipped | feed-lag", "does not report"}}},
		"not ready": {503, metricOldestChange + ` 1`, [][]string{{"warning | process", "starting or stopping"}}},
		"endless":   {200, strings.Repeat("#", mostMetrics+1), [][]string{{"skipped | feed-lag", "does not tell its metrics"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					w.WriteHeader(c.ready)
					return
				}
				_, _ = io.WriteString(w, c.metrics)
			}))
			defer process.Close()
			s := examinable(t)
			s.OpsAddr = strings.TrimPrefix(process.URL, "http://")
			doctortest.Finds(t, s.Examine(t.Context(), nil, time.Now), c.want...)
		})
	}
}

func TestFreeSpace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		free, total uint64
		want        doctor.Level
	}{
		"enough": {10 << 30, 100 << 30, doctor.OK}, "little of a large disk": {4 << 30, 100 << 30, doctor.Warning}, "little": {900 << 20, 2 << 30, doctor.Warning},
		"almost none": {50 << 20, 2 << 30, doctor.Error}, "a hundredth": {1 << 30, 200 << 30, doctor.Error}, "no disk": {0, 0, doctor.Error},
	} {
		if got, text := spaceOf(c.free, c.total); got != c.want {
			t.Errorf("%s: got %s: %s", name, got, text)
		}
	}
}

// The pages that findings name are in the repository.
func TestEachPageExists(t *testing.T) {
	t.Parallel()
	for _, page := range doctor.Pages() {
		text, err := os.ReadFile(filepath.Join("../..", page))
		if err != nil || !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s: %v", page, err)
		}
	}
}
