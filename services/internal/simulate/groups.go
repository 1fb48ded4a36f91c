package simulate

import (
	"context"
	"errors"
	"slices"
)

func (r *run) syncGroup(ctx context.Context, cycle, g int) error {
	want := r.plan.cycles[cycle].groups[g]
	if want.presence != present {
		return r.deleteGroup(ctx, g)
	}
	for range 3 {
		adopted, err := r.ensureGroup(ctx, cycle, g, want)
		if err != nil {
			return err
		}
		err = r.dialect.updateGroup(ctx, r, cycle, g, r.group(g).id, want, adopted)
		if !errors.Is(err, errVanished) {
			return err
		}
		r.setGroup(g, groupHandle{have: map[int]string{}})
	}
	return errGaveUp
}

func (r *run) ensureGroup(ctx context.Context, cycle, g int, want groupState) (adopted bool, err error) {
	if r.group(g).id != "" {
		return false, nil
	}
	names := []string{want.name}
	for _, name := range r.plan.groupNames[g] {
		if name != want.name {
			names = append(names, name)
		}
	}
	var doc document
	find := func(ctx context.Context) (bool, error) {
		for _, name := range names {
			filter := equals("displayName", name)
			var err error
			if doc, err = r.find(ctx, r.dialect.groupQuery(filter), filter); err != nil || doc != nil {
				return doc != nil, err
			}
		}
		return false, nil
	}
	var have map[int]string
	created, body, err := r.create(ctx, "/Groups", find, func() document {
		var group document
		group, have = r.dialect.newGroup(r, cycle, g, want)
		return group
	})
	if err != nil {
		return false, err
	}
	if created {
		r.setGroup(g, groupHandle{id: body.text("id"), name: want.name, have: have})
		return false, nil
	}
	r.setGroup(g, groupHandle{id: doc.text("id"), name: doc.text("displayName"), have: map[int]string{}})
	return true, nil
}

func (r *run) deleteGroup(ctx context.Context, g int) error {
	if id := r.group(g).id; id != "" {
		if err := r.delete(ctx, groupPath(id)); err != nil {
			return err
		}
		r.setGroup(g, groupHandle{have: map[int]string{}})
	}
	return nil
}

func (r *run) group(g int) groupHandle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups[g]
}

func (r *run) setGroup(g int, h groupHandle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[g] = h
}

func (r *run) renamed(g int, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[g].name = name
}

// member is one membership to change.
type member struct {
	index int
	id    string
	name  string
}

// memberships returns the wanted members, and the members to add and to remove. incomplete means that a wanted member cannot
// be added yet, because the server has no such user.
func (r *run) memberships(cycle, g int) (wanted, add, remove []member, incomplete bool) {
	now := r.plan.cycles[cycle]
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.groups[g].have
	for _, i := range now.groups[g].members {
		m := member{i, r.userIDs[i], now.users[i].userName}
		if m.id == "" {
			incomplete = true
			continue
		}
		wanted = append(wanted, m)
		if have[i] != m.id {
			add = append(add, m)
		}
	}
	for i, id := range have {
		if _, found := slices.BinarySearch(now.groups[g].members, i); found {
			continue
		}
		if now.users[i].presence == gone { // the server removes a deleted user itself
			delete(have, i)
			continue
		}
		remove = append(remove, member{i, id, now.users[i].userName})
	}
	slices.SortFunc(remove, func(a, b member) int { return a.index - b.index })
	return wanted, add, remove, incomplete
}

func (r *run) joined(g int, members []member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range members {
		r.groups[g].have[m.index] = m.id
	}
}

func (r *run) left(g int, members []member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range members {
		delete(r.groups[g].have, m.index)
	}
}
