package scim

import "strings"

// attrPath is the attrPath of RFC 7644 §3.4.2.2, figure 1, as the client spelled it. Only a resource type can tell which
// part of a URN is the schema's: see resolve.
type attrPath struct {
	urn  string // everything before the last colon, "" without a URN
	name string // with a URN perhaps not a valid attribute name: then the whole path is the URN of a schema
	sub  string
}

// ofCore reports whether the path names an attribute of the resource itself, not of an extension.
func (p attrPath) ofCore() bool { return p.name != "" && (p.urn == "" || typeOf(p.urn) != nil) }

func (p attrPath) String() string {
	s := p.name
	if p.urn != "" {
		s = p.urn + ":" + s
	}
	if p.sub != "" {
		s += "." + p.sub
	}
	return s
}

// splitAttrPath checks the grammar of text, which contains only bytes that isPathByte accepts.
func splitAttrPath(text string) (attrPath, bool) {
	var p attrPath
	p.name = text
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 {
		if len(text) < 4 || !sameName(text[:4], "urn:") {
			return attrPath{}, false
		}
		p.urn, p.name = text[:colon], text[colon+1:]
	}
	dotted := false
	if dot := strings.IndexByte(p.name, '.'); dot >= 0 {
		dotted = true
		p.name, p.sub = p.name[:dot], p.name[dot+1:]
	}
	if isName(p.name) && (!dotted || isName(p.sub)) {
		return p, true
	}
	if p.urn == "" {
		return attrPath{}, false
	}
	// For example "urn:example:1.0".
	p.name, p.sub = text[len(p.urn)+1:], ""
	return p, p.name != ""
}

// isName reports whether s is an ATTRNAME of RFC 7643 §2.1, or a name such as "$ref" of §2.4.
func isName(s string) bool {
	if s == "" || s == "$" {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= lower(c) && lower(c) <= 'z':
		case i == 0 && c == '$':
		case i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return true
}

func isPathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '.' || c == ':' || c == '-' || c == '_' || c == '$'
}

// target is the attribute that an attrPath names in a resource type. Without attr it is a whole extension or, also without
// ext, the core of the resource.
type target struct {
	ext  *Attribute // the container of the extension, nil in the core
	attr *Attribute
	sub  *Attribute // nil for the whole attribute
}

// leaf is the innermost attribute of the path, nil for the whole core.
func (t target) leaf() *Attribute {
	switch {
	case t.sub != nil:
		return t.sub
	case t.attr != nil:
		return t.attr
	default:
		return t.ext
	}
}

func (t *ResourceType) resolve(p attrPath) (target, bool) {
	var to target
	parent := t.root
	if p.urn != "" && !sameName(p.urn, t.Schema.ID) {
		if to.ext = t.extension(p.urn); to.ext == nil {
			return t.resolveWhole(p)
		}
		parent = to.ext
	}
	if to.attr = parent.sub(p.name); to.attr == nil {
		return target{}, false
	}
	if p.sub != "" {
		to.sub = to.attr.sub(p.sub)
		return to, to.sub != nil
	}
	return to, true
}

// resolveWhole finds the schema whose URN the whole path is.
func (t *ResourceType) resolveWhole(p attrPath) (target, bool) {
	if p.sub != "" { // for example "urn:example:v1.x"
		p.name, p.sub = p.name+"."+p.sub, ""
	}
	if p.isURN(t.Schema.ID) {
		return target{}, true
	}
	for _, e := range t.Extensions {
		if p.isURN(e.Schema.ID) {
			return target{ext: t.root.sub(e.Schema.ID)}, true
		}
	}
	return target{}, false
}

func (p attrPath) isURN(id string) bool {
	n := len(p.urn)
	return len(id) == n+1+len(p.name) && sameName(id[:n], p.urn) && id[n] == ':' && sameName(id[n+1:], p.name)
}
