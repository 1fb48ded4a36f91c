package store

import "slices"

// Around knows the groups that users and groups are in, directly or through others. What is above a group is found once,
// however many are in it. It may be of any memberships, also of rings and beyond the limits of nesting. It is for one
// goroutine.
type Around struct {
	ids    []string         // of all users and groups, ascending
	places map[string]int32 // in ids
	up     [][]int32        // the groups that each is directly in

	// heights are how many groups the longest chain has that begins with each and goes up. Who is in a ring, or below one, has
	// 0: chains of groups that are not there twice are found in another way.
	heights []int32
	above   map[int32][]int32 // what is above groups that exceed no limit, as far as it was asked for
	kept    int               // how many places above holds
	marks   []int32           // those of the current mark were met
	mark    int32
}

// maxKept bounds the memory that what is above groups takes, in places of 4 bytes. Beyond it is found anew.
const maxKept = 4 << 20

// NewAround makes it from memberships, each of which may come several times.
func NewAround(edges []Edge) *Around {
	a := &Around{places: make(map[string]int32, len(edges)), above: map[int32][]int32{}}
	note := func(id string) {
		if _, ok := a.places[id]; !ok {
			a.places[id] = 0
			a.ids = append(a.ids, id)
		}
	}
	for _, e := range edges {
		note(e.Member)
		note(e.Group)
	}
	slices.Sort(a.ids)
	for i, id := range a.ids {
		a.places[id] = int32(i)
	}
	a.up = make([][]int32, len(a.ids))
	for _, e := range edges {
		member := a.places[e.Member]
		a.up[member] = append(a.up[member], a.places[e.Group])
	}
	a.heights, a.marks = make([]int32, len(a.ids)), make([]int32, len(a.ids))
	a.measure()
	return a
}

// measure finds the heights from the top down.
func (a *Around) measure() {
	down, waits := make([][]int32, len(a.ids)), make([]int, len(a.ids))
	var ready []int32
	for member, groups := range a.up {
		for _, g := range groups {
			down[g] = append(down[g], int32(member))
		}
		if waits[member] = len(groups); len(groups) == 0 {
			ready = append(ready, int32(member))
		}
	}
	for len(ready) > 0 {
		top := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, g := range a.up[top] {
			a.heights[top] = max(a.heights[top], a.heights[g])
		}
		a.heights[top]++
		for _, member := range down[top] {
			if waits[member]--; waits[member] == 0 {
				ready = append(ready, member)
			}
		}
	}
}

// Groups gives the ids of the groups that a user or group is in, directly or through others, ascending.
func (a *Around) Groups(id string) []string {
	place, ok := a.places[id]
	if !ok {
		return nil
	}
	found := a.reach(place, len(a.ids))
	ids := make([]string, 0, len(found))
	for _, g := range found {
		ids = append(ids, a.ids[g])
	}
	return ids
}

// Beyond says in a sentence which limit of nesting a group exceeds that a user is directly in; empty if none does.
func (a *Around) Beyond(userID string) string {
	place, ok := a.places[userID]
	if !ok {
		return ""
	}
	for _, g := range a.up[place] {
		if b := a.exceedsAt(g); b != exceedsNone {
			return b.sentence(a.ids[g])
		}
	}
	return ""
}

// exceeds says which limit of nesting a group exceeds.
func (a *Around) exceeds(groupID string) beyond {
	place, ok := a.places[groupID]
	if !ok {
		return exceedsNone // it is in no group
	}
	return a.exceedsAt(place)
}

func (a *Around) exceedsAt(group int32) beyond {
	if _, ok := a.within(group); ok {
		return exceedsNone
	}
	height := a.heights[group]
	if height == 0 && len(a.reach(group, MaxAbove+1)) <= MaxAbove || height > MaxDepth {
		return exceedsDepth
	}
	return exceedsAbove
}

// within gives what is above a group, in no order, if it exceeds no limit.
func (a *Around) within(group int32) (above []int32, ok bool) {
	if len(a.up[group]) == 0 {
		return []int32{}, true
	}
	if above, ok = a.above[group]; ok {
		return above, above != nil
	}
	switch height := a.heights[group]; {
	case height > MaxDepth:
	case height == 0:
		// It is in a ring, or below one. A chain in which no group comes twice has no more groups than there are above, and it.
		above = a.reach(group, MaxAbove+1)
		if _, ring := slices.BinarySearch(above, group); ring {
			ok = len(above) <= MaxDepth
		} else {
			ok = len(above) < MaxDepth
		}
		if !ok {
			above = nil
		}
	default:
		above, ok = a.union(group)
	}
	if ok && above == nil {
		above = []int32{}
	}
	if a.kept += len(above) + 1; a.kept > maxKept {
		clear(a.above)
		a.kept = len(above) + 1
	}
	a.above[group] = above
	return above, ok
}

// union makes what is above a group of what is above those that it is in.
func (a *Around) union(group int32) ([]int32, bool) {
	parts := make([][]int32, 0, len(a.up[group]))
	for _, g := range a.up[group] {
		above, ok := a.within(g)
		if !ok {
			return nil, false
		}
		parts = append(parts, above)
	}
	a.mark++
	var all []int32
	meet := func(g int32) bool {
		if a.marks[g] != a.mark {
			a.marks[g] = a.mark
			all = append(all, g)
		}
		return len(all) <= MaxAbove
	}
	for i, g := range a.up[group] {
		if !meet(g) {
			return nil, false
		}
		for _, g := range parts[i] {
			if !meet(g) {
				return nil, false
			}
		}
	}
	return slices.Clip(all), true
}

// reach gives what a user or group is in, ascending; about most of it.
func (a *Around) reach(from int32, most int) []int32 {
	// What is above the groups that it is directly in is known, unless they exceed a limit. It is asked for before a mark is
	// taken, since to find it takes marks as well.
	known := make([][]int32, len(a.up[from]))
	if a.heights[from] > 0 {
		for i, g := range a.up[from] {
			known[i], _ = a.within(g)
		}
	}
	a.mark++
	var all []int32
	meet := func(g int32) bool {
		if a.marks[g] == a.mark {
			return false
		}
		a.marks[g] = a.mark
		all = append(all, g)
		return true
	}
	var open []int32 // what is above these is not known
	for i, g := range a.up[from] {
		for _, above := range known[i] {
			meet(above)
		}
		if known[i] == nil {
			open = append(open, g)
		}
		meet(g)
	}
	for len(open) > 0 && len(all) < most {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		for _, g := range a.up[last] {
			if meet(g) {
				open = append(open, g)
			}
		}
	}
	slices.Sort(all)
	return all
}
