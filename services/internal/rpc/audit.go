package rpc

import (
	"context"
	"log/slog"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scope"
)

// audit writes who changed what, or tried to: one line for each call from an outside client that may change something. Messages of an IdP
// are excluded, because they have log lines and failed events of their own. The line names objects only by their ids.
func (s *Server) audit(ctx context.Context, method string, request, response any, err error) {
	principal := PrincipalOf(ctx)
	if scope.Most(principal.GetKind()) == 0 || admissionOf(method).reads {
		return // it is not from outside, or it changes nothing
	}
	attributes := []slog.Attr{
		slog.String("rpc", method),
		slog.String("principal_kind", strings.ToLower(strings.TrimPrefix(principal.GetKind().String(), "PRINCIPAL_KIND_"))),
		slog.String("principal", principal.GetSubject()),
	}
	objects := objectIDs{values: map[string]string{}}
	objects.read(request)
	if objects.values["id"] == "" && err == nil {
		objects.read(response) // the created objects
	}
	for _, name := range objects.names {
		attributes = append(attributes, slog.String(name, objects.values[name]))
	}
	if r, ok := request.(interface{ GetKeep() bool }); ok && r.GetKeep() {
		attributes = append(attributes, slog.Bool("keep", true)) // access that a deactivation does not end
	}
	if err == nil {
		attributes = append(attributes, slog.String("code", codes.OK.String()))
	} else {
		attributes = append(attributes, slog.String("code", Status(err).Code().String()), slog.String("reason", fault.ReasonName(Fault(err).Reason)))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "change", attributes...)
}

// objectIDs are the ids of the objects in a request and its response, by field, in the order of the fields.
type objectIDs struct {
	names  []string
	values map[string]string
}

var (
	slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

func (o *objectIDs) read(message any) {
	if m, ok := message.(proto.Message); ok {
		o.readFields(m.ProtoReflect(), 2)
	}
}

// readFields reads the fields `id` and `*_id` of a message, and those of the messages in it. The id of an organization is its
// organization_id. A value that does not have the form of an id is left out, because a client may have sent the name of a person.
func (o *objectIDs) readFields(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		if name == "id" && m.Descriptor().Name() == "Organization" {
			name = "organization_id"
		}
		switch {
		case field.IsList() || field.IsMap() || !m.Has(field) || name == "request_id": // which identifies the call
		case field.Message() != nil && depth > 0:
			o.readFields(m.Get(field).Message(), depth-1)
		case field.Kind() == protoreflect.StringKind && (name == "id" || strings.HasSuffix(name, "_id")):
			value := strings.ToLower(m.Get(field).String())
			form := slug
			if name == "user_id" || name == "group_id" {
				form = uuid
			}
			if _, there := o.values[name]; !there && form.MatchString(value) {
				o.names, o.values[name] = append(o.names, name), value
			}
		}
	}
}
