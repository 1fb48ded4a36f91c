// Package scope is about sets of scopes: the permissions of principals.
package scope

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// Set is a set of scopes, as Principal.scopes contains it: the bit 1 << n is the scope with the number n.
type Set uint32

// Of returns the set of these scopes.
func Of(scopes ...commonv1.Scope) Set {
	var set Set
	for _, scope := range scopes {
		set |= 1 << scope
	}
	return set &^ 1 // SCOPE_UNSPECIFIED is no scope
}

// Most returns the most scopes that a principal of a kind can have, by the contract.
func Most(kind commonv1.PrincipalKind) Set { return most[kind] }

// most is the contract's table.
var most = readMost()

func readMost() map[commonv1.PrincipalKind]Set {
	table := map[commonv1.PrincipalKind]Set{}
	values := commonv1.PrincipalKind(0).Descriptor().Values()
	for i := range values.Len() {
		value := values.Get(i)
		scopes := proto.GetExtension(value.Options(), commonv1.E_MostScopes).(*commonv1.Scopes) // nil if the value has no option
		table[commonv1.PrincipalKind(value.Number())] = Of(scopes.GetScopes()...)
	}
	return table
}

// Intersects reports whether the sets have a common scope.
func (s Set) Intersects(other Set) bool { return s&other != 0 }

// Contains reports whether all scopes of the other set are in this one.
func (s Set) Contains(other Set) bool { return other&^s == 0 }

// List returns the scopes in the order of their numbers. A number that this binary does not know stays a number.
func (s Set) List() []commonv1.Scope {
	var all []commonv1.Scope
	for n := commonv1.Scope(1); n < 32; n++ {
		if s&(1<<n) != 0 {
			all = append(all, n)
		}
	}
	return all
}

// String returns the names of the scopes without their prefix, such as "READ_PEOPLE, READ_ACCESS".
func (s Set) String() string {
	var names []string
	for _, scope := range s.List() {
		names = append(names, Name(scope))
	}
	return strings.Join(names, ", ")
}

// Name returns the name of a scope without its prefix, such as "READ_PEOPLE".
func Name(scope commonv1.Scope) string { return strings.TrimPrefix(scope.String(), "SCOPE_") }

// Named returns the scope with a name as on the command line, such as "read-people".
func Named(name string) (commonv1.Scope, bool) {
	value, ok := commonv1.Scope_value["SCOPE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))]
	return commonv1.Scope(value), ok && value != 0
}

// Names returns the names of all scopes as on the command line.
func Names() []string {
	var names []string
	for number := range commonv1.Scope_name {
		if number != 0 {
			names = append(names, strings.ToLower(strings.ReplaceAll(Name(commonv1.Scope(number)), "_", "-")))
		}
	}
	slices.Sort(names)
	return names
}
