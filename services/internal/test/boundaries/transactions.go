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

// RemoteCalls finds the calls of other services inside transactions. A call waits for a process that may be slow or gone,
// and a transaction holds locks meanwhile; on SQLite, nobody else writes.
//
// A transaction is a function with a parameter or a receiver whose type is a transaction or holds one in a field, as are
// those that the stores and sqlitedb call back. A call of another service is one on a generated gRPC client or on a
// connection, or on what a service's internal/remote holds or implements. What is called is followed through the functions
// and methods of all these packages, so long as the code names them: not through other interfaces, nor through functions in
// variables. A function counts as called where it is named.
//
// The importer is the one that the packages were checked with. A finding reads
// "rule/internal/core.(*Core).RevokeAccess: (*Core).facts: core.Identity.Users", and comes once, by the shortest way. Beside
// the findings RemoteCalls gives how many transactions it searched.
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

// remoteTypes names what stands for another service: the types of each service's internal/remote, and the interfaces of the
// same service that they implement.
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
			// As it is imported: of a package that was checked twice the types differ.
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

// search is what the packages' functions name.
type search struct {
	remote map[string]bool
	calls  map[string][]*types.Func // by the full name of the function
}

// read notes a function's calls, and gives the transactions in it.
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

// named lists the functions that code names, each once.
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

// isTransaction says whether a type is a transaction by its name, as are those of the stores, sqlitedb, pgx and database/sql,
// or, if fields is set, a struct with a field of such a type.
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

// from follows what a transaction calls, nearest first.
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

// isRemote says whether a method calls another service.
func (s *search) isRemote(f *types.Func) bool {
	receiver := f.Signature().Recv()
	if receiver == nil || f.Pkg() == nil {
		return false // a function, or a method of the language's own, such as error's
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

// typeName is a type's name with its package, of a pointer's too; without type arguments.
func typeName(t types.Type) string {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
		return n.Obj().Pkg().Path() + "." + n.Obj().Name()
	}
	return t.String()
}

// methodName is a function's name with its receiver and without its package, such as "(*Core).facts".
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
