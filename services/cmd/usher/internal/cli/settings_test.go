package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

// bound contains values of a setting just inside and just outside its bounds. They are empty where there is no bound.
type bound struct{ key, least, most, below, above string }

var bounds = []bound{
	{"rule.workers", "1", "256", "0", "257"},
	{"rule.feed_retention", "1ms", "87600h", "0s", "87600h0m0.001s"},
	{"max_connections", "1", "", "0", ""},
	{"max_connections_per_address", "1", "", "0", ""},
	{"shutdown_delay", "0s", "", "-1ns", ""},
	{"trace_statements_over", "0s", "", "-1ms", ""},
	{"shutdown_timeout", "1s", "", "0s", ""},
	{"gateway.rate_per_second", "0", "", "-0.1", ""},
	{"gateway.max_body_bytes", "1", "67108864", "0", "67108865"},
	{"gateway.max_group_bytes", "1", "67108864", "0", "67108865"},
	{"gateway.max_bulk_bytes", "1", "67108864", "0", "67108865"},
	{"gateway.max_bulk_operations", "1", "", "0", ""},
	{"gateway.messages_at_once", "1", "", "0", ""},
	{"gateway.request_timeout", "1ns", "", "0s", ""},
	{"gateway.unknown_keys_per_address", "0.001", "", "0", ""},
	{"gateway.unknown_keys", "0.001", "", "NaN", ""},
	{"gateway.session_requests_per_second", "0.001", "", "0", ""},
	{"gateway.watches_per_credential", "1", "", "0", ""},
	{"gateway.log_successes", "0", "1", "-0.1", "1.1"},
	{"gateway.spool_bytes", "1", "", "0", ""},
	{"gateway.in_flight_bytes", "65552", "", "65543", ""}, // for bodies of 1 byte, and of 0
	{"gateway.in_flight_share_bytes", "65552", "", "65543", ""},
	{"directory.database_connections", "1", "", "0", ""},
	{"identity.database_connections", "1", "", "0", ""},
	{"rule.database_connections", "1", "", "0", ""},
	{"failedevents.database_connections", "1", "", "0", ""},
	{"identity.change_retention", "1ns", "", "0s", ""},
	{"identity.scan_limit", "1", "", "0", ""},
	{"identity.document_bytes", "65536", "16777216", "65535", "16777217"},
	{"identity.in_flight_bytes", "109051904", "", "109051903", ""},
	{"identity.in_flight_share_bytes", "109051904", "", "109051903", ""},
}

// settingsFile writes a file with the settings of development and some others, whose keys may contain dots.
func settingsFile(t *testing.T, values map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	all := map[string]any{
		"dev": true, "data_dir": filepath.Join(folder, "data"),
		"scim_addr": "127.0.0.1:0", "admin_addr": "127.0.0.1:0", "grpc_addr": "127.0.0.1:0", "ops_addr": "127.0.0.1:0",
	}
	for key, value := range values {
		service, name, below := strings.Cut(key, ".")
		if !below {
			all[key] = value
			continue
		}
		if all[service] == nil {
			all[service] = map[string]string{}
		}
		all[service].(map[string]string)[name] = value
	}
	text, err := json.Marshal(all) // JSON is also YAML
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(folder, "usher.yaml"), string(text))
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stopped ends a server when it logs that it serves.
type stopped struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (s *stopped) Write(text []byte) (int, error) {
	n, err := s.Buffer.Write(text)
	if strings.Contains(s.String(), "Usher is serving") {
		s.stop()
	}
	return n, err
}

// refusal returns the problems that config check and serve find in the settings of a file, one per line; none if they accept them. Both
// must find the same problems, with the exit code for wrong usage, and each problem must begin with the name of a setting.
func refusal(t *testing.T, file string) []string {
	t.Helper()
	said := func(command ...string) string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		printed := &stopped{stop: cancel}
		code := Run(ctx, append(command, "--config", file), printed, printed)
		if code == 0 {
			return ""
		}
		if code != 2 {
			t.Errorf("%s: exit code %d", command, code)
		}
		return strings.TrimSpace(printed.String())
	}
	check, serve := said("config", "check"), said("serve")
	if check != serve {
		t.Errorf("config check says\n%s\nand serve says\n%s", check, serve)
	}
	if check == "" {
		return nil
	}
	lines := strings.Split(strings.TrimPrefix(check, "usher: configuration: "), "\n")
	for _, line := range lines {
		if strings.HasSuffix(line, " is not a setting") {
			continue
		}
		for _, key := range keysOf(line) {
			if !documented()[key] {
				t.Errorf("%q is not a setting; in: %s", key, line)
			}
		}
	}
	return lines
}

// index matches the index of an element of a list, which stands for each element.
var index = regexp.MustCompile(`\[\d+\]`)

