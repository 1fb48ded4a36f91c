// Package console is the web console. It serves the files of the app in web/, which asks the admin REST API for everything. The files contain
// nothing secret, so they need no session.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// build contains the built app, or nothing if Node did not build it. Each file is compressed, and its name ends in .gz.
//
//go:embed all:build
var build embed.FS

//go:embed missing.html
var missing []byte

const (
	// nonceMark stands in index.html where the nonce of the answer belongs.
	nonceMark = "CSP_NONCE"
	// assets is the folder of the files whose names change with their content.
	assets = "/assets/"
)

// Handler serves the console.
type Handler struct {
	files fs.FS
	index []byte // nil if the app is not built
	https bool
}

// New creates the handler. https says whether browsers use https.
func New(https bool) (*Handler, error) {
	files, err := fs.Sub(build, "build")
	if err != nil {
		return nil, err
	}
	return newHandler(files, https)
}

// newHandler creates a handler for the files of an app.
func newHandler(files fs.FS, https bool) (*Handler, error) {
	h := &Handler{files: files, https: https}
	compressed, err := fs.ReadFile(files, "index.html.gz")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil
	case err != nil:
		return nil, err
	}
	h.index, err = decompress(compressed)
	return h, err
}

// Built reports whether the app is there.
func (h *Handler) Built() bool { return h.index != nil }

// ServeHTTP serves a file of the app or, for each other path, the app itself: it shows what belongs to the path. It sets the pattern of the
// request to one of few values.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if h.https {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		r.Pattern = "/{console}"
		header.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if name := path.Base(r.URL.Path); strings.HasPrefix(r.URL.Path, assets) || path.Dir(r.URL.Path) == "/" && strings.Contains(name, ".") {
		r.Pattern = assets
		h.file(w, r)
		return
	}
	r.Pattern = "/{console}"
	h.page(w)
}

// page sends the app. The nonce allows the style sheets that the app creates. No script but those of the app's own files can run.
func (h *Handler) page(w http.ResponseWriter) {
	nonce, header := rand.Text(), w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; img-src 'self' data:; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/html; charset=utf-8")
	if h.index == nil {
		_, _ = w.Write(missing) // the client left: nobody can receive an error
		return
	}
	_, _ = w.Write(bytes.ReplaceAll(h.index, []byte(nonceMark), []byte(nonce)))
}

// file sends a file of the app.
func (h *Handler) file(w http.ResponseWriter, r *http.Request) {
	content, err := fs.ReadFile(h.files, strings.TrimPrefix(path.Clean(r.URL.Path), "/")+".gz")
	if err != nil { // also a path that is no valid name
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
	header.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(r.URL.Path, assets) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	header.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
	} else if content, err = decompress(content); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(content) // the client left: nobody can receive an error
}

func decompress(content []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}
