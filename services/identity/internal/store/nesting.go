package store

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Limits of nesting, for groups that are members of groups (RFC 7643 §4.2). They apply to writes. Stored groups may exceed
// them, and can be read.
const (
	// MaxDepth is the most groups in a chain in which each group is a member of the next one.
	MaxDepth = 32
	// MaxAbove is the most groups that a group is in, directly or through others.
	MaxAbove = 1000
	// MaxNestingEdges is the most memberships of groups in groups that a write inspects to check the other limits.
	MaxNestingEdges = 10_000
)

// Edge is a membership as a link upwards: Member, a user or a group, is directly in Group.
type Edge struct{ Member, Group string }

// EdgeReader reads the memberships of an organization, in all directories, in a transaction.
type EdgeReader interface {
	// Above reads the memberships of some users or groups and of all groups that they are in, directly or through others. It
	// returns each membership once, in no order, at most limit.
	Above(ctx context.Context, members []string, limit int) ([]Edge, error)
	// Below reads the memberships of groups in some groups, and in all groups below these, in the same way.
	Below(ctx context.Context, groups []string, limit int) ([]Edge, error)
}

// Nesting decides for one write which groups may become members of a group. No other write may nest groups of the
// organization at the same time: two writes that each stay within a limit could exceed it together.
type Nesting struct {
	Reader EdgeReader
	read   int // memberships inspected for this write
}

// Check checks groups that are to become new members of a group. fault.InvalidValue: one of them contains the group, or a
// limit of nesting would be exceeded. A new membership changes what is above every group below it, so Check inspects all of
// them.
func (n *Nesting) Check(ctx context.Context, groupID string, added []string) error {
	if len(added) == 0 {
		return nil
	}
	const most = MaxNestingEdges + 1
	over, err := n.Reader.Above(ctx, []string{groupID}, most)
	if err != nil {
		return err
	}
	if err := refuseRing(groupID, added, over); err != nil {
		return err
	}
	under, err := n.Reader.Below(ctx, added, most)
	if err != nil {
		return err
	}
	below := append([]string{}, added...)
	for _, e := range under {
		below = append(below, e.Member)
	}
	// These include the edges in under.
	beside, err := n.Reader.Above(ctx, below, most)
	if err != nil {
		return err
	}
	known := make(map[Edge]bool, len(over)+len(beside)+len(added))
	for _, edges := range [][]Edge{over, under, beside} {
		for _, e := range edges {
			known[e] = true
		}
	}
	if n.read += len(known); n.read > MaxNestingEdges {
		return fault.New(fault.InvalidValue, "members: group %q can't be added: to check the limits of nesting, Usher would have to read more than %d "+
			"memberships of groups in groups, which is the limit for one write. Nest fewer groups, or take some of these memberships out first",
			added[0], MaxNestingEdges)
	}
	for _, id := range added {
		known[Edge{Member: id, Group: groupID}] = true
	}
	edges := make([]Edge, 0, len(known))
	for e := range known {
		edges = append(edges, e)
	}
	a := NewAround(edges)
	for _, id := range below {
		switch a.exceeds(id) {
		case exceedsDepth:
			return fault.New(fault.InvalidValue, "members: group %q would be in a chain of more than %d groups, which is the limit", id, MaxDepth)
		case exceedsAbove:
			return fault.New(fault.InvalidValue, "members: group %q would be in more than %d groups, directly or through others, which is the limit", id, MaxAbove)
		case exceedsNone:
		}
	}
	return nil
}

// refuseRing refuses the first of the groups that is the group or contains it. over are the memberships above the group.
func refuseRing(groupID string, added []string, over []Edge) error {
	above := map[string]bool{groupID: true}
	for _, e := range over {
		above[e.Group] = true
	}
	for _, id := range added {
		if above[id] {
			return fault.New(fault.InvalidValue, "members: group %q contains this group, which can't be a member of itself", id)
		}
	}
	return nil
}

// beyond is a limit of nesting that a group exceeds.
type beyond int

const (
	exceedsNone beyond = iota
	exceedsDepth
	exceedsAbove
)

// sentence describes a stored group that exceeds the limit.
func (b beyond) sentence(groupID string) string {
	switch b {
	case exceedsDepth:
		return fmt.Sprintf("group %q is in a chain of more than %d groups", groupID, MaxDepth)
	case exceedsAbove:
		return fmt.Sprintf("group %q is in more than %d groups, directly or through others", groupID, MaxAbove)
	case exceedsNone:
	}
	return ""
}
