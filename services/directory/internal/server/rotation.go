package server

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (s *Server) RotateApiKey(ctx context.Context, r *directoryv1.RotateApiKeyRequest) (*directoryv1.RotateApiKeyResponse, error) {
	key, old, secret, err := s.core.RotateKey(ctx, r.GetOrganizationId(), r.GetDirectoryId(), strings.ToLower(r.GetId()), r.GetDisplayName(), overlap(r.GetOverlap()), creator(ctx),
		requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RotateApiKeyResponse{
		ApiKey: s.keyProto(key), OldApiKey: s.keyProto(old), Secret: secret.Reveal(), SecretOmitted: secret == "",
	}, nil
}

func (s *Server) RotateServiceCredential(ctx context.Context, r *directoryv1.RotateServiceCredentialRequest) (*directoryv1.RotateServiceCredentialResponse, error) {
	cred, old, secret, err := s.core.RotateCredential(ctx, strings.ToLower(r.GetId()), overlap(r.GetOverlap()), requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RotateServiceCredentialResponse{
		ServiceCredential: s.credentialProto(cred), OldServiceCredential: s.credentialProto(old), Secret: secret.Reveal(), SecretOmitted: secret == "",
	}, nil
}

// overlap returns how long a rotated key or credential stays valid.
func overlap(given *durationpb.Duration) time.Duration {
	if given == nil {
		return core.DefaultOverlap
	}
	return given.AsDuration()
}
