package scim

// changeMembers converts an operation on a group's members to an edit for the store.
func (e *editor) changeMembers(c change, to target, filter *Filter) error {
	if to.sub != nil {
		if to.sub.Mutability == ReadOnly {
			// A member's display name is derived from the member. Clients send it for human readers, so it is not an error.
			e.ignore(to.sub.path)
			return nil
		}
		return newError(Mutability, to.sub.path, "%s can't be changed; remove the member and add another.", to.sub.path)
	}
	if filter != nil {
		return e.changeMatchingMembers(c, filter)
	}
	list := newMemberList(&e.reader)
	if c.op != opRemove || c.given {
		if err := list.takeAll(c.value); err != nil {
			return err
		}
	}
	return e.editMembers(c, list.ids())
}

// editMembers records the edit of an operation on the whole of `members`.
func (e *editor) editMembers(c change, ids []string) error {
	switch {
	case c.op == opReplace:
		e.record(MemberEdit{Kind: ReplaceMembers, IDs: ids})
	case c.op == opRemove && (!c.given || c.value.isNull()):
		e.record(MemberEdit{Kind: ReplaceMembers})
	case c.op == opRemove && e.strict():
		return newError(InvalidValue, "members", "A remove takes no value (RFC 7644 §3.5.2.2); use a path such as members[value eq \"...\"].")
	case c.op == opRemove:
		e.quirk(QuirkRemoveWithValue)
		if len(ids) > 0 {
			e.record(MemberEdit{Kind: RemoveMembers, IDs: ids})
		}
	case len(ids) > 0:
		e.record(MemberEdit{Kind: AddMembers, IDs: ids})
	}
	return nil
}

func (e *editor) record(edit MemberEdit) { e.result.Members = append(e.result.Members, edit) }

func (e *editor) changeMatchingMembers(c change, filter *Filter) error {
	if c.op != opRemove {
		return newError(InvalidPath, "members", "Members are added by the path \"members\", without a filter.")
	}
	if c.given && e.strict() {
		return newError(InvalidValue, "members", "A remove takes no value (RFC 7644 §3.5.2.2).")
	}
	if ids, ok := memberIDs(filter.root); ok {
		e.record(MemberEdit{Kind: RemoveMembers, IDs: ids})
	} else {
		e.record(MemberEdit{Kind: RemoveMatching, Filter: filter})
	}
	return nil
}

// memberIDs returns the ids of a filter that only names ids: then no member needs to be read for it.
func memberIDs(n *node) ([]string, bool) {
	equalities := []*node{n}
	if n.kind == nodeOr {
		equalities = n.kids
	}
	ids := make([]string, 0, len(equalities))
	seen := make(map[string]bool, len(equalities))
	for _, eq := range equalities {
		if eq.kind != nodeCompare || eq.op != opEq || eq.literal.kind != kindString || !sameName(eq.path.name, "value") {
			return nil, false
		}
		if id := eq.literal.text; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, true
}
