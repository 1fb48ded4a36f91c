package scim

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"an attribute", `members`, `members`},
		{"a sub-attribute", `name.familyName`, `name.familyName`},
		{"a value filter", `addresses[type EQ "work"]`, `addresses[type eq "work"]`},
		{"a sub-attribute after a value filter", `members[value eq "2819c223"].displayName`, `members[value eq "2819c223"].displayName`},
		{"a URN", EnterpriseUserSchema + `:manager.value`, EnterpriseUserSchema + `:manager.value`},
		{"a URN alone", EnterpriseUserSchema, EnterpriseUserSchema},
		{"a URN and a value filter", UserSchema + `:emails[not (type pr) or primary eq true].value`, UserSchema + `:emails[not (type pr) or primary eq true].value`},
		{"a bracket in a string", `emails[value eq "]."].type`, `emails[value eq "]."].type`},
		{"a reference", `members.$ref`, `members.$ref`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePath(c.in, Limits{})
			requireNoError(t, err)
			requireEqual(t, "spelled", p.String(), c.want)
		})
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     ErrorType
		offset   int
	}{
		{"nothing", ``, InvalidPath, 0},
		{"a space first", ` title`, InvalidPath, 0},
		{"a space last", `title `, InvalidPath, 5},
		{"a slash, as JSON Patch has it", `/title`, InvalidPath, 0},
		{"a dot last", `name.`, InvalidPath, 0},
		{"three levels", `a.b.c`, InvalidPath, 0},
		{"brackets that do not end", `emails[type eq "work"`, InvalidFilter, 21},
		{"empty brackets", `emails[]`, InvalidFilter, 7},
		{"an index", `emails[0]`, InvalidFilter, 7},
		{"a comparison that can't be read", `emails[type is "work"]`, InvalidFilter, 12},
		{"something after brackets", `emails[type pr]x`, InvalidPath, 15},
		{"a dot after brackets", `emails[type pr].`, InvalidPath, 16},
		{"two sub-attributes after brackets", `emails[type pr].a.b`, InvalidPath, 16},
		{"brackets after a sub-attribute", `emails.value[type pr]`, InvalidPath, 12},
		{"brackets twice", `emails[type pr][value pr]`, InvalidPath, 15},
		{"brackets alone", `[type pr]`, InvalidPath, 0},
		{"a path that is too long", strings.Repeat("a", 10_000), InvalidPath, 8192},
		{"deep nesting", `emails[` + strings.Repeat("(", 5000), InvalidFilter, 38},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParsePath(c.in, Limits{})
			requireEqual(t, "offset", requireError(t, err, c.want).Offset, c.offset)
		})
	}
}
