package scim

import (
	"fmt"
	"strings"
	"testing"
)

func TestMembersOfBodies(t *testing.T) {
	for _, c := range []struct {
		name, members   string
		want            []string
		ignored, quirks []string
	}{
		{name: "ids, whatever they are said to be", members: `[{"value":"a"},{"value":"b","type":"User"},{"value":"c","type":"group"}]`,
			want: []string{"a", "b", "c"}},
		{name: "ids beside references", members: `[{"value":"a","$ref":"https://h/scim/v2/d/Groups/a"},{"value":"b","$ref":"../Users/b"},{"value":"c","$ref":"c"}]`,
			want: []string{"a", "b", "c"}},
		{name: "an id by its reference", members: `[{"$ref":"https://h/scim/v2/d/Groups/a"}]`,
			want: []string{"a"}, quirks: []string{QuirkValueFromRef}},
		{name: "a display name is derived, not taken", members: `[{"value":"a","display":"Babs"},{"value":"b","display":"Bob"}]`,
			want: []string{"a", "b"}, ignored: []string{"members.display"}},
		{name: "repetitions count once, and the order stays", members: `[{"value":"b"},{"value":"a"},{"value":"b","type":"User"},{"value":"B"}]`,
			want: []string{"b", "a", "B"}},
		{name: "plain strings", members: `["a","b"]`,
			want: []string{"a", "b"}, quirks: []string{QuirkStringAsValue}},
		{name: "one member", members: `{"value":"a"}`,
			want: []string{"a"}, quirks: []string{QuirkSingleAsArray}},
		{name: "a type there isn't", members: `[{"value":"a","type":"direct"}]`,
			want: []string{"a"}, ignored: []string{"members.type"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := GroupType().New([]byte(`{"schemas":["`+GroupSchema+`"],"displayName":"g","Members":`+c.members+`}`), Options{})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), `{"displayName":"g"}`)
			requireEqual(t, "members", r.Members, []MemberEdit{{Kind: ReplaceMembers, IDs: c.want}})
			requireEqual(t, "ignored", r.Ignored, c.ignored)
			requireEqual(t, "quirks", r.Quirks, c.quirks)

			ops := operations(t, `[{"op":"add","path":"members","value":`+c.members+`}]`)
			p, err := GroupType().Patch(r.Document, ops, Options{})
			requireNoError(t, err)
			requireEqual(t, "members of a PATCH", p.Members, []MemberEdit{{Kind: AddMembers, IDs: c.want}})
			requireEqual(t, "changed", p.Changed, false)
		})
	}
}

