package console

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mostOfFirstView is the largest size of the compressed scripts that the browser loads for the first view, in bytes.
const mostOfFirstView = 250 << 10

// builtApp returns the files of the built app. Without a build, it skips the test; in CI, the tests in a browser require a build.
func builtApp(t *testing.T) fs.FS {
	t.Helper()
	h, err := New(false)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Built() {
		t.Skip("the console is not built: make console")
	}
	return h.files
}

func content(t *testing.T, files fs.FS, name string) string {
	t.Helper()
	compressed, err := fs.ReadFile(files, name+".gz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := decompress(compressed)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	scriptsOfPage = regexp.MustCompile(`(?:src|href)="/(assets/[^"]+\.js)"`)
	imported      = regexp.MustCompile(`(?:from|import)\s*["']\./([^"']+\.js)["']`)
	overview      = regexp.MustCompile(`import\(["` + "`" + `']\./(Overview-[^"'` + "`" + `]+\.js)["` + "`" + `']\)`)
)

func TestTheFirstViewIsSmall(t *testing.T) {
	t.Parallel()
	files := builtApp(t)
	var scripts []string
	add := func(name string) {
		if !slices.Contains(scripts, name) {
			scripts = append(scripts, name)
		}
	}
	for _, found := range scriptsOfPage.FindAllStringSubmatch(content(t, files, "index.html"), -1) {
		add(found[1])
	}
	size, hasOverview := 0, false
	for i := 0; i < len(scripts); i++ { // each script adds those that it imports
		text := content(t, files, scripts[i])
		for _, found := range imported.FindAllStringSubmatch(text, -1) {
			add(path.Join("assets", found[1]))
		}
		if found := overview.FindStringSubmatch(text); found != nil {
			hasOverview = true
			add(path.Join("assets", found[1]))
		}
		info, err := fs.Stat(files, scripts[i]+".gz")
		if err != nil {
			t.Fatal(err)
		}
		size += int(info.Size())
	}
	if !hasOverview {
		t.Fatal("no script loads the overview: this test does not know how the app is built any more")
	}
	t.Logf("%d scripts, %d KiB", len(scripts), size>>10)
	if size > mostOfFirstView {
		t.Errorf("the first view loads %d bytes of compressed script, more than %d: %v", size, mostOfFirstView, scripts)
	}
}

func TestThePageHasNoInlineScriptAndNoInlineStyle(t *testing.T) {
	t.Parallel()
	page := content(t, builtApp(t), "index.html")
	for _, script := range regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(script[1], `src="/assets/`) || script[2] != "" {
			t.Errorf("inline: %s", script[0])
		}
	}
	if found := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:`).FindString(page); found != "" {
		t.Errorf("the page contains %q", found)
	}
}

// Hosts that the libraries name without a request: of XML namespaces, and of pages that explain an error. A request to them is impossible,
// too: the Content-Security-Policy of the page allows only its own host.
var namedHosts = []string{"www.w3.org", "reactrouter.com", "react.dev", "mantine.dev", "github.com", "localhost"}

func TestTheAppNamesNoOtherHost(t *testing.T) {
	t.Parallel()
	files := builtApp(t)
	names, err := fs.Glob(files, "assets/*.gz")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	address := regexp.MustCompile(`(?i)(?:https?|wss?)://([a-z0-9.-]+)`)
	for _, name := range append(names, "index.html.gz") {
		for _, found := range address.FindAllStringSubmatch(content(t, files, strings.TrimSuffix(name, ".gz")), -1) {
			if !slices.Contains(namedHosts, found[1]) {
				t.Errorf("%s names the host %s", name, found[1])
			}
		}
	}
}
