package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
)

// updated makes a resource for an Update RPC: it gives what was made, and the fields of the request that name it.
var updated = map[protoreflect.FullName]func(u *usher, n int) (made proto.Message, names map[string]string){
	"usher.directory.v1.OrganizationService.UpdateOrganization": func(u *usher, n int) (proto.Message, map[string]string) {
		id := fmt.Sprint("updated-", n)
		r, err := u.organizations().CreateOrganization(u.ctx(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: id, DisplayName: proto.String("Updated"), Federated: proto.Bool(true)}})
		u.must(err)
		return r.GetOrganization(), map[string]string{"organization_id": id}
	},
	"usher.directory.v1.DirectoryService.UpdateDirectory": func(u *usher, _ int) (proto.Message, map[string]string) {
		r, err := u.directories().CreateDirectory(u.ctx(), &directoryv1.CreateDirectoryRequest{OrganizationId: demo, Directory: &directoryv1.Directory{DisplayName: proto.String("Updated"), Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT, UniqueGroupNames: proto.Bool(true)}})
		u.must(err)
		return r.GetDirectory(), map[string]string{"organization_id": demo, "id": r.GetDirectory().GetId()}
	},
	"usher.rule.v1.TenantService.UpdateTenant": func(u *usher, n int) (proto.Message, map[string]string) {
		id := fmt.Sprint("updated-", n)
		r, err := u.tenants().CreateTenant(u.ctx(), &rulev1.CreateTenantRequest{OrganizationId: demo, Tenant: &rulev1.Tenant{Id: id, DisplayName: proto.String("Updated")}})
		u.must(err)
		return r.GetTenant(), map[string]string{"organization_id": demo, "id": id}
	},
	"usher.rule.v1.AccessService.UpdateAccessSettings": func(u *usher, _ int) (proto.Message, map[string]string) {
		r, err := u.access().GetAccessSettings(u.ctx(), &rulev1.GetAccessSettingsRequest{OrganizationId: demo})
		u.must(err)
		return r.GetSettings(), map[string]string{"organization_id": demo}
	},
	"usher.rule.v1.RuleService.UpdateRule": func(u *usher, _ int) (proto.Message, map[string]string) {
		r, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
			DisplayName: proto.String("Updated"), Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "updated"}},
			Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "developer"}, {TenantId: "staging", RoleId: "designer"}},
		}})
		u.must(err)
		return r.GetRule(), map[string]string{"organization_id": demo, "id": r.GetRule().GetId()}
	},
}

// otherwiseUpdated answers with another message than the one that it takes, which has fewer fields. The tests of identity look at each
// field of it.
const otherwiseUpdated = "usher.identity.v1.DetachedUserService.UpdateUser"

// otherValues are values of fields that no value made up is good for, as JSON of the resource. One differs from any other.
var otherValues = map[protoreflect.FullName][]string{
	"usher.rule.v1.Rule.group":      {`{"group":{"displayName":"Updated"}}`, `{"group":{"displayName":"Updated twice"}}`},
	"usher.rule.v1.Rule.role_value": {`{"roleValue":{"value":"updated once"}}`, `{"roleValue":{"value":"updated twice"}}`},
	"usher.rule.v1.Rule.filter":     {`{"filter":{"filter":"title pr"}}`, `{"filter":{"filter":"userType pr"}}`},
	"usher.rule.v1.Rule.grants":     {`{"grants":[{"tenantId":"staging","roleId":"participant"}]}`, `{"grants":[{"roleId":"organization-admin"}]}`},
}

// updateRPC is an Update RPC of the public API, as its descriptor has it.
type updateRPC struct {
	method   protoreflect.MethodDescriptor
	resource protoreflect.FieldDescriptor // the field of the request that holds it
	http     *annotations.HttpRule
	create   func(u *usher, n int) (proto.Message, map[string]string)
}

func updateRPCs(t *testing.T) []updateRPC {
	t.Helper()
	var all []updateRPC
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				method := file.Services().Get(i).Methods().Get(j)
				if !strings.HasPrefix(string(method.Name()), "Update") || !rpc.Public(fullMethod(method)) || method.FullName() == otherwiseUpdated {
					continue
				}
				m := updateRPC{method: method, create: updated[method.FullName()]}
				m.http, _ = proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
				fields := method.Input().Fields()
				m.resource = fields.ByName(protoreflect.Name(m.http.GetBody()))
				switch {
				case m.resource == nil || m.http.GetPatch() == "":
					t.Errorf("%s: its REST is no PATCH whose body is the resource", method.FullName())
				case fields.ByName("update_mask") == nil:
					t.Errorf("%s has no update_mask", method.FullName())
				case m.create == nil:
					t.Errorf("%s: say in this test how what it updates is made", method.FullName())
				default:
					all = append(all, m)
				}
			}
		}
		return true
	})
	if len(all) < 4 {
		t.Errorf("%d RPCs: the walk misses some", len(all))
	}
	return all
}

