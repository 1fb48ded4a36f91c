package scim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A filter in the path of a PATCH selects the same values as in a query: a client changes what it finds by attribute[filter].
// Random filters on random values, of users' multi-valued attributes and of one in a registered extension with every type.
func TestAFilterInAPathSelectsWhatItFindsInAQuery(t *testing.T) {
	random := rand.New(rand.NewPCG(35, 7644))
	of := everyType(t)
	const every = "urn:example:Every:2.0:User:"
	attributes := []string{"emails", "addresses", "roles", "photos", "x509Certificates", every + "complextrue", every + "stringtrue", every + "integertrue"}
	both, neither := 0, 0
	for range 5_000 {
		p, ok := splitAttrPath(pick(random, attributes...))
		if !ok {
			t.Fatal("no path")
		}
		to, _ := of.resolve(p)
		a := to.attr
		full := resourceOf(t, of, to, randomValues(random, a, 1+random.IntN(5)))
		in := full.at(a.path)
		if in == nil {
			continue
		}
		text := randomFilter(random, a, 0)
		r, err := of.Patch(full, &PatchOp{Operations: []Operation{{Op: "remove", Path: a.path + "[" + text + "]"}}}, Options{})
		query, errQuery := ParseFilter(a.path+"["+text+"]", Limits{})
		requireNoError(t, errQuery)
		if errQuery = of.CheckFilter(query); errQuery != nil || err != nil {
			requireError(t, err, InvalidFilter)
			requireError(t, errQuery, InvalidFilter)
			continue
		}
		var want, got []string
		for i := range in.items {
			alone := resourceOf(t, of, to, string(in.items[i].appendJSON(nil)))
			if query.Match(of, alone, Envelope{}) {
				both++
			} else {
				neither++
				want = append(want, string(in.items[i].appendJSON(nil)))
			}
		}
		if left := r.Document.at(a.path); left != nil {
			for i := range left.items {
				got = append(got, string(left.items[i].appendJSON(nil)))
			}
		}
		requireEqual(t, a.path+"["+text+"] of "+string(in.appendJSON(nil)), got, want)
	}
	if both < 1000 || neither < 1000 {
		t.Errorf("%d values were selected and %d were not: the test tests little", both, neither)
	}
}

// The same for members. Their $ref depends on the client's Base URL.
func TestAFilterOnMembersSelectsWhomItFindsInAQuery(t *testing.T) {
	random := rand.New(rand.NewPCG(36, 7644))
	of, d := GroupType(), group(t, `{"displayName":"g"}`)
	both, neither := 0, 0
	for range 5_000 {
		baseURL := pick(random, "https://h/scim/v2/1", "https://other/scim/v2/1")
		text := randomFilter(random, of.members, 0)
		r, err := of.Patch(d, &PatchOp{Operations: []Operation{{Op: "remove", Path: "members[" + text + "]"}}}, Options{})
		query, errQuery := ParseFilter("members["+text+"]", Limits{})
		requireNoError(t, errQuery)
		if errQuery = of.CheckFilter(query); errQuery != nil || err != nil {
			requireError(t, err, InvalidFilter)
			requireError(t, errQuery, InvalidFilter)
			continue
		}
		edit := r.Members[0]
		for _, id := range []string{"a", "b", "A"} {
			m := Member{Value: id, Type: pick(random, "User", "Group"), Display: pick(random, "Ann", "work", "")}
			removed := edit.Kind == RemoveMatching && edit.Filter.MatchMember(m, baseURL) ||
				edit.Kind == RemoveMembers && slices.Contains(edit.IDs, id)
			found := query.Match(of, d, Envelope{BaseURL: baseURL, Members: []Member{m}})
			requireEqual(t, fmt.Sprintf("members[%s] of %+v below %s", text, m, baseURL), removed, found)
			if found {
				both++
			} else {
				neither++
			}
		}
	}
	if both < 1000 || neither < 1000 {
		t.Errorf("%d members were selected and %d were not: the test tests little", both, neither)
	}
}

// resourceOf is a user with these values, separated by commas, for one attribute.
func resourceOf(t *testing.T, of *ResourceType, to target, values string) *Document {
	t.Helper()
	body := fmt.Sprintf(`%q:[%s]`, to.attr.Name, values)
	if to.ext != nil {
		body = fmt.Sprintf(`%q:{%s}`, to.ext.Name, body)
	}
	return document(t, of, `{"userName":"x",`+body+`}`)
}

// randomOf returns the JSON of a value of a simple attribute.
func randomOf(random *rand.Rand, a *Attribute) string {
	switch a.Type {
	case TypeBoolean:
		return pick(random, "true", "false")
	case TypeInteger:
		return pick(random, "0", "1", "7")
	case TypeDecimal:
		return pick(random, "1", "1.0", "7.5")
	case TypeDateTime:
		return pick(random, `"2026-01-31T12:00:00Z"`, `"2026-01-31T13:00:00+01:00"`, `"2026-02-01T00:00:00Z"`)
	}
	return pick(random, `"a"`, `"A"`, `"b"`, `"work"`, `"Straße"`, `""`, `"AAAA"`, `"https://h/scim/v2/1/Users/a"`)
}

func randomValues(random *rand.Rand, a *Attribute, n int) string {
	var all []string
	for range n {
		if a.Type != TypeComplex {
			all = append(all, randomOf(random, a))
			continue
		}
		var fields []string
		for _, s := range a.SubAttributes {
			if random.IntN(3) == 0 || s.Mutability == ReadOnly || s == a.inPrimary && len(all) > 0 {
				continue
			}
			v := randomOf(random, s)
			if s.MultiValued {
				v = "[" + v + "," + randomOf(random, s) + "]"
			}
			fields = append(fields, fmt.Sprintf("%q:%s", s.Name, v))
		}
		all = append(all, "{"+strings.Join(fields, ",")+"}")
	}
	return strings.Join(all, ",")
}

// randomFilter makes a filter on the sub-attributes of a; some filters are invalid.
func randomFilter(random *rand.Rand, a *Attribute, depth int) string {
	if depth < 3 {
		switch random.IntN(6) {
		case 0:
			return "not (" + randomFilter(random, a, depth+1) + ")"
		case 1:
			return "(" + randomFilter(random, a, depth+1) + ") " + pick(random, "and", "or") + " " + randomFilter(random, a, depth+1)
		}
	}
	name, literal := "value", randomOf(random, a)
	if a.Type == TypeComplex {
		sub := pick(random, a.SubAttributes...)
		name, literal = sub.Name, randomOf(random, sub)
		if name == "type" {
			literal = pick(random, `"work"`, `"User"`, `"group"`)
		}
	}
	if random.IntN(4) == 0 {
		name = strings.ToUpper(name)
	}
	switch random.IntN(12) {
	case 0:
		return name + " pr"
	case 1:
		literal = "null"
	case 2:
		literal = pick(random, `"True"`, "true", "7", `"x"`)
	}
	return name + " " + pick(random, "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "eq", "ne") + " " + literal
}
