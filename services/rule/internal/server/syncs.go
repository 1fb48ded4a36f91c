package server

import (
	"context"
	"strings"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func (s *Server) syncProto(sync store.Sync) *rulev1.Sync {
	state := rulev1.SyncState_SYNC_STATE_RUNNING
	switch sync.State {
	case store.SyncDone:
		state = rulev1.SyncState_SYNC_STATE_DONE
	case store.SyncCancelled:
		state = rulev1.SyncState_SYNC_STATE_CANCELLED
	}
	return &rulev1.Sync{
		Id: sync.ID, OrganizationId: sync.OrganizationID, State: state, UsersDone: sync.UsersDone, AccessAdded: sync.Added,
		AccessRemoved: sync.Removed, StartedBy: sync.StartedBy, CreateTime: timeProto(sync.CreateTime), UpdateTime: timeProto(sync.UpdateTime),
		EndTime: timeProto(sync.EndTime), UsersSetAside: sync.SetAside,
		SetAsideUserIds: strings.Fields(sync.SetAsideIDs), UsersTotal: sync.UsersTotal, EstimatedEndTime: timeProto(s.core.EstimatedEnd(sync)),
	}
}

func (s *Server) StartSync(ctx context.Context, r *rulev1.StartSyncRequest) (*rulev1.StartSyncResponse, error) {
	sync, err := s.core.StartSync(ctx, r.GetOrganizationId(), rpc.PrincipalOf(ctx).GetSubject(), requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &rulev1.StartSyncResponse{Sync: s.syncProto(sync)}, nil
}

func (s *Server) GetSync(ctx context.Context, r *rulev1.GetSyncRequest) (*rulev1.GetSyncResponse, error) {
	sync, err := s.core.Sync(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetSyncResponse{Sync: s.syncProto(sync)}, nil
}

func (s *Server) ListSyncs(ctx context.Context, r *rulev1.ListSyncsRequest) (*rulev1.ListSyncsResponse, error) {
	list := []string{"ListSyncs", r.GetOrganizationId()}
	before, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := s.core.Syncs(ctx, r.GetOrganizationId(), before[0], size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListSyncsResponse{Syncs: each(found, s.syncProto)}
	if more {
		response.NextPageToken = page.Token([]string{found[len(found)-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) CancelSync(ctx context.Context, r *rulev1.CancelSyncRequest) (*rulev1.CancelSyncResponse, error) {
	sync, err := s.core.CancelSync(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.CancelSyncResponse{Sync: s.syncProto(sync)}, nil
}
