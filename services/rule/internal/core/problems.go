package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// ProblemKind is what is wrong with a rule.
type ProblemKind int

// The kinds of problem, in the order of lists.
const (
	GroupNotSeen ProblemKind = iota
	PinnedGroupDeleted
	Duplicate
	ChangeWaits
)

// Problem is one thing that is wrong with a rule.
type Problem struct {
	RuleID      string
	Kind        ProblemKind
	DirectoryID string    // for PinnedGroupDeleted
	GroupID     string    // for PinnedGroupDeleted
	OtherRuleID string    // for Duplicate: the oldest other rule that is the same
	Since       time.Time // for PinnedGroupDeleted and ChangeWaits
}

// Problems lists what is wrong with an organization's rules, by rule, kind and directory.
func (c *Core) Problems(ctx context.Context, organizationID string) (all []Problem, err error) {
	set, err := c.store.RuleSet(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	changes, err := c.store.RuleChanges(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	waits := make(map[string]time.Time, len(changes))
	for _, change := range changes {
		waits[change.RuleID] = change.Time
	}
	same := map[string][]string{} // ids of rules, the oldest first, by what the rules do
	for _, r := range set.Rules {
		same[deed(r)] = append(same[deed(r)], r.ID)
	}
	for _, r := range set.Rules {
		// While a rule is unresolved, nobody has looked for its group yet.
		if r.Match.Kind == store.MatchGroup && len(r.Pins) == 0 && !r.Unresolved {
			all = append(all, Problem{RuleID: r.ID, Kind: GroupNotSeen})
		}
		for _, pin := range r.Pins {
			if pin.State == store.Waiting {
				all = append(all, Problem{RuleID: r.ID, Kind: PinnedGroupDeleted, DirectoryID: pin.DirectoryID, GroupID: pin.GroupID, Since: pin.Time})
			}
		}
		if others := same[deed(r)]; len(others) > 1 {
			other := others[0]
			if other == r.ID {
				other = others[1]
			}
			all = append(all, Problem{RuleID: r.ID, Kind: Duplicate, OtherRuleID: other})
		}
		if since, waiting := waits[r.ID]; waiting {
			all = append(all, Problem{RuleID: r.ID, Kind: ChangeWaits, Since: since})
		}
	}
	return all, nil
}

// deed describes what a rule does: rules with the same one match the same users and give the same.
func deed(r store.Rule) string {
	value := r.Match.Value
	if r.Match.Kind == store.MatchGroup {
		value = scim.Casefold(value)
	}
	grants := slices.SortedFunc(slices.Values(r.Grants), func(a, b store.Grant) int {
		return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.RoleID, b.RoleID))
	})
	var text strings.Builder
	fmt.Fprintf(&text, "%d %q", r.Match.Kind, value)
	for _, g := range grants {
		fmt.Fprintf(&text, " %q %q", g.TenantID, g.RoleID)
	}
	return text.String()
}
