package scim

import "strings"

// Filter is a filter of RFC 7644 §3.4.2.2. It is immutable. It gets its meaning for a resource type only in CheckFilter or
// Match.
type Filter struct {
	root *node
}

// ParseFilter parses a filter. Operators and attribute names are case-insensitive. Errors are invalidFilter, with the byte
// offset. Time and memory are linear in the text, and l bounds its nesting, so every input is safe.
func ParseFilter(text string, l Limits) (*Filter, error) {
	p := newFilterParser(text, l, InvalidFilter)
	if err := p.checkLength(); err != nil {
		return nil, err
	}
	root, err := p.or(0, false)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.src) {
		return nil, p.fail("the filter should end here, or go on with \"and\" or \"or\"")
	}
	return &Filter{root: root}, nil
}

// Uses reports whether the filter uses a top-level attribute, such as "members" or "groups". If not, the caller need not
// read it.
func (f *Filter) Uses(attr string) bool { return f.root.uses(attr) }

func (n *node) uses(attr string) bool {
	if n.path.ofCore() && sameName(n.path.name, attr) {
		return true
	}
	if n.kind == nodeValuePath {
		return false // the names inside are sub-attributes
	}
	for _, kid := range n.kids {
		if kid.uses(attr) {
			return true
		}
	}
	return false
}

// String returns the filter in one form for operators, space and strings, with attribute names as they were sent. Parsing it
// gives an equal filter.
func (f *Filter) String() string {
	var b strings.Builder
	f.root.write(&b)
	return b.String()
}

type nodeKind uint8

const (
	nodeCompare   nodeKind = iota
	nodeAnd                // two or more kids
	nodeOr                 // two or more kids
	nodeNot                // one kid
	nodeValuePath          // one kid, about the sub-attributes of path
)

type operator uint8

const (
	opEq operator = iota
	opNe
	opCo
	opSw
	opEw
	opGt
	opGe
	opLt
	opLe
	opPr
)

var operatorNames = [...]string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}

func (o operator) ordering() bool { return opGt <= o && o <= opLe }

// node is a node of a filter's syntax tree. Parentheses are not represented: the kids of "and" are never "and", and the kids
// of "or" never "or".
type node struct {
	kind    nodeKind
	op      operator
	offset  int // in the text, for errors that are found later, with a resource type
	path    attrPath
	literal literal
	kids    []*node
}

// literal is the compValue of a comparison.
type literal struct {
	kind   kind
	truth  bool
	text   string
	folded string // kindString: Casefold(text)
}

// size counts comparisons.
func (n *node) size() int {
	if n.kind == nodeCompare {
		return 1
	}
	size := 0
	for _, kid := range n.kids {
		size += kid.size()
	}
	return size
}

func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case nodeCompare:
		b.WriteString(n.path.String())
		b.WriteByte(' ')
		b.WriteString(operatorNames[n.op])
		if n.op != opPr {
			b.WriteByte(' ')
			v := value{kind: n.literal.kind, truth: n.literal.truth, text: n.literal.text}
			b.Write(v.appendJSON(nil))
		}
	case nodeAnd, nodeOr:
		for i, kid := range n.kids {
			if i > 0 {
				b.WriteString(map[nodeKind]string{nodeAnd: " and ", nodeOr: " or "}[n.kind])
			}
			if n.kind == nodeAnd && kid.kind == nodeOr {
				b.WriteByte('(')
				kid.write(b)
				b.WriteByte(')')
			} else {
				kid.write(b)
			}
		}
	case nodeNot:
		b.WriteString("not (")
		n.kids[0].write(b)
		b.WriteByte(')')
	case nodeValuePath:
		b.WriteString(n.path.String())
		b.WriteByte('[')
		n.kids[0].write(b)
		b.WriteByte(']')
	}
}
