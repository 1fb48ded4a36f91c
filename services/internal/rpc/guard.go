package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scope"
)

// guard knows the fields of a message, and of the messages in it, that need a scope (the contract's field_scopes).
type guard struct {
	fields []guardedField
	nested []guardedMessage
}

type guardedField struct {
	field  protoreflect.FieldDescriptor
	scopes scope.Set // one of them is enough
}

type guardedMessage struct {
	field protoreflect.FieldDescriptor
	guard *guard
}

// guardOf returns the guard of a message; nil if no field needs a scope.
func guardOf(message protoreflect.MessageDescriptor) *guard {
	return guardWithin(message, map[protoreflect.FullName]bool{})
}

// guardWithin is guardOf for a message in others. A message that contains itself is not followed twice: the contract has none with such
// fields, and a test requires this.
func guardWithin(message protoreflect.MessageDescriptor, outer map[protoreflect.FullName]bool) *guard {
	if outer[message.FullName()] {
		return nil
	}
	outer[message.FullName()] = true
	defer delete(outer, message.FullName())
	g := &guard{}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if scopes := FieldScopes(field); scopes != 0 {
			g.fields = append(g.fields, guardedField{field, scopes})
			continue
		}
		if field.Message() != nil && !field.IsMap() {
			if nested := guardWithin(field.Message(), outer); nested != nil {
				g.nested = append(g.nested, guardedMessage{field, nested})
			}
		}
	}
	if len(g.fields)+len(g.nested) == 0 {
		return nil
	}
	return g
}

// FieldScopes returns the scopes that open a field, by the contract; none if everybody may use it.
func FieldScopes(field protoreflect.FieldDescriptor) scope.Set {
	scopes := proto.GetExtension(field.Options(), commonv1.E_FieldScopes).(*commonv1.Scopes) // nil if the field has no option
	return scope.Of(scopes.GetScopes()...)
}

// enough reports whether a principal may use all fields.
func (g *guard) enough(ctx context.Context) bool {
	principal := PrincipalOf(ctx)
	switch principal.GetKind() {
	case commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM, commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY:
		return true // these have no scopes, and need none
	default:
		return g == nil || g.opensTo(scopesOf(principal))
	}
}

func (g *guard) opensTo(has scope.Set) bool {
	for _, f := range g.fields {
		if !has.Intersects(f.scopes) {
			return false
		}
	}
	for _, n := range g.nested {
		if !n.guard.opensTo(has) {
			return false
		}
	}
	return true
}

// refuse returns an error if a request contains a field that its principal may not use.
func (g *guard) refuse(ctx context.Context, request proto.Message) error {
	if g.enough(ctx) {
		return nil
	}
	path, enough := g.closed(request.ProtoReflect(), scopesOf(PrincipalOf(ctx)))
	if path == "" {
		return nil
	}
	refused := scopeMissing(enough).With("field", path)
	refused.Fields = append(refused.Fields, fault.Field{Path: path, Description: refused.Message})
	refused.Message = path + ": " + refused.Message
	return refused
}

// closed returns the path of a field that is set and needs other scopes, and these scopes. The path is empty if there is no such field.
func (g *guard) closed(m protoreflect.Message, has scope.Set) (path string, enough scope.Set) {
	for _, f := range g.fields {
		if m.Has(f.field) && !has.Intersects(f.scopes) {
			return string(f.field.Name()), f.scopes
		}
	}
	for _, n := range g.nested {
		for _, inner := range messages(m, n.field) {
			if path, enough := n.guard.closed(inner, has); path != "" {
				return string(n.field.Name()) + "." + path, enough
			}
		}
	}
	return "", 0
}

// clear removes from a response the fields that its principal may not use.
func (g *guard) clear(ctx context.Context, response any) {
	if message, ok := response.(proto.Message); ok && !g.enough(ctx) {
		g.clearIn(message.ProtoReflect(), scopesOf(PrincipalOf(ctx)))
	}
}

func (g *guard) clearIn(m protoreflect.Message, has scope.Set) {
	for _, f := range g.fields {
		if !has.Intersects(f.scopes) {
			m.Clear(f.field)
		}
	}
	for _, n := range g.nested {
		for _, inner := range messages(m, n.field) {
			n.guard.clearIn(inner, has)
		}
	}
}

// messages returns the messages in a field: one, all of a list, or none.
func messages(m protoreflect.Message, field protoreflect.FieldDescriptor) []protoreflect.Message {
	if !m.Has(field) {
		return nil
	}
	if !field.IsList() {
		return []protoreflect.Message{m.Get(field).Message()}
	}
	list := m.Get(field).List()
	all := make([]protoreflect.Message, list.Len())
	for i := range all {
		all[i] = list.Get(i).Message()
	}
	return all
}
