package store

import (
	"slices"

	"github.com/usher-scim/usher/services/internal/scim"
)

// Member is a member of a group.
type Member struct {
	scim.Member
	Carried bool // an adoption kept it and the IdP has not confirmed it
}

// CarriedMember is a membership that an adoption kept and that the IdP never confirmed.
type CarriedMember struct {
	GroupID string
	Member  Member
}

// MemberEdit is one edit of a group's members. No edit changes members that the IdP cannot see, because they are detached.
type MemberEdit struct {
	Kind  scim.MemberEditKind
	IDs   []string                      // the members to add, to remove, or to replace all with
	Match func(member scim.Member) bool // for scim.RemoveMatching
}

// Replacing splits scim.ReplaceMembers into a removal and an addition. Call removed for each existing member: it reports whether to
// remove the member. After that, added returns the ids of the members to add or to confirm. Members that stay need no further check.
func Replacing(ids []string) (removed func(Member) bool, added func() []string) {
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	removed = func(m Member) bool {
		named := missing[m.Value]
		if named && !m.Carried {
			delete(missing, m.Value)
		}
		return !named
	}
	added = func() (all []string) {
		for _, id := range ids {
			if missing[id] {
				all = append(all, id)
			}
		}
		return all
	}
	return removed, added
}

// Together joins consecutive edits that add members, so that the nesting is checked once for all of them.
func Together(edits []MemberEdit) []MemberEdit {
	all := make([]MemberEdit, 0, len(edits))
	for _, e := range edits {
		if last := len(all) - 1; e.Kind == scim.AddMembers && last >= 0 && all[last].Kind == scim.AddMembers {
			all[last].IDs = append(all[last].IDs, e.IDs...)
			continue
		}
		e.IDs = slices.Clip(e.IDs) // appending must not change the caller's slice
		all = append(all, e)
	}
	return all
}
