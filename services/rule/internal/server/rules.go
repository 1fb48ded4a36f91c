package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func ruleProto(r store.Rule) *rulev1.Rule {
	out := &rulev1.Rule{
		Id: r.ID, OrganizationId: r.OrganizationID, DisplayName: proto.String(r.DisplayName), Enabled: proto.Bool(r.Enabled),
		CreateTime: timeProto(r.CreateTime), UpdateTime: timeProto(r.UpdateTime),
		Grants: each(r.Grants, grantProto),
	}
	switch r.Match.Kind {
	case store.MatchRoleValue:
		out.Match = &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: r.Match.Value}}
	case store.MatchFilter:
		out.Match = &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: r.Match.Value}}
	default:
		out.Match = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: r.Match.Value, Pins: each(r.Pins, pinProto)}}
	}
	out.Etag = update.Etag(out)
	return out
}

func grantProto(g store.Grant) *rulev1.Grant {
	return &rulev1.Grant{TenantId: g.TenantID, RoleId: g.RoleID}
}

func pinProto(p store.Pin) *rulev1.GroupPin {
	state := rulev1.PinState_PIN_STATE_PINNED
	if p.State == store.Waiting {
		state = rulev1.PinState_PIN_STATE_WAITING
	}
	return &rulev1.GroupPin{DirectoryId: p.DirectoryID, GroupId: p.GroupID, State: state, PinTime: timeProto(p.Time)}
}

// matchFromProto returns nil for a rule that matches nobody.
func matchFromProto(r *rulev1.Rule) *store.Match {
	switch m := r.GetMatch().(type) {
	case *rulev1.Rule_Group:
		return &store.Match{Kind: store.MatchGroup, Value: m.Group.GetDisplayName()}
	case *rulev1.Rule_RoleValue:
		return &store.Match{Kind: store.MatchRoleValue, Value: m.RoleValue.GetValue()}
	case *rulev1.Rule_Filter:
		return &store.Match{Kind: store.MatchFilter, Value: m.Filter.GetFilter()}
	default:
		return nil
	}
}

func grantsFromProto(r *rulev1.Rule) []store.Grant {
	return each(r.GetGrants(), func(g *rulev1.Grant) store.Grant {
		return store.Grant{TenantID: g.GetTenantId(), RoleID: g.GetRoleId()}
	})
}

func (s *Server) CreateRule(ctx context.Context, r *rulev1.CreateRuleRequest) (*rulev1.CreateRuleResponse, error) {
	in := r.GetRule()
	rule := store.Rule{OrganizationID: r.GetOrganizationId(), DisplayName: in.GetDisplayName(), Enabled: true, Grants: grantsFromProto(in)}
	if in.Enabled != nil {
		rule.Enabled = in.GetEnabled()
	}
	if m := matchFromProto(in); m != nil {
		rule.Match = *m
	}
	rule, err := s.core.CreateRule(ctx, rule, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &rulev1.CreateRuleResponse{Rule: ruleProto(rule)}, nil
}

func (s *Server) GetRule(ctx context.Context, r *rulev1.GetRuleRequest) (*rulev1.GetRuleResponse, error) {
	rule, err := s.core.Rule(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetRuleResponse{Rule: ruleProto(rule)}, nil
}

func (s *Server) ListRules(ctx context.Context, r *rulev1.ListRulesRequest) (*rulev1.ListRulesResponse, error) {
	list := []string{"ListRules", r.GetOrganizationId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := s.core.Rules(ctx, r.GetOrganizationId(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListRulesResponse{Rules: each(found, ruleProto)}
	if more {
		response.NextPageToken = page.Token([]string{found[len(found)-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) UpdateRule(ctx context.Context, r *rulev1.UpdateRuleRequest) (*rulev1.UpdateRuleResponse, error) {
	fields, err := update.Of("rule", r.GetRule(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	rule, err := s.core.UpdateRule(ctx, r.GetOrganizationId(), r.GetId(), updateFromProto(r.GetRule(), fields), func(before store.Rule) error {
		return update.Matches(r.GetRule().GetEtag(), ruleProto(before))
	})
	if err != nil {
		return nil, err
	}
	return &rulev1.UpdateRuleResponse{Rule: ruleProto(rule)}, nil
}

// updateFromProto reads the named fields of a rule.
func updateFromProto(r *rulev1.Rule, fields update.Fields) core.RuleUpdate {
	var u core.RuleUpdate
	if fields["display_name"] {
		u.DisplayName = r.DisplayName
	}
	if fields["enabled"] {
		u.Enabled = r.Enabled
	}
	if fields["group"] || fields["role_value"] || fields["filter"] {
		u.Match = matchFromProto(r)
	}
	if fields["grants"] {
		u.Grants = grantsFromProto(r)
	}
	return u
}

func (s *Server) EnableRule(ctx context.Context, r *rulev1.EnableRuleRequest) (*rulev1.EnableRuleResponse, error) {
	rule, err := s.core.SetRuleEnabled(ctx, r.GetOrganizationId(), r.GetId(), true)
	if err != nil {
		return nil, err
	}
	return &rulev1.EnableRuleResponse{Rule: ruleProto(rule)}, nil
}

func (s *Server) DisableRule(ctx context.Context, r *rulev1.DisableRuleRequest) (*rulev1.DisableRuleResponse, error) {
	rule, err := s.core.SetRuleEnabled(ctx, r.GetOrganizationId(), r.GetId(), false)
	if err != nil {
		return nil, err
	}
	return &rulev1.DisableRuleResponse{Rule: ruleProto(rule)}, nil
}

func (s *Server) DeleteRule(ctx context.Context, r *rulev1.DeleteRuleRequest) (*rulev1.DeleteRuleResponse, error) {
	if err := s.core.DeleteRule(ctx, r.GetOrganizationId(), r.GetId()); err != nil {
		return nil, err
	}
	return &rulev1.DeleteRuleResponse{}, nil
}
