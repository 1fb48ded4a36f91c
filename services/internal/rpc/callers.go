package rpc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scope"
)

// Callers returns who may call a method, by the contract. A method name is such as "/usher.rule.v1.RuleService/GetRule". A method without
// the option admits nobody.
func Callers(fullMethod string) *commonv1.Callers { return admissionOf(fullMethod).callers }

// Reads reports whether a method changes nothing, by the contract's idempotency_level.
func Reads(fullMethod string) bool { return admissionOf(fullMethod).reads }

// admission is the part of the contract that concerns the admission to a method.
type admission struct {
	callers *commonv1.Callers
	scopes  scope.Set // one of them is needed, unless the principal's kind is in callers
	reads   bool      // it changes nothing, by its idempotency_level

	request, response *guard // the fields that need a scope; nil if there are none
}

// needless reports whether principals of a kind may call without a scope.
func (a *admission) needless(kind commonv1.PrincipalKind) bool {
	return slices.Contains(a.callers.GetPrincipals(), kind)
}

func admissionOf(fullMethod string) *admission {
	if a, ok := admissionByMethod.Load(fullMethod); ok {
		return a.(*admission)
	}
	a := &admission{callers: &commonv1.Callers{}}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(fullMethod, "/"), "/", "."))
	if d, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err == nil {
		if method, ok := d.(protoreflect.MethodDescriptor); ok {
			options, _ := method.Options().(*descriptorpb.MethodOptions) // nil means no options
			a.reads = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
			a.callers = callersOf(options, method.Parent().Options())
			a.scopes = scope.Of(a.callers.GetScopes()...)
			a.request, a.response = guardOf(method.Input()), guardOf(method.Output())
		}
	}
	admissionByMethod.Store(fullMethod, a)
	return a
}

// callersOf returns the callers of a method, or the default of its service.
func callersOf(method, service protoreflect.ProtoMessage) *commonv1.Callers {
	if proto.HasExtension(method, commonv1.E_Callers) {
		return proto.GetExtension(method, commonv1.E_Callers).(*commonv1.Callers)
	}
	return proto.GetExtension(service, commonv1.E_DefaultCallers).(*commonv1.Callers)
}

// admissionByMethod caches the descriptors' contents, which never change.
var admissionByMethod sync.Map

// Public reports whether a method is part of the public gRPC API: clients from outside may call it, and the gateway calls it for them.
func Public(fullMethod string) bool {
	a := admissionOf(fullMethod)
	if !slices.Contains(a.callers.GetServices(), commonv1.Caller_CALLER_GATEWAY) {
		return false // another service calls it for clients
	}
	// A kind from outside can have scopes.
	return a.scopes != 0 || slices.ContainsFunc(a.callers.GetPrincipals(), func(kind commonv1.PrincipalKind) bool { return scope.Most(kind) != 0 })
}

// admit refuses a caller or a principal that the contract does not allow.
func admit(ctx context.Context, fullMethod string) error {
	a, caller, principal := admissionOf(fullMethod), CallerOf(ctx), PrincipalOf(ctx)
	kind := principal.GetKind()
	if !slices.Contains(a.callers.GetServices(), caller) {
		return fault.New(fault.NotAllowed, "%s may not call %s", CallerName(caller), fullMethod)
	}
	if a.needless(kind) {
		return nil
	}
	if !scope.Most(kind).Intersects(a.scopes) {
		return fault.New(fault.NotAllowed, "%s may not be called for a principal of kind %s", fullMethod,
			strings.TrimPrefix(kind.String(), "PRINCIPAL_KIND_"))
	}
	if !scopesOf(principal).Intersects(a.scopes) {
		return scopeMissing(a.scopes)
	}
	return nil
}

// scopesOf returns the scopes of a principal, without those that its kind cannot have.
func scopesOf(principal *commonv1.Principal) scope.Set {
	return scope.Set(principal.GetScopes()) & scope.Most(principal.GetKind())
}

