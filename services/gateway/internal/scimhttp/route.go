package scimhttp

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/usher-scim/usher/services/internal/fault"
)

// prefix begins every path that is served here; the id of a directory follows it.
const prefix = "/scim/v2/"

// maxID is the longest resource id that identity accepts.
const maxID = 200

// endpoint is the target of a path.
type endpoint int

const (
	unknownEndpoint endpoint = iota
	collectionEndpoint
	resourceEndpoint
	searchEndpoint
	configEndpoint
	resourceTypesEndpoint
	resourceTypeEndpoint
	schemasEndpoint
	schemaEndpoint
	bulkEndpoint
	rootEndpoint // the Base URL itself
	meEndpoint
)

// verb is the action that a method means at an endpoint.
type verb int

const (
	verbNone verb = iota // the endpoint does not have this method
	verbList
	verbSearch // a list whose parameters are in the body
	verbGet
	verbCreate
	verbReplace
	verbPatch
	verbDelete
	verbBulk
	verbDescribe
)

// reads reports that the verb changes nothing.
func (v verb) reads() bool {
	return v == verbList || v == verbSearch || v == verbGet || v == verbDescribe
}

// methods are the methods of each endpoint, with their verbs. /Me and unknown endpoints have none.
var methods = map[endpoint][]struct {
	name string
	verb verb
}{
	collectionEndpoint: {{http.MethodGet, verbList}, {http.MethodPost, verbCreate}},
	resourceEndpoint: {
		{http.MethodGet, verbGet}, {http.MethodPut, verbReplace}, {http.MethodPatch, verbPatch}, {http.MethodDelete, verbDelete},
	},
	rootEndpoint:          {{http.MethodGet, verbList}},
	searchEndpoint:        {{http.MethodPost, verbSearch}},
	bulkEndpoint:          {{http.MethodPost, verbBulk}},
	configEndpoint:        {{http.MethodGet, verbDescribe}},
	resourceTypesEndpoint: {{http.MethodGet, verbDescribe}},
	resourceTypeEndpoint:  {{http.MethodGet, verbDescribe}},
	schemasEndpoint:       {{http.MethodGet, verbDescribe}},
	schemaEndpoint:        {{http.MethodGet, verbDescribe}},
}

// route is a parsed method and path.
type route struct {
	method    string // from a closed set
	verb      verb
	directory string // as written in the path; empty: the path is not in a directory
	endpoint  endpoint
	kind      kind   // of a collection, resource or search; empty for a search over all kinds
	id        string // of a resource, resource type or schema
}

// parseRoute parses a method and an escaped path.
func parseRoute(method, escaped string) route {
	r := parsePath(escaped)
	if r.method = method; method == http.MethodHead {
		method = http.MethodGet // RFC 9110 §9.3.2; the server leaves the body out
	}
	for _, m := range methods[r.endpoint] {
		if m.name == method {
			r.verb = m.verb
		}
	}
	return r
}

// parsePath ignores empty segments: a Base URL that was entered with a slash at its end causes two slashes in a row.
func parsePath(escaped string) route {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		return route{}
	}
	segments := make([]string, 0, 4)
	for segment := range strings.SplitSeq(rest, "/") {
		text, err := url.PathUnescape(segment)
		if err != nil || !utf8.ValidString(text) {
			text = "\x00" // it matches no endpoint and is not an id
		}
		if text != "" {
			segments = append(segments, text)
		}
	}
	if len(segments) == 0 {
		return route{}
	}
	r := route{directory: segments[0]}
	switch {
	case len(segments) == 1:
		r.endpoint = rootEndpoint
	case len(segments) == 2:
		r.endpoint, r.kind = topEndpoint(segments[1])
	case len(segments) == 3:
		r.id = segments[2]
		r.endpoint, r.kind = lowerEndpoint(segments[1], r.id)
	}
	return r
}

func topEndpoint(name string) (endpoint, kind) {
	switch name {
	case "Users":
		return collectionEndpoint, users
	case "Groups":
		return collectionEndpoint, groups
	case "ServiceProviderConfig":
		return configEndpoint, ""
	case "ResourceTypes":
		return resourceTypesEndpoint, ""
	case "Schemas":
		return schemasEndpoint, ""
	case "Bulk":
		return bulkEndpoint, ""
	case "Me":
		return meEndpoint, ""
	case ".search":
		return searchEndpoint, ""
	default:
		return unknownEndpoint, ""
	}
}

func lowerEndpoint(name, id string) (endpoint, kind) {
	above, k := topEndpoint(name)
	switch {
	case above == collectionEndpoint && id == ".search":
		return searchEndpoint, k
	case above == collectionEndpoint && id != "\x00":
		return resourceEndpoint, k
	case above == resourceTypesEndpoint:
		return resourceTypeEndpoint, ""
	case above == schemasEndpoint:
		return schemaEndpoint, ""
	default:
		return unknownEndpoint, ""
	}
}

// template returns the route as metrics, spans, logs and failed events name it. It contains no id.
func (r route) template() string {
	switch r.endpoint {
	case collectionEndpoint:
		return r.kind.endpoint()
	case resourceEndpoint:
		return r.kind.endpoint() + "/{id}"
	case searchEndpoint:
		if r.kind == "" {
			return "/.search"
		}
		return r.kind.endpoint() + "/.search"
	case rootEndpoint:
		return "/"
	case meEndpoint:
		return "/Me"
	case configEndpoint:
		return "/ServiceProviderConfig"
	case resourceTypesEndpoint:
		return "/ResourceTypes"
	case resourceTypeEndpoint:
		return "/ResourceTypes/{id}"
	case schemasEndpoint:
		return "/Schemas"
	case schemaEndpoint:
		return "/Schemas/{id}"
	case bulkEndpoint:
		return "/Bulk"
	default:
		return "/{unknown}"
	}
}

// operation returns the route as logs and failed events name it.
func (r route) operation() string { return r.method + " " + r.template() }

// exists reports whether the endpoint has the method.
func (r route) exists() bool {
	for _, m := range methods[r.endpoint] {
		if m.name == r.method {
			return true
		}
	}
	return false
}

// notAllowed returns the problem of a method that the endpoint does not have.
func (r route) notAllowed() *problem {
	var allowed []string
	for _, m := range methods[r.endpoint] {
		allowed = append(allowed, m.name)
	}
	return &problem{
		status: http.StatusMethodNotAllowed, reason: fault.InvalidRequest, allow: allowed,
		detail: r.method + " is not possible here. Possible methods: " + strings.Join(allowed, ", ") + ".",
	}
}