func fullMethod(m protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
}

// call updates over gRPC and gives the resource that is answered.
func (m updateRPC) call(u *usher, names map[string]string, resource proto.Message, mask ...string) (proto.Message, error) {
	u.t.Helper()
	request, response := newMessage(u.t, m.method.Input()), newMessage(u.t, m.method.Output())
	fields := m.method.Input().Fields()
	for name, value := range names {
		request.ProtoReflect().Set(fields.ByName(protoreflect.Name(name)), protoreflect.ValueOfString(value))
	}
	request.ProtoReflect().Set(m.resource, protoreflect.ValueOfMessage(resource.ProtoReflect()))
	if mask != nil {
		request.ProtoReflect().Set(fields.ByName("update_mask"), protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: mask}).ProtoReflect()))
	}
	if err := u.conn.Invoke(u.ctx(), fullMethod(m.method), request, response); err != nil {
		return nil, err
	}
	return m.answered(response), nil
}

// rest updates over REST and gives the resource that is answered.
func (m updateRPC) rest(u *usher, names map[string]string, resource proto.Message, query string) proto.Message {
	u.t.Helper()
	path := m.http.GetPatch()
	for name, value := range names {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	body, err := protojson.Marshal(resource)
	u.must(err)
	code, answer := u.rest(http.MethodPatch, path+query, string(body))
	if code != http.StatusOK {
		u.t.Fatalf("PATCH %s%s %s: %d %s", path, query, body, code, answer)
	}
	response := newMessage(u.t, m.method.Output())
	u.must(protojson.Unmarshal(answer, response))
	return m.answered(response)
}

// answered is the resource in an answer of the RPC.
func (m updateRPC) answered(response proto.Message) proto.Message {
	return response.ProtoReflect().Get(m.method.Output().Fields().ByName(m.resource.Name())).Message().Interface()
}

// read reads the resource anew, by the Get RPC beside the Update RPC.
func (m updateRPC) read(u *usher, names map[string]string) proto.Message {
	u.t.Helper()
	service, _ := m.method.Parent().(protoreflect.ServiceDescriptor)
	get := service.Methods().ByName(protoreflect.Name("Get" + strings.TrimPrefix(string(m.method.Name()), "Update")))
	request, response := newMessage(u.t, get.Input()), newMessage(u.t, get.Output())
	for name, value := range names {
		request.ProtoReflect().Set(get.Input().Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOfString(value))
	}
	u.must(u.conn.Invoke(u.ctx(), fullMethod(get), request, response))
	return response.ProtoReflect().Get(get.Output().Fields().ByName(m.resource.Name())).Message().Interface()
}

// An update changes what it names and nothing else: each field that can change, by each way to name it, first as the resource
// was made and then with every other field changed.
// Invariant 17.
func TestAnUpdateChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	ways := map[string]func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message{
		"gRPC": func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
			answer, err := m.call(u, names, withOnly(was, field, value))
			u.must(err)
			return answer
		},
		"gRPC with a mask": func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
			// What the mask does not name has other values, too, which must not be taken.
			resource := changed(u.t, was)
			resource.ProtoReflect().Set(field, value)
			answer, err := m.call(u, names, resource, string(field.Name()))
			u.must(err)
			return answer
		},
		"REST": func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
			return m.rest(u, names, withOnly(was, field, value), "")
		},
		"REST with a mask": func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
			resource := changed(u.t, was)
			resource.ProtoReflect().Set(field, value)
			return m.rest(u, names, resource, "?updateMask="+field.JSONName())
		},
		"REST with all that was read": func(m updateRPC, u *usher, names map[string]string, was proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
			resource := proto.Clone(was)
			resource.ProtoReflect().Set(field, value)
			return m.rest(u, names, resource, "")
		},
	}
	n := 0
	for _, m := range updateRPCs(t) {
		for _, field := range update.Updatable(m.resource.Message()) {
			if !field.HasPresence() && !field.IsList() && !field.IsMap() && field.Kind() != protoreflect.EnumKind {
				t.Errorf("%s: nobody can tell whether it is left out; make it optional", field.FullName())
			}
			for name, way := range ways {
				for _, first := range []bool{true, false} {
					n++
					u := &usher{t: t, conn: u.conn, token: u.token, addrs: u.addrs}
					what := fmt.Sprintf("%s of %s, by %s", m.method.FullName(), field.Name(), name)
					was, names := m.create(u, n)
					if !first {
						var err error
						what += ", once all was changed"
						was, err = m.call(u, names, changed(t, was), masked(changed(t, was))...)
						u.must(err)
					}
					value := otherValue(t, was, field)
					answer := way(m, u, names, was, field, value)
					want := proto.Clone(was)
					want.ProtoReflect().Set(field, value)
					if etag := want.ProtoReflect().Descriptor().Fields().ByName("etag"); etag != nil {
						want.ProtoReflect().Set(etag, protoreflect.ValueOfString(update.Etag(want)))
					}
					requireSame(t, what, answer, want)
					requireSame(t, what+", read anew", m.read(u, names), want)
				}
			}
		}
	}
}

