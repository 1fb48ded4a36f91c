package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// everyRPC lists the RPCs of every service of the contract.
func everyRPC() []protoreflect.MethodDescriptor {
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "usher.") {
			return true
		}
		for s := range file.Services().Len() {
			methods := file.Services().Get(s).Methods()
			for m := range methods.Len() {
				all = append(all, methods.Get(m))
			}
		}
		return true
	})
	return all
}

// fullMethod returns a method's name in gRPC's form.
func fullMethod(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

// errReached is the answer of every handler of the stand-in: the call was admitted.
var errReached = fault.New(fault.AlreadyExists, "reached")

// standIn serves every RPC of the contract, so that only the interceptors decide.
func standIn(t *testing.T) *rpc.InProcess {
	t.Helper()
	channel, err := rpc.NewInProcess(slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	services := map[protoreflect.FullName]*grpc.ServiceDesc{}
	for _, m := range everyRPC() {
		service := services[m.Parent().FullName()]
		if service == nil {
			service = &grpc.ServiceDesc{ServiceName: string(m.Parent().FullName()), HandlerType: (*any)(nil)}
			services[m.Parent().FullName()] = service
		}
		if m.IsStreamingServer() || m.IsStreamingClient() {
			service.Streams = append(service.Streams, grpc.StreamDesc{
				StreamName: string(m.Name()), ServerStreams: m.IsStreamingServer(), ClientStreams: m.IsStreamingClient(),
				Handler: func(_ any, stream grpc.ServerStream) error {
					if err := stream.RecvMsg(newMessage(m.Input()).Interface()); err != nil {
						return err
					}
					return errReached
				},
			})
			continue
		}
		service.Methods = append(service.Methods, grpc.MethodDesc{
			MethodName: string(m.Name()),
			Handler: func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				request := newMessage(m.Input()).Interface()
				if err := decode(request); err != nil {
					return nil, err
				}
				return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: fullMethod(m)},
					func(context.Context, any) (any, error) { return nil, errReached })
			},
		})
	}
	for _, service := range services {
		channel.RegisterService(service, channel)
	}
	return channel
}

// newMessage creates a message of the generated type.
func newMessage(d protoreflect.MessageDescriptor) protoreflect.Message {
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
		return t.New()
	}
	return dynamicpb.NewMessage(d)
}

// try makes a call and returns the reason of its error. A call that passes the check of callers ends with fault.AlreadyExists, or with
// fault.InvalidRequest if its empty fields violate the contract.
func try(ctx context.Context, conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor, request proto.Message) error {
	if !m.IsStreamingServer() && !m.IsStreamingClient() {
		return conn.Invoke(ctx, fullMethod(m), request, newMessage(m.Output()).Interface())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: m.IsStreamingClient()}, fullMethod(m))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(newMessage(m.Output()).Interface())
}

// A server may refuse a stream before its client sends the request.
func TestAStreamThatIsRefusedAtOnceGivesItsReason(t *testing.T) {
	t.Parallel()
	channel := standIn(t)
	for _, m := range everyRPC() {
		if !m.IsStreamingServer() || m.IsStreamingClient() {
			continue
		}
		ctx := rpc.WithPrincipal(t.Context(), &commonv1.Principal{})
		stream, err := channel.As(commonv1.Caller_CALLER_DIRECTORY).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, fullMethod(m))
		must(t, err)
		_, _ = stream.Header() // it arrives with the refusal
		must(t, stream.SendMsg(newMessage(m.Input()).Interface()))
		must(t, stream.CloseSend())
		if err := stream.RecvMsg(newMessage(m.Output()).Interface()); rpc.Fault(err) == nil || rpc.Fault(err).Reason != fault.NotAllowed {
			t.Errorf("%s: %v", m.FullName(), err)
		}
	}
}

