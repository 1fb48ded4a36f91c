// Package server is the directory service's gRPC face: it turns messages into calls of the domain and back.
package server

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
)

type Server struct {
	directoryv1.UnimplementedOrganizationServiceServer
	directoryv1.UnimplementedDirectoryServiceServer
	directoryv1.UnimplementedApiKeyServiceServer
	directoryv1.UnimplementedServiceCredentialServiceServer
	directoryv1.UnimplementedKeyLookupServiceServer
	directoryv1.UnimplementedDirectoryFeedServiceServer
	directoryv1.UnimplementedErasureServiceServer

	core    *core.Core
	log     *slog.Logger
	baseURL func(directoryID string) string
	poll    time.Duration
	stop    <-chan struct{}
}

// New makes the server. baseURL gives a directory's Base URL; poll is how often a watcher looks for what other replicas
// changed; streams end when stop closes.
func New(c *core.Core, log *slog.Logger, baseURL func(directoryID string) string, poll time.Duration, stop <-chan struct{}) *Server {
	return &Server{core: c, log: log, baseURL: baseURL, poll: poll, stop: stop}
}

// Register adds the services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	directoryv1.RegisterOrganizationServiceServer(r, s)
	directoryv1.RegisterDirectoryServiceServer(r, s)
	directoryv1.RegisterApiKeyServiceServer(r, s)
	directoryv1.RegisterServiceCredentialServiceServer(r, s)
	directoryv1.RegisterKeyLookupServiceServer(r, s)
	directoryv1.RegisterDirectoryFeedServiceServer(r, s)
	directoryv1.RegisterErasureServiceServer(r, s)
}

func (s *Server) CreateOrganization(ctx context.Context, r *directoryv1.CreateOrganizationRequest) (*directoryv1.CreateOrganizationResponse, error) {
	given := r.GetOrganization()
	if given.GetId() == "" {
		return nil, fault.Invalid("organization.id", "must be given")
	}
	o, err := s.core.CreateOrganization(ctx, store.Organization{
		ID: given.GetId(), DisplayName: given.GetDisplayName(), Federated: given.GetFederated(),
	}, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateOrganizationResponse{Organization: organizationMessage(o)}, nil
}

func (s *Server) GetOrganization(ctx context.Context, r *directoryv1.GetOrganizationRequest) (*directoryv1.GetOrganizationResponse, error) {
	o, err := s.core.Organization(ctx, r.GetOrganizationId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.GetOrganizationResponse{Organization: organizationMessage(o)}, nil
}

func (s *Server) ListOrganizations(ctx context.Context, r *directoryv1.ListOrganizationsRequest) (*directoryv1.ListOrganizationsResponse, error) {
	const list = "organizations"
	after, err := page.After(r.GetPageToken(), 1, list)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.Organizations(ctx, after[0], size+1)
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &directoryv1.ListOrganizationsResponse{}
	for _, o := range all {
		response.Organizations = append(response.Organizations, organizationMessage(o))
	}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].ID}, list)
	}
	return response, nil
}