func TestAnUpdateNamesWhatItRefuses(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	for n, m := range updateRPCs(t) {
		was, names := m.create(u, n)
		refused := func(what, field string, mask ...string) {
			t.Helper()
			_, err := m.call(u, names, was.ProtoReflect().New().Interface(), mask...)
			f := requireReason(t, fmt.Sprintf("%s, %s", m.method.FullName(), what), err, fault.InvalidRequest)
			if len(f.Fields) != 1 || f.Fields[0].Path != field {
				t.Errorf("%s, %s: the error names %v, want %s", m.method.FullName(), what, f.Fields, field)
			}
		}
		updatable := update.Updatable(m.resource.Message())
		for i := range m.resource.Message().Fields().Len() {
			field := m.resource.Message().Fields().Get(i)
			switch {
			case !slices.Contains(updatable, field):
				refused("a mask of the fixed field "+string(field.Name()), "update_mask", string(field.Name()))
			case !field.IsList() && !field.IsMap():
				refused("a mask of the missing field "+string(field.Name()), string(m.resource.Name())+"."+string(field.Name()), string(field.Name()))
			}
		}
		refused("a mask of what there is not", "update_mask", strings.Repeat("x", 10_000))
		refused("a mask of a part of a field", "update_mask", "display_name.x")
		requireSame(t, string(m.method.FullName())+" after refusals", m.read(u, names), was)
	}
}

// The body of an update is the resource, and what is no resource is refused.
func TestTheBodyOfAnUpdateIsTheResource(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	for _, c := range []struct {
		name, query, body string
		code              int
		says              string
	}{
		{"no body", "", ``, 200, `"federated":true`},
		{"null", "", `null`, 400, "null"},
		{"a resource within a request", "", `{"organization":{"displayName":"x"}}`, 400, "organization"},
		{"an empty value", "", `{"displayName":""}`, 400, "organization.displayName"},
		{"a named field without a value", "?updateMask=federated", `{"displayName":"x"}`, 400, "organization.federated"},
		{"a mask of what cannot change", "?updateMask=displayName,createTime", `{"displayName":"x"}`, 400, `createTime\" cannot be changed`},
		{"a mask of nothing", "?updateMask=", `{"displayName":"Demo"}`, 200, "Demo"},
		{"a mask in the proto's words", "?updateMask=display_name", `{"displayName":"Demo","federated":false}`, 200, `"federated":true`},
		{"a null value", "", `{"federated":null}`, 200, `"federated":true`},
		{"a resource that says nothing", "", `{}`, 200, `"federated":true`},
	} {
		code, answer := u.rest(http.MethodPatch, "/api/v1/organizations/"+demo+c.query, c.body)
		if code != c.code || !strings.Contains(strings.ReplaceAll(string(answer), `": `, `":`), c.says) {
			t.Errorf("%s: %d %s, want %d and %q", c.name, code, answer, c.code, c.says)
		}
	}
	o, err := u.organizations().GetOrganization(u.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: demo})
	u.must(err)
	if got := o.GetOrganization(); got.GetDisplayName() != "Demo" || !got.GetFederated() {
		t.Errorf("it is %v", got)
	}
}

// Renaming an organization has made it not federated once, and renaming a directory has made it tolerant.
func TestARenamingLeavesTheRest(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	d := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT, UniqueGroupNames: proto.Bool(true)}})
	path := "/api/v1/organizations/" + demo
	for name, rename := range map[string]func(name string){
		"gRPC": func(name string) {
			_, err := u.organizations().UpdateOrganization(u.ctx(), &directoryv1.UpdateOrganizationRequest{
				OrganizationId: demo, Organization: &directoryv1.Organization{DisplayName: &name},
			})
			u.must(err)
			_, err = u.directories().UpdateDirectory(u.ctx(), &directoryv1.UpdateDirectoryRequest{
				OrganizationId: demo, Id: d.id, Directory: &directoryv1.Directory{DisplayName: &name},
			})
			u.must(err)
		},
		"REST": func(name string) {
			for _, path := range []string{path, path + "/directories/" + d.id} {
				if code, answer := u.rest(http.MethodPatch, path, `{"displayName":"`+name+`"}`); code != http.StatusOK {
					t.Fatalf("PATCH %s: %d %s", path, code, answer)
				}
			}
		},
	} {
		rename(name)
		o, err := u.organizations().GetOrganization(u.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: demo})
		u.must(err)
		if got := o.GetOrganization(); got.GetDisplayName() != name || !got.GetFederated() {
			t.Errorf("by %s the organization is %v", name, got)
		}
		got, err := u.directories().GetDirectory(u.ctx(), &directoryv1.GetDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		if got := got.GetDirectory(); got.GetDisplayName() != name || got.GetMode() != directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT ||
			!got.GetUniqueGroupNames() || got.GetState() != directoryv1.DirectoryState_DIRECTORY_STATE_ACTIVE {
			t.Errorf("by %s the directory is %v", name, got)
		}
	}
}

