package console

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func compressed(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEachPathOfTheAppIsThePageWithANonceOfItsOwn(t *testing.T) {
	t.Parallel()
	h, err := newHandler(fstest.MapFS{
		"index.html.gz":      compressed(t, `<meta name="csp-nonce" content="CSP_NONCE"><script src="/assets/app-1.js"></script>`),
		"assets/app-1.js.gz": compressed(t, "app()"),
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range []string{"/", "/organizations/demo", "/organizations/a.b/directories/1?tab=keys"} {
		w := get(h, path)
		nonce := regexp.MustCompile(`content="([^"]+)"`).FindStringSubmatch(w.Body.String())
		policy := w.Header().Get("Content-Security-Policy")
		switch {
		case w.Code != http.StatusOK || nonce == nil || !strings.Contains(policy, "style-src 'self' 'nonce-"+nonce[1]+"'"):
			t.Errorf("%s: %d %s with the policy %q", path, w.Code, w.Body, policy)
		case seen[nonce[1]]:
			t.Errorf("%s: an old nonce", path)
		case strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Strict-Transport-Security") == "":
			t.Errorf("%s: %v", path, w.Header())
		default:
			seen[nonce[1]] = true
		}
	}
}

func TestFilesAreCompressedWhereTheClientTakesIt(t *testing.T) {
	t.Parallel()
	h, err := newHandler(fstest.MapFS{
		"index.html.gz":      compressed(t, ""),
		"favicon.svg.gz":     compressed(t, "<svg/>"),
		"assets/app-1.js.gz": compressed(t, "app()"),
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	plain, zipped := get(h, "/assets/app-1.js"), get(h, "/assets/app-1.js", "Accept-Encoding", "br, gzip")
	if plain.Body.String() != "app()" || plain.Header().Get("Content-Encoding") != "" || !strings.Contains(plain.Header().Get("Content-Type"), "javascript") {
		t.Errorf("plain: %v %s", plain.Header(), plain.Body)
	}
	if zipped.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(zipped.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("compressed: %v", zipped.Header())
	}
	if icon := get(h, "/favicon.svg"); icon.Code != http.StatusOK || icon.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("the icon: %d %v", icon.Code, icon.Header())
	}
	for _, path := range []string{"/assets/app-2.js", "/assets/../index.html", "/robots.txt", "/assets/"} {
		if w := get(h, path); w.Code != http.StatusNotFound && w.Code != http.StatusOK || strings.Contains(w.Body.String(), "app()") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := get(h, "/assets/app-2.js"); w.Code != http.StatusNotFound {
		t.Errorf("a missing file: %d", w.Code)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestWithoutABuildThePageSaysHowToBuild(t *testing.T) {
	t.Parallel()
	h, err := newHandler(fstest.MapFS{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if w := get(h, "/"); h.Built() || !strings.Contains(w.Body.String(), "make console") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
