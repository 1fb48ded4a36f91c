package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/page"
)

func (s *Server) GetDirectoryProgress(ctx context.Context, r *identityv1.GetDirectoryProgressRequest) (*identityv1.GetDirectoryProgressResponse, error) {
	return s.core.Progress(ctx, directoryScope(r))
}

func (s *Server) ListDirectoryProgress(ctx context.Context, r *identityv1.ListDirectoryProgressRequest) (*identityv1.ListDirectoryProgressResponse, error) {
	list := []string{"directoryProgress", r.GetOrganizationId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.ListProgress(ctx, r.GetOrganizationId(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &identityv1.ListDirectoryProgressResponse{Directories: all}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].GetDirectoryId()}, list...)
	}
	return response, nil
}
