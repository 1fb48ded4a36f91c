package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

// Operation is one operation of a PATCH, as it was sent.
type Operation struct {
	Op    string
	Path  string          // "" if missing
	Value json.RawMessage // nil if missing
}

// PatchOp is the body of a PATCH (RFC 7644 §3.5.2).
type PatchOp struct {
	Operations []Operation
	Quirks     []string // the quirks of the body itself, without those of its operations
}

// ParsePatch parses a PatchOp (RFC 7644 §3.5.2). The result shares memory with body, so nobody may change body afterwards. It checks
// the structure; Patch checks ops, paths and values. Names such as "Operations" are case-insensitive, as in RFC 7643 §2.1. Tolerant
// mode also accepts a body without `schemas`, a single operation instead of an array, no operations at all, and unknown members.
func ParsePatch(body []byte, o Options) (*PatchOp, error) {
	p := patchParser{body: body, d: decoder{src: text(body), limits: o.Limits.withDefaults()}, strict: o.Mode == Strict}
	p.d.space()
	if p.d.next() != '{' {
		return nil, newError(InvalidSyntax, "", "A PATCH must be a JSON object with \"schemas\" and \"Operations\".")
	}
	if err := p.d.members(1, p.member); err != nil {
		return nil, p.d.located(err)
	}
	p.d.space()
	if p.d.pos < len(p.d.src) {
		return nil, p.d.syntax("there is text after the end of the JSON value")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return &p.patch, nil
}

// Patch applies operations in their order, all or none (RFC 7644 §3.5.2). It does not modify old. If nothing changed, old is
// the Document of the result.
func (t *ResourceType) Patch(old *Document, patch *PatchOp, o Options) (*Result, error) {
	e := newEditor(t, o)
	e.result.Quirks = slices.Clone(patch.Quirks)
	if len(patch.Operations) > e.limits.Operations {
		return nil, tooManyOperations(e.limits)
	}
	e.root = value{kind: kindObject, fields: append(make([]field, 0, len(old.root.fields)+4), old.root.fields...)}
	size := len(old.raw) + 256
	for i, op := range patch.Operations {
		if len(op.Value) > 256 {
			size += len(op.Value)
		}
		if err := e.operation(op); err != nil {
			return nil, inOperation(err, i)
		}
	}
	if t.stillInactive(&e.root, old) {
		e.root.set(t.active, boolValue(false))
	}
	return e.finish(old, size)
}

func tooManyOperations(l Limits) *Error {
	return newError(InvalidValue, "Operations", "A PATCH can have %d operations at most.", l.Operations)
}

func (e *editor) operation(op Operation) error {
	kind, err := e.opKind(op.Op)
	if err != nil {
		return err
	}
	pathText := op.Path
	if strings.TrimSpace(pathText) == "" {
		return e.pathless(kind, op.Value)
	}
	path, err := ParsePath(pathText, e.limits)
	if err != nil {
		return err
	}
	to, err := e.resolvePath(path)
	if err != nil {
		return err
	}
	c := change{op: kind, given: len(op.Value) > 0}
	if !c.given {
		if kind != opRemove {
			return newError(InvalidValue, pathHead(pathText), "%s of %s needs a value.", op.Op, shown(path.attr.String()))
		}
		return e.change(c, to, path.filter)
	}
	if to.attr != nil && to.attr == e.t.members && to.sub == nil && path.filter == nil {
		return e.membersOperation(c, op.Value)
	}
	meant := to.leaf()
	if meant == nil {
		meant = e.t.root
	}
	if c.value, err = e.decode(text(op.Value), meant, nil); err != nil {
		return err
	}
	if kind == opRemove && c.value.isNull() {
		c.given = false
	}
	return e.change(c, to, path.filter)
}

// resolvePath finds the target of a path. Tolerant mode also accepts the forms in which Entra ID names an existing
// attribute.
func (e *editor) resolvePath(path *Path) (target, error) {
	to, err := e.t.resolvePath(path)
	if err == nil || e.strict() {
		return to, err
	}
	attr, quirk, ok := e.t.otherwiseNamed(path.attr)
	if !ok {
		return to, err
	}
	meant := *path
	meant.attr = attr
	to, errMeant := e.t.resolvePath(&meant)
	if errMeant == nil {
		e.quirk(quirk)
		return to, nil
	}
	if meant.filter != nil {
		return to, errMeant // the attribute exists, so the filter is wrong
	}
	return to, err
}

// otherwiseNamed returns the path that is meant by a path without a target: an attribute of an extension without its URN, if
// only one extension has it, or a path with a dot after the URN of its schema.
func (t *ResourceType) otherwiseNamed(p attrPath) (meant attrPath, quirk string, ok bool) {
	if p.urn == "" {
		if t.root.sub(p.name) != nil {
			return attrPath{}, "", false
		}
		for _, e := range t.Extensions {
			if t.root.sub(e.Schema.ID).sub(p.name) == nil {
				continue
			}
			if ok {
				return attrPath{}, "", false // ambiguous
			}
			meant, quirk, ok = attrPath{urn: e.Schema.ID, name: p.name, sub: p.sub}, QuirkPathWithoutURN, true
		}
		return meant, quirk, ok
	}
	urns := []string{t.Schema.ID}
	for _, e := range t.Extensions {
		urns = append(urns, e.Schema.ID)
	}
	whole := p.String()
	for _, urn := range urns {
		if len(whole) <= len(urn) || whole[len(urn)] != '.' || !sameName(whole[:len(urn)], urn) {
			continue
		}
		if rest, isPath := splitAttrPath(whole[len(urn)+1:]); isPath && rest.urn == "" {
			return attrPath{urn: urn, name: rest.name, sub: rest.sub}, QuirkDotAfterURN, true
		}
	}
	return attrPath{}, "", false
}

// membersOperation reads members one by one: there may be 250,000.
func (e *editor) membersOperation(c change, members json.RawMessage) error {
	list := newMemberList(&e.reader)
	stream := list.from("")
	var err error
	if c.value, err = e.decode(text(members), e.t.members, stream); err != nil {
		return err
	}
	if !stream.used {
		if err := list.takeAll(c.value); err != nil {
			return err
		}
	}
	return e.editMembers(c, list.ids())
}

func (e *editor) opKind(op string) (opKind, error) {
	for kind, name := range [...]string{opAdd: "add", opReplace: "replace", opRemove: "remove"} {
		if op == name {
			return opKind(kind), nil
		}
		if sameName(op, name) && !e.strict() {
			e.quirk(QuirkOpCapitalised)
			return opKind(kind), nil
		}
	}
	return 0, newError(InvalidSyntax, "op", "op is %s; it must be add, replace or remove.", shown(op))
}

// pathless applies an operation to the resource itself: its value contains attributes.
func (e *editor) pathless(kind opKind, attributes json.RawMessage) error {
	if kind == opRemove {
		return newError(NoTarget, "", "A remove needs a path.")
	}
	if e.strict() {
		return newError(InvalidSyntax, "path", "\"path\" is missing, which a strict directory requires for each operation.")
	}
	if len(attributes) == 0 {
		return newError(InvalidValue, "", "An operation without a path needs a value.")
	}
	list := newMemberList(&e.reader)
	var stream *elementStream
	if e.t.members != nil {
		stream = list.from(e.t.members.Name)
	}
	v, err := e.decode(text(attributes), e.t.root, stream)
	if err != nil {
		return err
	}
	if v.kind == kindString {
		// A string that is not JSON is refused below.
		if inner, err := e.decode(v.text, e.t.root, stream); err == nil && inner.kind == kindObject {
			e.quirk(QuirkJSONText)
			v = inner
		}
	}
	if v.kind != kindObject {
		return newError(InvalidValue, "", "An operation without a path needs an object as its value, not %s.", v.kind.withArticle())
	}
	if stream != nil && stream.used {
		v.fields = slices.DeleteFunc(v.fields, func(f field) bool { return sameName(f.name, stream.key) })
		if err := e.editMembers(change{op: kind, given: true}, list.ids()); err != nil {
			return err
		}
	}
	return e.keys(kind, v)
}
