package rpc

import (
	"context"
	"log/slog"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// audit writes who changed what, or tried to: one line for each call that may change something and that a client from outside asked
// for, but for messages of an IdP, which have lines and failed events of their own. The objects are named by their ids alone.
func (s *Server) audit(ctx context.Context, method string, request, response any, err error) {
	principal := PrincipalOf(ctx)
	switch principal.GetKind() {
	case commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR, commonv1.PrincipalKind_PRINCIPAL_KIND_ADMIN,
		commonv1.PrincipalKind_PRINCIPAL_KIND_VENDOR_SERVICE:
	default:
		return
	}
	if admissionOf(method).reads {
		return
	}
	attributes := []slog.Attr{
		slog.String("rpc", method),
		slog.String("principal_kind", strings.ToLower(strings.TrimPrefix(principal.GetKind().String(), "PRINCIPAL_KIND_"))),
		slog.String("principal", principal.GetSubject()),
	}
	objects := objectIDs{values: map[string]string{}}
	objects.read(request)
	if objects.values["id"] == "" && err == nil {
		objects.read(response) // what was created
	}
	for _, name := range objects.names {
		attributes = append(attributes, slog.String(name, objects.values[name]))
	}
	if err == nil {
		attributes = append(attributes, slog.String("code", codes.OK.String()))
	} else {
		attributes = append(attributes, slog.String("code", Status(err).Code().String()), slog.String("reason", fault.ReasonName(Fault(err).Reason)))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "change", attributes...)
}

// objectIDs are what a request and its response name, by field, in the order of the fields.
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

// readFields reads a message's fields `id` and `*_id`, and those of the messages in it. An organization's id is its organization_id. What has not the form of an id is left out: a
// client may have put a person's name there.
func (o *objectIDs) readFields(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		if name == "id" && m.Descriptor().Name() == "Organization" {
			name = "organization_id"
		}
		switch {
		case field.IsList() || field.IsMap() || !m.Has(field) || name == "request_id": // which names the call
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
