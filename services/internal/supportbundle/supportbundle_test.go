package supportbundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

func part(name, text string, most int) Part {
	return Part{Name: name, About: "about " + name, Most: most, Get: func(context.Context) ([]byte, error) { return []byte(text), nil }}
}

func TestABundleSaysWhatIsInItAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.tar.gz")
	entries, err := Create(t.Context(), path, []Part{
		part("whole", "text", 10), part("long", strings.Repeat("x", 11), 10),
		{Name: "gone", About: "about gone", Most: 10, Get: func(context.Context) ([]byte, error) { return nil, errors.New("hunter222 refused") }},
	}, NewRedactor([]string{"hunter222"}), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{{"whole", "about whole", 4, false, ""}, {"long", "about long", 10, true, ""}, {"gone", "about gone", 0, false, "[secret] refused"}}
	for i := range want {
		if entries[i] != want[i] {
			t.Errorf("got %+v, want %+v", entries[i], want[i])
		}
	}
	all := kit.Archive(t, path)
	var manifest struct{ Parts []Entry }
	if err := json.Unmarshal([]byte(all["manifest.json"]), &manifest); err != nil || len(manifest.Parts) != 3 || manifest.Parts[2] != want[2] {
		t.Errorf("the manifest is %s, %v", all["manifest.json"], err)
	}
	if len(all) != 3 || all["whole"] != "text" || all["long"] != strings.Repeat("x", 10) {
		t.Errorf("got %v", all)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := Create(t.Context(), path, nil, &Redactor{}, time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it was overwritten: %v", err)
	}
	if again := kit.Archive(t, path); again["whole"] != "text" {
		t.Error("the refused one has changed it")
	}
}

func TestAllPartsTogetherAreBounded(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	entries, contents := collect(t.Context(), []Part{part("a", text, 99), part("b", text, 99), part("c", text, 99)}, &Redactor{}, 15)
	if string(contents[0]) != text || string(contents[1]) != text[:5] || len(contents[2]) != 0 || entries[0].Cut || !entries[1].Cut || !entries[2].Cut {
		t.Errorf("got %q: %+v", contents, entries)
	}
}

func TestSecretsAreFoundInAllForms(t *testing.T) {
	t.Parallel()
	r := NewRedactor([]string{`p@ss "word"/%`, "hunter2", "short"[:4], "hunter2longer"})
	for text, want := range map[string]string{
		`is p@ss "word"/% here`:             `is [secret] here`,
		`{"a":"p@ss \"word\"/%"}`:           `{"a":"[secret]"}`,
		`p%40ss+%22word%22%2F%25`:           `[secret]`,
		`hunter2 and hunter2longer`:         `[secret] and [secret]`,
		`shor stays`:                        `shor stays`,
		`at postgres://u:x@db/y?z`:          `at postgres://[secret]@db/y?z`,
		`http://host/a@b`:                   `http://host/a@b`,
		`Authorization: Bearer abcdefgh.ij`: `Authorization: Bearer [secret]`,
		`host=db password=x1 user=y`:        `host=db password=[secret] user=y`,
		`"ush_0123456789abcdefghijKLMN"`:    `"[secret]"`,
		`push_notifications_are_sent_often`: `push_notifications_are_sent_often`,
	} {
		if got := string(r.Text([]byte(text))); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := r.Text(nil); !bytes.Equal(got, nil) {
		t.Errorf("nothing is %q", got)
	}
}
