package scim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCondition(t *testing.T) {
	user, group := UserType(), GroupType()
	for _, c := range []struct {
		name string
		of   *ResourceType
		in   string
		want string // attribute, low, high; empty for none
		rest string // "-" for nothing, empty for the filter itself
	}{
		{"userName", user, `username Eq "Bob"`, "userName bob bob", "-"},
		{"userName by the schema's URN", user, UserSchema + `:userName eq "X"`, "userName x x", "-"},
		{"externalId is case-exact", user, `externalId eq "X"`, "externalId X X", "-"},
		{"id", user, `ID eq "x"`, "id x x", "-"},
		{"grouped, with an escape", user, `(userName eq "\u0041")`, "userName a a", "-"},
		{"a group's name", group, `displayName eq "X"`, "displayName x x", ""},
		{"a group's externalId", group, `externalId eq "X"`, "externalId X X", ""},
		{"a prefix", user, `userName sw "Bo"`, "userName bo bp", ""},
		{"a prefix before the surrogates", user, "userName sw \"a\ud7ff\"", "userName a\ud7ff a\ue000", ""},
		{"a prefix that ends with the last of all", user, "userName sw \"a\U0010ffff\U0010ffff\"", "userName a\U0010ffff\U0010ffff b", ""},
		{"a prefix of the last of all", user, "userName sw \"\U0010ffff\"", "userName \U0010ffff ", ""},
		{"greater", user, `userName gt "B"`, "userName b ", ""},
		{"less", user, `userName le "B"`, "userName  b", ""},
		{"a range", user, `userName ge "b" and userName lt "d" and userName le "C"`, "userName b c", ""},
		{"nothing can be both", user, `userName gt "d" and userName lt "b"`, "userName d b", ""},
		{"an e-mail address", user, `emails.value eq "X"`, "emails x x", ""},
		{"an attribute for its value", user, `emails sw "X"`, "emails x y", ""},
		{"two addresses are no range", user, `emails gt "b" and emails lt "d"`, "emails b ", ""},
		{"a value path", user, `emails[type eq "work" and value eq "X"]`, "emails x x", ""},
		{"a value path and after it", user, `emails[type eq "work"].value eq "X"`, "emails x x", ""},
		{"a value path of one", user, `roles[value eq "X"]`, "roles x x", ""},
		{"a user's displayName", user, `displayName eq "X"`, "displayName x x", ""},
		{"inactive ones", user, `active eq "False"`, "active false false", ""},
		{"a user's groups", user, `groups.value eq "G"`, "groups G G", ""},
		{"members", group, `members eq "X"`, "members X X", "-"},
		{"members by value", group, `members.value eq "X"`, "members X X", "-"},
		{"members by a value path", group, `members[value eq "X"]`, "members X X", "-"},
		{"members by more than their value", group, `members[value eq "X" and type eq "User"]`, "members X X", ""},
		{"a group and a member", group, `id eq "g" and members eq "X"`, "members X X", `id eq "g"`},
		{"a member and more", group, `members eq "X" and id eq "g" and displayName pr`, "members X X", `id eq "g" and displayName pr`},
		{"two members", group, `members eq "X" and members eq "Y"`, "members X X", `members eq "Y"`},
		{"the narrowest", user, `active eq false and userName sw "b" and title pr and roles eq "r"`, "roles r r", ""},
		{"a name before a role", user, `roles eq "r" and userName eq "B"`, "userName b b", ""},
		{"a prefix before those who are inactive", user, `active eq false and userName sw "B"`, "userName b c", ""},
		{"active ones", user, `active eq true`, "", ""},
		{"another operator", user, `userName ne "x"`, "", ""},
		{"a part", user, `userName co "x"`, "", ""},
		{"presence", user, `userName pr`, "", ""},
		{"nothing", user, `externalId eq null`, "", ""},
		{"an empty text", user, `externalId eq ""`, "", ""},
		{"an externalId that may be empty", user, `externalId lt "b"`, "", ""},
		{"an externalId that can't be", user, `externalId gt "a" and externalId lt "b"`, "externalId a ", ""},
		{"a disjunction", user, `userName eq "y" or userName eq "X" or userName eq "z"`, "userName x z [x y z]", ""},
		{"a disjunction of what is the same", user, `userName eq "x" or userName eq "X"`, "userName x x", "-"},
		{"a disjunction in a value path", user, `emails[value eq "x" or value eq "y"]`, "emails x y [x y]", ""},
		{"a disjunction of value paths", user, `emails[type eq "work" and value eq "x"] or emails.value eq "y"`, "emails x y [x y]", ""},
		{"a disjunction in a disjunction", user, `id eq "x" or (id eq "y" or id eq "z")`, "id x z [x y z]", ""},
		{"a disjunction of groups' names", group, `displayName eq "x" or displayName eq "y"`, "displayName x y [x y]", ""},
		{"a disjunction and more", user, `active eq true and (userName eq "x" or userName eq "y")`, "userName x y [x y]", ""},
		{"a disjunction and a range of it", user, `userName ge "w" and (userName eq "x" or userName eq "y")`, "userName x y [x y]", ""},
		{"a disjunction after a role", user, `(roles eq "x" or roles eq "y") and roles eq "r"`, "roles r r", ""},
		{"a disjunction before a prefix", user, `userName sw "x" and (id eq "x" or id eq "y")`, "id x y [x y]", ""},
		{"a disjunction of two attributes", user, `userName eq "x" or externalId eq "y"`, "", ""},
		{"a disjunction with a range", user, `userName eq "x" or userName sw "y"`, "", ""},
		{"a disjunction with what has no index", user, `userName eq "x" or title eq "y"`, "", ""},
		{"a disjunction in a value path with what has no index", user, `emails[value eq "x" or type eq "y"]`, "", ""},
		{"a disjunction of members", group, `members eq "x" or members eq "y"`, "", ""},
		{"a negation", user, `not (userName eq "x")`, "", ""},
		{"an attribute without an index", user, `title eq "x"`, "", ""},
		{"another sub-attribute", user, `emails.type eq "work"`, "", ""},
		{"an extension", user, EnterpriseUserSchema + `:department eq "x"`, "", ""},
		{"an attribute of another type", group, `userName eq "x"`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := ParseFilter(c.in, Limits{})
			requireNoError(t, err)
			got, rest, ok := f.Condition(c.of)
			spelled := ""
			if ok {
				spelled = fmt.Sprint(got.Attribute, " ", got.Low, " ", got.High)
			}
			if len(got.Values) > 0 {
				spelled += fmt.Sprint(" ", got.Values)
			}
			requireEqual(t, "condition", spelled, c.want)
			if !ok {
				return
			}
			want := map[string]string{"-": "-", "": f.String()}[c.rest]
			if want == "" {
				want = c.rest
			}
			left := "-"
			if rest != nil {
				left = rest.String()
			}
			requireEqual(t, "rest", left, want)
		})
	}
}

// The result for a prefix is its least upper bound among strings that are valid UTF-8.
func TestAfterPrefix(t *testing.T) {
	runes := []rune{1, 'a', 'b', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}
	var texts []string
	for _, a := range runes {
		texts = append(texts, string(a))
		for _, b := range runes {
			texts = append(texts, string([]rune{a, b}))
		}
	}
	slices.Sort(texts)
	for _, prefix := range texts {
		high := AfterPrefix(prefix)
		for _, text := range texts {
			within := text >= prefix && (high == "" || text < high)
			if within != strings.HasPrefix(text, prefix) {
				t.Fatalf("%q: %q lies from it to %q: %t", prefix, text, high, within)
			}
		}
	}
}
