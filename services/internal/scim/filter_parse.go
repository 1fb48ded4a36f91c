package scim

import (
	"fmt"
	"strings"
)

// filterParser is a recursive-descent parser for the grammar of RFC 7644 §3.4.2.2, figure 1. PATCH paths (§3.5.2, figure 7)
// consist of the same parts.
type filterParser struct {
	src    string
	pos    int
	terms  int
	limits Limits // with defaults
	fault  ErrorType
}

func newFilterParser(text string, l Limits, fault ErrorType) *filterParser {
	return &filterParser{src: text, limits: l.withDefaults(), fault: fault}
}

func (p *filterParser) fail(format string, args ...any) *Error {
	e := newErrorAt(p.fault, p.pos, format, args...)
	what := "filter"
	if p.fault == InvalidPath {
		what = "path"
	}
	e.Detail = fmt.Sprintf("The %s can't be understood at byte %d: %s.", what, p.pos, e.Detail)
	return e
}

func (p *filterParser) checkLength() error {
	if len(p.src) > p.limits.FilterBytes {
		p.pos = p.limits.FilterBytes
		return p.fail("it is longer than %d bytes", p.limits.FilterBytes)
	}
	return nil
}

func (p *filterParser) space() {
	for p.pos < len(p.src) && p.src[p.pos] == ' ' {
		p.pos++
	}
}

func (p *filterParser) next() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

// keyword consumes a word at the position, in any case, if the word ends there.
func (p *filterParser) keyword(word string) bool {
	end := p.pos + len(word)
	if end > len(p.src) || !sameName(p.src[p.pos:end], word) {
		return false
	}
	if end < len(p.src) && p.src[end] != ' ' && p.src[end] != '(' {
		return false
	}
	p.pos = end
	return true
}

// or, and, and term get the depth of nesting and whether they are inside brackets.
func (p *filterParser) or(depth int, inside bool) (*node, error) {
	return p.chain(nodeOr, "or", depth, inside, p.and)
}

func (p *filterParser) and(depth int, inside bool) (*node, error) {
	return p.chain(nodeAnd, "and", depth, inside, p.term)
}

func (p *filterParser) chain(k nodeKind, word string, depth int, inside bool, part func(int, bool) (*node, error)) (*node, error) {
	first, err := part(depth, inside)
	if err != nil {
		return nil, err
	}
	var kids []*node
	for {
		end := p.pos
		p.space()
		if !p.keyword(word) {
			p.pos = end
			break
		}
		n, err := part(depth, inside)
		if err != nil {
			return nil, err
		}
		if kids == nil {
			kids = joined(nil, first, k)
		}
		kids = joined(kids, n, k)
	}
	if kids == nil {
		return first, nil
	}
	return &node{kind: k, offset: first.offset, kids: kids}, nil
}

// joined appends n, or its kids if n has the kind k.
func joined(kids []*node, n *node, k nodeKind) []*node {
	if n.kind == k {
		return append(kids, n.kids...)
	}
	return append(kids, n)
}

func (p *filterParser) term(depth int, inside bool) (*node, error) {
	p.space()
	start := p.pos
	if p.next() == '(' {
		return p.group(depth, inside, ')')
	}
	if p.keyword("not") {
		p.space()
		if p.next() != '(' {
			return nil, p.fail("\"not\" needs parentheses after it")
		}
		kid, err := p.group(depth, inside, ')')
		if err != nil {
			return nil, err
		}
		return &node{kind: nodeNot, offset: start, kids: []*node{kid}}, nil
	}
	path, err := p.attrPath()
	if err != nil {
		return nil, err
	}
	if p.next() == '[' {
		if inside {
			return nil, p.fail("brackets can't stand inside brackets")
		}
		kid, err := p.valueFilter(depth)
		if err != nil {
			return nil, err
		}
		return &node{kind: nodeValuePath, offset: start, path: path, kids: []*node{kid}}, nil
	}
	return p.comparison(start, path)
}

