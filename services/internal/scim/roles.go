package scim

import (
	"slices"
	"strings"
)

// Roles returns the values of a user's roles, in order, without repetitions. It also understands Entra ID's JSON in a
// string: in a value such as {"id":"..","value":"Designer","displayName":"Designer"}, the inner "value" counts. A text that
// is invalid JSON, or has no such value, counts as it is.
func (d *Document) Roles() []string {
	if d.t.roles == nil {
		return nil
	}
	roles := d.root.find(d.t.roles)
	if roles == nil {
		return nil
	}
	names := make([]string, 0, len(roles.items))
	seen := make(map[string]bool, len(roles.items))
	for i := range roles.items {
		v := roles.items[i].find(d.t.roles.inValue)
		if v == nil {
			continue
		}
		if name := roleName(v.text); name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

func roleName(s string) string {
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		return s
	}
	v, err := decodeJSON(s, Limits{}.withDefaults())
	if err != nil {
		return s
	}
	for i := range v.fields {
		if f := &v.fields[i]; sameName(f.name, "value") && f.value.kind == kindString && f.value.text != "" {
			return f.value.text
		}
	}
	return s
}
