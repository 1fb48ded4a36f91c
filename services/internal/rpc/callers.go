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
)

// Callers returns who may call a method, by the contract. A method name is such as "/usher.rule.v1.RuleService/GetRule". A method without
// the option admits nobody.
func Callers(fullMethod string) *commonv1.Callers { return admissionOf(fullMethod).callers }

// Reads reports whether a method changes nothing, by the contract's idempotency_level.
func Reads(fullMethod string) bool { return admissionOf(fullMethod).reads }

// admission is the part of the contract that concerns the admission to a method.
type admission struct {
	callers *commonv1.Callers
	reads   bool // it changes nothing, by its idempotency_level
}

func admissionOf(fullMethod string) admission {
	if a, ok := admissionByMethod.Load(fullMethod); ok {
		return a.(admission)
	}
	a := admission{callers: &commonv1.Callers{}}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(fullMethod, "/"), "/", "."))
	if d, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err == nil {
		if method, ok := d.(protoreflect.MethodDescriptor); ok {
			options, _ := method.Options().(*descriptorpb.MethodOptions) // nil means no options
			a.reads = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
			a.callers = callersOf(options, method.Parent().Options())
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
	callers := Callers(fullMethod)
	if !slices.Contains(callers.GetServices(), commonv1.Caller_CALLER_GATEWAY) {
		return false // another service calls it for clients
	}
	return slices.ContainsFunc(callers.GetPrincipals(), func(kind commonv1.PrincipalKind) bool {
		switch kind {
		case commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR, commonv1.PrincipalKind_PRINCIPAL_KIND_ADMIN,
			commonv1.PrincipalKind_PRINCIPAL_KIND_VENDOR_SERVICE:
			return true
		default:
			return false
		}
	})
}

// admit refuses a caller or a principal that the contract does not allow.
func admit(ctx context.Context, fullMethod string) error {
	says, caller, principal := admissionOf(fullMethod), CallerOf(ctx), PrincipalOf(ctx)
	callers := says.callers
	if !slices.Contains(callers.GetServices(), caller) {
		return fault.New(fault.NotAllowed, "%s may not call %s", CallerName(caller), fullMethod)
	}
	if !slices.Contains(callers.GetPrincipals(), principal.GetKind()) {
		return fault.New(fault.NotAllowed, "%s may not be called for a principal of kind %s", fullMethod,
			strings.TrimPrefix(principal.GetKind().String(), "PRINCIPAL_KIND_"))
	}
	if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_VENDOR_SERVICE && !says.reads && !principal.GetMayWrite() {
		return fault.New(fault.NotAllowed, "the service credential may only read")
	}
	return nil
}

// withinTenancy refuses a request that names another organization or directory than the one its principal is bound to, or an organization
// outside of the principal's scope. It applies to every RPC. A principal that is bound to organizations may not call an RPC that names no
// organization, unless the RPC concerns none.
func withinTenancy(ctx context.Context, fullMethod string, request any) error {
	principal := PrincipalOf(ctx)
	switch principal.GetKind() {
	case commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM, commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR:
		return nil
	}
	organization, directory, named := tenancy(request)
	if !named {
		if sharedByAll(fullMethod) || principal.GetAllOrganizations() && aboutAll(fullMethod) {
			return nil
		}
		return fault.New(fault.NotAllowed, "the request names no organization")
	}
	if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_VENDOR_SERVICE {
		if principal.GetAllOrganizations() || slices.Contains(principal.GetOrganizationIds(), organization) {
			return nil
		}
		return fault.New(fault.NotAllowed, "the credential belongs to another organization")
	}
	if principal.GetOrganizationId() == "" || organization != principal.GetOrganizationId() {
		return fault.New(fault.NotAllowed, "the credential belongs to another organization")
	}
	if principal.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY &&
		(principal.GetDirectoryId() == "" || directory != principal.GetDirectoryId()) {
		return fault.New(fault.NotAllowed, "the credential belongs to another directory")
	}
	return nil
}

// tenancy returns the organization and directory that a request names, in itself or in its `target`.
func tenancy(request any) (organization, directory string, named bool) {
	type organized interface{ GetOrganizationId() string }
	message, ok := request.(proto.Message)
	if !ok {
		return "", "", false
	}
	if o, ok := request.(organized); ok {
		if d, ok := request.(interface{ GetDirectoryId() string }); ok {
			directory = d.GetDirectoryId()
		}
		return o.GetOrganizationId(), directory, true
	}
	reflected := message.ProtoReflect()
	field := reflected.Descriptor().Fields().ByName("target")
	if field == nil || field.Message() == nil || !reflected.Has(field) {
		return "", "", false
	}
	return tenancy(reflected.Get(field).Message().Interface())
}

// sharedByAll reports whether an RPC without an organization is open to principals of one organization: only the catalog of roles is.
func sharedByAll(fullMethod string) bool {
	return fullMethod == "/usher.rule.v1.RoleService/GetRole" || fullMethod == "/usher.rule.v1.RoleService/ListRoles"
}

// aboutAll reports whether an RPC without an organization is open to principals of all organizations.
func aboutAll(fullMethod string) bool {
	return fullMethod == "/usher.directory.v1.OrganizationService/ListOrganizations" ||
		fullMethod == "/usher.directory.v1.OrganizationService/CreateOrganization"
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
