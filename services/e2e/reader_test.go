package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// readRPCs are the RPCs of the public API that change nothing.
func readRPCs() (all []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if m := methods.Get(j); rpc.Public(fullMethod(m)) && rpc.Reads(fullMethod(m)) {
					all = append(all, m)
				}
			}
		}
		return true
	})
	return all
}

// A service that reads access and events sees no e-mail address and no userName, by any RPC and over any interface, whether it succeeds or
// fails.
func aReaderSeesNoPeople(t *testing.T, p *people) {
	s := p.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
		OrganizationIds: []string{demo}, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_EVENTS},
	}})
	const (
		userName = "ann.smith-unique"
		email    = "ann@people.example"
	)
	d := p.newDirectory(nil)
	body := `{` + userSchema + `,"userName":"` + userName + `","displayName":"` + userName + `","externalId":"` + email + `","emails":[{"value":"` + email + `","primary":true}]}`
	ann := d.send(http.MethodPost, "/Users", body, http.StatusCreated).str("id")
	bob := d.user(email) // a userName that is an e-mail address
	group := d.group("Team of people", ann, bob)
	d.send(http.MethodPost, "/Users", body, http.StatusConflict)
	d.patch("/Users/"+bob, "replace", "userName", userName, http.StatusConflict)
	rule, err := p.rules().CreateRule(p.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
		DisplayName: proto.String("some people"), Match: &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: `emails.value eq "` + email + `" or userName eq "` + userName + `"`}},
		Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "designer"}},
	}})
	p.must(err)
	d.patch("/Users/"+ann, "replace", "title", "x", http.StatusOK)
	p.caughtUp()
	for _, id := range []string{ann, bob} {
		_, err := p.access().GrantAccess(p.ctx(), &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: id, TenantId: "staging", RoleId: "developer"})
		p.must(err)
	}
	_, err = p.access().SuspendAccess(p.ctx(), &rulev1.SuspendAccessRequest{OrganizationId: demo, UserId: bob, Reason: "ask " + email})
	p.must(err)
	sync := p.sync()
	event := ""
	eventually(t, "there are failed events", func() bool {
		_, answer := p.rest(http.MethodGet, "/api/v1/organizations/demo/failedEvents?directoryId="+d.id, "")
		var list struct{ FailedEvents []struct{ ID string } }
		p.must(json.Unmarshal(answer, &list))
		if len(list.FailedEvents) > 0 {
			event = list.FailedEvents[0].ID
		}
		return len(list.FailedEvents) == 2
	})

	ids := map[string]string{
		"GetDirectory": d.id, "GetRule": rule.GetRule().GetId(), "GetSync": sync.GetId(), "GetTenant": "production", "GetRole": "designer",
		"GetFailedEvent": event, "BatchGetUsers": ann, "BatchGetGroups": group, "LookupUser": ann,
	}
	fields := map[string]string{
		"organization_id": demo, "directory_id": d.id, "user_id": ann, "group_id": group, "tenant_id": "production", "role_id": "designer",
		"user_name": userName, "email": email, "external_id": email, "filter": `userName eq "` + userName + `"`, "display_name": "Team of people",
	}
	sees := func(what, answer string) {
		answer = strings.ReplaceAll(answer, `"@type"`, "") // of the details of errors
		if strings.Contains(answer, "@") || strings.Contains(strings.ToLower(answer), userName) {
			t.Errorf("%s: %s", what, answer)
		}
	}
	var reads []string
	for _, m := range readRPCs() {
		name := string(m.Name())
		for _, request := range requestsOf(m, ids[name], fields) {
			answer, err := p.answerOf(s.ctx(), m, request)
			if err == nil && !slices.Contains(reads, name) {
				reads = append(reads, name)
			}
			sees(name+" over gRPC", answer)
			if path := restPath(m, request); path != "" {
				method, body := http.MethodGet, ""
				if rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule); rule.GetPost() != "" {
					method, body = http.MethodPost, protojson.Format(request)
				}
				if !m.IsStreamingServer() {
					_, _, answer := newBrowser(p.usher).send(method, p.admin(path), body, map[string]string{"Authorization": "Bearer " + s.secret})
					sees(name+" over REST", answer)
				}
			}
		}
	}
	// It can read all that it needs.
	for _, name := range []string{
		"CheckAccess", "ListAccess", "GetAccessCursor", "GetAccessStatus", "GetAccessSettings", "ListSuspensions", "WatchAccess", "ListRules",
		"GetRule", "ListSyncs", "GetSync", "ListTenants", "GetTenant", "ListRoles", "GetRole", "ListDirectories", "GetDirectory",
		"ListFailedEvents", "GetFailedEvent", "GetOrganization", "ListActivity",
	} {
		if !slices.Contains(reads, name) {
			t.Errorf("%s is refused; these are allowed: %s", name, reads)
		}
	}
}

