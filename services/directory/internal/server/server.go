// Package server is the directory service's gRPC server: it turns requests into calls of the domain, and results into responses.
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

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
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
	directoryv1.UnimplementedSessionServiceServer
	directoryv1.UnimplementedPortalLinkServiceServer
	directoryv1.UnimplementedSignInServiceServer
	directoryv1.UnimplementedUseServiceServer

	core      *core.Core
	log       *slog.Logger
	baseURL   func(directoryID string) string
	portalURL func(secret string) string
	poll      time.Duration
	stop      <-chan struct{}
}

// New creates a server. baseURL returns a directory's Base URL, and portalURL the URL of a portal link. poll is how often a watch reads what other replicas changed. Streams
// end when stop closes.
func New(c *core.Core, log *slog.Logger, baseURL, portalURL func(string) string, poll time.Duration, stop <-chan struct{}) *Server {
	return &Server{core: c, log: log, baseURL: baseURL, portalURL: portalURL, poll: poll, stop: stop}
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
	directoryv1.RegisterSessionServiceServer(r, s)
	directoryv1.RegisterPortalLinkServiceServer(r, s)
	directoryv1.RegisterSignInServiceServer(r, s)
	directoryv1.RegisterUseServiceServer(r, s)
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
	return &directoryv1.CreateOrganizationResponse{Organization: organizationProto(o)}, nil
}

func (s *Server) GetOrganization(ctx context.Context, r *directoryv1.GetOrganizationRequest) (*directoryv1.GetOrganizationResponse, error) {
	o, err := s.core.Organization(ctx, r.GetOrganizationId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.GetOrganizationResponse{Organization: organizationProto(o)}, nil
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
		response.Organizations = append(response.Organizations, organizationProto(o))
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
		return update.Matches(r.GetOrganization().GetEtag(), organizationProto(before))
	})
	if err != nil {
		return nil, err
	}
	return &directoryv1.UpdateOrganizationResponse{Organization: organizationProto(o)}, nil
}

func (s *Server) CreateDirectory(ctx context.Context, r *directoryv1.CreateDirectoryRequest) (*directoryv1.CreateDirectoryResponse, error) {
	given := r.GetDirectory()
	if given.GetDisplayName() == "" {
		return nil, fault.Invalid("directory.display_name", "must be given")
	}
	replace, linkID := core.Replace{ID: strings.ToLower(given.GetReplacesId()), None: r.GetReplaceNone()}, linkOfOne(rpc.PrincipalOf(ctx))
	if linkID != "" {
		if replace.ID != "" {
			return nil, fault.New(fault.NotAllowed, "the portal link opens one new directory, which cannot take over the resources of another one")
		}
		replace.None = true
	}
	d, key, secret, err := s.core.CreateDirectory(ctx, store.Directory{
		OrganizationID: r.GetOrganizationId(), DisplayName: given.GetDisplayName(),
		Strict: strict(given.GetMode()), UniqueGroupNames: given.GetUniqueGroupNames(), AdoptByName: given.GetAdoptByName(),
	}, creator(ctx), replace, linkID, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	response := &directoryv1.CreateDirectoryResponse{Directory: s.directoryProto(d), Secret: secret.Reveal(), SecretOmitted: secret == ""}
	if response.SecretOmitted {
		response.Directory, err = s.withKeys(ctx, d)
		return response, err
	}
	// Another statement could fail, and the secret would be lost.
	response.ApiKey, response.Directory.ValidKeyCount = s.keyProto(key), 1
	return response, nil
}

// linkOfOne returns the id of the portal link of a principal that may use only one directory; empty for others.
func linkOfOne(p *commonv1.Principal) string {
	if p.GetOneDirectory() {
		return p.GetPortalLinkId()
	}
	return ""
}

func (s *Server) GetDirectory(ctx context.Context, r *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error) {
	d, err := s.core.Directory(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	m, err := s.withKeys(ctx, d)
	return &directoryv1.GetDirectoryResponse{Directory: m}, err
}

func (s *Server) ListDirectories(ctx context.Context, r *directoryv1.ListDirectoriesRequest) (*directoryv1.ListDirectoriesResponse, error) {
	if p := rpc.PrincipalOf(ctx); p.GetOneDirectory() {
		return s.listOnly(ctx, r, p.GetDirectoryId())
	}
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
	if response.Directories, err = s.allWithKeys(ctx, r.GetOrganizationId(), all); err != nil {
		return nil, err
	}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].ID}, list...)
	}
	return response, nil
}

