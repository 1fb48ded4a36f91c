package rpc_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

// fieldScopes says which fields need a scope, and which scopes are enough. A field with an e-mail address or a name of a person belongs
// here.
var fieldScopes = map[string]string{
	"directory.v1.Session.subject":                        "READ_PEOPLE",
	"failedevents.v1.FailedEvent.conflicting_name":        "READ_PEOPLE",
	"failedevents.v1.FailedEvent.conflicting_resource_id": "READ_PEOPLE",
	"failedevents.v1.FailedEvent.resource_id":             "READ_PEOPLE",
	"failedevents.v1.FailedEvent.subject":                 "READ_PEOPLE",
	"identity.v1.GetUserResponse.document":                "READ_PEOPLE",
	"identity.v1.LookupUserRequest.email":                 "READ_PEOPLE",
	"identity.v1.LookupUserRequest.external_id":           "READ_PEOPLE",
	"identity.v1.LookupUserRequest.user_name":             "READ_PEOPLE",
	"identity.v1.Member.display_name":                     "READ_PEOPLE",
	"identity.v1.Member.name":                             "READ_PEOPLE",
	"identity.v1.UnadoptedResource.external_id":           "READ_PEOPLE",
	"identity.v1.UnadoptedResource.name":                  "READ_PEOPLE",
	"identity.v1.User.display_name":                       "READ_PEOPLE",
	"identity.v1.User.email":                              "READ_PEOPLE",
	"identity.v1.User.external_id":                        "READ_PEOPLE",
	"identity.v1.User.role_values":                        "READ_PEOPLE",
	"identity.v1.User.user_name":                          "READ_PEOPLE",
	"identity.v1.UserSummary.display_name":                "READ_PEOPLE",
	"identity.v1.UserSummary.email":                       "READ_PEOPLE",
	"identity.v1.UserSummary.user_name":                   "READ_PEOPLE",
	"rule.v1.FilterMatch.filter":                          "MANAGE_RULES, READ_PEOPLE",
	"rule.v1.MatchCount.example_user_ids":                 "READ_PEOPLE",
	"rule.v1.Rule.etag":                                   "MANAGE_RULES, READ_PEOPLE",
	"rule.v1.RuleExplanation.filter":                      "MANAGE_RULES, READ_PEOPLE",
	"rule.v1.Suspension.reason":                           "READ_PEOPLE",
}

// filled returns a message in which every field has a value, and the messages in it, too. Of a oneof that has the field keep, only this
// field is set.
func filled(d protoreflect.MessageDescriptor, depth int, keep protoreflect.Name) protoreflect.Message {
	m := newMessage(d)
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		if one := field.ContainingOneof(); one != nil && !one.IsSynthetic() && one.Fields().ByName(keep) != nil && field.Name() != keep {
			continue
		}
		var value protoreflect.Value
		switch field.Kind() {
		case protoreflect.MessageKind:
			if depth == 0 || field.IsMap() {
				continue
			}
			value = protoreflect.ValueOfMessage(filled(field.Message(), depth-1, keep))
		case protoreflect.StringKind:
			value = protoreflect.ValueOfString("x")
		case protoreflect.BytesKind:
			value = protoreflect.ValueOfBytes([]byte("x"))
		case protoreflect.BoolKind:
			value = protoreflect.ValueOfBool(true)
		case protoreflect.Int32Kind:
			value = protoreflect.ValueOfInt32(1)
		case protoreflect.Int64Kind:
			value = protoreflect.ValueOfInt64(1)
		case protoreflect.EnumKind:
			value = protoreflect.ValueOfEnum(1)
		default:
			continue
		}
		if field.IsList() {
			list := m.Mutable(field).List()
			list.Append(value)
			list.Append(value)
			continue
		}
		m.Set(field, value)
	}
	return m
}

// leaves calls do for each field that is set in a message, and in the messages in it.
func leaves(m protoreflect.Message, do func(protoreflect.FieldDescriptor)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		do(field)
		switch {
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				leaves(value.List().Get(i).Message(), do)
			}
		default:
			leaves(value.Message(), do)
		}
		return true
	})
}

func short(field protoreflect.FieldDescriptor) string {
	return strings.TrimPrefix(string(field.FullName()), "usher.")
}

// shows reports whether a principal may see a field.
func shows(name string, p *commonv1.Principal) bool {
	for _, enough := range strings.Split(fieldScopes[name], ", ") {
		value := commonv1.Scope(commonv1.Scope_value["SCOPE_"+enough])
		if strings.Contains(mostScopes[p.GetKind()], enough) && p.GetScopes()&(1<<value) != 0 {
			return true
		}
	}
	return p.GetKind() == system
}

