package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/supportbundle"
	"github.com/usher-scim/usher/services/internal/version"
)

// SupportBundle writes a new file for the people who help with an installation: what a process with these settings is, and how it is. It
// contains no secret and no personal data. problems are those that reading the settings found. It writes nothing else.
func (s Settings) SupportBundle(ctx context.Context, path string, problems config.Problems, now func() time.Time) ([]supportbundle.Entry, error) {
	return supportbundle.Create(ctx, path, s.supportParts(problems, now), supportbundle.NewRedactor(s.secrets()), now())
}

func (s Settings) supportParts(problems config.Problems, now func() time.Time) []supportbundle.Part {
	marshalled := func(value func() any) func(context.Context) ([]byte, error) {
		return func(context.Context) ([]byte, error) { return json.MarshalIndent(value(), "", "  ") }
	}
	return []supportbundle.Part{
		{Name: "version.json", About: "the build of the command that wrote this file", Most: 64 << 10, Get: marshalled(func() any { return version.Build() })},
		{Name: "build.txt", About: "the modules and the options of this build", Most: 1 << 20, Get: buildInfo},
		{Name: "settings.json", About: "the settings, without secrets", Most: 4 << 20, Get: marshalled(func() any { return s.shown() })},
		{Name: "doctor.json", About: "what usher doctor finds, with the versions of the schemas", Most: 4 << 20, Get: func(ctx context.Context) ([]byte, error) {
			return doctor.JSON(withoutValues(s.Examine(ctx, problems, now)))
		}},
		{Name: "metrics.txt", About: "the metrics of the process at ops_addr", Most: mostMetrics, Get: s.page("/metrics")},
		{Name: "goroutines.txt", About: "what the process at ops_addr is doing", Most: mostMetrics, Get: func(ctx context.Context) ([]byte, error) {
			if !s.Profiles {
				return nil, errors.New("profiles is false in the settings")
			}
			return s.page("/debug/pprof/goroutine?debug=1")(ctx)
		}},
		{Name: "environment.json", About: "limits of the machine, and those that this command has got from its environment", Most: 64 << 10, Get: marshalled(environment)},
		{Name: "disk.json", About: "the disk of the data folder, and the sizes of Usher's files there", Most: 64 << 10, Get: s.disk},
	}
}

// withoutValues leaves of each problem of the settings only its key: a problem quotes the value, which can be the name of a person.
func withoutValues(all []doctor.Finding) []doctor.Finding {
	for i, f := range all {
		if f.Check == "settings" && f.Level != doctor.OK {
			key, _, _ := strings.Cut(f.Message, " ")
			all[i].Message = key + " is wrong: usher config check says why"
		}
	}
	return all
}

// page gets a page of the operations address.
func (s Settings) page(path string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		status, text, err := s.askProcess(ctx, path)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("the process answers with status %d", status)
		}
		return text, err
	}
}

func buildInfo(context.Context) ([]byte, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, errors.New("the build has no information about itself")
	}
	return []byte(info.String()), nil
}

// shownSetting is a setting without its secret.
type shownSetting struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// shown lists the settings. The type of a setting decides whether its value is shown: a secret.Text is not. Of a list in a list, such as
// the mappings of a provider, only the length is shown, because its texts may be names of people.
func (s Settings) shown() (all []shownSetting) {
	for _, key := range config.Keys(&s) {
		if strings.Count(key.Name, "[") > 1 {
			continue
		}
		value := shownValue(key.Default)
		if key.Name == "operator_token_files" {
			value = fmt.Sprintf("%d files", len(s.OperatorTokenFiles)) // their names are those of people
		}
		all = append(all, shownSetting{key.Name, value})
	}
	return all
}

// shownValue returns the value of a setting as it may be shown. A type that it does not know is not shown.
func shownValue(value any) any {
	switch v := value.(type) {
	case secret.Text:
		return v.String()
	case time.Duration:
		return v.String()
	case string:
		return shownText(v)
	case []string:
		texts := []string{}
		for _, text := range v {
			texts = append(texts, shownText(text))
		}
		return texts
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return value
	case reflect.Slice:
		return fmt.Sprintf("%d entries", v.Len())
	default:
		return "[not shown]"
	}
}

// shownText removes from a URL what may be a secret: the user, the query and the fragment.
func shownText(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "[not a URL]"
	}
	if u.User != nil {
		u.User = url.User("[secret]")
	}
	u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
	return u.String()
}

// secrets are the texts that must be in no part: all secrets of the settings, in the files that they name, and of the environment.
func (s Settings) secrets() (all []string) {
	add := func(texts ...secret.Text) {
		for _, text := range texts {
			if text != "" && text != config.Unread {
				all = append(all, text.Reveal())
			}
		}
	}
	for _, key := range config.Keys(&s) {
		switch v := key.Default.(type) {
		case secret.Text:
			add(v, pgdb.Password(v.Reveal()), rediskv.Password(v.Reveal()))
		case string:
			if u, err := url.Parse(v); err == nil && u.User != nil {
				password, _ := u.User.Password()
				add(secret.Text(password))
			}
		}
	}
	files, _ := s.CommandTokenFiles() // a wrong setting is a finding of the doctor
	for _, file := range files {
		if token, err := operatortoken.Read(file.Path); err == nil {
			add(token)
		}
	}
	add(gateway.OIDCSecrets(s.OIDC)...)
	for _, name := range []string{"USHER_TOKEN", "USHER_KEY", "PGPASSWORD"} {
		add(secret.Text(os.Getenv(name)))
	}
	return all
}

// environment describes the limits of this process and of its machine. Other variables of the environment may be anything.
func environment() any {
	text := func(path string) string {
		content, err := os.ReadFile(path)
		if err != nil || len(content) > 4<<10 {
			return ""
		}
		return strings.TrimSpace(string(content))
	}
	variables := map[string]string{}
	for _, name := range []string{"GOMEMLIMIT", "GOMAXPROCS", "GOGC"} {
		variables[name] = os.Getenv(name)
	}
	var files unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &files) // 0 means that it is not known
	return map[string]any{
		"environment": variables, "maxProcs": runtime.GOMAXPROCS(0), "processors": runtime.NumCPU(), "openFiles": files.Cur,
		"cgroupMemoryMax": text("/sys/fs/cgroup/memory.max"), "cgroupCPUMax": text("/sys/fs/cgroup/cpu.max"),
	}
}

// disk describes the disk of the data folder. It lists only files that Usher makes.
func (s Settings) disk(context.Context) ([]byte, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(s.DataDir, &stat); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	sizes := map[string]int64{}
	for _, service := range services {
		for _, suffix := range []string{".db", ".db-wal", ".db-shm"} {
			name := rpc.CallerName(service) + suffix
			if info, err := os.Stat(filepath.Join(s.DataDir, name)); err == nil {
				sizes[name] = info.Size()
			}
		}
	}
	if used, err := gateway.SpoolBytes(spoolOf(s.DataDir)); err == nil {
		sizes["spool"] = used
	}
	size := uint64(stat.Bsize) //nolint:gosec // a block has a positive size
	return json.MarshalIndent(map[string]any{
		"freeBytes": stat.Bavail * size, "totalBytes": stat.Blocks * size, "freeFiles": stat.Ffree, "totalFiles": stat.Files, "sizes": sizes,
	}, "", "  ")
}