// naming returns a request that contains an organization and a directory in all fields for them.
func naming(m protoreflect.MethodDescriptor, organizationID, directoryID string) (request proto.Message, names, namesDirectory bool) {
	message := newMessage(m.Input())
	in := message
	if target := message.Descriptor().Fields().ByName("target"); target != nil && target.Message() != nil {
		in = message.Mutable(target).Message()
	}
	set := func(name protoreflect.Name, value string) bool {
		field := in.Descriptor().Fields().ByName(name)
		if field == nil || field.Kind() != protoreflect.StringKind {
			return false
		}
		in.Set(field, protoreflect.ValueOfString(value))
		return true
	}
	names = set("organization_id", organizationID)
	namesDirectory = set("directory_id", directoryID)
	return message.Interface(), names, namesDirectory
}

// kinds returns all kinds of principals, including the unspecified one.
func kinds() []commonv1.PrincipalKind {
	var all []commonv1.PrincipalKind
	for kind := range commonv1.PrincipalKind_name {
		all = append(all, commonv1.PrincipalKind(kind))
	}
	return all
}

// bound returns the principals of a kind, bound to acme and a directory if their kind has these: one principal, or for a vendor's service
// one for each sort of scope.
func bound(kind commonv1.PrincipalKind, directoryID string) []*commonv1.Principal {
	switch kind {
	case system, operator, commonv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED:
		return []*commonv1.Principal{{Kind: kind}}
	case vendor:
		return []*commonv1.Principal{readCredential(), writeCredential(), readAll(), writeAll()}
	case commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY:
		return []*commonv1.Principal{{Kind: kind, OrganizationId: "acme", DirectoryId: directoryID}}
	default:
		return []*commonv1.Principal{{Kind: kind, OrganizationId: "acme"}}
	}
}

// The service credentials: one for acme among others, and one for all organizations.
func readCredential() *commonv1.Principal {
	return &commonv1.Principal{Kind: vendor, OrganizationIds: []string{"first", "acme", "last"}}
}

func writeCredential() *commonv1.Principal {
	return &commonv1.Principal{Kind: vendor, OrganizationIds: []string{"acme"}, MayWrite: true}
}

func readAll() *commonv1.Principal {
	return &commonv1.Principal{Kind: vendor, AllOrganizations: true}
}

func writeAll() *commonv1.Principal {
	return &commonv1.Principal{Kind: vendor, AllOrganizations: true, MayWrite: true}
}