func scopeMissing(enough scope.Set) *fault.Error {
	return fault.New(fault.ScopeMissing, "the credential needs one of these scopes: %s", enough).With("scopes", strings.ReplaceAll(enough.String(), " ", ""))
}

// withinTenancy refuses a request that names another organization or directory than the one its principal is bound to, or an organization
// that the principal does not open. It applies to every RPC. A principal that is bound to organizations may not call an RPC that names no
// organization, unless the RPC concerns none.
func withinTenancy(ctx context.Context, fullMethod string, request any) error {
	principal := PrincipalOf(ctx)
	switch principal.GetKind() {
	case commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM, commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR:
		return nil
	}
	callers := admissionOf(fullMethod).callers
	switch callers.GetBinding() {
	case commonv1.Binding_BINDING_NONE:
		return nil
	case commonv1.Binding_BINDING_ALL_ORGANIZATIONS:
		if principal.GetAllOrganizations() {
			return nil
		}
		return fault.New(fault.NotAllowed, "%s concerns all organizations, and the credential opens only some", fullMethod)
	}
	named, ok := tenancy(request)
	if !ok {
		return fault.New(fault.NotAllowed, "the request names no organization")
	}
	if !opens(principal, named.GetOrganizationId()) {
		return fault.New(fault.NotAllowed, "the credential belongs to another organization")
	}
	if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY || principal.GetOneDirectory() {
		return withinDirectory(principal, callers, named)
	}
	return nil
}

// opens reports whether a principal may name an organization.
func opens(principal *commonv1.Principal, organizationID string) bool {
	if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE {
		return principal.GetAllOrganizations() || slices.Contains(principal.GetOrganizationIds(), organizationID)
	}
	return organizationID != "" && organizationID == principal.GetOrganizationId()
}

// withinDirectory refuses what a principal of one directory may not name.
func withinDirectory(principal *commonv1.Principal, callers *commonv1.Callers, named organized) error {
	if callers.GetBinding() == commonv1.Binding_BINDING_WHOLE_ORGANIZATION {
		return fault.New(fault.NotAllowed, "the credential opens one directory, and the call concerns all of the organization")
	}
	field := callers.GetDirectoryField()
	if field == "" {
		if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY {
			return fault.New(fault.NotAllowed, "the request names no directory")
		}
		return nil
	}
	message := named.ProtoReflect()
	value := message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(field))).String()
	if principal.GetDirectoryId() == "" || !strings.EqualFold(value, principal.GetDirectoryId()) {
		return fault.New(fault.NotAllowed, "the credential belongs to another directory")
	}
	return nil
}

// organized is a message that names an organization.
type organized interface {
	proto.Message
	GetOrganizationId() string
}

// tenancy returns the part of a request that names its organization: the request itself, or its `target`.
func tenancy(request any) (organized, bool) {
	if o, ok := request.(organized); ok {
		return o, true
	}
	message, ok := request.(proto.Message)
	if !ok {
		return nil, false
	}
	reflected := message.ProtoReflect()
	field := reflected.Descriptor().Fields().ByName("target")
	if field == nil || field.Message() == nil || !reflected.Has(field) {
		return nil, false
	}
	o, ok := reflected.Get(field).Message().Interface().(organized)
	return o, ok
}

// CallerName returns the name of a service in certificates and logs, such as "gateway".
func CallerName(caller commonv1.Caller) string {
	if caller == commonv1.Caller_CALLER_UNSPECIFIED {
		return "an unknown service"
	}
	return strings.ToLower(strings.TrimPrefix(caller.String(), "CALLER_"))
}

// callerNamed is the inverse of CallerName.
func callerNamed(name string) (commonv1.Caller, error) {
	caller, ok := commonv1.Caller_value["CALLER_"+strings.ToUpper(name)]
	if !ok || caller == 0 {
		return 0, fmt.Errorf("%q is not a service", name)
	}
	return commonv1.Caller(caller), nil
}
