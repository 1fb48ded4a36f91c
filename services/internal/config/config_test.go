package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type settings struct {
	Name string        `koanf:"name" doc:"a name"`
	Wait time.Duration `koanf:"wait"`
	Key  Secret        `koanf:"key"`
	Sub  struct {
		Count int `koanf:"count"`
	} `koanf:"sub"`
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
		"an unknown key":            {[]string{"USHER_NAMES=x"}, "names"},
		"an unknown key below one":  {[]string{"USHER_SUB__COUNTS=1"}, "counts"},
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

func TestKeysListsEverySetting(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(Keys(&settings{Name: "n", Key: "hunter2"}))
	if want := "[{name n a name} {wait 0s } {key [secret] } {sub.count 0 }]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
