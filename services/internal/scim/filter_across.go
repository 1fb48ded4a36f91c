package scim

// Narrowed is the part of a filter that remains for the resources of one type.
type Narrowed struct {
	Type   *ResourceType
	Filter *Filter // nil: all match
}

// Across splits a filter over resources of several types into a filter for each type, in the order of types (RFC 7644
// §3.4.2.1). It leaves out a type without possible matches. An attribute that a type does not have counts as unassigned. An
// attribute that no type has is an error, and so is everything that CheckFilter refuses: invalidFilter, with the offset.
func (f *Filter) Across(types ...*ResourceType) ([]Narrowed, error) {
	if err := f.root.known(types); err != nil {
		return nil, err
	}
	var all []Narrowed
	for _, t := range types {
		root, constant := t.narrow(f.root)
		if root == nil && !constant {
			continue
		}
		one := Narrowed{Type: t}
		if root != nil {
			one.Filter = &Filter{root: root}
			if err := t.CheckFilter(one.Filter); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// known checks that each attribute exists in some type.
func (n *node) known(types []*ResourceType) error {
	if n.kind == nodeCompare || n.kind == nodeValuePath {
		for _, t := range types {
			if t.has(n) {
				return nil
			}
		}
		return n.fail("no resource type has an attribute %s", shown(n.path.String()))
	}
	for _, kid := range n.kids {
		if err := kid.known(types); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a type has the attribute of a comparison or of a value path.
func (t *ResourceType) has(n *node) bool {
	to, ok := t.resolve(n.path)
	return ok && (n.kind == nodeValuePath || to.leaf() != nil)
}

// narrow simplifies what is the same for all resources of a type. If node is nil, the result is the constant.
func (t *ResourceType) narrow(n *node) (narrowed *node, constant bool) {
	switch n.kind {
	case nodeNot:
		kid, constant := t.narrow(n.kids[0])
		if kid == nil {
			return nil, !constant
		}
		return &node{kind: nodeNot, offset: n.offset, kids: []*node{kid}}, false
	case nodeAnd, nodeOr:
		return t.narrowKids(n)
	}
	switch {
	case !t.has(n):
		return nil, n.kind == nodeCompare && n.compare(nil, nil)
	case n.kind == nodeCompare && t.isTypeName(n):
		return nil, (n.literal.text == t.Name) == (n.op == opEq)
	}
	return n, false
}

// isTypeName reports whether a comparison is on the name of the type, which has a constant result.
func (t *ResourceType) isTypeName(n *node) bool {
	to, _ := t.resolve(n.path)
	return to.attr == t.meta && to.sub != nil && to.sub.Name == "resourceType" && n.literal.kind == kindString &&
		(n.op == opEq || n.op == opNe)
}

// narrowKids narrows a conjunction or disjunction: a constant kid decides it, or has no effect.
func (t *ResourceType) narrowKids(n *node) (narrowed *node, constant bool) {
	decides := n.kind == nodeOr
	var kids []*node
	for _, kid := range n.kids {
		kid, constant := t.narrow(kid)
		switch {
		case kid == nil && constant == decides:
			return nil, decides
		case kid == nil:
		case kid.kind == n.kind: // parentheses are not represented
			kids = append(kids, kid.kids...)
		default:
			kids = append(kids, kid)
		}
	}
	switch len(kids) {
	case 0:
		return nil, !decides
	case 1:
		return kids[0], false
	}
	return &node{kind: n.kind, offset: n.offset, kids: kids}, false
}