// reads reports whether the contract says that a method changes nothing.
func reads(m protoreflect.MethodDescriptor) bool {
	return m.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// Invariant 2.
func TestEveryRPCAdmitsItsCallersAndNoOthers(t *testing.T) {
	t.Parallel()
	channel := standIn(t)
	directoryID := ids.New()
	admitted := 0
	for _, m := range everyRPC() {
		callers := rpc.Callers(fullMethod(m))
		if len(callers.GetServices()) == 0 || len(callers.GetPrincipals()) == 0 {
			t.Errorf("%s says nothing of its callers", m.FullName())
		}
		request, names, _ := naming(m, "acme", directoryID)
		for value := range commonv1.Caller_name {
			caller := commonv1.Caller(value)
			for _, kind := range kinds() {
				for _, principal := range bound(kind, directoryID) {
					err := try(rpc.WithPrincipal(t.Context(), principal), channel.As(caller), m, request)
					got := rpc.Fault(err).Reason
					may := slices.Contains(callers.GetServices(), caller) && slices.Contains(callers.GetPrincipals(), kind)
					if kind == vendor {
						may = may && (principal.GetMayWrite() || reads(m)) &&
							(names || principal.GetAllOrganizations() || m.Parent().Name() == "RoleService")
					}
					what := fmt.Sprintf("%s by %s for %v", m.FullName(), caller, principal)
					switch {
					case caller == commonv1.Caller_CALLER_UNSPECIFIED:
						if got != fault.Unauthenticated {
							t.Errorf("%s: %v", what, err)
						}
					case may:
						if admitted++; got != fault.AlreadyExists && got != fault.InvalidRequest {
							t.Errorf("%s should be let in: %v", what, err)
						}
					case got != fault.NotAllowed:
						t.Errorf("%s should be refused: %v", what, err)
					}
				}
			}
		}
	}
	if admitted < len(everyRPC()) || len(everyRPC()) < 40 {
		t.Errorf("of %d RPCs only %d callers were let in", len(everyRPC()), admitted)
	}
}

// Each RPC for service credentials is a decision: a new RPC that admits VENDOR_SERVICE must be added to one of these lists.
func TestServiceCredentialsOpenTheseRPCs(t *testing.T) {
	t.Parallel()
	read := []string{
		"directory.v1.OrganizationService.GetOrganization", "directory.v1.OrganizationService.ListOrganizations",
		"identity.v1.ReadService.BatchGetGroups", "identity.v1.ReadService.BatchGetUsers", "identity.v1.ReadService.FindGroups",
		"identity.v1.ReadService.ListMembers", "identity.v1.ReadService.ListUserIds", "identity.v1.ReadService.LookupUser",
		"rule.v1.AccessService.CheckAccess", "rule.v1.AccessService.GetAccessCursor", "rule.v1.AccessService.GetAccessSettings",
		"rule.v1.AccessService.GetAccessStatus", "rule.v1.AccessService.ListAccess", "rule.v1.AccessService.ListSuspensions",
		"rule.v1.AccessService.WaitUntilCaughtUp", "rule.v1.AccessService.WatchAccess",
		"rule.v1.RoleService.GetRole", "rule.v1.RoleService.ListRoles",
		"rule.v1.TenantService.GetTenant", "rule.v1.TenantService.ListTenants",
	}
	write := []string{
		"directory.v1.OrganizationService.CreateOrganization", "directory.v1.OrganizationService.UpdateOrganization",
		"rule.v1.AccessService.GrantAccess", "rule.v1.AccessService.ResumeAccess", "rule.v1.AccessService.RevokeAccess",
		"rule.v1.AccessService.SuspendAccess",
		"rule.v1.TenantService.CreateTenant", "rule.v1.TenantService.DeleteTenant", "rule.v1.TenantService.UpdateTenant",
	}
	var gotRead, gotWrite []string
	for _, m := range everyRPC() {
		name := strings.TrimPrefix(string(m.FullName()), "usher.")
		switch {
		case !slices.Contains(rpc.Callers(fullMethod(m)).GetPrincipals(), vendor):
		case reads(m):
			gotRead = append(gotRead, name)
		default:
			gotWrite = append(gotWrite, name)
		}
	}
	slices.Sort(gotRead)
	slices.Sort(gotWrite)
	if !slices.Equal(gotRead, read) || !slices.Equal(gotWrite, write) {
		t.Errorf("read: %q\nwrite: %q", gotRead, gotWrite)
	}
}

func TestRPCsThatReadDeclareIt(t *testing.T) {
	t.Parallel()
	verbs := []string{"Get", "List", "BatchGet", "Lookup", "Find", "Check", "Watch", "Wait", "Resolve", "Read", "Stream"}
	for _, m := range everyRPC() {
		named := slices.ContainsFunc(verbs, func(verb string) bool { return strings.HasPrefix(string(m.Name()), verb) })
		if named != reads(m) {
			t.Errorf("%s has no side effects: %v", m.FullName(), reads(m))
		}
	}
}

// Invariant 5.
func TestNoRPCIsOpenToAnotherOrganizationOrDirectory(t *testing.T) {
	t.Parallel()
	channel := standIn(t)
	directoryID := ids.New()
	directoryKind := commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY
	for _, m := range everyRPC() {
		callers := rpc.Callers(fullMethod(m))
		for _, kind := range callers.GetPrincipals() {
			if kind == system || kind == operator {
				continue // bound to none
			}
			_, names, namesDirectory := naming(m, "acme", directoryID)
			if !names {
				// The roles are open to all. A credential for all organizations may list and create organizations.
				all := kind == vendor && (m.Name() == "ListOrganizations" || m.Name() == "CreateOrganization")
				if m.Parent().Name() != "RoleService" && !all {
					t.Errorf("%s names no organization and admits %s", m.FullName(), kind)
				}
				continue
			}
			if kind == directoryKind && !namesDirectory {
				t.Errorf("%s names no directory and admits %s", m.FullName(), kind)
			}
			type attempt struct {
				what, organizationID, directoryID string
				principal                         *commonv1.Principal
			}
			attempts := []attempt{{"a principal that is bound to none", "", "", &commonv1.Principal{Kind: kind, MayWrite: true}}}
			for _, principal := range bound(kind, directoryID) {
				if principal.GetAllOrganizations() {
					continue // bound to none
				}
				attempts = append(attempts,
					attempt{"another organization", "other", directoryID, principal},
					attempt{"no organization", "", directoryID, principal},
					attempt{"an organization in another spelling", "ACME", directoryID, principal},
					attempt{"a part of an organization", "acm", directoryID, principal},
				)
			}
			if kind == directoryKind {
				attempts = append(attempts,
					attempt{"another directory", "acme", ids.New(), bound(kind, directoryID)[0]},
					attempt{"no directory", "acme", "", &commonv1.Principal{Kind: kind, OrganizationId: "acme"}},
				)
			}
			if kind == vendor {
				attempts = append(attempts, attempt{
					"a principal with the binding of another kind", "acme", directoryID,
					&commonv1.Principal{Kind: kind, OrganizationId: "acme", MayWrite: true},
				})
			} else {
				attempts = append(attempts, attempt{
					"a principal with the scope of another kind", "acme", directoryID,
					&commonv1.Principal{Kind: kind, OrganizationIds: []string{"acme"}, AllOrganizations: true, DirectoryId: directoryID},
				})
			}
			for _, a := range attempts {
				request, _, _ := naming(m, a.organizationID, a.directoryID)
				for _, caller := range callers.GetServices() {
					err := try(rpc.WithPrincipal(t.Context(), a.principal), channel.As(caller), m, request)
					if got := rpc.Fault(err).Reason; got != fault.NotAllowed {
						t.Errorf("%s by %s for %v, %s: %v", m.FullName(), caller, a.principal, a.what, err)
					}
				}
			}
			if m.Input().Fields().ByName("target") != nil {
				for _, principal := range bound(kind, directoryID) {
					err := try(rpc.WithPrincipal(t.Context(), principal), channel.As(callers.GetServices()[0]), m, newMessage(m.Input()).Interface())
					refused(t, string(m.FullName())+" without a target", err, fault.NotAllowed)
				}
			}
		}
	}
}

func TestRPCsWithARouteArePublicAndInternalOnesAreNot(t *testing.T) {
	t.Parallel()
	for _, m := range everyRPC() {
		routed := proto.HasExtension(m.Options(), annotations.E_Http)
		public := rpc.Public(fullMethod(m))
		if routed && !public {
			t.Errorf("%s has a route and is not public", m.FullName())
		}
		principals := rpc.Callers(fullMethod(m)).GetPrincipals()
		byGateway := slices.Contains(rpc.Callers(fullMethod(m)).GetServices(), commonv1.Caller_CALLER_GATEWAY)
		onlyInternal := !byGateway || !slices.ContainsFunc(principals, func(kind commonv1.PrincipalKind) bool {
			return kind != system && kind != commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY
		})
		if public == onlyInternal {
			t.Errorf("%s admits %v and is public: %v", m.FullName(), principals, public)
		}
	}
	// Only rule calls it, for an admin.
	if rpc.Public("/usher.identity.v1.ReadService/CheckUserFilter") {
		t.Error("CheckUserFilter, which the gateway may not call, is public")
	}
	if rpc.Public("/usher.none.v1.NoService/No") || len(rpc.Callers("nonsense").GetServices()) > 0 {
		t.Error("what is no RPC is open")
	}
}
