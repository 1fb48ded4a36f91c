package boundaries

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// Package is a package of a service as the compiler sees it, without its tests.
type Package struct {
	Path  string
	Files []*ast.File
	Types *types.Package
	Info  *types.Info
}

// RemoteCalls finds calls of other services inside transactions. A call waits for a process that may be slow or down, and meanwhile a
// transaction keeps its locks; on SQLite, nobody else can write.
//
// A transaction is a function with a parameter or a receiver whose type is a transaction, or has one in a field. The functions that the
// stores and sqlitedb call back are transactions, too. A call of another service is a call on a generated gRPC client, on a connection, or
// on a type that a service's internal/remote contains or implements. RemoteCalls follows calls through the functions and methods of all
// these packages if the code names them. It does not follow other interfaces, or functions in variables. A function counts as called where
// it is named.
//
// The importer is the one that the packages were checked with. A result is such as "rule/internal/core.(*Core).RevokeAccess: (*Core).facts:
// core.Identity.Users". Each one is returned once, with the shortest path. RemoteCalls also returns how many transactions it searched.
func RemoteCalls(packages []Package, importer types.Importer) (found []string, searched int, err error) {
	remote, err := remoteTypes(packages, importer)
	if err != nil {
		return nil, 0, err
	}
	s := search{remote: remote, calls: map[string][]*types.Func{}}
	var transactions []transaction
	for _, p := range packages {
		for _, file := range p.Files {
			for _, declaration := range file.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok && f.Body != nil {
					transactions = append(transactions, s.read(p, f)...)
				}
			}
		}
	}
	for _, t := range transactions {
		found = append(found, s.from(t)...)
	}
	slices.Sort(found)
	return slices.Compact(found), len(transactions), nil
}

// remoteTypes returns the names of the types that stand for another service: the types of each service's internal/remote, and the
// interfaces of the same service that they implement.
func remoteTypes(packages []Package, importer types.Importer) (map[string]bool, error) {
	remote := map[string]bool{}
	for _, p := range packages {
		service, ok := strings.CutSuffix(p.Path, "/internal/remote")
		if !ok {
			continue
		}
		for _, other := range packages {
			if !strings.HasPrefix(other.Path, service+"/") && other.Path != service {
				continue
			}
			// Use the imported package: if a package is checked twice, the types differ.
			in, err := importer.Import(other.Path)
			if err != nil {
				return nil, err
			}
			for _, name := range p.Types.Scope().Names() {
				implementation, ok := p.Types.Scope().Lookup(name).(*types.TypeName)
				if !ok {
					continue
				}
				remote[typeName(implementation.Type())] = true
				for _, name := range in.Scope().Names() {
					declared := in.Scope().Lookup(name)
					i, ok := declared.Type().Underlying().(*types.Interface)
					if _, isType := declared.(*types.TypeName); isType && ok && i.NumMethods() > 0 && types.Implements(types.NewPointer(implementation.Type()), i) {
						remote[typeName(declared.Type())] = true
					}
				}
			}
		}
	}
	return remote, nil
}

// transaction is one function that runs inside a transaction, and the functions that it names.
type transaction struct {
	name  string
	calls []*types.Func
}

// search contains the functions that the packages' functions name.
type search struct {
	remote map[string]bool
	calls  map[string][]*types.Func // by the full name of the function
}

// read records the calls of a function, and returns the transactions in it.
func (s *search) read(p Package, f *ast.FuncDecl) []transaction {
	function, _ := p.Info.Defs[f.Name].(*types.Func)
	calls := named(p, f.Body)
	s.calls[function.FullName()] = calls
	name := brief(p.Path) + "." + methodName(function)
	if s.holdsTransaction(function.Signature()) {
		return []transaction{{name, calls}}
	}
	var all []transaction
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if literal, ok := n.(*ast.FuncLit); ok {
			if signature, ok := p.Info.TypeOf(literal).(*types.Signature); ok && s.holdsTransaction(signature) {
				all = append(all, transaction{name, named(p, literal.Body)})
			}
		}
		return true
	})
	return all
}

// named lists the functions that code names, each one once.
func named(p Package, code ast.Node) []*types.Func {
	var all []*types.Func
	ast.Inspect(code, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if f, ok := p.Info.Uses[id].(*types.Func); ok && !slices.Contains(all, f.Origin()) {
				all = append(all, f.Origin())
			}
		}
		return true
	})
	return all
}

func (s *search) holdsTransaction(signature *types.Signature) bool {
	if r := signature.Recv(); r != nil && isTransaction(r.Type(), true) {
		return true
	}
	for i := range signature.Params().Len() {
		if isTransaction(signature.Params().At(i).Type(), true) {
			return true
		}
	}
	return false
}

// isTransaction reports whether a type is a transaction by its name, as those of the stores, sqlitedb, pgx and database/sql are. If fields
// is set, a struct with a field of such a type is one, too.
func isTransaction(t types.Type, fields bool) bool {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if n, ok := t.(*types.Named); ok && strings.HasSuffix(n.Obj().Name(), "Tx") {
		return true
	}
	if s, ok := t.Underlying().(*types.Struct); ok && fields {
		for i := range s.NumFields() {
			if isTransaction(s.Field(i).Type(), false) {
				return true
			}
		}
	}
	return false
}

// from follows the calls of a transaction, the nearest first.
func (s *search) from(t transaction) []string {
	type step struct {
		calls []*types.Func
		way   string
	}
	var found []string
	met := map[string]bool{}
	for queue := []step{{t.calls, t.name}}; len(queue) > 0; queue = queue[1:] {
		for _, f := range queue[0].calls {
			if met[f.FullName()] {
				continue
			}
			met[f.FullName()] = true
			way := queue[0].way + ": " + methodName(f)
			if s.isRemote(f) {
				found = append(found, queue[0].way+": "+f.Pkg().Name()+"."+methodName(f))
			} else if calls := s.calls[f.FullName()]; len(calls) > 0 {
				queue = append(queue, step{calls, way})
			}
		}
	}
	return found
}

// isRemote reports whether a method calls another service.
func (s *search) isRemote(f *types.Func) bool {
	receiver := f.Signature().Recv()
	if receiver == nil || f.Pkg() == nil {
		return false // a function, or a built-in method, such as that of error
	}
	name := typeName(receiver.Type())
	switch {
	case s.remote[name]:
		return true
	case strings.HasPrefix(name, gen+"/"):
		return strings.HasSuffix(name, "Client")
	case strings.HasPrefix(name, "google.golang.org/grpc."):
		return strings.HasSuffix(name, "Client") || strings.Contains(name, ".ClientConn") || strings.HasSuffix(name, ".ClientStream")
	default:
		return false
	}
}

// typeName returns the name of a type with its package. For a pointer, it is the name of its element. Type arguments are left out.
func typeName(t types.Type) string {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
		return n.Obj().Pkg().Path() + "." + n.Obj().Name()
	}
	return t.String()
}

// methodName returns the name of a function with its receiver and without its package, such as "(*Core).facts".
func methodName(f *types.Func) string {
	receiver := f.Signature().Recv()
	if receiver == nil {
		return f.Name()
	}
	name := types.TypeString(receiver.Type(), func(*types.Package) string { return "" })
	if strings.HasPrefix(name, "*") {
		name = "(" + name + ")"
	}
	return name + "." + f.Name()
}

func brief(path string) string { return strings.TrimPrefix(path, module) }
