// Package update determines the fields of a resource that an Update RPC changes: the fields that the request's mask names or, without
// a mask, the fields that are set. It also makes and compares etags. All services use it, so that updates mean the same everywhere.
package update

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/usher-scim/usher/services/internal/fault"
)

// maxPathShown bounds how much of an unknown path an error repeats, in bytes.
const maxPathShown = 100

// Fields are the fields that an update changes, by their proto names.
type Fields map[string]bool

// Of returns the fields of an update. name is the name of the request's field with the resource, for errors, such as "rule".
//
// Without a mask, the update changes the set fields: a scalar that is present, even with its zero value, a message, an enum that is not
// UNSPECIFIED, and a repeated field that is not empty. It ignores fields that cannot change (OUTPUT_ONLY or IMMUTABLE, AIP-203), so that
// a client can send back what it read. With a mask, the update changes exactly the named fields. A mask contains names in the proto or
// in JSON. A named field must be set, except a repeated one: without values it is cleared, if the service allows that.
//
// Errors are fault.InvalidRequest: the resource is missing; the mask names a field that is missing, cannot change, or is not set.
func Of(name string, resource proto.Message, mask *fieldmaskpb.FieldMask) (Fields, error) {
	m := resource.ProtoReflect()
	if !m.IsValid() {
		return nil, fault.Invalid(name, "must be given, because it has the new values")
	}
	fields := Fields{}
	if len(mask.GetPaths()) == 0 {
		for _, field := range Updatable(m.Descriptor()) {
			if m.Has(field) {
				fields[string(field.Name())] = true
			}
		}
		return fields, nil
	}
	updatable := Updatable(m.Descriptor())
	for _, path := range mask.GetPaths() {
		i := slices.IndexFunc(updatable, func(f protoreflect.FieldDescriptor) bool { return string(f.Name()) == path || f.JSONName() == path })
		if i < 0 {
			return nil, fault.Invalid("update_mask", "%.*q cannot be changed; these can: %s", maxPathShown, path, names(updatable))
		}
		if field := updatable[i]; !m.Has(field) && !field.IsList() && !field.IsMap() {
			return nil, fault.Invalid(name+"."+string(field.Name()), "must be set, because update_mask names it")
		}
		fields[string(updatable[i].Name())] = true
	}
	return fields, nil
}

// Updatable lists the fields of a resource that an update may change, in the proto's order. It leaves out the etag, which is a condition.
func Updatable(resource protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	var updatable []protoreflect.FieldDescriptor
	for i := range resource.Fields().Len() {
		field := resource.Fields().Get(i)
		behaviours, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		if !slices.Contains(behaviours, annotations.FieldBehavior_OUTPUT_ONLY) && !slices.Contains(behaviours, annotations.FieldBehavior_IMMUTABLE) &&
			field.Name() != "etag" {
			updatable = append(updatable, field)
		}
	}
	return updatable
}

func names(fields []protoreflect.FieldDescriptor) string {
	all := make([]string, len(fields))
	for i, field := range fields {
		all[i] = string(field.Name())
	}
	return strings.Join(all, ", ")
}
