package server

import (
	"context"
	"strings"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// findings are the findings of the contract.
var findings = map[core.Finding]rulev1.Finding{
	core.Gives:              rulev1.Finding_FINDING_GIVES,
	core.WaitsForSync:       rulev1.Finding_FINDING_WAITS_FOR_SYNC,
	core.StillGives:         rulev1.Finding_FINDING_STILL_GIVES,
	core.Disabled:           rulev1.Finding_FINDING_DISABLED,
	core.NoGroup:            rulev1.Finding_FINDING_NO_GROUP,
	core.GroupDeleted:       rulev1.Finding_FINDING_GROUP_DELETED,
	core.NotInGroup:         rulev1.Finding_FINDING_NOT_IN_GROUP,
	core.NoRoleValue:        rulev1.Finding_FINDING_NO_ROLE_VALUE,
	core.FilterDoesNotMatch: rulev1.Finding_FINDING_FILTER_DOES_NOT_MATCH,
	core.UserInactive:       rulev1.Finding_FINDING_USER_INACTIVE,
	core.UserDetached:       rulev1.Finding_FINDING_USER_DETACHED,
	core.Unknown:            rulev1.Finding_FINDING_UNKNOWN,
	core.AccessFollows:      rulev1.Finding_FINDING_ACCESS_FOLLOWS,
}

func (s *Server) ExplainAccess(ctx context.Context, r *rulev1.ExplainAccessRequest) (*rulev1.ExplainAccessResponse, error) {
	e, err := s.core.ExplainAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()), grantFromProto(r))
	if err != nil {
		return nil, err
	}
	response := &rulev1.ExplainAccessResponse{
		Active: e.Active, Detached: e.Detached, SetAsideDetail: e.SetAside,
		Rules: each(e.Rules, explanationProto), AsOfTime: timeProto(e.AsOf),
	}
	if e.Suspension.UserID != "" {
		response.Suspension = suspensionProto(r.GetOrganizationId(), e.Suspension)
	}
	return response, nil
}

func explanationProto(e core.RuleExplanation) *rulev1.RuleExplanation {
	out := &rulev1.RuleExplanation{
		RuleId: e.Rule.ID, DisplayName: e.Rule.DisplayName, Finding: findings[e.Finding], Grants: each(e.Grants, grantProto),
		GroupId: e.GroupID, GroupName: e.GroupName,
		Through: each(e.Through, func(g core.Group) *rulev1.PathStep {
			return &rulev1.PathStep{GroupId: g.ID, DisplayName: g.DisplayName}
		}),
	}
	switch e.Rule.Match.Kind {
	case store.MatchRoleValue:
		out.RoleValue = e.Rule.Match.Value
	case store.MatchFilter:
		out.Filter = e.Rule.Match.Value
	}
	return out
}
