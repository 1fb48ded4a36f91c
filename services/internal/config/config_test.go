package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
)

type settings struct {
	Name string        `koanf:"name" doc:"a name"`
	Wait time.Duration `koanf:"wait"`
	Key  secret.Text   `koanf:"key"`
	Sub  struct {
		Count int `koanf:"count"`
	} `koanf:"sub"`
	Base `koanf:",squash"`
}

// Base is a part that several settings share.
type Base struct {
	Targets []string `koanf:"targets"`
}

func TestLaterSourcesOverrideEarlierOnes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("name: file\nwait: 2s\nsub:\n  count: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings{Name: "default", Wait: time.Second}
	err := Load(&s, Source{
		File: file, Environ: []string{"USHER_WAIT=3s", "USHER_SUB__COUNT=2", "USHER_KEY=hunter2", "OTHER=x", "USHER_ADDR=kept out"},
		Ignore: []string{"USHER_ADDR"}, Flags: map[string]any{"sub.count": 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "file" || s.Wait != 3*time.Second || s.Sub.Count != 3 || string(s.Key) != "hunter2" {
		t.Errorf("got %+v", s)
	}
}

func TestBadSettingsNameTheirKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"an unknown key":            {[]string{"USHER_NAMES=x"}, "USHER_NAMES is not a setting: no key has the name names"},
		"an unknown key below one":  {[]string{"USHER_SUB__COUNTS=1"}, "USHER_SUB__COUNTS is not a setting: no key has the name sub.counts"},
		"a key below a setting":     {[]string{"USHER_NAME__X=1"}, "name.x"},
		"a value for a group":       {[]string{"USHER_SUB=1"}, "sub"},
		"a number that is none":     {[]string{"USHER_SUB__COUNT=many"}, "sub.count"},
		"a duration without a unit": {[]string{"USHER_WAIT=fast"}, "wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Load(&settings{}, Source{Environ: c.environ})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that names %q", err, c.want)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("nam: x\nsub: {cuont: 1, count: many}\nwait: fast\nkey_file: /nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Load(&settings{}, Source{File: file})
	if err == nil {
		t.Fatal("they were taken")
	}
	got := strings.Split(err.Error(), "\n")
	for i, want := range []string{"'sub.count'", "'wait'", "key_file: open /nowhere: ", "nam is not a setting", "sub.cuont is not a setting"} {
		if len(got) != 5 || !strings.HasPrefix(got[i], want) {
			t.Errorf("got %q, want %q at %d of 5", got, want, i)
		}
	}
}

func TestAnEmptyGroupIsNoProblem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("sub: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Load(&settings{}, Source{File: file}); err != nil {
		t.Error(err)
	}
}

func TestKeysListsEverySetting(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(Keys(&settings{Name: "n", Key: "hunter2"}))
	if want := "[{name n a name} {wait 0s } {key [secret] } {sub.count 0 } {targets [] }]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASecretMayComeFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var s settings
	if err := Load(&s, Source{Environ: []string{"USHER_KEY_FILE=" + file}}); err != nil || string(s.Key) != "hunter2" {
		t.Errorf("got %q, %v", string(s.Key), err)
	}
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"a file that is not there":      {[]string{"USHER_KEY_FILE=" + file + "s"}, "key_file"},
		"an empty file":                 {[]string{"USHER_KEY_FILE=" + empty}, "key_file"},
		"the secret and its file":       {[]string{"USHER_KEY=a", "USHER_KEY_FILE=" + file}, "key and key_file must not both be set"},
		"the file of what is no secret": {[]string{"USHER_NAME_FILE=" + file}, "name_file"},
	} {
		if err := Load(&settings{}, Source{Environ: c.environ}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

func TestASecretWithSeveralFilesHasNoKeyForOne(t *testing.T) {
	t.Parallel()
	var s struct {
		Key   secret.Text `koanf:"key"`
		Files []string    `koanf:"key_files"`
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Load(&s, Source{Environ: []string{"USHER_KEY_FILE=" + file, "USHER_KEY_FILES=" + file}})
	if err == nil || err.Error() != "USHER_KEY_FILE is not a setting: no key has the name key_file" || s.Key != "" || len(s.Files) != 1 {
		t.Errorf("got %v, and %d files", err, len(s.Files))
	}
}

func TestAListIsWrittenWithCommasOrAsAList(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte("targets: [a, b]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []Source{{File: file}, {Environ: []string{"USHER_TARGETS=a,b"}}, {Flags: map[string]any{"targets": "a,b"}}} {
		var s settings
		if err := Load(&s, source); err != nil || fmt.Sprint(s.Targets) != "[a b]" {
			t.Errorf("got %v, %v", s.Targets, err)
		}
	}
}

type listed struct {
	Doors []door `koanf:"doors" doc:"all doors"`
}

type door struct {
	Name  string   `koanf:"name" doc:"its name"`
	Words []string `koanf:"words"`
	Locks []lock   `koanf:"locks"`
}

type lock struct {
	Value string `koanf:"value"`
	Open  bool   `koanf:"open"`
}

func TestAListOfStructsComesFromTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`doors: [{name: front, words: one, locks: [{value: true}, {value: 42}, {open: true}]}, {name: back, words: [a, b]}]`)
	var s listed
	if err := Load(&s, Source{File: file}); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s), "{[{front [one] [{true false} {42 false} { true}]} {back [a b] []}]}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var names []string
	for _, key := range append(Keys(&s), Keys(&listed{})...) {
		names = append(names, key.Name)
	}
	want := "doors doors[0].name doors[0].words doors[0].locks doors[0].locks[0].value doors[0].locks[0].open doors[0].locks[1].value " +
		"doors[0].locks[1].open doors[0].locks[2].value doors[0].locks[2].open doors[1].name doors[1].words doors[1].locks " +
		"doors[1].locks[].value doors[1].locks[].open doors doors[].name doors[].words doors[].locks doors[].locks[].value doors[].locks[].open"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	write(`doors: [{name: front}, {nam: back, Words: x, locks: [{value: [1]}, {valu: 1}]}, loose]`)
	err := Load(&listed{}, Source{File: file, Environ: []string{"USHER_DOORS__0__NAME=x"}})
	if err == nil || !strings.Contains(err.Error(), "USHER_DOORS__0__NAME is not a setting: no key has the name doors.0.name") {
		t.Errorf("the environment: got %v", err)
	}
	err = Load(&listed{}, Source{File: file})
	if err == nil {
		t.Fatal("the file was taken")
	}
	got := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		"'doors[1].locks[0].value'", "'doors[2]'", "doors[1].Words is not a setting", "doors[1].locks[1].valu is not a setting", "doors[1].nam is not a setting",
	} {
		if len(got) != 5 || !strings.HasPrefix(got[i], want) {
			t.Errorf("got %q, want %q at %d of 5", got, want, i)
		}
	}
}
