package scim

import (
	"errors"
	"strings"
)

// Path is the path of a PATCH operation (RFC 7644 §3.5.2, figure 7): attr, attr.sub, attr[filter], attr[filter].sub, each
// with or without a URN before it, or only the URN of a schema.
type Path struct {
	attr   attrPath // without sub if there is a filter
	filter *Filter  // nil without brackets
	sub    string   // after the brackets
}

// ParsePath parses a path. Errors are invalidPath, or invalidFilter for the filter in brackets, with the byte offset. l
// bounds it like a filter.
func ParsePath(text string, l Limits) (*Path, error) {
	p := newFilterParser(text, l, InvalidPath)
	path, err := p.path()
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Path = pathHead(text)
		}
		return nil, err
	}
	return path, nil
}

func (p *filterParser) path() (*Path, error) {
	if err := p.checkLength(); err != nil {
		return nil, err
	}
	attr, err := p.attrPath()
	if err != nil {
		return nil, err
	}
	path := &Path{attr: attr}
	if p.next() == '[' {
		if attr.sub != "" {
			return nil, p.fail("brackets can't stand after a sub-attribute")
		}
		p.fault = InvalidFilter
		root, err := p.group(0, true, ']')
		if err != nil {
			return nil, err
		}
		p.fault = InvalidPath
		path.filter = &Filter{root: root}
		if p.next() == '.' {
			p.pos++
			path.sub = p.src[p.pos:]
			if !isName(path.sub) {
				return nil, p.fail("the name of a sub-attribute is expected here")
			}
			p.pos = len(p.src)
		}
	}
	if p.pos < len(p.src) {
		return nil, p.fail("the path should end here")
	}
	return path, nil
}

// String returns the path, with its filter in the form of Filter.String.
func (p *Path) String() string {
	s := p.attr.String()
	if p.filter != nil {
		s += "[" + p.filter.String() + "]"
	}
	if p.sub != "" {
		s += "." + p.sub
	}
	return s
}

// pathHead is the part of a path that an error may show: the filter in brackets may contain an e-mail address.
func pathHead(s string) string {
	const most = 128
	s, _, _ = strings.Cut(s, "[")
	return s[:min(len(s), most)]
}

// resolvePath finds the target of a path in the type. Errors are invalidPath for unknown attributes, and invalidFilter for
// invalid filters.
func (t *ResourceType) resolvePath(p *Path) (target, error) {
	attr := p.attr
	if p.sub != "" {
		attr.sub = p.sub
	}
	to, ok := t.resolve(attr)
	if !ok {
		return target{}, newError(InvalidPath, pathHead(attr.String()), "%s has no attribute %s.", t.Name, shown(attr.String()))
	}
	if p.filter == nil {
		return to, nil
	}
	if to.attr == nil || !to.attr.MultiValued {
		return target{}, newError(InvalidPath, pathHead(attr.String()), "%s is not a multi-valued attribute, so it can't have a value filter.", shown(p.attr.String()))
	}
	return to, checkValueFilter(p.filter.root, to.attr)
}
