package scim

import "strings"

// attrPath is the attrPath of RFC 7644 §3.4.2.2, figure 1, as the client spelled it.
// Which part of a URN is the schema's can't be told without a resource type: resolve does.
type attrPath struct {
	urn  string // all before the last colon, "" without a URN
	name string // with a URN perhaps none that an attribute can have: then the whole path is the URN of a schema
	sub  string
}

// ofCore says whether it names an attribute of a resource itself, and none of an extension.
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

// splitAttrPath checks the grammar of text, which holds only bytes that isPathByte takes.
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
	// As in "urn:example:1.0".
	p.name, p.sub = text[len(p.urn)+1:], ""
	return p, p.name != ""
}

// isName holds for ATTRNAME of RFC 7643 §2.1, and for names such as "$ref" of §2.4.
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

// target is what an attrPath names in a resource type. Without attr it is a whole
// extension, or, without ext too, the core of the resource.
type target struct {
	ext  *Attribute // container of the extension, nil in the core
	attr *Attribute
	sub  *Attribute // nil when the whole attribute is meant
}

// leaf is the innermost attribute named, nil for the core as a whole.
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
	if p.sub != "" { // as in "urn:example:v1.x"
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