func TestBodiesWithoutMembers(t *testing.T) {
	const bare = `{"schemas":["` + GroupSchema + `"],"displayName":"g"}`
	r, err := GroupType().New([]byte(bare), Options{})
	requireNoError(t, err)
	requireEqual(t, "POST", r.Members, nil)
	r, err = GroupType().Replace(r.Document, []byte(bare), Options{})
	requireNoError(t, err)
	requireEqual(t, "PUT", r.Members, []MemberEdit{{Kind: ReplaceMembers}})
	requireEqual(t, "changed", r.Changed, false)
	r, err = GroupType().Replace(r.Document, []byte(`{"displayName":"h","members":["a"]}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "PUT with members", r.Members, []MemberEdit{{Kind: ReplaceMembers, IDs: []string{"a"}}})
	requireEqual(t, "changed", r.Changed, true)
}

func TestMembersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, members string
		mode          Mode
		path          string
	}{
		{"no id", `[{"display":"x"}]`, Tolerant, "members.value"},
		{"an empty id", `[{"value":""}]`, Tolerant, "members.value"},
		{"an empty string", `[""]`, Tolerant, "members.value"},
		{"an id that is an object", `[{"value":{}}]`, Tolerant, "members.value"},
		{"a number", `[7]`, Tolerant, "members"},
		{"an array", `[[]]`, Tolerant, "members"},
		{"a string in strict mode", `["a"]`, Strict, "members"},
		{"one member in strict mode", `{"value":"a"}`, Strict, "members"},
		{"a type there isn't in strict mode", `[{"value":"a","type":"Device"}]`, Strict, "members.type"},
		{"an id that no database indexes", `["` + strings.Repeat("x", 1025) + `"]`, Tolerant, "members.value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := GroupType().New([]byte(`{"schemas":["`+GroupSchema+`"],"displayName":"g","members":`+c.members+`}`), Options{Mode: c.mode})
			requireEqual(t, "path", requireError(t, err, InvalidValue).Path, c.path)
			_, err = GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, `[{"op":"add","path":"members","value":`+c.members+`}]`), Options{Mode: c.mode})
			requireEqual(t, "path in a PATCH", requireError(t, err, InvalidValue).Path, c.path)
		})
	}
}

func TestMemberEdits(t *testing.T) {
	of := func(ids ...string) []string { return ids }
	for _, c := range []struct {
		name, ops       string
		want            []MemberEdit
		ignored, quirks []string
	}{
		{name: "edits keep the order of operations",
			ops:  `[{"op":"add","path":"members","value":[{"value":"a"}]},{"op":"replace","path":"displayName","value":"h"},{"op":"remove","path":"members[value eq \"b\"]"}]`,
			want: []MemberEdit{{Kind: AddMembers, IDs: of("a")}, {Kind: RemoveMembers, IDs: of("b")}}},
		{name: "replace", ops: `[{"op":"replace","path":"members","value":[{"value":"a"}]}]`,
			want: []MemberEdit{{Kind: ReplaceMembers, IDs: of("a")}}},
		{name: "replace by nothing", ops: `[{"op":"replace","path":"members","value":[]}]`, want: []MemberEdit{{Kind: ReplaceMembers}}},
		{name: "replace by null", ops: `[{"op":"replace","path":"members","value":null}]`, want: []MemberEdit{{Kind: ReplaceMembers}}},
		{name: "remove of all", ops: `[{"op":"remove","path":"members"}]`, want: []MemberEdit{{Kind: ReplaceMembers}}},
		{name: "add of nothing", ops: `[{"op":"add","path":"members","value":[]}]`},
		{name: "remove of several ids", ops: `[{"op":"remove","path":"members[value eq \"a\" or VALUE EQ \"b\" or value eq \"a\"]"}]`,
			want: []MemberEdit{{Kind: RemoveMembers, IDs: of("a", "b")}}},
		{name: "remove with a list", ops: `[{"op":"Remove","path":"members","value":[{"value":"a"},{"value":"b"}]}]`,
			want: []MemberEdit{{Kind: RemoveMembers, IDs: of("a", "b")}}, quirks: []string{QuirkOpCapitalised, QuirkRemoveWithValue}},
		{name: "remove with the JSON of an object as text", ops: `[{"op":"remove","path":"members","value":"{\"value\":\"a\"}"}]`,
			want: []MemberEdit{{Kind: RemoveMembers, IDs: of("a")}}, quirks: []string{QuirkJSONText, QuirkSingleAsArray, QuirkRemoveWithValue}},
		{name: "remove with the JSON of an array as text", ops: `[{"op":"remove","path":"members","value":"[{\"value\":\"a\"},{\"value\":\"b\"}]"}]`,
			want: []MemberEdit{{Kind: RemoveMembers, IDs: of("a", "b")}}, quirks: []string{QuirkJSONText, QuirkRemoveWithValue}},
		{name: "remove with an empty list", ops: `[{"op":"remove","path":"members","value":[]}]`, quirks: []string{QuirkRemoveWithValue}},
		{name: "remove with null", ops: `[{"op":"remove","path":"members","value":null}]`, want: []MemberEdit{{Kind: ReplaceMembers}}},
		{name: "remove with a filter and a value", ops: `[{"op":"remove","path":"members[value eq \"a\"]","value":null}]`, want: []MemberEdit{{Kind: RemoveMembers, IDs: of("a")}}},
		{name: "without a path", ops: `[{"op":"add","value":{"members":[{"value":"a"}],"displayName":"h"}},{"op":"replace","value":{"members":[]}}]`,
			want: []MemberEdit{{Kind: AddMembers, IDs: of("a")}, {Kind: ReplaceMembers}}},
		{name: "by the URN of the schema", ops: `[{"op":"add","path":"` + GroupSchema + `:members","value":[{"value":"a"}]}]`,
			want: []MemberEdit{{Kind: AddMembers, IDs: of("a")}}},
		{name: "a display name is derived", ops: `[{"op":"replace","path":"members[value eq \"a\"].display","value":"x"}]`, ignored: []string{"members.display"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, c.ops), Options{})
			requireNoError(t, err)
			requireEqual(t, "edits", r.Members, c.want)
			requireEqual(t, "ignored", r.Ignored, c.ignored)
			requireEqual(t, "quirks", r.Quirks, c.quirks)
		})
	}
	t.Run("remove by another filter", func(t *testing.T) {
		r, err := GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, `[{"op":"remove","path":"members[type eq \"group\" and not (value sw \"x\")]"}]`), Options{})
		requireNoError(t, err)
		edit := r.Members[0]
		requireEqual(t, "kind", edit.Kind, RemoveMatching)
		requireEqual(t, "filter", edit.Filter.String(), `type eq "group" and not (value sw "x")`)
		requireEqual(t, "a group", edit.Filter.MatchMember(Member{Value: "a", Type: "Group"}, ""), true)
		requireEqual(t, "a user", edit.Filter.MatchMember(Member{Value: "a", Type: "User"}, ""), false)
		requireEqual(t, "a group it spares", edit.Filter.MatchMember(Member{Value: "x1", Type: "Group"}, ""), false)
	})
}

func TestMemberEditsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, ops string
		mode      Mode
		want      ErrorType
	}{
		{"a member's id is immutable", `[{"op":"replace","path":"members[value eq \"a\"].value","value":"b"}]`, Tolerant, Mutability},
		{"a member's type is immutable", `[{"op":"remove","path":"members.type"}]`, Tolerant, Mutability},
		{"add with a filter", `[{"op":"add","path":"members[value eq \"a\"]","value":{}}]`, Tolerant, InvalidPath},
		{"an unknown sub-attribute", `[{"op":"remove","path":"members[zip eq \"a\"]"}]`, Tolerant, InvalidFilter},
		{"a list to remove in strict mode", `[{"op":"remove","path":"members","value":[{"value":"a"}]}]`, Strict, InvalidValue},
		{"a value beside a filter in strict mode", `[{"op":"remove","path":"members[value eq \"a\"]","value":"x"}]`, Strict, InvalidValue},
		{"remove of the name", `[{"op":"remove","path":"displayName"}]`, Tolerant, Mutability},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, c.ops), Options{Mode: c.mode})
			requireError(t, err, c.want)
		})
	}
}

func TestAGroupNeedsAName(t *testing.T) {
	_, err := GroupType().New([]byte(`{"members":[]}`), Options{})
	requireEqual(t, "path", requireError(t, err, InvalidValue).Path, "displayName")
}

func TestManyMembersAreReadWithoutLimit(t *testing.T) {
	many := strings.Repeat(`"x",`, 20_000) + `"y"`
	p, err := GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, `[{"op":"replace","value":{"displayName":"h","MEMBERS":[`+many+`]}}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "edits of a path-less value", p.Members, []MemberEdit{{Kind: ReplaceMembers, IDs: []string{"x", "y"}}})
	requireEqual(t, "the rest of the value", attributes(p.Document), `{"displayName":"h"}`)
	var b strings.Builder
	b.WriteString(`{"displayName":"g","members":[`)
	for i := range 20_000 {
		fmt.Fprintf(&b, `{"value":"%d"},`, i)
	}
	r, err := GroupType().New([]byte(b.String()+`{"value":"0"}]}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "members", len(r.Members[0].IDs), 20_000)
}