// listOnly lists the directory of a principal that may use no other one. id is empty if there is none yet.
func (s *Server) listOnly(ctx context.Context, r *directoryv1.ListDirectoriesRequest, id string) (*directoryv1.ListDirectoriesResponse, error) {
	response := &directoryv1.ListDirectoriesResponse{}
	if id == "" || r.GetPageToken() != "" {
		return response, nil
	}
	d, err := s.core.Directory(ctx, r.GetOrganizationId(), id)
	if err != nil {
		return nil, err
	}
	if !d.Deleted() || r.GetShowDeleted() {
		response.Directories, err = s.allWithKeys(ctx, d.OrganizationID, []store.Directory{d})
	}
	return response, err
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
	if fields["adopt_by_name"] {
		change.AdoptByName = r.GetDirectory().AdoptByName
	}
	d, err := s.core.UpdateDirectory(ctx, r.GetOrganizationId(), r.GetId(), change, func(before store.Directory) error {
		return update.Matches(r.GetDirectory().GetEtag(), s.directoryProto(before))
	})
	if err != nil {
		return nil, err
	}
	m, err := s.withKeys(ctx, d)
	return &directoryv1.UpdateDirectoryResponse{Directory: m}, err
}

func (s *Server) DeleteDirectory(ctx context.Context, r *directoryv1.DeleteDirectoryRequest) (*directoryv1.DeleteDirectoryResponse, error) {
	d, err := s.core.DeleteDirectory(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.DeleteDirectoryResponse{Directory: s.directoryProto(d)}, nil
}

func strict(mode directoryv1.DirectoryMode) bool {
	return mode == directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
}

func organizationProto(o store.Organization) *directoryv1.Organization {
	p := &directoryv1.Organization{
		Id: o.ID, DisplayName: proto.String(o.DisplayName), Federated: proto.Bool(o.Federated),
		CreateTime: timeProto(o.CreateTime), UpdateTime: timeProto(o.UpdateTime),
		EraseTime: timeProto(o.EraseTime), ErasingServices: erasingServices(o),
	}
	p.Etag = update.Etag(p)
	return p
}

// allWithKeys makes directories of one organization with what is known about their keys now.
func (s *Server) allWithKeys(ctx context.Context, organizationID string, directories []store.Directory) ([]*directoryv1.Directory, error) {
	keys, err := s.core.KeySummaries(ctx, organizationID, directories)
	if err != nil {
		return nil, err
	}
	all := make([]*directoryv1.Directory, 0, len(directories))
	for _, d := range directories {
		p := s.directoryProto(d)
		p.ValidKeyCount = int32(keys[d.ID].Valid) //nolint:gosec // the number of valid keys has a small limit
		p.EarliestKeyExpireTime = timeProto(keys[d.ID].EarliestExpiry)
		all = append(all, p)
	}
	return all, nil
}

func (s *Server) withKeys(ctx context.Context, d store.Directory) (*directoryv1.Directory, error) {
	all, err := s.allWithKeys(ctx, d.OrganizationID, []store.Directory{d})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// directoryProto makes a directory without what depends on its keys.
func (s *Server) directoryProto(d store.Directory) *directoryv1.Directory {
	p := feedProto(d)
	if !d.Deleted() {
		p.BaseUrl = s.baseURL(d.ID)
	}
	p.RefusedCount, p.LastRefusalTime, p.LastRefusalReason = d.RefusedCount, timeProto(d.LastRefusalTime), d.LastRefusalReason
	p.Etag = update.Etag(p)
	return p
}

// feedProto makes a directory for the services that follow directories: without its Base URL, its refusals and its etag.
func feedProto(d store.Directory) *directoryv1.Directory {
	p := &directoryv1.Directory{
		Id: d.ID, OrganizationId: d.OrganizationID, DisplayName: proto.String(d.DisplayName),
		State: directoryv1.DirectoryState_DIRECTORY_STATE_ACTIVE, Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT,
		UniqueGroupNames: proto.Bool(d.UniqueGroupNames), AdoptByName: proto.Bool(d.AdoptByName), ReplacesId: d.ReplacesID,
		CreateTime: timeProto(d.CreateTime), UpdateTime: timeProto(d.UpdateTime), DeleteTime: timeProto(d.DeleteTime),
	}
	if d.Strict {
		p.Mode = directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
	}
	switch {
	case d.Deleted():
		p.State = directoryv1.DirectoryState_DIRECTORY_STATE_DELETED
	case !d.Federated:
		p.State = directoryv1.DirectoryState_DIRECTORY_STATE_SUSPENDED
	}
	return p
}

// timeProto returns nil for the zero time.
func timeProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
