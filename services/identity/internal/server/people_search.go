package server

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Sizes of a page of search results.
const usualResults, mostResults = 50, 200

func (s *Server) SearchUsers(ctx context.Context, r *identityv1.SearchUsersRequest) (*identityv1.SearchUsersResponse, error) {
	directory := strings.ToLower(r.GetDirectoryId())
	list := []string{"searchUsers", r.GetOrganizationId(), scim.Casefold(r.GetQuery()), directory, r.GetState().String()}
	after, err := searchPlace(r.GetPageToken(), list)
	if err != nil {
		return nil, err
	}
	users, next, err := s.core.SearchUsers(ctx, core.PeopleSearch{
		OrganizationID: r.GetOrganizationId(), Query: r.GetQuery(), DirectoryID: directory, State: r.GetState(), After: after,
		Limit: page.Within(r.GetPageSize(), usualResults, mostResults),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.SearchUsersResponse{Users: users, NextPageToken: searchToken(next, list)}, nil
}

func (s *Server) SearchGroups(ctx context.Context, r *identityv1.SearchGroupsRequest) (*identityv1.SearchGroupsResponse, error) {
	directory := strings.ToLower(r.GetDirectoryId())
	list := []string{"searchGroups", r.GetOrganizationId(), scim.Casefold(r.GetQuery()), directory}
	after, err := searchPlace(r.GetPageToken(), list)
	if err != nil {
		return nil, err
	}
	groups, next, err := s.core.SearchGroups(ctx, core.PeopleSearch{
		OrganizationID: r.GetOrganizationId(), Query: r.GetQuery(), DirectoryID: directory, After: after,
		Limit: page.Within(r.GetPageSize(), usualResults, mostResults),
	})
	if err != nil {
		return nil, err
	}
	response := &identityv1.SearchGroupsResponse{NextPageToken: searchToken(next, list)}
	for _, g := range groups {
		response.Groups = append(response.Groups, groupProto(g))
	}
	return response, nil
}

// searchToken makes the token of a place; empty for nil. JSON could make a value six times as long, so the token contains it in base64.
func searchToken(at *core.SearchPlace, list []string) string {
	if at == nil {
		return ""
	}
	return page.Token([]string{strconv.Itoa(int(at.Part)), base64.RawStdEncoding.EncodeToString([]byte(at.Value)), at.ID}, list...)
}

// searchPlace returns the place of a token.
func searchPlace(token string, list []string) (at core.SearchPlace, err error) {
	after, err := page.After(token, 3, list...)
	if err != nil || token == "" {
		return at, err
	}
	part, _ := strconv.Atoi(after[0]) // the token is Usher's own, or else the place has no meaning
	value, _ := base64.RawStdEncoding.DecodeString(after[1])
	return core.SearchPlace{Part: store.Part(part), Value: string(value), ID: after[2]}, nil
}
