package server

import (
	"context"
	"log/slog"
	"strings"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

func (s *Server) CreateSession(ctx context.Context, r *directoryv1.CreateSessionRequest) (*directoryv1.CreateSessionResponse, error) {
	session, secret, err := s.core.CreateSession(ctx, core.SignIn{
		Provider: r.GetProvider(), Subject: r.GetSubject(), ProviderSession: r.GetProviderSession(), Kind: r.GetPrincipalKind(),
		OrganizationID: r.GetOrganizationId(), Address: r.GetAddress(),
	})
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateSessionResponse{Session: sessionProto(session), Secret: secret.Reveal()}, nil
}

func (s *Server) UsePortalLink(ctx context.Context, r *directoryv1.UsePortalLinkRequest) (*directoryv1.UsePortalLinkResponse, error) {
	session, secret, err := s.core.UsePortalLink(ctx, keylease.Digest(r.GetLinkDigest()), r.GetAddress())
	if err != nil {
		return nil, err
	}
	return &directoryv1.UsePortalLinkResponse{Session: sessionProto(session), Secret: secret.Reveal()}, nil
}

func (s *Server) EndSessions(ctx context.Context, r *directoryv1.EndSessionsRequest) (*directoryv1.EndSessionsResponse, error) {
	if digest := r.GetKeyDigest(); len(digest) > 0 {
		if len(digest) != len(keylease.Digest{}) {
			return nil, fault.Invalid("key_digest", "must have %d bytes", len(keylease.Digest{}))
		}
		ended, err := s.core.EndSession(ctx, keylease.Digest(digest))
		if err != nil || !ended {
			return &directoryv1.EndSessionsResponse{}, err
		}
		return &directoryv1.EndSessionsResponse{EndedCount: 1}, nil
	}
	if r.GetProvider() == "" || r.GetSubject() == "" && r.GetProviderSession() == "" {
		return nil, fault.Invalid("provider", "must be given, with a subject or a provider_session")
	}
	ended, err := s.core.EndSessions(ctx, r.GetProvider(), r.GetSubject(), r.GetProviderSession())
	if err != nil {
		return nil, err
	}
	return &directoryv1.EndSessionsResponse{EndedCount: int32(ended)}, nil //nolint:gosec // a person has few sessions
}

func (s *Server) ListSessions(ctx context.Context, r *directoryv1.ListSessionsRequest) (*directoryv1.ListSessionsResponse, error) {
	sessions, next, err := s.sessions(ctx, r)
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListSessionsResponse{Sessions: sessions, NextPageToken: next}, nil
}

func (s *Server) ListOrganizationSessions(ctx context.Context, r *directoryv1.ListOrganizationSessionsRequest) (*directoryv1.ListOrganizationSessionsResponse, error) {
	sessions, next, err := s.sessions(ctx, r)
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListOrganizationSessionsResponse{Sessions: sessions, NextPageToken: next}, nil
}

// sessionsPage is what a request for a page of sessions names. Without an organization, the page is of all sessions.
type sessionsPage interface {
	GetOrganizationId() string
	GetPageSize() int32
	GetPageToken() string
}

// sessions returns a page of sessions, and the token of the next one.
func (s *Server) sessions(ctx context.Context, r sessionsPage) (sessions []*directoryv1.Session, next string, err error) {
	list := []string{"sessions", r.GetOrganizationId()}
	before, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, "", err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.Sessions(ctx, r.GetOrganizationId(), before[0], size+1)
	if err != nil {
		return nil, "", err
	}
	all, more := page.Cut(all, size)
	for _, one := range all {
		sessions = append(sessions, sessionProto(one))
	}
	if more {
		next = page.Token([]string{all[size-1].ID}, list...)
	}
	return sessions, next, nil
}

func (s *Server) RevokeSession(ctx context.Context, r *directoryv1.RevokeSessionRequest) (*directoryv1.RevokeSessionResponse, error) {
	session, err := s.core.RevokeSession(ctx, strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RevokeSessionResponse{Session: sessionProto(session)}, nil
}

func (s *Server) RevokeOrganizationSession(ctx context.Context, r *directoryv1.RevokeOrganizationSessionRequest) (*directoryv1.RevokeOrganizationSessionResponse, error) {
	session, err := s.core.RevokeOrganizationSession(ctx, r.GetOrganizationId(), strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RevokeOrganizationSessionResponse{Session: sessionProto(session)}, nil
}

func (s *Server) BlockSubject(ctx context.Context, r *directoryv1.BlockSubjectRequest) (*directoryv1.BlockSubjectResponse, error) {
	b, err := s.core.BlockSubject(ctx, store.BlockedSubject{
		Provider: r.GetBlockedSubject().GetProvider(), Subject: r.GetBlockedSubject().GetSubject(), BlockedBy: rpc.PrincipalOf(ctx).GetSubject(),
	})
	if err != nil {
		return nil, err
	}
	s.logPerson(ctx, "a person was blocked", b.Provider, b.Subject)
	return &directoryv1.BlockSubjectResponse{BlockedSubject: blockedProto(b)}, nil
}

func (s *Server) UnblockSubject(ctx context.Context, r *directoryv1.UnblockSubjectRequest) (*directoryv1.UnblockSubjectResponse, error) {
	if err := s.core.UnblockSubject(ctx, r.GetProvider(), r.GetSubject()); err != nil {
		return nil, err
	}
	s.logPerson(ctx, "a person was unblocked", r.GetProvider(), r.GetSubject())
	return &directoryv1.UnblockSubjectResponse{}, nil
}

// logPerson says to whom something happened: the log line of the call names objects by their ids, and a person has none.
func (s *Server) logPerson(ctx context.Context, what, provider, subject string) {
	s.log.LogAttrs(ctx, slog.LevelInfo, what, slog.String("person", keylease.Subject(provider, subject)),
		slog.String("principal", rpc.PrincipalOf(ctx).GetSubject()))
}

func (s *Server) ListBlockedSubjects(ctx context.Context, r *directoryv1.ListBlockedSubjectsRequest) (*directoryv1.ListBlockedSubjectsResponse, error) {
	const list = "blocked subjects"
	after, err := page.After(r.GetPageToken(), 2, list)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.BlockedSubjects(ctx, after[0], after[1], size+1)
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &directoryv1.ListBlockedSubjectsResponse{}
	for _, b := range all {
		response.BlockedSubjects = append(response.BlockedSubjects, blockedProto(b))
	}
	if more {
		last := all[size-1]
		response.NextPageToken = page.Token([]string{last.Provider, last.Subject}, list)
	}
	return response, nil
}

func (s *Server) CreatePortalLink(ctx context.Context, r *directoryv1.CreatePortalLinkRequest) (*directoryv1.CreatePortalLinkResponse, error) {
	given, principal := r.GetPortalLink(), rpc.PrincipalOf(ctx)
	scopes := scope.Of(given.GetScopes()...)
	if has := scope.Set(principal.GetScopes()); !has.Contains(scopes) {
		missing := scopes &^ has
		return nil, fault.New(fault.ScopeMissing, "portal_link.scopes: the credential that creates the link needs these scopes, too: %s", missing).
			With("scopes", strings.ReplaceAll(missing.String(), " ", "")).With("field", "portal_link.scopes")
	}
	expires, err := expiry("portal_link", given.GetExpireTime())
	if err != nil {
		return nil, err
	}
	l, secret, err := s.core.CreatePortalLink(ctx, store.PortalLink{
		OrganizationID: r.GetOrganizationId(), Scopes: scopes, NewDirectory: given.GetNewDirectory(),
		DirectoryID: strings.ToLower(given.GetDirectoryId()), ExpireTime: expires, CreatedBy: principal.GetSubject(),
	}, requestid.Of(principal, r))
	if err != nil {
		return nil, err
	}
	response := &directoryv1.CreatePortalLinkResponse{PortalLink: linkProto(l), SecretOmitted: secret == ""}
	if secret != "" {
		response.Url = s.portalURL(secret.Reveal())
	}
	return response, nil
}

func (s *Server) ListPortalLinks(ctx context.Context, r *directoryv1.ListPortalLinksRequest) (*directoryv1.ListPortalLinksResponse, error) {
	list := []string{"portal links", r.GetOrganizationId()}
	before, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.PortalLinks(ctx, r.GetOrganizationId(), before[0], size+1)
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &directoryv1.ListPortalLinksResponse{}
	for _, l := range all {
		response.PortalLinks = append(response.PortalLinks, linkProto(l))
	}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) RevokePortalLink(ctx context.Context, r *directoryv1.RevokePortalLinkRequest) (*directoryv1.RevokePortalLinkResponse, error) {
	l, err := s.core.RevokePortalLink(ctx, r.GetOrganizationId(), strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RevokePortalLinkResponse{PortalLink: linkProto(l)}, nil
}

func sessionProto(s store.Session) *directoryv1.Session {
	p := &directoryv1.Session{
		Id: s.ID, OrganizationId: s.OrganizationID, PrincipalKind: s.Kind, Scopes: s.Scopes.List(), Provider: s.Provider,
		PortalLinkId: s.PortalLinkID(), DirectoryId: s.DirectoryID, Address: s.Address, CreateTime: timeProto(s.CreateTime),
		LastUseTime: timeProto(s.UseTime), ExpireTime: timeProto(s.ExpireTime), RevokeTime: timeProto(s.RevokeTime),
	}
	if p.GetPortalLinkId() == "" {
		p.Subject = s.Subject
	}
	return p
}

func blockedProto(b store.BlockedSubject) *directoryv1.BlockedSubject {
	return &directoryv1.BlockedSubject{Provider: b.Provider, Subject: b.Subject, CreateTime: timeProto(b.CreateTime), BlockedBy: b.BlockedBy}
}

func linkProto(l store.PortalLink) *directoryv1.PortalLink {
	return &directoryv1.PortalLink{
		Id: l.ID, OrganizationId: l.OrganizationID, Scopes: l.Scopes.List(), DirectoryId: l.DirectoryID, NewDirectory: l.NewDirectory,
		CreateTime: timeProto(l.CreateTime), ExpireTime: timeProto(l.ExpireTime), UseTime: timeProto(l.UseTime), UseAddress: l.UseAddress,
		RevokeTime: timeProto(l.RevokeTime), CreatedBy: l.CreatedBy,
	}
}
