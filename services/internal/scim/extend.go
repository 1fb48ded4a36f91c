package scim

import (
	"slices"
	"strings"
)

// mostExtensions is how many extensions a resource type may have: an editor has a bit for each top-level attribute.
const mostExtensions = 20

// Extend gives UserType or GroupType with more extensions, of which none is required: the schemas that ParseSchema read. Those
// with the URN of a schema that SCIM defines, or whose URN and that of another one could be mistaken for each other in a path,
// are invalidValue. Documents of t are documents of the new type; a filter, path or projection means something in both.
//
// Documents may be older than the schemas. What they hold of another extension, or does not fit the extension's schema any
// more, counts as not there, and is gone once the document is written again.
func (t *ResourceType) Extend(schemas ...*Schema) (*ResourceType, error) {
	if t.defined+len(schemas) > mostExtensions {
		return nil, newError(InvalidValue, "", "A resource type can have %d extensions at most.", mostExtensions)
	}
	definition := t.define()
	var taken []string
	for _, of := range ResourceTypes() {
		taken = append(taken, of.Schema.ID)
		for _, e := range of.Extensions {
			taken = append(taken, e.Schema.ID)
		}
	}
	for _, s := range schemas {
		for _, reserved := range [...]string{"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:"} { // RFC 7643 §10.3, RFC 7644 §8.2
			if sameName(s.ID[:min(len(s.ID), len(reserved))], reserved) {
				return nil, newError(InvalidValue, "id", "id begins with %s, which is for what SCIM defines.", reserved)
			}
		}
		for _, other := range taken {
			if sameName(s.ID, other) || isWithin(s.ID, other) || isWithin(other, s.ID) {
				return nil, newError(InvalidValue, "id", "id is taken by the schema %s, or one of both begins with the other.", other)
			}
		}
		taken = append(taken, s.ID)
		own := *s
		own.Attributes = cloneAttributes(s.Attributes)
		definition.Extensions = append(definition.Extensions, Extension{Schema: &own})
	}
	return NewResourceType(definition), nil
}

// Registered is an extension of users, or of groups, that somebody registered.
type Registered struct {
	Group      bool
	Definition []byte // see ParseSchema
}

// ExtendedTypes gives UserType and GroupType with what was registered. Errors are those of ParseSchema and Extend.
func ExtendedTypes(all []Registered) (users, groups *ResourceType, err error) {
	extensions := map[bool][]*Schema{}
	for _, registered := range all {
		s, err := ParseSchema(registered.Definition)
		if err != nil {
			return nil, nil, err
		}
		extensions[registered.Group] = append(extensions[registered.Group], s)
	}
	users, groups = UserType(), GroupType()
	if added := extensions[false]; len(added) > 0 {
		if users, err = users.Extend(added...); err != nil {
			return nil, nil, err
		}
	}
	if added := extensions[true]; len(added) > 0 {
		groups, err = groups.Extend(added...)
	}
	return users, groups, err
}

// isWithin says whether a URN could be an attribute's, in the schema of another one.
func isWithin(urn, schema string) bool {
	return len(urn) > len(schema) && urn[len(schema)] == ':' && sameName(urn[:len(schema)], schema)
}

// cloneAttributes copies attributes, since each resource type numbers its own.
func cloneAttributes(all []*Attribute) []*Attribute {
	cloned := slices.Clone(all)
	for i, a := range all {
		own := *a
		own.SubAttributes = cloneAttributes(a.SubAttributes)
		cloned[i] = &own
	}
	return cloned
}

// added are the containers of the extensions that Extend added.
func (t *ResourceType) added() []Extension { return t.Extensions[t.defined:] }

// cutAdded takes what is of no schema of SCIM's, and so of an extension that Extend added once, out of a stored resource.
func (t *ResourceType) cutAdded(root *value) (added []field) {
	for i := len(root.fields) - 1; i >= 0; i-- {
		name := root.fields[i].name
		if strings.IndexByte(name, ':') < 0 || slices.ContainsFunc(t.Extensions[:t.defined], func(e Extension) bool { return e.Schema.ID == name }) {
			break // they are the last ones
		}
		added, root.fields = root.fields[i:], root.fields[:i:i]
	}
	return added
}

// fit reads what a stored document holds of an extension that may have changed since.
func (t *ResourceType) fit(extension *Attribute, stored value) value {
	r := reader{t: t, limits: storedLimits, result: &Result{}, stored: true}
	fitted := value{kind: kindObject}
	for _, f := range stored.fields {
		if a := extension.sub(f.name); a != nil && a.Mutability != ReadOnly { // nobody gives such a value here
			if v, err := r.attribute(a, f.value); err == nil && !v.isNull() {
				fitted.set(a, v)
			}
		}
	}
	if len(fitted.fields) == 0 {
		return value{}
	}
	return fitted
}

// checkAdded holds a resource to what the extensions that Extend added say of it: what is required of those that are there,
// and what is immutable. What a message left as it was may lack what the schema requires since: whoever deactivates a user
// must not fail on that.
func (t *ResourceType) checkAdded(old, root *value) error {
	for _, e := range t.added() {
		extension := t.root.sub(e.Schema.ID)
		now := root.find(extension)
		var was *value
		if old != nil {
			was = old.find(extension)
		}
		if now != nil && was != nil && now.equal(was) {
			continue
		}
		for _, a := range extension.SubAttributes {
			var v, before *value
			if now != nil {
				v = now.find(a)
			}
			if was != nil {
				before = was.find(a)
			}
			if a.Mutability == Immutable && before != nil && (v == nil || !v.equal(before)) {
				return newError(Mutability, a.path, "%s can't be changed once it has a value.", a.path)
			}
			if now != nil && a.Mutability != ReadOnly {
				if a.Required && v == nil && before != nil {
					return errKept(a)
				}
				if err := checkRequired(a, v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkRequired checks an attribute of something that is there, and its sub-attributes.
func checkRequired(a *Attribute, v *value) error {
	if v == nil || v.kind == kindString && blank(v.text) {
		if a.Required {
			return errRequired(a)
		}
		return nil
	}
	for _, one := range values(v) {
		for _, sub := range a.SubAttributes {
			if sub.Required && sub.Mutability != ReadOnly {
				if err := checkRequired(sub, one.find(sub)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
