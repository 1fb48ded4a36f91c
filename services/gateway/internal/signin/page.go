package signin

import (
	"embed"
	"html/template"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

//go:embed pages/page.html
var pages embed.FS

//go:embed pages/sign-in.css
var styleSheet []byte

//go:embed pages/portal.js
var portalScript []byte

var pageTemplate = template.Must(template.ParseFS(pages, "pages/page.html"))

// page is the content of a page.
type page struct {
	Title    string
	Lines    []string
	Reasons  []string
	Links    []link
	Portal   bool   // the page uses a portal link
	Token    bool   // the page lets the operator sign in with a token
	ReturnTo string // where to go after that; empty: the first page
	TraceID  string
}

type link struct{ Address, Text string }

// show sends a page. An error page names the trace, so that somebody can find out more.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	if span := trace.SpanContextFromContext(r.Context()); status >= http.StatusBadRequest && span.HasTraceID() {
		p.TraceID = span.TraceID().String()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p) // the client left: nobody can receive an error
}

// file serves a file that every page uses.
func (h *Handler) file(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content) // the client left: nobody can receive an error
	}
}

func kindName(kind commonv1.PrincipalKind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "PRINCIPAL_KIND_"))
}
