package scim

import (
	"bytes"
)

// New reads the body of a POST (RFC 7644 §3.3). Nobody may change body afterwards. Errors are invalidSyntax for a body that
// is not a SCIM resource, and invalidValue for invalid values.
func (t *ResourceType) New(body []byte, o Options) (*Result, error) {
	return t.read(body, o)
}

// Replace reads the body of a PUT (RFC 7644 §3.5.1). Nobody may change body afterwards. Attributes that the body lacks
// become unassigned; read-only values are ignored. mutability: an immutable attribute has a value, and the body has another
// one or none.
func (t *ResourceType) Replace(old *Document, body []byte, o Options) (*Result, error) {
	r, err := t.read(body, o)
	if err != nil {
		return nil, err
	}
	return r.Replacing(old)
}

// Replacing converts the result of New to the result of Replace. A caller that tries several old documents need not parse
// the body again, nor keep it.
func (r *Result) Replacing(old *Document) (*Result, error) {
	if err := r.Document.t.checkAdded(&old.root, &r.Document.root); err != nil {
		return nil, err
	}
	replacing := *r
	replacing.Document = r.Document.Succeeding(old)
	replacing.Changed = !bytes.Equal(old.raw, replacing.Document.raw)
	if r.Document.t.members != nil && len(r.Members) == 0 {
		replacing.Members = []MemberEdit{{Kind: ReplaceMembers}}
	}
	return &replacing, nil
}

func (t *ResourceType) read(body []byte, o Options) (*Result, error) {
	e := newEditor(t, o)
	e.inBody = true
	e.owned = ^uint64(0) // everything in it is its own
	members := newMemberList(&e.reader)
	var stream *elementStream
	if t.members != nil {
		stream = members.from(t.members.Name)
	}
	v, err := e.decode(text(body), t.root, stream)
	if err != nil {
		return nil, err
	}
	if v.kind != kindObject {
		return nil, newError(InvalidSyntax, "", "A %s must be a JSON object, not %s.", t.Name, v.kind.withArticle())
	}
	if err := e.checkSchemas(v); err != nil {
		return nil, err
	}
	e.root = value{kind: kindObject, fields: make([]field, 0, len(v.fields))}
	for _, f := range v.fields {
		if err := e.field(opAdd, f); err != nil {
			return nil, err
		}
	}
	if stream != nil && stream.used {
		e.result.Members = append(e.result.Members, MemberEdit{Kind: AddMembers, IDs: members.ids()})
	}
	e.result.Members = asReplacement(e.result.Members)
	result, err := e.finish(nil, len(body))
	if err == nil && stream != nil && len(body) > largeBody {
		err = result.compact(len(body))
	}
	return result, err
}

// largeBody is the size from which a group's result does not share memory with the body.
const largeBody = 64 << 10

// compact copies the parts that the result needs of a body of so many bytes: megabytes must not stay in memory because of a few ids.
// If the ids are a large part of the body, a copy would only need more memory.
func (r *Result) compact(body int) (err error) {
	total := 0
	for _, edit := range r.Members {
		for _, id := range edit.IDs {
			total += len(id)
		}
	}
	if total > body/4 {
		return nil
	}
	all := make([]byte, 0, total)
	for _, edit := range r.Members {
		for i, id := range edit.IDs {
			from := len(all)
			all = append(all, id...)
			edit.IDs[i] = text(all[from:])
		}
	}
	r.Document, err = ParseStored(r.Document.t, r.Document.raw)
	return err
}

// asReplacement converts the members of a body, which were read as additions, to one replacement.
func asReplacement(edits []MemberEdit) []MemberEdit {
	if len(edits) == 0 {
		return nil
	}
	all := edits[0].IDs
	for _, e := range edits[1:] {
		all = append(all, e.IDs...)
	}
	return []MemberEdit{{Kind: ReplaceMembers, IDs: all}}
}

// checkSchemas checks `schemas` in a body (RFC 7643 §3). The stored value is computed; this only finds bodies that are meant
// for another type.
func (e *editor) checkSchemas(body value) error {
	var listed value
	for _, f := range body.fields {
		if sameName(f.name, "schemas") {
			listed = f.value
		}
	}
	if listed.kind == kindString && !e.strict() {
		e.quirk(QuirkSingleAsArray)
		listed = value{kind: kindArray, items: []value{listed}}
	}
	if listed.kind != kindArray && !listed.isNull() {
		return newError(InvalidSyntax, "schemas", "schemas must be an array of URNs, not %s.", listed.kind.withArticle())
	}
	if err := e.checkCount(e.t.root.sub("schemas"), len(listed.items)); err != nil {
		return err
	}
	core := false
	declared := map[*Attribute]bool{}
	for _, urn := range listed.items {
		if urn.kind != kindString {
			return newError(InvalidSyntax, "schemas", "schemas must contain URNs, not %s.", urn.kind.withArticle())
		}
		if sameName(urn.text, e.t.Schema.ID) {
			core = true
		} else if extension := e.t.extension(urn.text); extension != nil {
			declared[extension] = true
		} else if other := typeOf(urn.text); other != nil {
			return newError(InvalidValue, "schemas", "schemas names a %s, but a %s is expected here.", other.Name, e.t.Name)
		} else if e.strict() {
			return newError(InvalidSyntax, "schemas", "%s has no schema %s.", e.t.Name, shown(urn.text))
		} else if !hasKey(body, urn.text) {
			e.ignore("schemas." + pathHead(urn.text))
		}
	}
	if !core {
		if e.strict() {
			return newError(InvalidSyntax, "schemas", "schemas must name %s.", e.t.Schema.ID)
		}
		e.quirk(QuirkSchemasMissing)
	}
	for _, f := range body.fields {
		extension := e.t.extension(f.name)
		if extension == nil || declared[extension] || f.value.isNull() {
			continue
		}
		if e.strict() {
			return newError(InvalidSyntax, "schemas", "schemas must name %s, because the body has attributes of it.", extension.Name)
		}
		e.quirk(QuirkExtensionUndeclared)
	}
	return nil
}

func hasKey(body value, name string) bool {
	for _, f := range body.fields {
		if sameName(f.name, name) {
			return true
		}
	}
	return false
}

// typeOf returns the resource type with the core schema urn.
func typeOf(urn string) *ResourceType {
	for _, t := range ResourceTypes() {
		if sameName(t.Schema.ID, urn) {
			return t
		}
	}
	return nil
}

// finish checks the whole resource and encodes it.
func (e *editor) finish(old *Document, sizeHint int) (*Result, error) {
	for _, a := range e.t.root.SubAttributes {
		if !a.Required || a.Mutability == ReadOnly {
			continue
		}
		if v := e.root.find(a); v == nil || blank(v.text) {
			return nil, errRequired(a)
		}
	}
	var before *value
	if old != nil {
		before = &old.root
	}
	if err := e.t.checkAdded(before, &e.root); err != nil {
		return nil, err
	}
	e.result.Document = newDocument(e.t, e.root, sizeHint)
	if old != nil && bytes.Equal(old.raw, e.result.Document.raw) {
		e.result.Document = old
	} else {
		e.result.Changed = true
	}
	return e.result, nil
}

// errKept refuses the removal of a required attribute (RFC 7644 §3.5.2.2).
func errKept(a *Attribute) *Error {
	return newError(Mutability, a.path, "%s is required, and can't be removed.", a.path)
}

func errRequired(a *Attribute) *Error {
	return newError(InvalidValue, a.path, "%s is required, and can't be empty.", a.path)
}
