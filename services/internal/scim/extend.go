package scim

import (
	"slices"
	"strings"
)

// mostExtensions is the most extensions of a resource type: an editor has one bit for each top-level attribute.
const mostExtensions = 20

// Extend returns UserType or GroupType with more extensions, all of them optional: schemas that ParseSchema returned.
// invalidValue: a schema has the URN of a schema that SCIM defines, or its URN could be confused with another one in a path.
// Documents of t are also documents of the new type; a filter, path or projection can be used with both.
//
// Documents may be older than the schemas. Values of unknown extensions, and values that do not match the extension's schema
// any more, count as missing, and are lost when the document is written again.
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
				return nil, newError(InvalidValue, "id", "id begins with %s, which is reserved for SCIM's own schemas.", reserved)
			}
		}
		for _, other := range taken {
			if sameName(s.ID, other) || isWithin(s.ID, other) || isWithin(other, s.ID) {
				return nil, newError(InvalidValue, "id", "id is taken by the schema %s, or one of the two begins with the other.", other)
			}
		}
		taken = append(taken, s.ID)
		own := *s
		own.Attributes = cloneAttributes(s.Attributes)
		definition.Extensions = append(definition.Extensions, Extension{Schema: &own})
	}
	return NewResourceType(definition), nil
}

// Registered is a registered extension of users or of groups.
type Registered struct {
	Group      bool
	Definition []byte // see ParseSchema
}

// ExtendedTypes returns UserType and GroupType with the registered extensions. Errors are those of ParseSchema and Extend.
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

// isWithin reports whether a URN could be the path of an attribute in the schema of another URN.
func isWithin(urn, schema string) bool {
	return len(urn) > len(schema) && urn[len(schema)] == ':' && sameName(urn[:len(schema)], schema)
}

// cloneAttributes copies attributes, because each resource type numbers its own ones.
func cloneAttributes(all []*Attribute) []*Attribute {
	cloned := slices.Clone(all)
	for i, a := range all {
		own := *a
		own.SubAttributes = cloneAttributes(a.SubAttributes)
		cloned[i] = &own
	}
	return cloned
}

// added returns the containers of the extensions that Extend added.
func (t *ResourceType) added() []Extension { return t.Extensions[t.defined:] }

// cutAdded removes from a stored resource everything that belongs to no schema of SCIM's, so to an extension that Extend
// once added.
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

// fit reads the stored values of an extension that may have changed since.
func (t *ResourceType) fit(extension *Attribute, stored value) value {
	r := reader{t: t, limits: storedLimits, result: &Result{}, stored: true}
	fitted := value{kind: kindObject}
	for _, f := range stored.fields {
		if a := extension.sub(f.name); a != nil && a.Mutability != ReadOnly { // clients cannot set such a value
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

// checkAdded checks a resource against the extensions that Extend added: required attributes of the extensions that are
// present, and immutable attributes. Values that a message does not change may lack an attribute that became required later:
// a deactivation must not fail because of that.
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

// checkRequired checks an attribute of an existing value, and its sub-attributes.
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
