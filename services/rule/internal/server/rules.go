package server

import (
	"context"
	"fmt"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

type rules struct {
	rulev1.UnimplementedRuleServiceServer
	core *core.Core
}

func ruleOf(r store.Rule) *rulev1.Rule {
	out := &rulev1.Rule{
		Id: r.ID, OrganizationId: r.OrganizationID, DisplayName: r.DisplayName, Enabled: r.Enabled, Revision: r.Revision,
		CreateTime: stamp(r.CreateTime), UpdateTime: stamp(r.UpdateTime),
		Grants: each(r.Grants, func(g store.Grant) *rulev1.Grant { return &rulev1.Grant{TenantId: g.TenantID, RoleId: g.RoleID} }),
	}
	switch r.Match.Kind {
	case store.MatchRoleValue:
		out.Match = &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: r.Match.Value}}
	case store.MatchFilter:
		out.Match = &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: r.Match.Value}}
	default:
		out.Match = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: r.Match.Value, Pins: each(r.Pins, pinOf)}}
	}
	return out
}

func pinOf(p store.Pin) *rulev1.GroupPin {
	state := rulev1.PinState_PIN_STATE_PINNED
	if p.State == store.Waiting {
		state = rulev1.PinState_PIN_STATE_WAITING
	}
	return &rulev1.GroupPin{DirectoryId: p.DirectoryID, GroupId: p.GroupID, State: state, Time: stamp(p.Time)}
}

// matchOf gives nil for a rule that matches nobody.
func matchOf(r *rulev1.Rule) *store.Match {
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

// matchFields are the fields of a rule for each kind of match.
var matchFields = map[store.MatchKind]string{store.MatchGroup: "group", store.MatchRoleValue: "role_value", store.MatchFilter: "filter"}

func grantsOf(r *rulev1.Rule) []store.Grant {
	return each(r.GetGrants(), func(g *rulev1.Grant) store.Grant {
		return store.Grant{TenantID: g.GetTenantId(), RoleID: g.GetRoleId()}
	})
}

func (s *rules) CreateRule(ctx context.Context, r *rulev1.CreateRuleRequest) (*rulev1.CreateRuleResponse, error) {
	in := r.GetRule()
	rule := store.Rule{OrganizationID: r.GetOrganizationId(), DisplayName: in.GetDisplayName(), Enabled: in.GetEnabled(), Grants: grantsOf(in)}
	if m := matchOf(in); m != nil {
		rule.Match = *m
	}
	rule, err := s.core.CreateRule(ctx, rule)
	if err != nil {
		return nil, err
	}
	return &rulev1.CreateRuleResponse{Rule: ruleOf(rule)}, nil
}

func (s *rules) GetRule(ctx context.Context, r *rulev1.GetRuleRequest) (*rulev1.GetRuleResponse, error) {
	rule, err := s.core.Rule(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetRuleResponse{Rule: ruleOf(rule)}, nil
}

func (s *rules) ListRules(ctx context.Context, r *rulev1.ListRulesRequest) (*rulev1.ListRulesResponse, error) {
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
	response := &rulev1.ListRulesResponse{Rules: each(found, ruleOf)}
	if more {
		response.NextPageToken = page.Token([]string{found[len(found)-1].ID}, list...)
	}
	return response, nil
}

func (s *rules) UpdateRule(ctx context.Context, r *rulev1.UpdateRuleRequest) (*rulev1.UpdateRuleResponse, error) {
	update, err := updateOf(r)
	if err != nil {
		return nil, err
	}
	rule, err := s.core.UpdateRule(ctx, r.GetOrganizationId(), r.GetId(), update, r.GetIfRevision())
	if err != nil {
		return nil, err
	}
	return &rulev1.UpdateRuleResponse{Rule: ruleOf(rule)}, nil
}

// updateOf takes from the request's rule what its mask names. An empty mask names all.
func updateOf(r *rulev1.UpdateRuleRequest) (core.RuleUpdate, error) {
	in, paths := r.GetRule(), r.GetUpdateMask().GetPaths()
	match := matchOf(in)
	if len(paths) == 0 {
		paths = []string{"display_name", "enabled", "grants", "group"}
		if match != nil {
			paths[3] = matchFields[match.Kind]
		}
	}
	var update core.RuleUpdate
	for i, path := range paths {
		switch path {
		case "display_name":
			name := in.GetDisplayName()
			update.DisplayName = &name
		case "enabled":
			enabled := in.GetEnabled()
			update.Enabled = &enabled
		case "grants":
			update.Grants = grantsOf(in)
		case "group", "role_value", "filter":
			if match == nil || matchFields[match.Kind] != path {
				return update, badField("rule."+path, "must be set, because it is to change")
			}
			update.Match = match
		default:
			return update, badField(fmt.Sprintf("update_mask.paths[%d]", i), "must be display_name, enabled, group, role_value, filter or grants")
		}
	}
	return update, nil
}

func badField(path, description string) error {
	f := fault.New(fault.InvalidRequest, "%s: %s", path, description)
	f.Fields = []fault.Field{{Path: path, Description: description}}
	return f
}

func (s *rules) EnableRule(ctx context.Context, r *rulev1.EnableRuleRequest) (*rulev1.EnableRuleResponse, error) {
	rule, err := s.core.SetRuleEnabled(ctx, r.GetOrganizationId(), r.GetId(), true)
	if err != nil {
		return nil, err
	}
	return &rulev1.EnableRuleResponse{Rule: ruleOf(rule)}, nil
}

func (s *rules) DisableRule(ctx context.Context, r *rulev1.DisableRuleRequest) (*rulev1.DisableRuleResponse, error) {
	rule, err := s.core.SetRuleEnabled(ctx, r.GetOrganizationId(), r.GetId(), false)
	if err != nil {
		return nil, err
	}
	return &rulev1.DisableRuleResponse{Rule: ruleOf(rule)}, nil
}

func (s *rules) DeleteRule(ctx context.Context, r *rulev1.DeleteRuleRequest) (*rulev1.DeleteRuleResponse, error) {
	if err := s.core.DeleteRule(ctx, r.GetOrganizationId(), r.GetId()); err != nil {
		return nil, err
	}
	return &rulev1.DeleteRuleResponse{}, nil
}