// valueFilter parses the brackets of a value path, from the opening one, and a comparison of a sub-attribute after them:
// `[type eq "work"].value eq "x"` is `[type eq "work" and value eq "x"]`.
func (p *filterParser) valueFilter(depth int) (*node, error) {
	kid, err := p.group(depth, true, ']')
	if err != nil || p.next() != '.' {
		return kid, err
	}
	p.pos++
	start := p.pos
	path, err := p.attrPath()
	if err != nil {
		return nil, err
	}
	if path.urn != "" || path.sub != "" {
		p.pos = start
		return nil, p.fail("the name of a sub-attribute is expected here")
	}
	comparison, err := p.comparison(start, path)
	if err != nil {
		return nil, err
	}
	return &node{kind: nodeAnd, offset: kid.offset, kids: append(joined(nil, kid, nodeAnd), comparison)}, nil
}

// group parses a filter in parentheses or brackets, from the opening one.
func (p *filterParser) group(depth int, inside bool, closing byte) (*node, error) {
	if depth >= p.limits.FilterDepth {
		return nil, p.fail("it nests deeper than %d", p.limits.FilterDepth)
	}
	p.pos++
	n, err := p.or(depth+1, inside)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.next() != closing {
		return nil, p.fail("a %q is expected here", closing)
	}
	p.pos++
	return n, nil
}

func (p *filterParser) attrPath() (attrPath, error) {
	start := p.pos
	for p.pos < len(p.src) && isPathByte(p.src[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return attrPath{}, p.fail("the name of an attribute is expected here")
	}
	path, ok := splitAttrPath(p.src[start:p.pos])
	if !ok {
		text := p.src[start:p.pos]
		p.pos = start
		return attrPath{}, p.fail("%s is not the name of an attribute", shown(text))
	}
	return path, nil
}

func (p *filterParser) comparison(start int, path attrPath) (*node, error) {
	p.terms++
	if p.terms > p.limits.FilterTerms {
		p.pos = start
		return nil, p.fail("it has more than %d comparisons", p.limits.FilterTerms)
	}
	if p.next() != ' ' {
		return nil, p.fail("a space and an operator are expected after the attribute")
	}
	p.space()
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	n := &node{kind: nodeCompare, op: op, offset: start, path: path}
	if op == opPr {
		return n, nil
	}
	if p.next() != ' ' {
		return nil, p.fail("a space and a value are expected after the operator")
	}
	p.space()
	n.literal, err = p.literal()
	return n, err
}

func (p *filterParser) operator() (operator, error) {
	start := p.pos
	for p.pos < len(p.src) && 'a' <= lower(p.src[p.pos]) && lower(p.src[p.pos]) <= 'z' {
		p.pos++
	}
	word := p.src[start:p.pos]
	for i, name := range operatorNames {
		if sameName(word, name) {
			return operator(i), nil
		}
	}
	p.pos = start
	if word == "" {
		return 0, p.fail("an operator (%s) is expected here", strings.Join(operatorNames[:], ", "))
	}
	return 0, p.fail("%s is no operator; they are %s", shown(word), strings.Join(operatorNames[:], ", "))
}

// literal parses a compValue: a JSON string, number, boolean or null.
func (p *filterParser) literal() (literal, error) {
	start := p.pos
	d := decoder{src: p.src, pos: p.pos, limits: p.limits}
	switch c := p.next(); {
	case c == '"':
		s, err := d.string()
		if err != nil {
			return literal{}, p.fail("this is not a JSON string: a quote, escape or character in it is wrong")
		}
		p.pos = d.pos
		return literal{kind: kindString, text: s, folded: Casefold(s)}, nil
	case c == '-' || '0' <= c && c <= '9':
		v, err := d.number()
		if err != nil || !p.endsValue(d.pos) {
			return literal{}, p.fail("this is not a JSON number")
		}
		p.pos = d.pos
		return literal{kind: kindNumber, text: v.text}, nil
	}
	for p.pos < len(p.src) && isPathByte(p.src[p.pos]) {
		p.pos++
	}
	switch word := p.src[start:p.pos]; {
	case sameName(word, "true"):
		return literal{kind: kindBool, truth: true}, nil
	case sameName(word, "false"):
		return literal{kind: kindBool}, nil
	case sameName(word, "null"):
		return literal{}, nil
	}
	p.pos = start
	return literal{}, p.fail("a value is expected here: a string in double quotes, a number, true, false or null")
}

func (p *filterParser) endsValue(at int) bool {
	return at == len(p.src) || p.src[at] == ' ' || p.src[at] == ')' || p.src[at] == ']'
}
