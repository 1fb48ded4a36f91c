package scim

import "strings"

// Projection is the choice of attributes by the parameters attributes and excludedAttributes of RFC 7644 §3.9. The zero
// value means the default.
type Projection struct {
	only   []attrPath
	except []attrPath
	given  bool // attributes was sent
	// filtered is a name in attributes that has a filter in brackets: "" if there is none.
	filtered string
}

// ParseProjection parses the two parameters; a request may have one of them. An element may contain several names, separated
// by commas. Unknown attributes are ignored; a text that cannot be a name is invalidValue. A filter in brackets after a name
// in attributes is skipped: Quirks reports or refuses it.
func ParseProjection(attributes, excluded []string) (Projection, error) {
	var p Projection
	var err error
	if p.only, p.filtered, err = parseNames("attributes", attributes, true); err != nil {
		return Projection{}, err
	}
	if p.except, _, err = parseNames("excludedAttributes", excluded, false); err != nil {
		return Projection{}, err
	}
	p.given = len(p.only) > 0
	if p.given && len(p.except) > 0 {
		return Projection{}, newError(InvalidValue, "attributes", "attributes and excludedAttributes can't be used together.")
	}
	return p, nil
}

// MaxNames is the most names in a projection, which bounds the work of projecting. No client maps so many attributes.
const MaxNames = 200

func parseNames(parameter string, list []string, filters bool) (names []attrPath, filtered string, err error) {
	for _, element := range list {
		for _, text := range SplitNames(element) {
			var p attrPath
			ok := false
			if name, _, brackets := strings.Cut(text, "["); !brackets {
				p, ok = splitAttrPath(name)
			} else if filters {
				if path, err := ParsePath(text, Limits{}); err == nil {
					p, ok, filtered = path.attr, true, pathHead(text)
					p.sub = path.sub
				}
			}
			if !ok {
				return nil, "", newError(InvalidValue, parameter, "%s contains %s, which is not the name of an attribute.", parameter, shown(pathHead(text)))
			}
			if names = append(names, p); len(names) > MaxNames {
				return nil, "", newError(InvalidValue, parameter, "%s contains more than %d names.", parameter, MaxNames)
			}
		}
	}
	return names, filtered, nil
}

// SplitNames splits a list of names at its commas, except those in brackets, and leaves out empty names. If the list is
// longer than ParseProjection accepts, it returns one name more than allowed.
func SplitNames(list string) []string {
	var names []string
	start, inBrackets, inString := 0, false, false
	add := func(end int) {
		if name := strings.TrimSpace(list[start:end]); name != "" && len(names) <= MaxNames {
			names = append(names, name)
		}
		start = end + 1
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case inString && c == '\\':
			i++
		case c == '"' && inBrackets:
			inString = !inString
		case inString:
		case c == '[':
			inBrackets = true
		case c == ']':
			inBrackets = false
		case c == ',' && !inBrackets:
			add(i)
		}
	}
	add(len(list))
	return names
}

// Quirks returns the quirks of the filter that ParseProjection skipped in tolerant mode. In strict mode, the filter is
// invalidValue.
func (p Projection) Quirks(m Mode) ([]string, error) {
	switch {
	case p.filtered == "":
		return nil, nil
	case m == Strict:
		return nil, newError(InvalidValue, "attributes", "attributes contains %s with a filter, but only names of attributes are allowed.", shown(p.filtered))
	}
	return []string{QuirkFilterInAttributes}, nil
}

// IsDefault reports whether the projection is the default.
func (p Projection) IsDefault() bool { return len(p.only) == 0 && len(p.except) == 0 }

// Includes reports whether a top-level attribute ("members", "groups", "meta"), or a part of it, is chosen. If not, the
// caller need not read it. It uses no schema: an attribute that is always returned is included in any case.
func (p Projection) Includes(attr string) bool {
	matches := func(name attrPath) bool {
		return name.ofCore() && sameName(name.name, attr)
	}
	if p.given {
		for _, name := range p.only {
			if matches(name) {
				return true
			}
		}
		return false
	}
	for _, name := range p.except {
		if matches(name) && name.sub == "" {
			return false
		}
	}
	return true
}

// selection is a Projection for a resource type.
type selection struct {
	given  bool
	only   []target
	except []target
}

func (t *ResourceType) selection(p Projection) selection {
	s := selection{given: p.given}
	for _, name := range p.only {
		if to, ok := t.resolve(name); ok {
			s.only = append(s.only, to)
		}
	}
	for _, name := range p.except {
		if to, ok := t.resolve(name); ok {
			s.except = append(s.except, to)
		}
	}
	return s
}

// keep returns the part of an attribute's value that is returned, null for nothing (RFC 7643 §7, "returned"; RFC 7644 §3.9).
// at names the attribute itself.
func (s selection) keep(at target, v value) value {
	if at.attr == nil && at.ext != nil {
		return s.parts(at, v) // each attribute has its own "returned"
	}
	a := at.leaf()
	if a.Returned == ReturnedNever {
		return value{}
	}
	if s.whole(s.only, at) {
		return s.parts(at, v)
	}
	if s.whole(s.except, at) && a.Returned != ReturnedAlways {
		return value{}
	}
	if s.given && a.Returned != ReturnedAlways && !s.within(at) {
		return value{}
	}
	if a.Returned == ReturnedRequest && !s.within(at) {
		return value{}
	}
	return s.parts(at, v)
}

// whole reports whether a list names the attribute, or an attribute that contains it.
func (s selection) whole(list []target, at target) bool {
	for _, to := range list {
		if to == (target{}) && at.ext == nil || to.leaf() == at.leaf() ||
			to.attr == nil && to.ext != nil && to.ext == at.ext || to.sub == nil && to.attr != nil && to.attr == at.attr {
			return true
		}
	}
	return false
}

// within reports whether the attribute, or a part of it, is chosen by name.
func (s selection) within(at target) bool {
	for _, to := range s.only {
		switch {
		case at.sub != nil && to.sub == at.sub,
			at.sub == nil && at.attr != nil && to.attr == at.attr,
			at.attr == nil && to.ext != nil && to.ext == at.ext:
			return true
		}
	}
	return false
}

// parts keeps the chosen parts of a complex value.
func (s selection) parts(at target, v value) value {
	switch {
	case v.kind == kindArray && at.leaf().Type == TypeComplex:
		items := make([]value, 0, len(v.items))
		for _, item := range v.items {
			if item = s.parts(at, item); !item.isNull() {
				items = append(items, item)
			}
		}
		return arrayOf(items)
	case v.kind != kindObject:
		return v
	}
	kept := value{kind: kindObject, fields: make([]field, 0, len(v.fields))}
	for _, f := range v.fields {
		part := target{ext: at.ext, attr: at.attr, sub: f.attr}
		if at.attr == nil {
			part = target{ext: at.ext, attr: f.attr}
		}
		if f.value = s.keep(part, f.value); !f.value.isNull() {
			kept.fields = append(kept.fields, f)
		}
	}
	if len(kept.fields) == 0 {
		return value{}
	}
	return kept
}
