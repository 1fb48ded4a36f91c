package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// said runs a command without a server, and returns its output and its exit code.
func said(t *testing.T, args ...string) (out, errors string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), args, &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

// quiet returns the flags of a process in development that does not run, so that the doctor finds nothing wrong.
func quiet(t *testing.T, values map[string]string) []string {
	t.Helper()
	all := map[string]string{"ops_addr": "127.0.0.1:1"}
	for key, value := range values {
		all[key] = value
	}
	file := settingsFile(t, all)
	return []string{"--config", file, "--data-dir", filepath.Join(filepath.Dir(file), "data")}
}

func TestTheDoctorsTable(t *testing.T) {
	t.Parallel()
	out, _, code := said(t, append([]string{"doctor"}, quiet(t, nil)...)...)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	want(t, out, `^LEVEL +CHECK +SUBJECT +FINDING\nskipped +process +operations address`, `\nerrors: 0, warnings: 0, skipped: 1, ok: \d\n$`)
	if strings.Contains(out, "the settings can be used") {
		t.Errorf("what is well is listed:\n%s", out)
	}
	out, _, _ = said(t, append([]string{"doctor", "--all"}, quiet(t, nil)...)...)
	want(t, out, `ok +settings +settings +the settings can be used`)
}

func TestTheDoctorsExitCode(t *testing.T) {
	t.Parallel()
	open := map[string]string{"scim_addr": "0.0.0.0:0"}
	down := map[string]string{"database_url": "postgres://usher:hunter2@127.0.0.1:1/usher", "migrate": "true"}
	for name, c := range map[string]struct {
		values map[string]string
		flags  []string
		code   int
		want   string
	}{
		"nothing":                  {nil, nil, 0, ""},
		"a warning":                {open, nil, 0, ""},
		"a warning, strictly":      {open, []string{"--strict"}, 1, "usher: warnings: 1\n"},
		"an error":                 {down, nil, 1, "usher: errors: 1\n"},
		"a wrong setting":          {map[string]string{"log_level": "loud"}, nil, 2, "usher: a setting is wrong\n"},
		"a setting that is none":   {map[string]string{"colour": "red"}, nil, 2, "usher: a setting is wrong\n"},
		"an output that is none":   {nil, []string{"-o", "xml"}, 2, `table or json, not "xml"`},
		"a flag that is none":      {nil, []string{"--fast"}, 2, "--fast"},
		"a file that is not there": {nil, []string{"--config", "/nowhere"}, 2, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err, code := said(t, append(append([]string{"doctor"}, quiet(t, c.values)...), c.flags...)...)
			if code != c.code || !strings.Contains(err, c.want) {
				t.Errorf("exit code %d, %q\n%s", code, err, out)
			}
			if strings.Contains(out+err, "hunter2") {
				t.Errorf("the password is shown:\n%s%s", out, err)
			}
		})
	}
}

// The shape of the JSON is a contract with the scripts of others.
func TestTheDoctorsJSON(t *testing.T) {
	t.Parallel()
	out, _, code := said(t, append([]string{"doctor", "-o", "json"}, quiet(t, map[string]string{"scim_addr": "0.0.0.0:8080"})...)...)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	folder := regexp.MustCompile(`/\S*/data`).ReplaceAllString(out, "DATA")
	golden, err := os.ReadFile("testdata/doctor.json")
	if err != nil {
		t.Fatal(err)
	}
	if folder != string(golden) {
		t.Errorf("got\n%s\nwant\n%s", folder, golden)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Error(err)
	}
}

// Beside a process, the doctor sees its files, and does not disturb it.
func TestTheDoctorBesideAProcess(t *testing.T) {
	t.Parallel()
	x := newTerminal(t)
	// The process has the ports that were free, so the doctor does not find it by its settings.
	out, err, code := said(t, "doctor", "--dev", "--data-dir", x.base[3], "--ops-addr", "127.0.0.1:1", "--all")
	if code != 0 {
		t.Errorf("exit code %d: %s%s", code, out, err)
	}
	out = strings.Join(strings.Fields(out), " ") // messages are wrapped
	want(t, out, fmt.Sprintf("process %d serves from it", os.Getpid()), `ok +sqlite-file +identity database`)
}
