package server

import (
	"context"
	"strings"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// problemKinds are the kinds of problem of the contract.
var problemKinds = map[core.ProblemKind]rulev1.RuleProblemKind{
	core.GroupNotSeen:       rulev1.RuleProblemKind_RULE_PROBLEM_KIND_GROUP_NOT_SEEN,
	core.PinnedGroupDeleted: rulev1.RuleProblemKind_RULE_PROBLEM_KIND_GROUP_DELETED,
	core.Duplicate:          rulev1.RuleProblemKind_RULE_PROBLEM_KIND_DUPLICATE,
	core.ChangeWaits:        rulev1.RuleProblemKind_RULE_PROBLEM_KIND_WAITS_FOR_SYNC,
}

func (s *Server) ListRuleProblems(ctx context.Context, r *rulev1.ListRuleProblemsRequest) (*rulev1.ListRuleProblemsResponse, error) {
	found, err := s.core.Problems(ctx, r.GetOrganizationId())
	if err != nil {
		return nil, err
	}
	return &rulev1.ListRuleProblemsResponse{Problems: each(found, func(p core.Problem) *rulev1.RuleProblem {
		return &rulev1.RuleProblem{
			RuleId: p.RuleID, Kind: problemKinds[p.Kind], DirectoryId: p.DirectoryID, GroupId: p.GroupID, OtherRuleId: p.OtherRuleID,
			SinceTime: timeProto(p.Since),
		}
	})}, nil
}

func countProto(c core.MatchCount) *rulev1.MatchCount {
	return &rulev1.MatchCount{
		Users: int32(c.Users), AtLeast: c.AtLeast, LookedAt: int32(c.LookedAt), //nolint:gosec // identity counts as int32
		CountTime: timeProto(c.Time), ExampleUserIds: c.ExampleIDs,
	}
}

func (s *Server) CountRuleMatches(ctx context.Context, r *rulev1.CountRuleMatchesRequest) (*rulev1.CountRuleMatchesResponse, error) {
	counts, remaining, err := s.core.CountMatches(ctx, r.GetOrganizationId(), each(r.GetIds(), strings.ToLower))
	if err != nil {
		return nil, err
	}
	return &rulev1.CountRuleMatchesResponse{
		Counts: each(counts, func(c core.RuleCount) *rulev1.RuleMatchCount {
			return &rulev1.RuleMatchCount{RuleId: c.RuleID, Count: countProto(c.MatchCount)}
		}),
		RemainingIds: remaining,
	}, nil
}

func (s *Server) PreviewRule(ctx context.Context, r *rulev1.PreviewRuleRequest) (*rulev1.PreviewRuleResponse, error) {
	var m store.Match
	switch match := r.GetMatch().(type) {
	case *rulev1.PreviewRuleRequest_Group:
		m = store.Match{Kind: store.MatchGroup, Value: match.Group.GetDisplayName()}
	case *rulev1.PreviewRuleRequest_RoleValue:
		m = store.Match{Kind: store.MatchRoleValue, Value: match.RoleValue.GetValue()}
	case *rulev1.PreviewRuleRequest_Filter:
		m = store.Match{Kind: store.MatchFilter, Value: match.Filter.GetFilter()}
	}
	count, groupIDs, err := s.core.PreviewRule(ctx, r.GetOrganizationId(), m)
	if err != nil {
		return nil, err
	}
	return &rulev1.PreviewRuleResponse{Count: countProto(count), GroupIds: groupIDs}, nil
}
