package admin

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/services/gateway/internal/backend"
	"github.com/usher-scim/usher/services/internal/fault"
)

// maxNameShown is the greatest part of an unknown parameter's name that an error repeats, in bytes.
const maxNameShown = 100

// parameters are the fields of a request that can be set in the query of an address, by their JSON names.
type parameters map[string]protoreflect.FieldDescriptor

// routes are the addresses of RPCs, such as /api/v1/roles/{id}, with their methods and parameters.
type routes map[string]route

type route struct {
	addresses *regexp.Regexp
	byMethod  map[string]parameters
}

// readRoutes reads the routes from the contract.
func readRoutes() routes {
	all := routes{}
	for pkg := range (backend.Connections{}).ByPackage() {
		protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(pkg), func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				methods := file.Services().Get(i).Methods()
				for j := range methods.Len() {
					rule, _ := proto.GetExtension(methods.Get(j).Options(), annotations.E_Http).(*annotations.HttpRule)
					method, path := address(rule)
					if path == "" {
						continue
					}
					if _, ok := all[path]; !ok {
						pattern := pathParameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+")
						all[path] = route{regexp.MustCompile("^" + pattern + "$"), map[string]parameters{}}
					}
					all[path].byMethod[method] = parametersOf(methods.Get(j).Input(), rule, path)
				}
			}
			return true
		})
	}
	return all
}

var pathParameter = regexp.MustCompile(`\\\{[^}]+\\\}`)

// methods lists the methods of an address. For /api/v1/organizations/acme:erase it lists only the methods of the action, because this path
// is not an organization.
func (all routes) methods(path string) []string {
	var methods, ofAction []string
	for address, r := range all {
		switch {
		case !r.addresses.MatchString(path):
		case hasAction(address):
			ofAction = slices.AppendSeq(ofAction, maps.Keys(r.byMethod))
		default:
			methods = slices.AppendSeq(methods, maps.Keys(r.byMethod))
		}
	}
	if ofAction != nil {
		methods = ofAction
	}
	slices.Sort(methods)
	return methods
}

// hasAction reports whether an address, or a route, may end with an action.
func hasAction(address string) bool {
	return strings.Contains(address[strings.LastIndexByte(address, '/')+1:], ":")
}

// parametersOf returns the fields of a request that are neither in its path nor in its body.
func parametersOf(request protoreflect.MessageDescriptor, rule *annotations.HttpRule, path string) parameters {
	all := parameters{}
	for i := range request.Fields().Len() {
		field := request.Fields().Get(i)
		name := string(field.Name())
		if body := rule.GetBody(); body != "*" && body != name && !strings.Contains(path, "{"+name+"}") {
			all[field.JSONName()] = field
		}
	}
	return all
}

func address(rule *annotations.HttpRule) (method, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	default:
		return "", ""
	}
}

// checkAddress refuses an address that its RPC does not accept exactly as it is. The mux itself would ignore unknown parameters, use the
// first of several values, and read an action such as :erase as part of an id. The request keeps the parsed query, and the visit gets the
// route.
func (h *Handler) checkAddress(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, inPath map[string]string) {
		route := routeOf(r.Context())
		if v, ok := r.Context().Value(visitCtx{}).(*visit); ok && route != "" {
			v.route = route
		}
		if hasAction(r.URL.Path) && !hasAction(route) && !slices.Contains(h.routes.methods(r.URL.Path), r.Method) {
			_, outbound := runtime.MarshalerForRequest(h.mux, r)
			h.sendRoutingError(r.Context(), h.mux, outbound, w, r, http.StatusMethodNotAllowed)
			return
		}
		var err error
		for name, value := range inPath {
			if !utf8.ValidString(value) {
				err = fault.Invalid(jsonPath(name), "must be UTF-8")
			}
		}
		if err == nil && r.URL.RawQuery != "" {
			r.Form, err = h.routes[route].byMethod[r.Method].read(r.URL.RawQuery)
		}
		if err != nil {
			_, outbound := runtime.MarshalerForRequest(h.mux, r)
			send(outbound, w, err)
			return
		}
		next(w, r, inPath)
	}
}

// routeOf returns the route that the mux chose, as the contract writes it: {id}, where the mux has {id=*}. Before the mux has chosen, it is
// empty.
func routeOf(ctx context.Context) string {
	pattern, ok := runtime.HTTPPattern(ctx)
	if !ok {
		return ""
	}
	return strings.ReplaceAll(pattern.String(), "=*}", "}")
}

// read parses a query. It refuses an unknown parameter and a value of the wrong type.
func (p parameters) read(query string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidRequest, "the query is not valid: it needs & between parameters, and two hexadecimal digits after %%")
	}
	for name, all := range values {
		field, known := p[name]
		if !known {
			return nil, p.unknown(name)
		}
		if len(all) > 1 && !field.IsList() {
			return nil, fault.Invalid(name, "must be given once, but the query has it %d times", len(all))
		}
		for _, value := range all {
			if want := mustBe(field, value); want != "" {
				return nil, fault.Invalid(name, "must be %s", want)
			}
		}
	}
	return values, nil
}

func (p parameters) unknown(name string) error {
	shown := strings.ToValidUTF8(name[:min(len(name), maxNameShown)], "\uFFFD")
	if len(p) == 0 {
		return fault.Invalid(shown, "is unknown: this address has no parameters")
	}
	return fault.Invalid(shown, "is unknown: the parameters of this address are %s", strings.Join(slices.Sorted(maps.Keys(p)), ", "))
}

// mustBe returns the name of a parameter's type if a value does not have this type, and an empty string otherwise.
func mustBe(field protoreflect.FieldDescriptor, value string) string {
	switch field.Kind() {
	case protoreflect.BoolKind:
		if value != "true" && value != "false" {
			return "true or false"
		}
	case protoreflect.Int32Kind:
		if _, err := strconv.ParseInt(value, 10, 32); err != nil {
			return "an integer of 32 bits"
		}
	default:
		if !utf8.ValidString(value) {
			return "UTF-8"
		}
	}
	return ""
}