// requestsOf returns requests of an RPC in which the fields with these names are set: one for each field of a oneof.
func requestsOf(m protoreflect.MethodDescriptor, id string, values map[string]string) (all []proto.Message) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		panic(err) // it is generated code
	}
	set := func(request protoreflect.Message, field protoreflect.FieldDescriptor) {
		value := values[string(field.Name())]
		if field.Name() == "id" || field.Name() == "ids" {
			value = id
		}
		switch {
		case field.Kind() != protoreflect.StringKind || value == "":
		case field.IsList():
			request.Mutable(field).List().Append(protoreflect.ValueOfString(value))
		default:
			request.Set(field, protoreflect.ValueOfString(value))
		}
	}
	base := kind.New()
	var choices []protoreflect.FieldDescriptor
	for i := range m.Input().Fields().Len() {
		if field := m.Input().Fields().Get(i); field.ContainingOneof() != nil && !field.HasOptionalKeyword() {
			choices = append(choices, field)
		} else {
			set(base, field)
		}
	}
	if len(choices) == 0 {
		return []proto.Message{base.Interface()}
	}
	for _, field := range choices {
		request := proto.Clone(base.Interface())
		set(request.ProtoReflect(), field)
		all = append(all, request)
	}
	return all
}

// answerOf calls an RPC, and returns its answer or error as text. Of a stream, it reads up to the first bookmark.
func (p *people) answerOf(ctx context.Context, m protoreflect.MethodDescriptor, request proto.Message) (string, error) {
	p.t.Helper()
	if m.IsStreamingServer() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := p.access().WatchAccess(ctx, request.(*rulev1.WatchAccessRequest))
		p.must(err)
		text := ""
		for {
			r, err := stream.Recv()
			if err != nil {
				return text + err.Error(), err
			}
			if text += protojson.Format(r); r.GetChange() == nil {
				return text, nil
			}
		}
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	p.must(err)
	answer := kind.New().Interface()
	err = p.conn.Invoke(ctx, fullMethod(m), request, answer, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Sprint(err, status.Convert(err).Details()), err
	}
	return protojson.Format(answer), nil
}

// restPath returns the path of a request over REST, with its query; empty if the RPC has none.
func restPath(m protoreflect.MethodDescriptor, request proto.Message) string {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	path := rule.GetGet() + rule.GetPost()
	var values map[string]any
	text, err := protojson.Marshal(request)
	if err = errors.Join(err, json.Unmarshal(text, &values)); err != nil {
		panic(err) // it is a message
	}
	path = regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllStringFunc(path, func(name string) string {
		field := m.Input().Fields().ByName(protoreflect.Name(strings.Trim(name, "{}"))).JSONName()
		value := fmt.Sprint(values[field])
		delete(values, field)
		return url.PathEscape(value)
	})
	if rule.GetGet() == "" || path == "" {
		return path
	}
	query := url.Values{}
	for name, value := range values {
		query.Set(name, fmt.Sprint(value))
	}
	return path + "?" + query.Encode()
}
