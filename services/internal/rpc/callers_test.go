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
	"github.com/usher-scim/usher/services/internal/scope"
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

// reached is the answer of every handler to a call that was admitted.
func reached(protoreflect.MessageDescriptor) (proto.Message, error) {
	return nil, fault.New(fault.AlreadyExists, "reached")
}

// standIn serves every RPC of the contract, so that only the interceptors decide. answer makes the answer of an RPC from its type.
func standIn(t *testing.T, answer func(protoreflect.MessageDescriptor) (proto.Message, error)) *rpc.InProcess {
	t.Helper()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
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
					response, err := answer(m.Output())
					if err != nil {
						return err
					}
					return stream.SendMsg(response)
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
					func(context.Context, any) (any, error) { return answer(m.Output()) })
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
	channel := standIn(t, reached)
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

// naming returns a request that contains an organization, and a directory in the field that names one.
func naming(m protoreflect.MethodDescriptor, organizationID, directoryID string) (request proto.Message, names bool) {
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
	if field := rpc.Callers(fullMethod(m)).GetDirectoryField(); field != "" && !set(protoreflect.Name(field), directoryID) {
		panic(string(m.FullName()) + " has no field " + field)
	}
	return message.Interface(), set("organization_id", organizationID)
}

// kinds returns all kinds of principals, including the unspecified one.
func kinds() []commonv1.PrincipalKind {
	var all []commonv1.PrincipalKind
	for kind := range commonv1.PrincipalKind_name {
		all = append(all, commonv1.PrincipalKind(kind))
	}
	return all
}

// bound returns the principals of a kind with scopes, bound to acme and a directory where their kind has these: one principal, or several
// if they can be bound in several ways.
func bound(kind commonv1.PrincipalKind, scopes scope.Set, directoryID string) []*commonv1.Principal {
	base := &commonv1.Principal{Kind: kind, Scopes: uint32(scopes)}
	with := func(change func(p *commonv1.Principal)) *commonv1.Principal {
		p := proto.Clone(base).(*commonv1.Principal)
		change(p)
		return p
	}
	inAcme := with(func(p *commonv1.Principal) { p.OrganizationId = "acme" })
	switch kind {
	case system, operator, commonv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED:
		return []*commonv1.Principal{base}
	case vendor:
		return []*commonv1.Principal{
			with(func(p *commonv1.Principal) { p.OrganizationIds = []string{"first", "acme", "last"} }),
			with(func(p *commonv1.Principal) { p.AllOrganizations = true }),
		}
	case commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY:
		return []*commonv1.Principal{with(func(p *commonv1.Principal) { p.OrganizationId, p.DirectoryId = "acme", directoryID })}
	case admin:
		return []*commonv1.Principal{inAcme, with(func(p *commonv1.Principal) {
			p.OrganizationId, p.OneDirectory, p.DirectoryId = "acme", true, directoryID
		})}
	default:
		return []*commonv1.Principal{inAcme}
	}
}

