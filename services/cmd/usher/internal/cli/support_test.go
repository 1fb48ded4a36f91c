package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

// planted are secrets, each of which is somewhere in the settings or in a file that they name.
var planted = []string{
	"database-hunter2", "rule-hunter2", "redis-hunter2", "operator-token-0123456789abcdef0123456789", "operator-file-0123456789abcdef0123456789",
	"oidc-hunter2", "url-hunter2", "query-hunter2", "ann@example.com", "ann-laptop",
}

// withSecrets writes settings with all planted secrets. process is the operations address of a process that shows some of them.
func withSecrets(t *testing.T, process string) (flags []string) {
	t.Helper()
	folder := t.TempDir()
	token := writeFile(t, filepath.Join(folder, "ann-laptop"), planted[4]+"\n")
	client := writeFile(t, filepath.Join(folder, "client"), planted[5]+"\n")
	config := map[string]any{
		"dev": false, "data_dir": filepath.Join(folder, "data"), "ops_addr": process, "profiles": true,
		"scim_addr": "127.0.0.1:0", "admin_addr": "127.0.0.1:0", "grpc_addr": "127.0.0.1:0",
		"database_url": "postgres://usher:" + planted[0] + "@127.0.0.1:1/usher", "redis_url": "redis://:" + planted[2] + "@127.0.0.1:1",
		"rule":           map[string]any{"database_url": "host=127.0.0.1 port=1 user=usher password=" + planted[1]},
		"operator_token": planted[3], "operator_token_files": []string{token},
		"public_url": "https://usher:" + planted[6] + "@scim.example.com", "admin_url": "https://admin.example.com",
		"gateway": map[string]any{"trace_url": "https://traces.example.com/{trace_id}?token=" + planted[7]},
		"oidc": []any{map[string]any{
			"name": "login", "issuer": "https://login.example.com", "client_id": "usher", "client_secret_file": client,
			"mappings": []any{map[string]any{"claim": []string{"email"}, "value": planted[8], "principal": "operator"}},
		}},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--config", writeFile(t, filepath.Join(folder, "usher.yaml"), string(text)), "--data-dir", filepath.Join(folder, "data")}
}

func TestASupportBundleContainsNoSecret(t *testing.T) {
	t.Parallel()
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "# of "+r.URL.Path+"\n")
		for _, secret := range planted[:6] { // by mistake
			_, _ = io.WriteString(w, `x{a="`+secret+"\"} 1\n")
		}
	}))
	defer process.Close()
	flags := withSecrets(t, strings.TrimPrefix(process.URL, "http://"))
	file := filepath.Join(t.TempDir(), "support.tar.gz")
	out, problem, code := said(t, append([]string{"support-bundle", "--file", file}, flags...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, problem)
	}
	all := kit.Archive(t, file)
	all["the output"], all["the errors"] = out, problem
	for name, text := range all {
		for _, secret := range planted {
			if strings.Contains(text, secret) {
				t.Errorf("%s contains %s:\n%s", name, secret, text)
			}
		}
	}
	for name, want := range map[string]string{
		"manifest.json": `"missing": ""`, "version.json": `"platform"`, "build.txt": "github.com/usher-scim/usher/services", "settings.json": `"[secret]"`,
		"doctor.json": `"database-reachable"`, "metrics.txt": `# of /metrics`, "goroutines.txt": "# of /debug/pprof/goroutine", "environment.json": "GOMEMLIMIT",
	} {
		if !strings.Contains(all[name], want) {
			t.Errorf("%s lacks %s:\n%s", name, want, all[name])
		}
	}
	for _, want := range []string{`"1 files"`, "https://[secret]@scim.example.com", "https://login.example.com"} {
		if !strings.Contains(all["settings.json"], want) {
			t.Errorf("the settings lack %s:\n%s", want, all["settings.json"])
		}
	}
	want(t, out, `disk.json .*missing: data_dir: no such file`, `The file is .*support\.tar\.gz`)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestASupportBundleOfARunningProcess(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	file := filepath.Join(t.TempDir(), "support.tar.gz")
	args := []string{"support-bundle", "--dev", "--ops-addr", "127.0.0.1:1", "--data-dir", x.base[3], "--file", file}
	out, problem, code := said(t, append(args, "-o", "json")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, problem)
	}
	want(t, out, `"name": "metrics.txt"`, `"missing": "dial tcp`)
	want(t, kit.Archive(t, file)["disk.json"], `"identity.db": \d+`, `"freeBytes": \d+`)
	// It overwrites nothing, and needs a file.
	_, problem, code = said(t, args...)
	if code != 1 || !strings.Contains(problem, "exists already") {
		t.Errorf("exit code %d: %s", code, problem)
	}
	if _, problem, code := said(t, "support-bundle"); code != 2 || !strings.Contains(problem, "--file must be set") {
		t.Errorf("exit code %d: %s", code, problem)
	}
}
