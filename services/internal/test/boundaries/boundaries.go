// Package boundaries contains the rules about which package may import which, and about what may happen in a transaction. Go's own
// `internal` folders keep other code out of a service. These rules define the directions inside a service, and keep the services apart. The
// tests read the code as `go list` and the compiler do.
package boundaries

import (
	"fmt"
	"slices"
	"strings"
)

const (
	module = "github.com/usher-scim/usher/services/"
	gen    = "github.com/usher-scim/usher/gen"
)

// services are the five services. Each one has its own data and its own packages.
var services = []string{"gateway", "directory", "identity", "rule", "failedevents"}

// Import is one package importing another.
type Import struct{ From, To string }

// Violation is a forbidden import, with the reason.
type Violation struct {
	Import
	Why string
}

// String returns both packages and the reason.
func (v Violation) String() string {
	return fmt.Sprintf("%s imports %s: %s", strings.TrimPrefix(v.From, module), strings.TrimPrefix(v.To, module), v.Why)
}

// Check returns the forbidden imports.
func Check(imports []Import) []Violation {
	var all []Violation
	for _, i := range imports {
		if why := forbidden(i); why != "" {
			all = append(all, Violation{i, why})
		}
	}
	return all
}

func forbidden(i Import) string {
	from, fromOurs := strings.CutPrefix(i.From, module)
	to, toOurs := strings.CutPrefix(i.To, module)
	switch {
	case strings.HasPrefix(i.From, gen) && toOurs:
		return "generated code depends only on its runtimes"
	case !fromOurs:
		return ""
	case from == "internal/scim" && strings.Contains(i.To, "."):
		return "package scim is pure: the standard library only"
	}
	if inRoom(from, "internal/core") {
		for _, edge := range []string{"database/sql", "net/http", "google.golang.org/grpc", module + "internal/pgdb", module + "internal/sqlitedb", module + "internal/dbtype"} {
			if i.To == edge || strings.HasPrefix(i.To, edge+"/") {
				return "the domain knows no SQL and no transport"
			}
		}
	}
	if !toOurs {
		if strings.HasPrefix(i.To, "database/sql") && !inRoom(from, "internal/store") && !plumbing(from) {
			return "SQL lives in store/<engine>"
		}
		return ""
	}
	return between(from, to)
}

// between checks an import of one of our packages by another. Both paths are relative to the module. It returns the reason why the import
// is forbidden, or an empty string.
func between(from, to string) string {
	fromService, toService := serviceOf(from), serviceOf(to)
	switch {
	case toService != "" && fromService == "" && !knowsServices(from):
		return "only app, cmd/usher and e2e know the services"
	case fromService != "" && toService != "" && fromService != toService:
		return "a service calls another; it does not import it"
	case fromService != "" && knowsServices(to):
		return "a service does not know how it is wired"
	case strings.HasPrefix(from, "internal/") && knowsServices(to):
		return "a shared package does not know how services are wired"
	case strings.HasPrefix(to, "internal/test/") && !strings.HasPrefix(from, "internal/test/") && !strings.HasSuffix(from, "test"):
		return "only tests use test packages"
	case inRoom(from, "internal/store/sqlite") && to == "internal/pgdb", inRoom(from, "internal/store/postgres") && to == "internal/sqlitedb":
		return "an engine knows its own database"
	case engine(to) && from != fromService:
		return "only the top-level package of a service, which selects the engine, imports it"
	case inRoom(from, "internal/core") && inRoom(to, "internal/server"),
		inRoom(from, "internal/store") && (inRoom(to, "internal/core") || inRoom(to, "internal/server")):
		return "data flows one way: server, core, store"
	}
	return ""
}

func serviceOf(path string) string {
	first, _, _ := strings.Cut(path, "/")
	if slices.Contains(services, first) {
		return first
	}
	return ""
}

func knowsServices(path string) bool {
	return path == "app" || strings.HasPrefix(path, "cmd/usher") || strings.HasPrefix(path, "e2e")
}

// inRoom reports whether a path is a package of a service, such as internal/core, or below it.
func inRoom(path, room string) bool {
	service := serviceOf(path)
	if service == "" {
		return false
	}
	rest := strings.TrimPrefix(path, service+"/")
	return rest == room || strings.HasPrefix(rest, room+"/")
}

func engine(path string) bool {
	return inRoom(path, "internal/store/sqlite") || inRoom(path, "internal/store/postgres")
}

// plumbing reports whether a package handles databases without knowing their tables.
func plumbing(path string) bool { return path == "internal/sqlitedb" || path == "internal/dbtype" }