// reads reports whether the contract says that a method changes nothing.
func reads(m protoreflect.MethodDescriptor) bool {
	return m.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// admissions says who may call each RPC: the services; principals in brackets, which need no scope; scopes, one of which is enough; the
// binding; and the field that names a directory. A new RPC, or a changed option, is a decision that belongs here.
var admissions = map[string]string{
	"directory.v1.ApiKeyService.CreateApiKey":                       "gateway; MANAGE_DIRECTORIES; directory_id",
	"directory.v1.ApiKeyService.ListApiKeys":                        "gateway; MANAGE_DIRECTORIES, READ_EVENTS; directory_id",
	"directory.v1.ApiKeyService.RevokeApiKey":                       "gateway; MANAGE_DIRECTORIES; directory_id",
	"directory.v1.ApiKeyService.RotateApiKey":                       "gateway; MANAGE_DIRECTORIES; directory_id",
	"directory.v1.DirectoryFeedService.WatchDirectories":            "identity, rule, gateway; [SYSTEM]",
	"directory.v1.DirectoryService.CreateDirectory":                 "gateway; MANAGE_DIRECTORIES",
	"directory.v1.DirectoryService.DeleteDirectory":                 "gateway; MANAGE_DIRECTORIES; id",
	"directory.v1.DirectoryService.GetDirectory":                    "gateway; MANAGE_DIRECTORIES, READ_ACCESS, READ_EVENTS; id",
	"directory.v1.DirectoryService.ListDirectories":                 "gateway; MANAGE_DIRECTORIES, READ_ACCESS, READ_EVENTS",
	"directory.v1.DirectoryService.UpdateDirectory":                 "gateway; MANAGE_DIRECTORIES; id",
	"directory.v1.ErasureService.ConfirmErasure":                    "identity, rule, failedevents; [SYSTEM]",
	"directory.v1.ErasureService.ListErasures":                      "identity, rule, failedevents; [SYSTEM]",
	"directory.v1.KeyLookupService.ListSigningKeys":                 "gateway; [SYSTEM]",
	"directory.v1.KeyLookupService.ResolveKey":                      "gateway; [SYSTEM]",
	"directory.v1.OrganizationService.CreateOrganization":           "gateway; MANAGE_ORGANIZATIONS; ALL_ORGANIZATIONS",
	"directory.v1.OrganizationService.EraseOrganization":            "gateway; [OPERATOR]",
	"directory.v1.OrganizationService.GetOrganization":              "gateway; [OPERATOR, ORGANIZATION_ADMIN, SERVICE, ORGANIZATION_VIEWER]",
	"directory.v1.OrganizationService.ListOrganizations":            "gateway; MANAGE_ORGANIZATIONS, READ_ACCESS; ALL_ORGANIZATIONS",
	"directory.v1.OrganizationService.UpdateOrganization":           "gateway; MANAGE_ORGANIZATIONS",
	"directory.v1.PortalLinkService.CreatePortalLink":               "gateway; MANAGE_ORGANIZATIONS",
	"directory.v1.PortalLinkService.ListPortalLinks":                "gateway; MANAGE_ORGANIZATIONS",
	"directory.v1.PortalLinkService.RevokePortalLink":               "gateway; MANAGE_ORGANIZATIONS",
	"directory.v1.ServiceCredentialService.CreateServiceCredential": "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.ServiceCredentialService.ListServiceCredentials":  "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.ServiceCredentialService.RevokeServiceCredential": "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.ServiceCredentialService.RotateServiceCredential": "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SessionService.BlockSubject":                      "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SessionService.ListBlockedSubjects":               "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SessionService.ListOrganizationSessions":          "gateway; GRANT_ACCESS; WHOLE_ORGANIZATION",
	"directory.v1.SessionService.RevokeOrganizationSession":         "gateway; GRANT_ACCESS; WHOLE_ORGANIZATION",
	"directory.v1.SessionService.ListSessions":                      "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SessionService.RevokeSession":                     "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SessionService.UnblockSubject":                    "gateway; [OPERATOR]; ALL_ORGANIZATIONS",
	"directory.v1.SignInService.CreateSession":                      "gateway; [SYSTEM]",
	"directory.v1.SignInService.EndSessions":                        "gateway; [SYSTEM]",
	"directory.v1.SignInService.UsePortalLink":                      "gateway; [SYSTEM]",
	"directory.v1.UseService.RecordUses":                            "gateway; [SYSTEM]",
	"failedevents.v1.ActivityService.ListActivity":                  "gateway; MANAGE_DIRECTORIES, READ_EVENTS; directory_id",
	"failedevents.v1.FailedEventErasureService.EraseNames":          "identity; [SYSTEM]",
	"failedevents.v1.FailedEventRecordService.RecordFailedEvents":   "gateway, rule; [SYSTEM]",
	"failedevents.v1.FailedEventService.AcknowledgeFailedEvent":     "gateway; MANAGE_DIRECTORIES; WHOLE_ORGANIZATION",
	"failedevents.v1.FailedEventService.AcknowledgeFailedEvents":    "gateway; MANAGE_DIRECTORIES; WHOLE_ORGANIZATION",
	"failedevents.v1.FailedEventService.CountFailedEvents":          "gateway; READ_EVENTS; directory_id",
	"failedevents.v1.FailedEventService.GetFailedEvent":             "gateway; READ_EVENTS; WHOLE_ORGANIZATION",
	"failedevents.v1.FailedEventService.ListFailedEvents":           "gateway; READ_EVENTS; directory_id",
	"identity.v1.AdoptionService.FinishAdoption":                    "gateway; MANAGE_DIRECTORIES; directory_id",
	"identity.v1.AdoptionService.ListCarriedMembers":                "gateway; MANAGE_DIRECTORIES, READ_ACCESS; directory_id",
	"identity.v1.AdoptionService.ListUnadopted":                     "gateway; MANAGE_DIRECTORIES, READ_ACCESS; directory_id",
	"identity.v1.DetachedUserService.EraseUser":                     "gateway; MANAGE_DIRECTORIES; WHOLE_ORGANIZATION",
	"identity.v1.DetachedUserService.UpdateUser":                    "gateway; MANAGE_DIRECTORIES; WHOLE_ORGANIZATION",
	"identity.v1.DialectService.ListQuirks":                         "gateway; MANAGE_DIRECTORIES, READ_EVENTS; directory_id",
	"identity.v1.FactsService.StreamUserFacts":                      "rule; [SYSTEM]",
	"identity.v1.FeedService.GetCursor":                             "rule; [SYSTEM]",
	"identity.v1.FeedService.ListChanges":                           "rule; [SYSTEM]",
	"identity.v1.FeedService.WatchActivity":                         "rule; [SYSTEM]",
	"identity.v1.MatchService.CountMatchingUsers":                   "rule; [SYSTEM]",
	"identity.v1.PeopleService.GetGroup":                            "gateway; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.GetUser":                             "gateway; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.ListNestedGroups":                    "gateway; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.ListRoleValues":                      "gateway; MANAGE_RULES, READ_PEOPLE; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.ListUserGroups":                      "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.SearchGroups":                        "gateway; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS; WHOLE_ORGANIZATION",
	"identity.v1.PeopleService.SearchUsers":                         "gateway; READ_PEOPLE; WHOLE_ORGANIZATION",
	"identity.v1.ProgressService.GetDirectoryProgress":              "gateway; MANAGE_DIRECTORIES, READ_EVENTS; directory_id",
	"identity.v1.ProgressService.ListDirectoryProgress":             "gateway; MANAGE_DIRECTORIES, READ_EVENTS; WHOLE_ORGANIZATION",
	"identity.v1.ReadService.CountResources":                        "gateway, rule; [SYSTEM]; MANAGE_ORGANIZATIONS, READ_ACCESS; ALL_ORGANIZATIONS",
	"identity.v1.ReadService.BatchGetGroups":                        "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ReadService.BatchGetUsers":                         "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ReadService.CheckUserFilter":                       "rule; [SYSTEM]; MANAGE_RULES",
	"identity.v1.ReadService.FindGroups":                            "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ReadService.ListMembers":                           "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ReadService.ListUserIds":                           "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ReadService.LookupUser":                            "gateway, rule; [SYSTEM]; MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS",
	"identity.v1.ResourceService.DeleteResource":                    "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.GetResource":                       "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.ListDescriptions":                  "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.ListResources":                     "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.ReadResourceStream":                "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.WriteResource":                     "gateway; [DIRECTORY]; directory_id",
	"identity.v1.ResourceService.WriteResourceStream":               "gateway; [DIRECTORY]; directory_id",
	"identity.v1.SchemaService.DeleteSchema":                        "gateway; MANAGE_DIRECTORIES; directory_id",
	"identity.v1.SchemaService.ListSchemas":                         "gateway; MANAGE_DIRECTORIES, READ_EVENTS; directory_id",
	"identity.v1.SchemaService.PutSchema":                           "gateway; MANAGE_DIRECTORIES; directory_id",
	"rule.v1.AccessService.BatchGetAccessStatus":                    "gateway; MANAGE_ORGANIZATIONS, READ_ACCESS; ALL_ORGANIZATIONS",
	"rule.v1.AccessService.CheckAccess":                             "gateway; GRANT_ACCESS, READ_ACCESS",
	"rule.v1.AccessService.ExplainAccess":                           "gateway; GRANT_ACCESS, READ_ACCESS; WHOLE_ORGANIZATION",
	"rule.v1.AccessService.GetAccessCursor":                         "gateway; READ_ACCESS",
	"rule.v1.AccessService.GetAccessSettings":                       "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.AccessService.GetAccessStatus":                         "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.AccessService.GrantAccess":                             "gateway; GRANT_ACCESS",
	"rule.v1.AccessService.ListAccess":                              "gateway; GRANT_ACCESS, READ_ACCESS",
	"rule.v1.AccessService.ListAccessChanges":                       "gateway; READ_ACCESS",
	"rule.v1.AccessService.ListSuspensions":                         "gateway; GRANT_ACCESS, READ_ACCESS",
	"rule.v1.AccessService.ResumeAccess":                            "gateway; GRANT_ACCESS",
	"rule.v1.AccessService.RevokeAccess":                            "gateway; GRANT_ACCESS",
	"rule.v1.AccessService.CheckAdminRemains":                       "gateway; MANAGE_DIRECTORIES; WHOLE_ORGANIZATION",
	"rule.v1.AccessService.SuspendAccess":                           "gateway; GRANT_ACCESS",
	"rule.v1.AccessService.UpdateAccessSettings":                    "gateway; MANAGE_RULES",
	"rule.v1.AccessService.WaitUntilCaughtUp":                       "gateway; READ_ACCESS",
	"rule.v1.AccessService.WatchAccess":                             "gateway; READ_ACCESS",
	"rule.v1.RoleService.CreateRole":                                "gateway; [OPERATOR]; NONE",
	"rule.v1.RoleService.DeleteRole":                                "gateway; [OPERATOR]; NONE",
	"rule.v1.RoleService.GetRole":                                   "gateway; [OPERATOR, ORGANIZATION_ADMIN, SERVICE, ORGANIZATION_VIEWER]; NONE",
	"rule.v1.RoleService.ListRoles":                                 "gateway; [OPERATOR, ORGANIZATION_ADMIN, SERVICE, ORGANIZATION_VIEWER]; NONE",
	"rule.v1.RuleService.CountRuleMatches":                          "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.RuleService.CreateRule":                                "gateway; MANAGE_RULES",
	"rule.v1.RuleService.DeleteRule":                                "gateway; MANAGE_RULES",
	"rule.v1.RuleService.DisableRule":                               "gateway; MANAGE_RULES",
	"rule.v1.RuleService.EnableRule":                                "gateway; MANAGE_RULES",
	"rule.v1.RuleService.GetRule":                                   "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.RuleService.ListRuleProblems":                          "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.RuleService.ListRules":                                 "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.RuleService.PreviewRule":                               "gateway; MANAGE_RULES",
	"rule.v1.RuleService.UpdateRule":                                "gateway; MANAGE_RULES",
	"rule.v1.SyncService.CancelSync":                                "gateway; MANAGE_RULES",
	"rule.v1.SyncService.GetSync":                                   "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.SyncService.ListSyncs":                                 "gateway; MANAGE_RULES, READ_ACCESS",
	"rule.v1.SyncService.StartSync":                                 "gateway; MANAGE_RULES",
	"rule.v1.TenantService.CreateTenant":                            "gateway; MANAGE_ORGANIZATIONS",
	"rule.v1.TenantService.DeleteTenant":                            "gateway; MANAGE_ORGANIZATIONS",
	"rule.v1.TenantService.GetTenant":                               "gateway; MANAGE_ORGANIZATIONS, MANAGE_RULES, GRANT_ACCESS, READ_ACCESS",
	"rule.v1.TenantService.ListTenants":                             "gateway; MANAGE_ORGANIZATIONS, MANAGE_RULES, GRANT_ACCESS, READ_ACCESS",
	"rule.v1.TenantService.UpdateTenant":                            "gateway; MANAGE_ORGANIZATIONS",
}

// describe renders the callers of an RPC as in admissions.
func describe(m protoreflect.MethodDescriptor) string {
	callers := rpc.Callers(fullMethod(m))
	var services, principals []string
	for _, s := range callers.GetServices() {
		services = append(services, rpc.CallerName(s))
	}
	for _, p := range callers.GetPrincipals() {
		principals = append(principals, strings.TrimPrefix(p.String(), "PRINCIPAL_KIND_"))
	}
	parts := []string{strings.Join(services, ", ")}
	if len(principals) > 0 {
		parts = append(parts, "["+strings.Join(principals, ", ")+"]")
	}
	if scopes := scope.Of(callers.GetScopes()...).String(); scopes != "" {
		parts = append(parts, scopes)
	}
	if binding := callers.GetBinding(); binding != commonv1.Binding_BINDING_UNSPECIFIED {
		parts = append(parts, strings.TrimPrefix(binding.String(), "BINDING_"))
	}
	if field := callers.GetDirectoryField(); field != "" {
		parts = append(parts, field)
	}
	return strings.Join(parts, "; ")
}

// Invariant 2.
func TestEachRPCAdmitsWhomTheTableNames(t *testing.T) {
	t.Parallel()
	for _, m := range everyRPC() {
		name := strings.TrimPrefix(string(m.FullName()), "usher.")
		if got := describe(m); got != admissions[name] {
			t.Errorf("%q: %q,", name, got)
		}
	}
	if len(admissions) != len(everyRPC()) {
		t.Errorf("the table has %d RPCs, and the contract %d", len(admissions), len(everyRPC()))
	}
}

// mostScopes says which scopes a principal of a kind can have at most.
var mostScopes = map[commonv1.PrincipalKind]string{
	operator: "MANAGE_ORGANIZATIONS, MANAGE_DIRECTORIES, MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS, READ_EVENTS",
	admin:    "MANAGE_DIRECTORIES, MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS, READ_EVENTS",
	viewer:   "READ_PEOPLE, READ_ACCESS, READ_EVENTS",
	vendor:   "MANAGE_ORGANIZATIONS, MANAGE_DIRECTORIES, MANAGE_RULES, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS, READ_EVENTS",
}

// scopeSets returns no scope, each scope alone, and all of them.
func scopeSets() []scope.Set {
	sets := []scope.Set{0}
	var all scope.Set
	for number := range commonv1.Scope_name {
		one := scope.Of(commonv1.Scope(number))
		all |= one
		if one != 0 {
			sets = append(sets, one)
		}
	}
	return append(sets, all)
}

// Invariant 2.
func TestEveryRPCAdmitsItsCallersAndNoOthers(t *testing.T) {
	t.Parallel()
	channel := standIn(t, reached)
	directoryID := ids.New()
	admitted := 0
	for _, m := range everyRPC() {
		callers := rpc.Callers(fullMethod(m))
		for value := range commonv1.Caller_name {
			caller := commonv1.Caller(value)
			for _, kind := range kinds() {
				if got := scope.Most(kind).String(); got != mostScopes[kind] {
					t.Fatalf("%s can have %s", kind, got)
				}
				for _, scopes := range scopeSets() {
					if !slices.Contains(callers.GetServices(), caller) && scopes != 0 {
						continue // which scopes the principal has changes nothing
					}
					for _, principal := range bound(kind, scopes, directoryID) {
						request, _ := naming(m, "acme", directoryID)
						err := try(rpc.WithPrincipal(t.Context(), principal), channel.As(caller), m, request)
						want := expected(callers, caller, principal)
						what := fmt.Sprintf("%s by %s for %v", m.FullName(), caller, principal)
						switch got := rpc.Fault(err).Reason; {
						case caller == commonv1.Caller_CALLER_UNSPECIFIED:
							if got != fault.Unauthenticated {
								t.Errorf("%s: %v", what, err)
							}
						case want == "":
							if admitted++; got != fault.AlreadyExists && got != fault.InvalidRequest {
								t.Errorf("%s should be let in: %v", what, err)
							}
						case fault.ReasonName(got) != want:
							t.Errorf("%s should be refused as %s: %v", what, want, err)
						}
					}
				}
			}
		}
	}
	if admitted < len(everyRPC()) || len(everyRPC()) < 40 {
		t.Errorf("of %d RPCs only %d callers were let in", len(everyRPC()), admitted)
	}
}

// expected returns the reason why a principal of acme is refused; empty if it is admitted.
func expected(callers *commonv1.Callers, caller commonv1.Caller, p *commonv1.Principal) string {
	const notAllowed, scopeMissing = "CALLER_NOT_ALLOWED", "SCOPE_MISSING"
	kind := p.GetKind()
	if !slices.Contains(callers.GetServices(), caller) {
		return notAllowed
	}
	if !slices.Contains(callers.GetPrincipals(), kind) {
		can, has := false, false
		for _, s := range callers.GetScopes() {
			allowed := slices.Contains(strings.Split(mostScopes[kind], ", "), scope.Name(s))
			can = can || allowed
			has = has || allowed && p.GetScopes()&(1<<s) != 0
		}
		switch {
		case !can:
			return notAllowed
		case !has:
			return scopeMissing
		}
	}
	if kind == system || kind == operator {
		return ""
	}
	switch callers.GetBinding() {
	case commonv1.Binding_BINDING_ALL_ORGANIZATIONS:
		if !p.GetAllOrganizations() {
			return notAllowed
		}
	case commonv1.Binding_BINDING_WHOLE_ORGANIZATION:
		if p.GetOneDirectory() {
			return notAllowed
		}
	}
	return ""
}

func TestRPCsThatReadDeclareIt(t *testing.T) {
	t.Parallel()
	verbs := []string{"Get", "List", "BatchGet", "Lookup", "Find", "Check", "Watch", "Wait", "Count", "Resolve", "Read", "Stream", "Search", "Explain", "Preview"}
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
	channel := standIn(t, reached)
	directoryID := ids.New()
	const directoryKind = commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY
	for _, m := range everyRPC() {
		callers := rpc.Callers(fullMethod(m))
		for _, kind := range kinds() {
			all := scope.Most(kind)
			if kind == system || kind == operator || !slices.Contains(callers.GetPrincipals(), kind) && !all.Intersects(scope.Of(callers.GetScopes()...)) {
				continue // bound to none, or never admitted
			}
			if callers.GetBinding() == commonv1.Binding_BINDING_NONE {
				if m.Parent().Name() != "RoleService" {
					t.Errorf("%s concerns no organization and admits %s", m.FullName(), kind)
				}
				continue
			}
			_, names := naming(m, "acme", directoryID)
			if !names {
				if callers.GetBinding() != commonv1.Binding_BINDING_ALL_ORGANIZATIONS {
					t.Errorf("%s names no organization and admits %s", m.FullName(), kind)
				}
				continue
			}
			if kind == directoryKind && callers.GetDirectoryField() == "" {
				t.Errorf("%s names no directory and admits %s", m.FullName(), kind)
			}
			type attempt struct {
				what, organizationID, directoryID string
				principal                         *commonv1.Principal
			}
			attempts := []attempt{{"a principal that is bound to none", "", "", &commonv1.Principal{Kind: kind, Scopes: uint32(all)}}}
			for _, principal := range bound(kind, all, directoryID) {
				if principal.GetAllOrganizations() {
					continue // bound to none
				}
				attempts = append(attempts,
					attempt{"another organization", "other", directoryID, principal},
					attempt{"no organization", "", directoryID, principal},
					attempt{"an organization in another spelling", "ACME", directoryID, principal},
					attempt{"a part of an organization", "acm", directoryID, principal},
				)
				if callers.GetDirectoryField() != "" && principal.GetDirectoryId() != "" {
					unbound := proto.Clone(principal).(*commonv1.Principal)
					unbound.DirectoryId = ""
					attempts = append(attempts,
						attempt{"another directory", "acme", ids.New(), principal},
						attempt{"no directory", "acme", "", principal},
						attempt{"no directory for a principal without one", "acme", "", unbound},
						attempt{"a directory for a principal without one", "acme", directoryID, unbound},
					)
				}
			}
			if kind == vendor {
				attempts = append(attempts, attempt{
					"a principal with the binding of another kind", "acme", directoryID,
					&commonv1.Principal{Kind: kind, OrganizationId: "acme", Scopes: uint32(all)},
				})
			} else {
				attempts = append(attempts, attempt{
					"a principal with the binding of a service", "acme", directoryID,
					&commonv1.Principal{Kind: kind, OrganizationIds: []string{"acme"}, AllOrganizations: true, DirectoryId: directoryID, Scopes: uint32(all)},
				})
			}
			for _, a := range attempts {
				if callers.GetBinding() == commonv1.Binding_BINDING_ALL_ORGANIZATIONS && a.principal.GetAllOrganizations() {
					continue
				}
				request, _ := naming(m, a.organizationID, a.directoryID)
				for _, caller := range callers.GetServices() {
					err := try(rpc.WithPrincipal(t.Context(), a.principal), channel.As(caller), m, request)
					if got := rpc.Fault(err).Reason; got != fault.NotAllowed {
						t.Errorf("%s by %s for %v, %s: %v", m.FullName(), caller, a.principal, a.what, err)
					}
				}
			}
			if m.Input().Fields().ByName("target") != nil {
				for _, principal := range bound(kind, all, directoryID) {
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
		callers := rpc.Callers(fullMethod(m))
		principals := callers.GetPrincipals()
		byGateway := slices.Contains(callers.GetServices(), commonv1.Caller_CALLER_GATEWAY)
		onlyInternal := !byGateway || len(callers.GetScopes()) == 0 && !slices.ContainsFunc(principals, func(kind commonv1.PrincipalKind) bool {
			return kind != system && kind != commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY
		})
		if public == onlyInternal {
			t.Errorf("%s admits %v and is public: %v", m.FullName(), principals, public)
		}
	}
	// Only rule calls it.
	if rpc.Public("/usher.identity.v1.ReadService/CheckUserFilter") {
		t.Error("CheckUserFilter, which the gateway may not call, is public")
	}
	if rpc.Public("/usher.none.v1.NoService/No") || len(rpc.Callers("nonsense").GetServices()) > 0 {
		t.Error("what is no RPC is open")
	}
}