func (s *Server) UpdateOrganization(ctx context.Context, r *directoryv1.UpdateOrganizationRequest) (*directoryv1.UpdateOrganizationResponse, error) {
	fields, err := update.Of("organization", r.GetOrganization(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	var change core.OrganizationChange
	if fields["display_name"] {
		change.DisplayName = r.GetOrganization().DisplayName
	}
	if fields["federated"] {
		change.Federated = r.GetOrganization().Federated
	}
	o, err := s.core.UpdateOrganization(ctx, r.GetOrganizationId(), change, func(before store.Organization) error {
		return update.Matches(r.GetOrganization().GetEtag(), organizationMessage(before))
	})
	if err != nil {
		return nil, err
	}
	return &directoryv1.UpdateOrganizationResponse{Organization: organizationMessage(o)}, nil
}

func (s *Server) CreateDirectory(ctx context.Context, r *directoryv1.CreateDirectoryRequest) (*directoryv1.CreateDirectoryResponse, error) {
	given := r.GetDirectory()
	if given.GetDisplayName() == "" {
		return nil, fault.Invalid("directory.display_name", "must be given")
	}
	d, key, secret, err := s.core.CreateDirectory(ctx, store.Directory{
		OrganizationID: r.GetOrganizationId(), DisplayName: given.GetDisplayName(),
		Strict: strict(given.GetMode()), UniqueGroupNames: given.GetUniqueGroupNames(),
	}, core.Replace{ID: strings.ToLower(given.GetReplacesId()), None: r.GetReplaceNone()}, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	response := &directoryv1.CreateDirectoryResponse{Directory: s.directoryMessage(d), Secret: secret.Reveal(), SecretOmitted: secret == ""}
	if !response.SecretOmitted {
		response.ApiKey = keyMessage(key)
	}
	return response, nil
}

func (s *Server) GetDirectory(ctx context.Context, r *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error) {
	d, err := s.core.Directory(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.GetDirectoryResponse{Directory: s.directoryMessage(d)}, nil
}

func (s *Server) ListDirectories(ctx context.Context, r *directoryv1.ListDirectoriesRequest) (*directoryv1.ListDirectoriesResponse, error) {
	list := []string{"directories", r.GetOrganizationId(), strconv.FormatBool(r.GetShowDeleted())}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.Directories(ctx, r.GetOrganizationId(), after[0], size+1, r.GetShowDeleted())
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &directoryv1.ListDirectoriesResponse{}
	for _, d := range all {
		response.Directories = append(response.Directories, s.directoryMessage(d))
	}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) UpdateDirectory(ctx context.Context, r *directoryv1.UpdateDirectoryRequest) (*directoryv1.UpdateDirectoryResponse, error) {
	fields, err := update.Of("directory", r.GetDirectory(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	var change core.DirectoryChange
	if fields["display_name"] {
		change.DisplayName = r.GetDirectory().DisplayName
	}
	if fields["mode"] {
		strict := strict(r.GetDirectory().GetMode())
		change.Strict = &strict
	}
	if fields["unique_group_names"] {
		change.UniqueGroupNames = r.GetDirectory().UniqueGroupNames
	}
	d, err := s.core.UpdateDirectory(ctx, r.GetOrganizationId(), r.GetId(), change, func(before store.Directory) error {
		return update.Matches(r.GetDirectory().GetEtag(), s.directoryMessage(before))
	})
	if err != nil {
		return nil, err
	}
	return &directoryv1.UpdateDirectoryResponse{Directory: s.directoryMessage(d)}, nil
}

func (s *Server) DeleteDirectory(ctx context.Context, r *directoryv1.DeleteDirectoryRequest) (*directoryv1.DeleteDirectoryResponse, error) {
	d, err := s.core.DeleteDirectory(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.DeleteDirectoryResponse{Directory: s.directoryMessage(d)}, nil
}

func strict(mode directoryv1.DirectoryMode) bool {
	return mode == directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
}

func organizationMessage(o store.Organization) *directoryv1.Organization {
	message := &directoryv1.Organization{
		Id: o.ID, DisplayName: proto.String(o.DisplayName), Federated: proto.Bool(o.Federated),
		CreateTime: timestamp(o.CreateTime), UpdateTime: timestamp(o.UpdateTime),
		EraseTime: timestamp(o.EraseTime), ErasingServices: erasingServices(o),
	}
	message.Etag = update.Etag(message)
	return message
}

func (s *Server) directoryMessage(d store.Directory) *directoryv1.Directory {
	message := feedMessage(d)
	if !d.Deleted() {
		message.BaseUrl = s.baseURL(d.ID)
	}
	message.Etag = update.Etag(message)
	return message
}

// feedMessage is a directory as other services follow it: without its Base URL and etag.
func feedMessage(d store.Directory) *directoryv1.Directory {
	message := &directoryv1.Directory{
		Id: d.ID, OrganizationId: d.OrganizationID, DisplayName: proto.String(d.DisplayName),
		State: directoryv1.DirectoryState_DIRECTORY_STATE_ACTIVE, Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT,
		UniqueGroupNames: proto.Bool(d.UniqueGroupNames), ReplacesId: d.ReplacesID,
		CreateTime: timestamp(d.CreateTime), UpdateTime: timestamp(d.UpdateTime), DeleteTime: timestamp(d.DeleteTime),
	}
	if d.Strict {
		message.Mode = directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
	}
	switch {
	case d.Deleted():
		message.State = directoryv1.DirectoryState_DIRECTORY_STATE_DELETED
	case !d.Federated:
		message.State = directoryv1.DirectoryState_DIRECTORY_STATE_SUSPENDED
	}
	return message
}

// timestamp is unset for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
