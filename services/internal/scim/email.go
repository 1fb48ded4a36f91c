package scim

// Email returns a user's primary e-mail address as it was sent, otherwise the first one, or "".
func (d *Document) Email() string {
	emails := d.t.root.sub("emails")
	if emails == nil {
		return ""
	}
	list := d.root.find(emails)
	if list == nil {
		return ""
	}
	first := ""
	for i := range list.items {
		v := list.items[i].find(emails.inValue)
		if v == nil {
			continue
		}
		if p := list.items[i].find(emails.inPrimary); p != nil && p.truth {
			return v.text
		}
		if first == "" {
			first = v.text
		}
	}
	return first
}
