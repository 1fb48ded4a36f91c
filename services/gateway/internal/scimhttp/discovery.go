package scimhttp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// The pages of lists, as identity makes them.
const (
	defaultResults = 200
	maxResults     = 1000
)

// discover answers what describes the service (RFC 7644 §4).
func (h *Handler) discover(ctx context.Context, m *message) (*response, error) {
	if m.request.URL.Query().Has("filter") {
		// RFC 7644 §4 asks for this, so that nobody takes an unfiltered answer for a filtered one.
		return nil, &problem{
			status: http.StatusForbidden, reason: fault.InvalidRequest, detail: "These resources cannot be filtered.",
		}
	}
	if m.route.endpoint == configEndpoint {
		document, err := h.serviceProviderConfig(m.baseURL)
		return rendered(document, m.baseURL+"/ServiceProviderConfig", err)
	}
	users, groups, err := h.typesOf(ctx, m)
	if err != nil {
		return nil, err
	}
	types := []*scim.ResourceType{users, groups}
	switch m.route.endpoint {
	case resourceTypesEndpoint:
		return renderedAll(types, m.baseURL)
	case schemasEndpoint:
		return renderedAll(scim.SchemasOf(types), m.baseURL)
	case resourceTypeEndpoint:
		for _, t := range types {
			if t.ID == m.route.id {
				document, err := t.Render(m.baseURL)
				return rendered(document, m.baseURL+"/ResourceTypes/"+t.ID, err)
			}
		}
	case schemaEndpoint:
		for _, s := range scim.SchemasOf(types) {
			if strings.EqualFold(s.ID, m.route.id) { // URNs compare without regard to case
				document, err := s.Render(m.baseURL)
				return rendered(document, m.baseURL+"/Schemas/"+s.ID, err)
			}
		}
	}
	return nil, fault.New(fault.NotFound, "no such description")
}

// typesOf gives the resource types of the message's directory, with the extensions that were registered for it.
func (h *Handler) typesOf(ctx context.Context, m *message) (users, groups *scim.ResourceType, err error) {
	answer, err := h.d.Schemas.ListSchemas(ctx, &identityv1.ListSchemasRequest{
		OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID,
	})
	if err != nil {
		return nil, nil, err
	}
	var registered []scim.Registered
	for _, s := range answer.GetSchemas() {
		definition, err := s.GetDefinition().MarshalJSON()
		if err != nil {
			return nil, nil, err
		}
		group := s.GetResourceType() == identityv1.ResourceType_RESOURCE_TYPE_GROUP
		registered = append(registered, scim.Registered{Group: group, Definition: definition})
	}
	return h.types.ExtendedTypes(registered)
}

// rendered answers with one description, at the location that its meta names.
func rendered(document []byte, location string, err error) (*response, error) {
	if err != nil {
		return nil, err
	}
	return &response{status: http.StatusOK, body: document, location: location}, nil
}

func renderedAll[T interface {
	Render(baseURL string) ([]byte, error)
}](all []T, baseURL string) (*response, error) {
	documents := make([][]byte, 0, len(all))
	for _, one := range all {
		document, err := one.Render(baseURL)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	total := int64(len(all))
	return &response{status: http.StatusOK, body: listPage{total: &total, start: 1, documents: documents}.json()}, nil
}

// serviceProviderConfig says what is served, and what is not (RFC 7643 §5, RFC 9865 §4). No cursorTimeout: cursors do not
// expire.
func (h *Handler) serviceProviderConfig(baseURL string) ([]byte, error) {
	type supported struct {
		Supported bool `json:"supported"`
	}
	type scheme struct {
		Type        string `json:"type"`
		Name        string `json:"name"`
		Description string `json:"description"`
		SpecURI     string `json:"specUri"`
		Primary     bool   `json:"primary"`
	}
	type pagination struct {
		Cursor                  bool   `json:"cursor"`
		Index                   bool   `json:"index"`
		DefaultPaginationMethod string `json:"defaultPaginationMethod"`
		DefaultPageSize         int    `json:"defaultPageSize"`
		MaxPageSize             int    `json:"maxPageSize"`
	}
	type bulk struct {
		Supported      bool  `json:"supported"`
		MaxOperations  int   `json:"maxOperations"`
		MaxPayloadSize int64 `json:"maxPayloadSize"`
	}
	return json.Marshal(struct {
		Schemas []string  `json:"schemas"`
		Patch   supported `json:"patch"`
		Bulk    bulk      `json:"bulk"`
		Filter  struct {
			Supported  bool `json:"supported"`
			MaxResults int  `json:"maxResults"`
		} `json:"filter"`
		Pagination            pagination        `json:"pagination"`
		ChangePassword        supported         `json:"changePassword"`
		Sort                  supported         `json:"sort"`
		ETag                  supported         `json:"etag"`
		AuthenticationSchemes []scheme          `json:"authenticationSchemes"`
		Meta                  map[string]string `json:"meta"`
	}{
		Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		Patch:   supported{true},
		Bulk:    bulk{Supported: true, MaxOperations: h.config.MaxOperations, MaxPayloadSize: h.config.MaxBulkBytes},
		Filter: struct {
			Supported  bool `json:"supported"`
			MaxResults int  `json:"maxResults"`
		}{true, maxResults},
		Pagination: pagination{
			Cursor: true, Index: true, DefaultPaginationMethod: "index", DefaultPageSize: defaultResults, MaxPageSize: maxResults,
		},
		Sort: supported{true},
		ETag: supported{true},
		AuthenticationSchemes: []scheme{{
			Type: "oauthbearertoken", Name: "API key", Primary: true, SpecURI: "https://www.rfc-editor.org/rfc/rfc6750",
			Description: "An API key of the directory, sent as a bearer token.",
		}},
		Meta: map[string]string{"resourceType": "ServiceProviderConfig", "location": baseURL + "/ServiceProviderConfig"},
	})
}
