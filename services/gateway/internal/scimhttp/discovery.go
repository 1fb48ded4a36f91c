package scimhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// discover returns the documents that describe the service (RFC 7644 §4).
func (h *Handler) discover(ctx context.Context, m *message) (*response, error) {
	if m.request.URL.Query().Has("filter") {
		// RFC 7644 §4 requires this, so that nobody takes an unfiltered answer for a filtered one.
		return nil, &problem{
			status: http.StatusForbidden, reason: fault.InvalidRequest, detail: "These resources cannot be filtered.",
		}
	}
	if m.route.endpoint == configEndpoint {
		document, err := h.serviceProviderConfig(m.baseURL)
		return &response{status: http.StatusOK, body: document, location: m.baseURL + "/ServiceProviderConfig"}, err
	}
	of := identityv1.ListDescriptionsRequest_ENDPOINT_RESOURCE_TYPES
	if m.route.endpoint == schemasEndpoint || m.route.endpoint == schemaEndpoint {
		of = identityv1.ListDescriptionsRequest_ENDPOINT_SCHEMAS
	}
	if utf8.RuneCountInString(m.route.id) > maxID {
		return nil, fault.New(fault.NotFound, "no id is that long")
	}
	answer, err := h.d.Resources.ListDescriptions(ctx, &identityv1.ListDescriptionsRequest{Target: m.target(""), Endpoint: of, Id: m.route.id})
	if err != nil {
		return nil, err
	}
	found := answer.GetDescriptions()
	if m.route.id != "" {
		if len(found) != 1 {
			return nil, fmt.Errorf("identity returned %d descriptions of one id", len(found))
		}
		location := m.baseURL + strings.TrimSuffix(m.route.template(), "{id}") + found[0].GetId()
		return &response{status: http.StatusOK, body: found[0].GetDocument(), location: location}, nil
	}
	total := int64(len(found))
	page := listPage{total: &total, start: 1}
	for _, one := range found {
		page.documents = append(page.documents, one.GetDocument())
	}
	return page.response(), nil
}

// serviceProviderConfig describes which features are served (RFC 7643 §5, RFC 9865 §4). There is no cursorTimeout, because cursors do not
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
		Bulk:    bulk{Supported: true, MaxOperations: h.config.MaxBulkOperations, MaxPayloadSize: h.config.MaxBulkBytes},
		Filter: struct {
			Supported  bool `json:"supported"`
			MaxResults int  `json:"maxResults"`
		}{true, scim.MaxPageSize},
		Pagination: pagination{
			Cursor: true, Index: true, DefaultPaginationMethod: "index", DefaultPageSize: scim.DefaultPageSize, MaxPageSize: scim.MaxPageSize,
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
