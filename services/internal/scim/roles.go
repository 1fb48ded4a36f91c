package scim

import (
	"slices"
	"strings"
)

// Roles gives the values of a user's roles, in order, without repetitions. Beside plain
// values it understands Entra ID's JSON in a string: of a value such as
// {"id":"..","value":"Designer","displayName":"Designer"} the inner "value" counts.
// What looks like JSON and is not, or has no such value, is taken as it stands.
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
