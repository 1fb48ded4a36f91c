package scim

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// Envelope is what a store knows about a resource beside its document. Rendering adds it.
type Envelope struct {
	ID           string
	BaseURL      string // https://host/scim/v2/{directory_id}, without a trailing slash
	Created      time.Time
	LastModified time.Time
	Version      int64
	// Members and Groups are only for Match, and only for a filter that Uses them.
	Members []Member
	Groups  []GroupRef
}

// GroupRef is a group that a user belongs to (RFC 7643 §4.1.2, "groups").
type GroupRef struct {
	ID      string
	Display string
	Direct  bool // false: through a nested group
}

// ETag returns the entity tag of a version (RFC 7644 §3.14), a weak one: W/"7".
func ETag(version int64) string { return string(appendETag(nil, version)) }

func appendETag(dst []byte, version int64) []byte {
	return append(strconv.AppendInt(append(dst, `W/"`...), version, 10), '"')
}

// timeLayout is RFC 3339 in UTC with milliseconds, an xsd:dateTime (RFC 7643 §2.3.5).
const timeLayout = "2006-01-02T15:04:05.000Z"

// RenderUser appends the User that a client gets (RFC 7643 §4.1): the canonical bytes, with id, groups and meta. It parses
// them only for a projection. The error means that the bytes are not canonical.
func (t *ResourceType) RenderUser(dst []byte, canonical []byte, e Envelope, groups []GroupRef, p Projection) ([]byte, error) {
	e.Groups, e.Members = groups, nil
	if !p.IsDefault() || !t.isPlain(canonical) {
		return t.renderProjected(dst, canonical, e, p)
	}
	dst, err := t.appendHead(slices.Grow(dst, len(canonical)+e.room()), canonical, e)
	if err != nil {
		return dst, err
	}
	dst = e.appendMeta(e.appendGroups(dst), t)
	return append(dst, '}'), nil
}

// appendHead appends what a client gets by default, up to the attributes that are not in the canonical bytes.
//
// The canonical bytes begin with `schemas`, whose URNs contain no bracket. All their attributes are returned by default:
// SCIM's own schemas have no "returned" of "request", and attributes that are "never" returned are not stored.
func (t *ResourceType) appendHead(dst, canonical []byte, e Envelope) ([]byte, error) {
	end := bytes.IndexByte(canonical, ']')
	if end < 0 || canonical[len(canonical)-1] != '}' || !bytes.HasPrefix(canonical, []byte(`{"schemas":[`)) {
		return dst, errNotCanonical
	}
	dst = append(dst, canonical[:end+1]...)
	dst = append(dst, `,"id":`...)
	dst = appendForeign(dst, e.ID)
	return append(dst, canonical[end+1:len(canonical)-1]...), nil
}

// isPlain reports whether canonical bytes contain only attributes of SCIM's own schemas, which never change.
func (t *ResourceType) isPlain(canonical []byte) bool {
	for _, spelled := range t.schemasJSON {
		if len(canonical) > len(spelled) && canonical[len(spelled)] == ']' && bytes.HasPrefix(canonical, spelled) {
			return true
		}
	}
	return false
}

// room estimates how many bytes render adds to a document: growing step by step would copy them several times.
func (e *Envelope) room() int {
	const meta, each = 250, 80 // names, punctuation and times; those of one group
	size := meta + len(e.BaseURL) + 2*len(e.ID)
	for i := range e.Groups {
		g := &e.Groups[i]
		size += each + len(e.BaseURL) + 2*len(g.ID) + len(g.Display)
	}
	return size
}

func (e *Envelope) appendGroups(dst []byte) []byte {
	for i, g := range e.Groups {
		dst = appendListStart(dst, "groups", i)
		dst = append(dst, `{"value":`...)
		dst = appendForeign(dst, g.ID)
		if e.BaseURL != "" {
			dst = append(dst, `,"$ref":`...)
			dst = appendForeign(dst, e.BaseURL, "/Groups/", g.ID)
		}
		if g.Display != "" {
			dst = append(dst, `,"display":`...)
			dst = appendForeign(dst, g.Display)
		}
		dst = append(dst, `,"type":"`...)
		dst = append(dst, g.relation()...)
		dst = append(dst, `"}`...)
	}
	return appendListEnd(dst, len(e.Groups))
}

