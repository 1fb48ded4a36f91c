package server

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (s *Server) CreateApiKey(ctx context.Context, r *directoryv1.CreateApiKeyRequest) (*directoryv1.CreateApiKeyResponse, error) {
	key := store.Key{OrganizationID: r.GetOrganizationId(), DirectoryID: r.GetDirectoryId(), DisplayName: r.GetApiKey().GetDisplayName(), CreatedBy: creator(ctx)}
	var err error
	if key.ExpireTime, err = expiry("api_key", r.GetApiKey().GetExpireTime()); err != nil {
		return nil, err
	}
	key, secret, err := s.core.CreateKey(ctx, key, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateApiKeyResponse{ApiKey: s.keyProto(key), Secret: secret.Reveal(), SecretOmitted: secret == ""}, nil
}

func (s *Server) ListApiKeys(ctx context.Context, r *directoryv1.ListApiKeysRequest) (*directoryv1.ListApiKeysResponse, error) {
	keys, err := s.core.Keys(ctx, r.GetOrganizationId(), r.GetDirectoryId())
	if err != nil {
		return nil, err
	}
	response := &directoryv1.ListApiKeysResponse{}
	for _, key := range keys {
		response.ApiKeys = append(response.ApiKeys, s.keyProto(key))
	}
	return response, nil
}

func (s *Server) RevokeApiKey(ctx context.Context, r *directoryv1.RevokeApiKeyRequest) (*directoryv1.RevokeApiKeyResponse, error) {
	key, err := s.core.RevokeKey(ctx, r.GetOrganizationId(), strings.ToLower(r.GetDirectoryId()), strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RevokeApiKeyResponse{ApiKey: s.keyProto(key)}, nil
}

func (s *Server) ResolveKey(ctx context.Context, r *directoryv1.ResolveKeyRequest) (*directoryv1.ResolveKeyResponse, error) {
	resolved, err := s.core.ResolveKey(ctx, [32]byte(r.GetKeyDigest()))
	if err != nil {
		return nil, err
	}
	response := &directoryv1.ResolveKeyResponse{LeaseExpireTime: timestamppb.New(resolved.Until)}
	switch {
	case resolved.Blocked:
		response.Opens = &directoryv1.ResolveKeyResponse_BlockedSubject{BlockedSubject: &directoryv1.BlockedSubject{}}
	case resolved.Principal != nil:
		response.Opens = &directoryv1.ResolveKeyResponse_Api{Api: &directoryv1.OpenedApi{
			Principal: resolved.Principal, AddressRanges: resolved.AddressRanges,
		}}
	default:
		response.Opens = &directoryv1.ResolveKeyResponse_Directory{Directory: &directoryv1.OpenedDirectory{
			OrganizationId: resolved.Directory.OrganizationID, DirectoryId: resolved.Directory.ID, ApiKeyId: resolved.Key.ID,
			Suspended: !resolved.Directory.Federated,
		}}
	}
	if !r.GetSign() {
		return response, nil
	}
	key, err := s.core.SigningKey(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "there is no key to sign with, so that gateways cannot share what they were told of a key", slog.Any("error", err))
		return response, nil
	}
	response.Signature = &directoryv1.LeaseSignature{
		SigningKeyId: key.ID, Mac: keylease.MAC(key.Secret, keylease.Digest(r.GetKeyDigest()), keylease.Of(response)),
	}
	return response, nil
}

func (s *Server) ListSigningKeys(ctx context.Context, _ *directoryv1.ListSigningKeysRequest) (*directoryv1.ListSigningKeysResponse, error) {
	keys, err := s.core.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	response := &directoryv1.ListSigningKeysResponse{}
	for _, k := range keys {
		response.SigningKeys = append(response.SigningKeys, &directoryv1.SigningKey{Id: k.ID, Secret: k.Secret, ExpireTime: timestamppb.New(k.ExpireTime)})
	}
	return response, nil
}

// watchPage is how many directories a watch reads at once.
const watchPage = 500

func (s *Server) WatchDirectories(r *directoryv1.WatchDirectoriesRequest, stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
	ctx, revision, epoch := stream.Context(), r.GetAfterRevision(), s.core.Epoch()
	if r.GetEpoch() != epoch {
		revision = 0
	}
	told := false // the client knows that it has caught up
	for {
		changed := s.core.Changed()
		all, err := s.core.DirectoriesAfter(ctx, revision, watchPage)
		if err != nil {
			return err
		}
		if s.core.Epoch() != epoch {
			return fault.New(fault.Unavailable, "the feed of directories begins a new epoch").Retry(time.Second)
		}
		for i, d := range all {
			caughtUp := i == len(all)-1 && len(all) < watchPage
			if err := stream.Send(&directoryv1.WatchDirectoriesResponse{
				Revision: d.Revision, Directory: feedProto(d), CaughtUp: caughtUp, Epoch: epoch,
			}); err != nil {
				return err
			}
			revision, told = d.Revision, caughtUp
		}
		if len(all) == watchPage {
			continue
		}
		if !told {
			if err := stream.Send(&directoryv1.WatchDirectoriesResponse{Revision: revision, CaughtUp: true, Epoch: epoch}); err != nil {
				return err
			}
			told = true
		}
		select {
		case <-changed:
		case <-time.After(s.poll): // another replica may have changed something
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return nil
		}
	}
}

func (s *Server) keyProto(k store.Key) *directoryv1.ApiKey {
	return &directoryv1.ApiKey{
		Id: k.ID, OrganizationId: k.OrganizationID, DirectoryId: k.DirectoryID, DisplayName: k.DisplayName,
		CreateTime: timeProto(k.CreateTime), ExpireTime: timeProto(k.ExpireTime), RevokeTime: timeProto(k.RevokeTime),
		ExpiryState: expiryState(k.ExpireTime, k.RevokeTime, s.core.Now()), ReplacedById: k.ReplacedByID,
		CreatedBy: k.CreatedBy.Subject, CreatedByKind: k.CreatedBy.Kind, LastUseTime: timeProto(k.LastUse.Time), LastUseAddress: k.LastUse.Address,
	}
}