// named matches the settings at the beginning of a problem, and those of a service that it mentions.
var named = regexp.MustCompile(`^'?([][a-z_.]+)'?(?: and ([a-z_.]+))?| ((?:gateway|directory|identity|rule|failedevents)\.[a-z_]+)`)

func keysOf(line string) (keys []string) {
	for _, groups := range named.FindAllStringSubmatch(index.ReplaceAllString(line, "[]"), -1) {
		for _, key := range groups[1:] {
			if key != "" {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		keys = append(keys, line)
	}
	return keys
}

// documented returns the settings that config check lists, and the files of secrets.
func documented() map[string]bool {
	keys := map[string]bool{}
	for _, key := range config.Keys(app.Defaults()) {
		keys[key.Name] = true
		if _, secret := key.Default.(secret.Text); secret {
			keys[key.Name+"_file"] = true
		}
	}
	return keys
}

func TestEachNumberHasBoundsAndTheyAreInTheTable(t *testing.T) {
	t.Parallel()
	for _, key := range config.Keys(app.Defaults()) {
		switch reflect.TypeOf(key.Default).Kind() {
		case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64: // also durations
			if !slices.ContainsFunc(bounds, func(b bound) bool { return b.key == key.Name }) {
				t.Errorf("nothing says whether %s has bounds", key.Name)
			}
		}
	}
}

func TestASettingBeyondItsBoundsIsRefusedByCheckAndByServe(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"below", "above"} {
		values := map[string]string{}
		for _, b := range bounds {
			value := b.below
			if side == "above" {
				value = b.above
			}
			if value != "" {
				values[b.key] = value
			}
		}
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			lines := refusal(t, settingsFile(t, values))
			if len(lines) != len(values) {
				t.Errorf("%d problems of %d settings:\n%s", len(lines), len(values), strings.Join(lines, "\n"))
			}
			for key, value := range values {
				if !slices.ContainsFunc(lines, func(line string) bool {
					return strings.HasPrefix(line, key+" must be ") && strings.Contains(line, strconv.Quote(value))
				}) {
					t.Errorf("%s and its value %s are not in:\n%s", key, value, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

func TestASettingAtItsBoundsIsAcceptedByCheckAndByServe(t *testing.T) {
	t.Parallel()
	least, most := map[string]string{}, map[string]string{}
	for _, b := range bounds {
		if b.least != "" {
			least[b.key] = b.least
		}
		if b.most != "" {
			most[b.key] = b.most
		}
	}
	for side, values := range map[string]map[string]string{"least": least, "most": most} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			if lines := refusal(t, settingsFile(t, values)); lines != nil {
				t.Errorf("refused: %q", lines)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnceByCheckAndByServe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := writeFile(t, filepath.Join(folder, "text"), "no PEM")
	empty := writeFile(t, filepath.Join(folder, "empty"), "\n")
	certificates := filepath.Join(folder, "certificates")
	(&terminal{t: t}).run(0, "certificates", "create", certificates)
	of := func(name string) string { return filepath.Join(certificates, name) }
	half := filepath.Join(folder, "half")
	(&terminal{t: t}).run(0, "certificates", "create", half)
	writeFile(t, filepath.Join(half, "rule.key"), "no PEM")
	nothing := filepath.Join(folder, "nothing")
	others := writeFile(t, filepath.Join(folder, "others"), "hunter2-0123456789abcdef0123456789abcdef")
	if err := os.Chmod(others, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		values map[string]string
		want   []string // the beginnings of the problems, in order
	}{
		"values": {map[string]string{
			"target": "gateway,console", "public_url": "scim.example.com", "admin_url": "https://admin.example.com/usher", "log_level": "loud", "log_format": "xml", "scim_addr": "localhost",
			"trusted_proxies": "proxy.example.com", "operator_token": "hunter2", "redis_url": "hunter2", "database_url": "hunter2",
			"identity.addr": "a:1,b", "rule.listen_addr": "x",
		}, []string{
			"admin_url must be an http", "certificates_dir must be a folder of certificates", "database_url must be an address", `identity.addr must be host:port, not "b"`,
			"log_format must be", "log_level must be", "operator_token must be 32 characters", "public_url must be an http", "redis_url must be",
			"rule.listen_addr must be", "scim_addr must be", `target must be of gateway, directory, identity, rule, failedevents and all, not "console"`,
			`trusted_proxies must be addresses: "proxy.example.com"`,
		}},
		"keys and kinds": {map[string]string{
			"gatewy.max_body_bytes": "1", "rule.wokers": "1", "rule.workers": "many", "identity.scan_limit": "0",
		}, []string{
			"'rule.workers' cannot parse", "gatewy.max_body_bytes is not a setting", `identity.scan_limit must be above 0, not "0"`, "rule.wokers is not a setting",
		}},
		"secrets' files": {map[string]string{"operator_token_file": nothing, "redis_url_file": empty, "database_url": "host=x", "database_url_file": text, "rule.database_url_file": nothing}, []string{
			"database_url and database_url_file must not both be set", "operator_token_file is not a setting", "redis_url_file: " + empty + " is empty",
			"rule.database_url_file: open " + nothing,
		}},
		"files of the operator's tokens": {map[string]string{"dev": "false", "operator_token_files": strings.Join([]string{text, empty, others, nothing}, ",")}, []string{
			"operator_token_files: " + empty + " is empty", "operator_token_files: " + others + " can be read by other users (mode 0644): use chmod 600",
			"operator_token_files: " + text + ": the token must be 32 characters or more, not 6", "operator_token_files: open " + nothing,
		}},
		"a data folder below a file":      {map[string]string{"data_dir": text + "/data"}, []string{"data_dir: stat " + text}},
		"a data folder that is a file":    {map[string]string{"data_dir": text}, []string{"data_dir must be a folder, and " + text + " is none"}},
		"a TLS certificate without a key": {map[string]string{"tls_cert_file": of("ca.crt")}, []string{"tls_cert_file and tls_key_file must be set both"}},
		"TLS files that are not there":    {map[string]string{"tls_cert_file": nothing, "tls_key_file": nothing + "2"}, []string{"tls_cert_file: open " + nothing, "tls_key_file: open " + nothing}},
		"a TLS certificate that is none":  {map[string]string{"tls_cert_file": text, "tls_key_file": of("rule.key")}, []string{"tls_cert_file and tls_key_file: tls: failed to find any PEM data in certificate"}},
		"a TLS key of another": {map[string]string{"tls_cert_file": of("rule.crt"), "tls_key_file": of("identity.key")}, []string{
			"tls_cert_file and tls_key_file: tls: private key does not match public key",
		}},
		"no certificates": {map[string]string{"target": "rule,identity", "certificates_dir": nothing}, []string{"certificates_dir: open " + nothing + "/ca.crt"}},
		"one broken certificate of two": {map[string]string{"target": "rule,identity", "certificates_dir": half}, []string{
			"certificates_dir: " + half + "/rule.crt and " + half + "/rule.key: tls: failed to find any PEM data in key",
		}},
		"files of databases": {map[string]string{
			"database_url":      "postgres://usher:hunter2@127.0.0.1:1/usher?sslmode=verify-full&sslrootcert=" + nothing,
			"rule.database_url": "host=127.0.0.1 port=1 password=hunter2 sslmode=bogus",
		}, []string{
			"database_url can't be used: failed to configure TLS (unable to read CA file: open " + nothing,
			"rule.database_url can't be used: failed to configure TLS (sslmode is invalid)",
		}},
		"a database of another process": {map[string]string{
			"target": "rule", "certificates_dir": certificates, "identity.database_url": "mysql://root:hunter2@db",
			"directory.database_url": "postgres://usher@db/usher?sslmode=verify-full&sslrootcert=" + nothing,
		}, []string{"identity.database_url must be an address"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := refusal(t, settingsFile(t, c.values))
			if len(lines) != len(c.want) {
				t.Fatalf("%d problems, not %d:\n%s", len(lines), len(c.want), strings.Join(lines, "\n"))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) || strings.Contains(lines[i], "hunter2") {
					t.Errorf("got %q, want %q", lines[i], want)
				}
			}
		})
	}
}

func TestCheckMakesNoDataFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	file := settingsFile(t, map[string]string{"data_dir": folder})
	(&terminal{t: t}).run(0, "config", "check", "--config", file)
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("%s was made", filepath.Dir(folder))
	}
}

func TestCheckConnectsOnRequest(t *testing.T) {
	t.Parallel()
	values := map[string]string{"database_url": "postgres://usher:hunter2@127.0.0.1:1/usher", "redis_url": "redis://:hunter2@127.0.0.1:1"}
	file := settingsFile(t, values)
	x := &terminal{t: t}
	if printed := x.run(0, "config", "check", "--config", file); strings.Contains(printed, "hunter2") {
		t.Errorf("a password is shown:\n%s", printed)
	}
	x.run(1, "config", "check", "--connect", "--config", file)
	want(t, x.err, `^usher: database_url: UNAVAILABLE: the database cannot be reached: .*\nredis_url: dial tcp 127.0.0.1:1.*\n$`)
	values["rule.workers"] = "0"
	said := x.err
	x.run(2, "config", "check", "--connect", "--config", settingsFile(t, values))
	want(t, x.err, `rule.workers must be`, `redis_url: dial tcp 127.0.0.1:1`)
	if strings.Contains(said+x.err, "hunter2") {
		t.Errorf("a password is shown:\n%s%s", said, x.err)
	}
}

func TestAFileThatCannotBeReadIsTheOnlyProblem(t *testing.T) {
	t.Parallel()
	broken := writeFile(t, filepath.Join(t.TempDir(), "usher.yaml"), "a: [b")
	for _, file := range []string{broken, broken + "2"} {
		for _, command := range [][]string{{"serve"}, {"config", "check"}, {"migrate"}} {
			x := &terminal{t: t}
			x.run(2, append(command, "--config", file)...)
			want(t, x.err, `^usher: reading the configuration file `+regexp.QuoteMeta(file)+`: .*\n$`)
		}
	}
}

// withProviders writes a file with the settings of development and of OpenID providers.
func withProviders(t *testing.T, providers ...map[string]any) string {
	t.Helper()
	path := settingsFile(t, nil)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	all["oidc"] = providers
	if text, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, path, string(text))
}

// provider returns the settings of an OpenID provider with one mapping.
func provider(name, issuer string) map[string]any {
	return map[string]any{
		"name": name, "issuer": issuer, "client_id": "usher", "audience": "https://usher.example",
		"mappings": []map[string]any{{"claim": "admin", "value": true, "principal": "organization_admin", "organization_claim": []string{"org", "id"}}},
	}
}

func TestAWrongOpenIDProviderIsRefusedByCheckAndByServe(t *testing.T) {
	t.Parallel()
	if lines := refusal(t, withProviders(t, provider("acme", "https://a.example"), provider("globex", "http://127.0.0.1:1"))); lines != nil {
		t.Errorf("refused: %q", lines)
	}
	bad := provider("Acme", "http://a.example")
	bad["isuer"], bad["client_secret_file"] = "x", writeFile(t, filepath.Join(t.TempDir(), "secret"), "\n")
	bad["mappings"].([]map[string]any)[0]["valu"] = "x"
	bad["mappings"].([]map[string]any)[0]["principal"] = "admin"
	lines := refusal(t, withProviders(t, provider("acme", "https://a.example"), bad))
	want := []string{
		"oidc[1].client_secret_file: ", "oidc[1].issuer must be an https address", "oidc[1].isuer is not a setting",
		"oidc[1].mappings[0].principal must be operator, organization_admin or organization_viewer", "oidc[1].mappings[0].valu is not a setting",
		"oidc[1].name must be 1 to 63 lower-case letters",
	}
	if len(lines) != len(want) {
		t.Fatalf("got %q", lines)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got %q, want %q", lines[i], want[i])
		}
	}
}

func TestCheckSaysWhatATokenGives(t *testing.T) {
	t.Parallel()
	op := oidctest.Start(t, oidctest.Client{ID: "usher"})
	op.SetUser("ann", map[string]any{"admin": true, "org": map[string]any{"id": "acme"}, "name": "hunter2"})
	op.SetUser("bob", map[string]any{"admin": "hunter2"})
	file := withProviders(t, provider("acme", op.Issuer), provider("other", "https://other.example"))
	x := &terminal{t: t}
	want(t, x.run(0, "config", "check", "--config", file), `oidc +\[acme other\] `, `oidc\[0\]\.issuer +http://127`, `oidc\[1\]\.mappings\[0\]\.organization_claim +\[org id\] `)
	check := func(code int, token string, patterns ...string) {
		t.Helper()
		path := writeFile(t, filepath.Join(t.TempDir(), "token"), token)
		printed := x.run(code, "config", "check", "--config", file, "--token", path) + x.err
		want(t, printed, patterns...)
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, "eyJ") {
			t.Errorf("it reveals the token:\n%s", printed)
		}
	}
	token := op.AccessToken("ann", "https://usher.example", time.Minute)
	check(0, token, `^Provider acme\. The signature is valid, and Usher would accept this access token\.\n`,
		`mappings\[0\], claim admin: it matches, and gives organization_admin of acme\n`, `may sign in as:\n  organization_admin of acme\n$`)
	check(1, op.AccessToken("bob", "https://usher.example", time.Minute), `claim admin: it has another value\n`, `usher: the mappings give the person nothing: no_grant\n$`)
	check(1, "hunter2", `^usher: the token opens nothing: malformed: `)
	x.run(2, "config", "check", "--config", file, "--token", token)
	want(t, x.err, `^usher: the file of --token cannot be opened: give the path of a file`)
	if strings.Contains(x.err, "eyJ") {
		t.Errorf("it reveals the token:\n%s", x.err)
	}
	x.run(2, "config", "check", "--config", settingsFile(t, nil), "--token", "-")
	want(t, x.err, `^usher: --token needs a provider in the setting oidc\n$`)
}
