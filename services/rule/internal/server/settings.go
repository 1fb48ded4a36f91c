package server

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/update"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func settingsProto(s store.Settings) *rulev1.AccessSettings {
	when := rulev1.WhenUnknown_WHEN_UNKNOWN_KEEP
	if s.WhenUnknown == store.SuspendUnknown {
		when = rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND
	}
	settings := &rulev1.AccessSettings{WhenUnknown: when}
	settings.Etag = update.Etag(settings)
	return settings
}

func (s *Server) GetAccessSettings(ctx context.Context, r *rulev1.GetAccessSettingsRequest) (*rulev1.GetAccessSettingsResponse, error) {
	settings, err := s.core.Settings(ctx, r.GetOrganizationId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetAccessSettingsResponse{Settings: settingsProto(settings)}, nil
}

func (s *Server) UpdateAccessSettings(ctx context.Context, r *rulev1.UpdateAccessSettingsRequest) (*rulev1.UpdateAccessSettingsResponse, error) {
	fields, err := update.Of("settings", r.GetSettings(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	change := core.SettingsUpdate{}
	if fields["when_unknown"] {
		when := store.KeepUnknown
		if r.GetSettings().GetWhenUnknown() == rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND {
			when = store.SuspendUnknown
		}
		change.WhenUnknown = &when
	}
	settings, err := s.core.UpdateSettings(ctx, r.GetOrganizationId(), change, func(before store.Settings) error {
		return update.Matches(r.GetSettings().GetEtag(), settingsProto(before))
	})
	if err != nil {
		return nil, err
	}
	return &rulev1.UpdateAccessSettingsResponse{Settings: settingsProto(settings)}, nil
}

func (s *Server) GetAccessStatus(ctx context.Context, r *rulev1.GetAccessStatusRequest) (*rulev1.GetAccessStatusResponse, error) {
	status, err := s.core.Status(ctx, r.GetOrganizationId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetAccessStatusResponse{
		AsOfTime: timeProto(status.AsOf), OldestChangeAge: durationpb.New(status.OldestAge), SetAsideCount: status.Count,
		SetAside: each(status.SetAside, func(a store.SetAside) *rulev1.SetAsideUser {
			return &rulev1.SetAsideUser{
				UserId: a.UserID, SyncId: a.SyncID, Detail: a.Detail, MessageId: a.MessageID, AsOfTime: timeProto(core.KnownAsOf(a.AsOf)), CreateTime: timeProto(a.CreateTime),
				RetryTime: timeProto(a.RetryTime), Attempts: int32(a.Attempts), //nolint:gosec // one more with each try
			}
		}),
		RulesWaitingCount: int32(status.RulesWaiting), OldestWaitingTime: timeProto(status.OldestWaiting), //nolint:gosec // the number has a limit
	}, nil
}

func (s *Server) BatchGetAccessStatus(ctx context.Context, r *rulev1.BatchGetAccessStatusRequest) (*rulev1.BatchGetAccessStatusResponse, error) {
	found, err := s.core.Statuses(ctx, r.GetOrganizationIds())
	if err != nil {
		return nil, err
	}
	return &rulev1.BatchGetAccessStatusResponse{Statuses: each(found, func(o core.OrganizationStatus) *rulev1.OrganizationAccessStatus {
		return &rulev1.OrganizationAccessStatus{
			OrganizationId: o.OrganizationID, OldestChangeAge: durationpb.New(o.OldestAge), SetAsideCount: o.SetAside,
			RulesWaitingCount: int32(o.RulesWaiting), SyncRunning: o.SyncRunning, //nolint:gosec // the number has a limit
		}
	})}, nil
}
