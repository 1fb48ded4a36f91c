package core

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// Each list releases what it reserved when it returns.
func TestTheMemoryOfUsersStaysReservedWhileGroupsAreRead(t *testing.T) {
	t.Parallel()
	const size = 300 << 10
	call := Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
	for _, c := range []struct {
		name       string
		size       int
		share      int64
		want       int64 // while groups are read
		wantReason fault.Reason
	}{
		{"few bytes", freeBytes, size, 0, 0},
		{"as many as there is room for", size, size, size, 0},
		{"more", size, size - 1, 0, fault.Limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lists := inflight.New(1<<20, c.share)
			domain := &Core{config: Config{Lists: lists}}
			during := int64(-1)
			parts := []part{{"User", &identityv1.ListQuery{}}, {"Group", &identityv1.ListQuery{}}}
			page, err := domain.acrossByIndex(t.Context(), call, &identityv1.ListQuery{}, parts, func(_ context.Context, _ Call, of string, _ *identityv1.ListQuery) (*identityv1.ListResult, error) {
				if of == "User" {
					return &identityv1.ListResult{TotalResults: proto.Int64(1), Resources: []*identityv1.Resource{{Id: "u", Document: make([]byte, c.size)}}}, nil
				}
				during = lists.Bytes()
				return &identityv1.ListResult{TotalResults: proto.Int64(2), Resources: []*identityv1.Resource{{Id: "g"}}}, nil
			})
			switch {
			case c.wantReason != 0:
				if !fault.Is(err, c.wantReason) || during >= 0 {
					t.Errorf("%v, and groups were read with %d bytes", err, during)
				}
			case err != nil || during != c.want || page.GetTotalResults() != 3 || len(page.GetResources()) != 2:
				t.Errorf("%v, %d bytes, %+v", err, during, page)
			}
			if lists.Bytes() != 0 {
				t.Errorf("%d bytes are not given back", lists.Bytes())
			}
		})
	}
}
