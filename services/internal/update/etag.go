package update

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Etag identifies the values of a resource that clients choose, for its field `etag` (AIP-154). OUTPUT_ONLY fields, which Usher itself
// changes, do not change it. A new version of Usher with other fields may give the same values another etag.
func Etag(resource proto.Message) string {
	chosen := proto.Clone(resource)
	clearOutput(chosen.ProtoReflect())
	content, _ := proto.MarshalOptions{Deterministic: true}.Marshal(chosen) // a resource that is sent can be encoded
	digest := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(digest[:12])
}

// clearOutput clears the OUTPUT_ONLY fields, also nested ones, and `etag`.
func clearOutput(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		behaviours, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		switch {
		case slices.Contains(behaviours, annotations.FieldBehavior_OUTPUT_ONLY), field.Name() == "etag":
			m.Clear(field)
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				clearOutput(value.List().Get(i).Message())
			}
		default:
			clearOutput(value.Message())
		}
		return true
	})
}

// Matches refuses an update with an old etag: fault.Conflict. It accepts an empty etag, and the etag of now.
func Matches(etag string, now proto.Message) error {
	if etag == "" || etag == Etag(now) {
		return nil
	}
	return fault.New(fault.Conflict, "the etag is not the current one: the resource was changed; read it again, then change it")
}