// A principal reads a field that needs a scope if and only if it has the scope, through each RPC that answers with the field.
func TestAnAnswerShowsAFieldToThoseWithItsScope(t *testing.T) {
	t.Parallel()
	const deep = 5
	channel := standIn(t, func(d protoreflect.MessageDescriptor) (proto.Message, error) {
		return filled(d, deep, "filter").Interface(), nil
	})
	shown := map[string]int{}
	for _, m := range everyRPC() {
		guarded := map[string]bool{}
		leaves(filled(m.Output(), deep, "filter"), func(field protoreflect.FieldDescriptor) {
			if fieldScopes[short(field)] != "" {
				guarded[short(field)] = true
			}
		})
		callers := rpc.Callers(fullMethod(m))
		if len(guarded) == 0 || !rpc.Public(fullMethod(m)) {
			continue
		}
		for _, kind := range kinds() {
			for _, scopes := range scopeSets() {
				// The scopes of the RPC open it; the other one may open the field.
				principal := bound(kind, scopes|scope.Of(callers.GetScopes()[:min(1, len(callers.GetScopes()))]...), ids.New())[0]
				if expected(callers, gateway, principal) != "" {
					continue
				}
				got := map[string]bool{}
				leaves(answerTo(t, channel, m, principal), func(field protoreflect.FieldDescriptor) { got[short(field)] = true })
				for name := range guarded {
					if got[name] != shows(name, principal) {
						t.Errorf("%s for %v shows %s: %v", m.FullName(), principal, name, got[name])
					}
					if got[name] {
						shown[name]++
					}
				}
			}
		}
	}
	if len(shown) != len(fieldScopes)-3 { // three are fields of requests
		t.Errorf("only these fields were shown to anybody: %v", shown)
	}
}

// answerTo makes a call with a valid request.
func answerTo(t *testing.T, channel *rpc.InProcess, m protoreflect.MethodDescriptor, p *commonv1.Principal) protoreflect.Message {
	t.Helper()
	request := newMessage(m.Input())
	for i := range request.Descriptor().Fields().Len() {
		switch field := request.Descriptor().Fields().Get(i); {
		case field.Name() == "organization_id":
			request.Set(field, protoreflect.ValueOfString("acme"))
		case field.Name() == "directory_id" && p.GetDirectoryId() != "":
			request.Set(field, protoreflect.ValueOfString(p.GetDirectoryId()))
		case field.Kind() == protoreflect.StringKind && !field.IsList() && (field.Name() == "id" || strings.HasSuffix(string(field.Name()), "_id")) && field.Name() != "request_id":
			request.Set(field, protoreflect.ValueOfString(ids.New()))
		case field.Name() == "rule":
			request.Set(field, protoreflect.ValueOfMessage((&rulev1.Rule{
				Match: &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: "active eq true"}}, Grants: []*rulev1.Grant{{RoleId: "admin"}},
			}).ProtoReflect()))
		case field.Name() == "ids" && field.IsList():
			request.Mutable(field).List().Append(protoreflect.ValueOfString(ids.New()))
		case field.Name() == "role_value": // of a preview
			request.Set(field, protoreflect.ValueOfMessage((&rulev1.RoleValueMatch{Value: "x"}).ProtoReflect()))
		case field.Name() == "reason":
			request.Set(field, protoreflect.ValueOfString("a leak"))
		}
	}
	answer := newMessage(m.Output())
	ctx, conn := rpc.WithPrincipal(t.Context(), p), channel.As(gateway)
	if err := conn.Invoke(ctx, fullMethod(m), request.Interface(), answer.Interface()); err != nil {
		t.Fatalf("%s for %v: %v", m.FullName(), p, err)
	}
	return answer
}

func TestARequestUsesAFieldOnlyWithItsScope(t *testing.T) {
	t.Parallel()
	channel := standIn(t, reached)
	all := everyRPC()
	m := all[slices.IndexFunc(all, func(m protoreflect.MethodDescriptor) bool {
		return m.FullName() == "usher.identity.v1.ReadService.LookupUser"
	})]
	for _, field := range []string{"user_name", "external_id", "email", "id"} {
		request := newMessage(m.Input())
		request.Set(m.Input().Fields().ByName("organization_id"), protoreflect.ValueOfString("acme"))
		request.Set(m.Input().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOfString(ids.New()))
		for _, scopes := range scopeSets() {
			scopes |= scope.Of(commonv1.Scope_SCOPE_READ_ACCESS)
			err := try(rpc.WithPrincipal(t.Context(), bound(vendor, scopes, "")[0]), channel.As(gateway), m, request.Interface())
			if field == "id" || scopes.Intersects(scope.Of(commonv1.Scope_SCOPE_READ_PEOPLE)) {
				refused(t, field, err, fault.AlreadyExists)
				continue
			}
			refused(t, field, err, fault.ScopeMissing)
			f := rpc.Fault(err)
			if len(f.Fields) != 1 || f.Fields[0].Path != field || f.Metadata["field"] != field || f.Metadata["scopes"] != "READ_PEOPLE" {
				t.Errorf("%s: the error names %v, %v", field, f.Fields, f.Metadata)
			}
		}
	}
}

func TestEachFieldWithAScopeIsInTheTable(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	var read func(d protoreflect.MessageDescriptor, outer []protoreflect.FullName)
	read = func(d protoreflect.MessageDescriptor, outer []protoreflect.FullName) {
		if slices.Contains(outer, d.FullName()) {
			t.Errorf("%s contains itself, which the check of fields does not follow", d.FullName())
			return
		}
		for i := range d.Fields().Len() {
			field := d.Fields().Get(i)
			if scopes := rpc.FieldScopes(field); scopes != 0 {
				got[short(field)] = scopes.String()
			}
			if field.Message() != nil && strings.HasPrefix(string(field.Message().FullName()), "usher.") {
				read(field.Message(), append(outer, d.FullName()))
			}
		}
	}
	for _, m := range everyRPC() {
		read(m.Input(), nil)
		read(m.Output(), nil)
	}
	for name, scopes := range got {
		if fieldScopes[name] != scopes {
			t.Errorf("%q: %q,", name, scopes)
		}
	}
	for name := range fieldScopes {
		if got[name] == "" {
			t.Errorf("%s needs no scope", name)
		}
	}
}