func TestARuleAppliesUnlessItIsMadeNotTo(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topologies["one process"], nil)
	for given, want := range map[string]bool{``: true, `"enabled":true,`: true, `"enabled":false,`: false} {
		body := `{` + given + `"roleValue":{"value":"x"},"grants":[{"tenantId":"production","roleId":"developer"}]}`
		rule := &rulev1.Rule{}
		u.must(protojson.Unmarshal([]byte(body), rule))
		made, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: rule})
		u.must(err)
		code, answer := u.rest(http.MethodPost, "/api/v1/organizations/"+demo+"/rules", body)
		var rest struct{ Rule struct{ Enabled *bool } }
		if err := json.Unmarshal(answer, &rest); err != nil || code != http.StatusOK || rest.Rule.Enabled == nil {
			t.Fatalf("creating a rule: %d %s", code, answer)
		}
		if made.GetRule().GetEnabled() != want || *rest.Rule.Enabled != want {
			t.Errorf("with {%s} it is enabled: %v by gRPC and %v by REST, want %v", given, made.GetRule().GetEnabled(), *rest.Rule.Enabled, want)
		}
	}
}

// must ends the test on an error.
func (u *usher) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// rest sends a request to the admin REST as the operator.
func (u *usher) rest(method, path, body string) (code int, answer []byte) {
	u.t.Helper()
	response := service{u: u, secret: u.token}.rest(method, path, body)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	u.must(err)
	return response.StatusCode, answer
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// withOnly is a resource that says nothing but one field.
func withOnly(like proto.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) proto.Message {
	m := like.ProtoReflect().New()
	m.Set(field, value)
	return m.Interface()
}

// changed gives every field that can change, and that is set, another value.
func changed(t *testing.T, resource proto.Message) proto.Message {
	t.Helper()
	m := resource.ProtoReflect().New()
	for _, field := range update.Updatable(m.Descriptor()) {
		if resource.ProtoReflect().Has(field) {
			m.Set(field, otherValue(t, resource, field))
		}
	}
	return m.Interface()
}

// masked lists the fields that are set.
func masked(resource proto.Message) []string {
	var paths []string
	resource.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		paths = append(paths, string(field.Name()))
		return true
	})
	return paths
}

// otherValue is a value of a field that the resource does not have now.
func otherValue(t *testing.T, resource proto.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	t.Helper()
	now := resource.ProtoReflect().Get(field)
	for _, text := range otherValues[field.FullName()] {
		other := resource.ProtoReflect().New()
		if err := protojson.Unmarshal([]byte(text), other.Interface()); err != nil {
			t.Fatal(err)
		}
		if value := other.Get(field); !sameButOutput(withOnly(resource, field, now), withOnly(resource, field, value)) {
			return value
		}
	}
	switch {
	case field.IsList() || field.IsMap():
	case field.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(now.String() + "*")
	case field.Kind() == protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!now.Bool())
	case field.Kind() == protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(now.Int()) + 1)
	case field.Kind() == protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(now.Int() + 1)
	case field.Kind() == protoreflect.EnumKind:
		for i := range field.Enum().Values().Len() {
			if number := field.Enum().Values().Get(i).Number(); number != 0 && number != now.Enum() {
				return protoreflect.ValueOfEnum(number)
			}
		}
	}
	t.Fatalf("%s: say in this test what other values it may have", field.FullName())
	return protoreflect.Value{}
}

func requireSame(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	if !sameButOutput(got, want) {
		t.Errorf("%s: it is\n%v, want\n%v", what, got, want)
	}
}

// sameButOutput compares what clients write: an update moves update_time and revision, and pins groups.
func sameButOutput(a, b proto.Message) bool {
	return proto.Equal(withoutOutput(a), withoutOutput(b))
}

func withoutOutput(m proto.Message) proto.Message {
	m = proto.Clone(m)
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		behaviours, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		switch {
		case slices.Contains(behaviours, annotations.FieldBehavior_OUTPUT_ONLY):
			m.ProtoReflect().Clear(field)
		case field.Message() != nil && !field.IsList() && !field.IsMap():
			m.ProtoReflect().Set(field, protoreflect.ValueOfMessage(withoutOutput(value.Message().Interface()).ProtoReflect()))
		}
		return true
	})
	return m
}
