package update_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
)

func TestOf(t *testing.T) {
	t.Parallel()
	group := &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "g"}}
	for _, c := range []struct {
		name string
		rule *rulev1.Rule
		mask []string
		want string // fields, or the field of the error with a !
	}{
		{"nothing is set", &rulev1.Rule{}, nil, ""},
		{"zero values that are set", &rulev1.Rule{DisplayName: proto.String(""), Enabled: proto.Bool(false)}, nil, "display_name enabled"},
		{"a message of a oneof", &rulev1.Rule{Match: group}, nil, "group"},
		{"a list", &rulev1.Rule{Grants: []*rulev1.Grant{{}}}, nil, "grants"},
		{"an empty list", &rulev1.Rule{Grants: []*rulev1.Grant{}}, nil, ""},
		{"what cannot change", &rulev1.Rule{Id: "x", Etag: "e", CreateTime: timestamppb.Now()}, nil, ""},
		{"a mask", &rulev1.Rule{DisplayName: proto.String("x"), Enabled: proto.Bool(true)}, []string{"enabled"}, "enabled"},
		{"a mask in JSON's names, twice", &rulev1.Rule{DisplayName: proto.String("x")}, []string{"displayName", "display_name"}, "display_name"},
		{"a mask of an empty list", &rulev1.Rule{}, []string{"grants"}, "grants"},
		{"a mask of what is not set", &rulev1.Rule{DisplayName: proto.String("x")}, []string{"enabled"}, "!rule.enabled"},
		{"a mask of another of a oneof", &rulev1.Rule{Match: group}, []string{"filter"}, "!rule.filter"},
		{"a mask of what cannot change", &rulev1.Rule{Etag: "e"}, []string{"etag"}, "!update_mask"},
		{"a mask of what there is not", &rulev1.Rule{}, []string{"*"}, "!update_mask"},
		{"a mask of a part", &rulev1.Rule{Match: group}, []string{"group.display_name"}, "!update_mask"},
		{"a long mask", &rulev1.Rule{}, []string{strings.Repeat("ü", 1_000_000)}, "!update_mask"},
		{"no resource", nil, []string{"enabled"}, "!rule"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fields, err := update.Of("rule", c.rule, &fieldmaskpb.FieldMask{Paths: c.mask})
			got := strings.Join(slices.Sorted(maps.Keys(fields)), " ")
			if f := rpc.Fault(err); f != nil {
				if f.Reason != fault.InvalidRequest || len(f.Message) > 1000 {
					t.Errorf("the error is %v", err)
				}
				got = "!" + f.Fields[0].Path
			}
			if got != c.want {
				t.Errorf("it changes %q, want %q: %v", got, c.want, err)
			}
		})
	}
}
