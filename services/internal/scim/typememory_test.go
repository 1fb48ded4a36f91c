package scim

import (
	"fmt"
	"strings"
	"testing"
)

// registered are schemas of users, each with a number of attributes, in the stored form.
func registered(tb testing.TB, schemas, attributes int) (all []Registered) {
	tb.Helper()
	for i := range schemas {
		var list []string
		for j := range attributes {
			list = append(list, fmt.Sprintf(`{"name":"attribute%d"}`, j))
		}
		s, err := ParseSchema(fmt.Appendf(nil, `{"id":"urn:example:%d","attributes":[%s]}`, i, strings.Join(list, ",")))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, Registered{Definition: must(s.MarshalJSON())})
	}
	return all
}

func TestTypesAreCachedByTheirDefinitions(t *testing.T) {
	m := &TypeMemory{}
	types := func(all []Registered) (users, groups *ResourceType) {
		t.Helper()
		users, groups, err := m.ExtendedTypes(all)
		requireNoError(t, err)
		return users, groups
	}
	users, groups := types(nil)
	requireEqual(t, "without schemas they are SCIM's", users == UserType() && groups == GroupType(), true)

	two := registered(t, 2, 3)
	first, _ := types(two)
	again, _ := types(registered(t, 2, 3))
	requireEqual(t, "the same schemas give the same types", first == again, true)
	requireEqual(t, "how many extensions", len(first.Extensions), 3)
	fewer, _ := types(two[:1])
	requireEqual(t, "fewer schemas give others", len(fewer.Extensions), 2)
	ofUsers, ofGroups := types([]Registered{two[0], {Group: true, Definition: two[1].Definition}})
	requireEqual(t, "one of groups is no longer one of users", []int{len(ofUsers.Extensions), len(ofGroups.Extensions)}, []int{2, 1})

	_, _, err := m.ExtendedTypes([]Registered{{Definition: []byte("{")}})
	requireError(t, err, InvalidSyntax)
}

func TestTheMemoryOfTypesIsBounded(t *testing.T) {
	m := &TypeMemory{}
	one := registered(t, 1, 1)
	first, _, err := m.ExtendedTypes(one)
	requireNoError(t, err)
	m.bytes = mostRemembered // as if other definitions were cached
	_, _, err = m.ExtendedTypes(registered(t, 2, 1))
	requireNoError(t, err)
	requireEqual(t, "what is remembered", len(m.known), 1)
	again, _, err := m.ExtendedTypes(one)
	requireNoError(t, err)
	requireEqual(t, "it was built again", first != again, true)
}

// BenchmarkExtendedTypes builds the types of a directory with the most attributes, without and with a memory.
func BenchmarkExtendedTypes(b *testing.B) {
	all := registered(b, 10, mostAttributes)
	b.Run("built", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := ExtendedTypes(all); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		m := &TypeMemory{}
		for b.Loop() {
			if _, _, err := m.ExtendedTypes(all); err != nil {
				b.Fatal(err)
			}
		}
	})
}