func (g GroupRef) relation() string {
	if g.Direct {
		return "direct"
	}
	return "indirect"
}

func appendListStart(dst []byte, name string, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	return append(dst, `":[`...)
}

func appendListEnd(dst []byte, n int) []byte {
	if n > 0 {
		return append(dst, ']')
	}
	return dst
}

func (e *Envelope) appendMeta(dst []byte, t *ResourceType) []byte {
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(dst, t.Name...)
	dst = append(dst, '"')
	dst = appendTime(dst, `,"created":"`, e.Created)
	dst = appendTime(dst, `,"lastModified":"`, e.LastModified)
	if e.BaseURL != "" {
		dst = append(dst, `,"location":`...)
		dst = appendForeign(dst, e.BaseURL, t.Endpoint, "/", e.ID)
	}
	dst = append(dst, `,"version":"W/\"`...)
	dst = strconv.AppendInt(dst, e.Version, 10)
	return append(dst, `\""}`...)
}

func appendTime(dst []byte, before string, at time.Time) []byte {
	if at.IsZero() {
		return dst
	}
	dst = append(dst, before...)
	return append(at.UTC().AppendFormat(dst, timeLayout), '"')
}

// renderProjected renders from the parsed document.
func (t *ResourceType) renderProjected(dst, canonical []byte, e Envelope, p Projection) ([]byte, error) {
	kept, err := t.project(canonical, e, t.selection(p))
	return kept.appendJSON(dst), err
}

// project returns the selected part of a resource, in the schema's order.
func (t *ResourceType) project(canonical []byte, e Envelope, s selection) (value, error) {
	kept := value{kind: kindObject}
	doc, err := ParseStored(t, canonical)
	if err != nil {
		return kept, err
	}
	for _, a := range t.root.SubAttributes {
		var v *value
		switch {
		case a.Name == "schemas":
			all := doc.schemas()
			v = &all
		case a.Mutability == ReadOnly || a == t.members:
			v = e.find(t, a)
		default:
			v = doc.root.find(a)
		}
		if v == nil {
			continue
		}
		at := target{attr: a}
		if a.isExtension() {
			at = target{ext: a}
		}
		if part := s.keep(at, *v); !part.isNull() {
			kept.fields = append(kept.fields, field{name: a.Name, attr: a, value: part})
		}
	}
	return kept, nil
}

// find returns the value of an attribute that is not in the document; nil for none.
func (e *Envelope) find(t *ResourceType, a *Attribute) *value {
	var v value
	switch a {
	case t.id:
		if e.ID == "" {
			return nil
		}
		v = stringValue(e.ID)
	case t.meta:
		v = e.meta(t)
	case t.members:
		for _, m := range e.Members {
			v.items = append(v.items, m.value(a, e.BaseURL))
		}
	case t.groups:
		for _, g := range e.Groups {
			m := Member{Value: g.ID, Type: "Group", Display: g.Display}
			shown := m.value(a, e.BaseURL)
			shown.set(a.sub("type"), stringValue(g.relation()))
			v.items = append(v.items, shown)
		}
	}
	if len(v.items) > 0 {
		v.kind = kindArray
	}
	if v.isNull() {
		return nil
	}
	return &v
}

func (e *Envelope) meta(t *ResourceType) value {
	v := value{kind: kindObject}
	put := func(name, text string) { v.set(t.meta.sub(name), stringValue(text)) }
	put("resourceType", t.Name)
	if !e.Created.IsZero() {
		put("created", e.Created.UTC().Format(timeLayout))
	}
	if !e.LastModified.IsZero() {
		put("lastModified", e.LastModified.UTC().Format(timeLayout))
	}
	if e.BaseURL != "" {
		put("location", e.BaseURL+t.Endpoint+"/"+e.ID)
	}
	put("version", ETag(e.Version))
	return v
}
