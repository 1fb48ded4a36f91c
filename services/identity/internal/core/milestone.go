package core

import (
	"iter"
	"slices"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// milestones is a set of milestones: the bit of each is its number. A message does not need memory for it.
type milestones uint32

func setOf(kind identityv1.MilestoneKind) milestones { return 1 << kind }

// names iterates over the names under which the milestones are stored.
func (m milestones) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for kind := identityv1.MilestoneKind(0); m>>kind != 0; kind++ {
			if m&setOf(kind) != 0 && !yield(identityv1.MilestoneKind_name[int32(kind)]) {
				return
			}
		}
	}
}

// created returns the milestones of a message that created or adopted a resource.
func created(t store.Type, edits []store.MemberEdit) milestones {
	switch t {
	case store.User:
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_USER_CREATED)
	case store.Group:
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_GROUP_CREATED) | added(edits)
	}
	return 0
}

// changed returns the milestones of a message that changed a resource. wasActive says whether a user was active before.
func changed(r store.Resource, document, wasActive bool, edits []store.MemberEdit) milestones {
	switch {
	case r.Type == store.Group:
		return added(edits)
	case r.Type != store.User || !document:
		return 0
	case wasActive && !r.Active:
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_USER_DEACTIVATED)
	}
	return setOf(identityv1.MilestoneKind_MILESTONE_KIND_USER_CHANGED)
}

// deleted returns the milestones of a message that deleted a resource.
func deleted(t store.Type) milestones {
	switch t {
	case store.User:
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_USER_DELETED)
	case store.Group:
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_GROUP_DELETED)
	}
	return 0
}

// added returns the milestone of edits that name members to add, or all members.
func added(edits []store.MemberEdit) milestones {
	if slices.ContainsFunc(edits, func(e store.MemberEdit) bool {
		return (e.Kind == scim.AddMembers || e.Kind == scim.ReplaceMembers) && len(e.IDs) > 0
	}) {
		return setOf(identityv1.MilestoneKind_MILESTONE_KIND_MEMBER_ADDED)
	}
	return 0
}
