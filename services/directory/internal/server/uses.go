package server

import (
	"context"
	"strings"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (s *Server) RecordUses(ctx context.Context, r *directoryv1.RecordUsesRequest) (*directoryv1.RecordUsesResponse, error) {
	var uses []store.Use
	for _, u := range r.GetUses() {
		uses = append(uses, store.Use{
			Digest: [32]byte(u.GetKeyDigest()), LastUse: store.LastUse{Time: u.GetUseTime().AsTime(), Address: u.GetAddress()},
		})
	}
	var refusals []store.Refusals
	for _, d := range r.GetRefusals() {
		refusals = append(refusals, store.Refusals{
			DirectoryID: strings.ToLower(d.GetDirectoryId()), Count: d.GetCount(),
			LastTime: d.GetLastTime().AsTime().Truncate(time.Microsecond), LastReason: d.GetLastReason(),
		})
	}
	if err := s.core.RecordUses(ctx, uses, refusals); err != nil {
		return nil, err
	}
	return &directoryv1.RecordUsesResponse{}, nil
}

// creator returns the principal that creates something.
func creator(ctx context.Context) store.Creator {
	p := rpc.PrincipalOf(ctx)
	return store.Creator{Kind: p.GetKind(), Subject: p.GetSubject()}
}
