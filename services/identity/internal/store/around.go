package store

import "slices"

// Around finds the groups that users and groups are in, directly or through other groups. It finds what is above a group
// once, however many members the group has. It accepts any memberships, also cycles and nesting beyond the limits. It is not
// safe for concurrent use.
type Around struct {
	ids    []string         // of all users and groups, ascending
	places map[string]int32 // index in ids
	up     [][]int32        // the groups that each one is directly in

	// heights are the numbers of groups in the longest chain upwards from each one, itself included. A user or group in a
	// cycle, or below one, has 0: for it, reach counts the groups above.
	heights []int32
	above   map[int32][]int32 // the groups above a group, for groups within the limits that were asked for
	kept    int               // how many indexes above contains
	marks   []int32           // the last mark at which each one was visited
	mark    int32
}

// maxKept bounds the memory of above, in indexes of 4 bytes. Beyond it, above starts again empty.
const maxKept = 4 << 20

// NewAround creates an Around from memberships. A membership may appear several times.
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

// measure computes the heights from the top down.
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

// Groups returns the ids of the groups that a user or group is in, directly or through others, in ascending order.
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

// Beyond describes in a sentence which limit of nesting is exceeded by a group that a user is directly in. It returns "" if
// there is none.
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

// exceeds returns the limit of nesting that a group exceeds.
func (a *Around) exceeds(groupID string) beyond {
	place, ok := a.places[groupID]
	if !ok {
		return exceedsNone // the group is in no group
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

// within returns the groups above a group, in no order. ok is false if the group exceeds a limit.
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
		// The group is in a cycle, or below one. A chain that repeats no group is at most as long as the number of groups
		// above, plus the group itself.
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

// union joins the direct groups of a group and the groups above them.
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

// reach returns the groups that a user or group is in, in ascending order. It stops after about most of them.
func (a *Around) reach(from int32, most int) []int32 {
	// The groups above the direct groups are known, unless those exceed a limit. They are requested before this function
	// takes a mark, because within takes marks, too.
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
	var open []int32 // groups for which the groups above are not known
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

// Paths returns, for each group that a user or group is in, the groups of a shortest way to it: from a group that it is directly in, to
// the last one before the group. The way is empty for the groups that it is directly in. Of several shortest ways, it takes the one with
// the first id at the last step. Of a way of more than MaxDepth groups, it returns the last ones.
func (a *Around) Paths(id string) func(groupID string) (through []string) {
	from, ok := a.places[id]
	if !ok {
		return func(string) []string { return nil }
	}
	before := make([]int32, len(a.ids)) // the one before each group on its way, plus 1; 0 if the group was not reached
	reached := []int32{from}
	before[from] = -1
	for i := 0; i < len(reached); {
		// All groups at one distance go before the next distance, in the order of their ids.
		far := len(reached)
		slices.Sort(reached[i:far])
		for ; i < far; i++ {
			for _, g := range a.up[reached[i]] {
				if before[g] == 0 {
					before[g] = reached[i] + 1
					reached = append(reached, g)
				}
			}
		}
	}
	return func(groupID string) (through []string) {
		place, ok := a.places[groupID]
		if !ok || before[place] <= 0 {
			return nil
		}
		for place = before[place] - 1; place != from && len(through) < MaxDepth; place = before[place] - 1 {
			through = append(through, a.ids[place])
		}
		slices.Reverse(through)
		return through
	}
}
