package store

import (
	"slices"

	"github.com/usher-scim/usher/services/internal/scim"
)

// Member is a membership as its group has it.
type Member struct {
	scim.Member
	Carried bool // taken over with an adopted group and not confirmed by the IdP
}

// CarriedMember is a membership that an adoption took over and the IdP never confirmed.
type CarriedMember struct {
	GroupID string
	Member  Member
}

// MemberEdit is one change of a group's members. Members that the IdP cannot see, because they are detached, are left
// alone by every edit.
type MemberEdit struct {
	Kind  scim.MemberEditKind
	IDs   []string                      // to add, to remove, or to replace all with
	Match func(member scim.Member) bool // for scim.RemoveMatching
}

// Replacing is what scim.ReplaceMembers with ids comes to: goes says of each member that is there whether it must go, and come, once it
// was asked about all, who is to be added or confirmed. Who stays need not be looked at again.
func Replacing(ids []string) (goes func(Member) bool, come func() []string) {
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	goes = func(m Member) bool {
		named := missing[m.Value]
		if named && !m.Carried {
			delete(missing, m.Value)
		}
		return !named
	}
	come = func() (all []string) {
		for _, id := range ids {
			if missing[id] {
				all = append(all, id)
			}
		}
		return all
	}
	return goes, come
}

// Together makes one edit of those that add members one after another, so that nesting is looked at once for them.
func Together(edits []MemberEdit) []MemberEdit {
	all := make([]MemberEdit, 0, len(edits))
	for _, e := range edits {
		if last := len(all) - 1; e.Kind == scim.AddMembers && last >= 0 && all[last].Kind == scim.AddMembers {
			all[last].IDs = append(all[last].IDs, e.IDs...)
			continue
		}
		e.IDs = slices.Clip(e.IDs) // what follows is written elsewhere: the caller's ids stay
		all = append(all, e)
	}
	return all
}
