package scim

// SearchValue is an indexed value of a multi-valued attribute. Stores use it for filters such as emails.value eq "x", and to
// match rules.
type SearchValue struct {
	Attribute string // "emails"
	Value     string // the "value" sub-attribute, casefolded
	Type      string // casefolded, "" without one
	Primary   bool
}

// SearchValues lists the values of emails, phoneNumbers, ims, entitlements and roles, in the order of the document. It
// leaves out values without a "value". Roles have their stored text, which filters compare; the method Roles returns their
// meaning.
func (d *Document) SearchValues() []SearchValue {
	most := 0
	for i := range d.root.fields {
		if f := &d.root.fields[i]; f.attr.search {
			most += len(f.value.items)
		}
	}
	found := make([]SearchValue, 0, most)
	for i := range d.root.fields {
		f := &d.root.fields[i]
		if !f.attr.search {
			continue
		}
		inType := f.attr.sub("type")
		for j := range f.value.items {
			item := &f.value.items[j]
			v := item.find(f.attr.inValue)
			if v == nil {
				continue
			}
			s := SearchValue{Attribute: f.attr.Name, Value: Casefold(v.text)}
			if t := item.find(inType); t != nil {
				s.Type = Casefold(t.text)
			}
			if p := item.find(f.attr.inPrimary); p != nil {
				s.Primary = p.truth
			}
			found = append(found, s)
		}
	}
	return found
}
