package scim

import (
	"errors"
	"strings"
	"testing"
)

// deviceType has attributes of the data types and characteristics that Users and Groups lack. A new schema may use them, so
// they must work.
func deviceType() *ResourceType {
	return NewResourceType(ResourceType{
		ID: "Device", Name: "Device", Endpoint: "/Devices", Description: "Device",
		Schema: &Schema{ID: "urn:example:2.0:Device", Name: "Device", Attributes: []*Attribute{
			define("slot", "A whole number.", ofType(TypeInteger)),
			define("weight", "A number.", ofType(TypeDecimal)),
			define("bought", "A time.", ofType(TypeDateTime)),
			define("aliases", "Plain strings.", multi),
			define("note", "Returned when asked for.", func(a *Attribute) { a.Returned = ReturnedRequest }),
		}},
	})
}

func TestDataTypes(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"a whole number", `{"slot":-7}`, `{"slot":-7}`},
		{"a number keeps its digits", `{"weight":1.50e400}`, `{"weight":1.50e400}`},
		{"a time", `{"bought":"2026-01-31T12:00:00.5+01:00"}`, `{"bought":"2026-01-31T12:00:00.5+01:00"}`},
		{"plain strings", `{"aliases":["a","b","a",null]}`, `{"aliases":["a","b"]}`},
		{"a fraction where a whole number belongs", `{"slot":1.5}`, ""},
		{"an exponent where a whole number belongs", `{"slot":1e3}`, ""},
		{"a string where a number belongs", `{"weight":"7"}`, ""},
		{"a word where a time belongs", `{"bought":"yesterday"}`, ""},
		{"an object where a plain string belongs", `{"aliases":[{"value":"a"}]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := deviceType().New([]byte(c.body), Options{})
			if c.want == "" {
				requireError(t, err, InvalidValue)
				return
			}
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), c.want)
		})
	}
}

func TestPlainValuesAreAddedAndRemoved(t *testing.T) {
	d := document(t, deviceType(), `{"aliases":["a","B"]}`)
	for _, c := range []struct{ name, ops, want string }{
		{"add", `[{"op":"add","path":"aliases","value":["c","a"]}]`, `{"aliases":["a","B","c"]}`},
		{"remove by a list", `[{"op":"remove","path":"aliases","value":["a"]}]`, `{"aliases":["B"]}`},
		{"remove by a list in another case", `[{"op":"remove","path":"aliases","value":["b"]}]`, `{"aliases":["a"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := d.Type().Patch(d, operations(t, c.ops), Options{})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), c.want)
		})
	}
}

func TestNumbersAndTimesInFilters(t *testing.T) {
	of := deviceType()
	d := document(t, of, `{"slot":10,"weight":1.50,"bought":"2026-01-31T12:00:00+01:00","aliases":["A"]}`)
	for _, c := range []struct {
		filter string
		want   bool
	}{
		{`slot gt 9`, true}, {`slot eq 1e1`, true}, {`slot le 9.99`, false}, {`weight eq 1.5`, true}, {`weight ne 1.5`, false},
		{`bought eq "2026-01-31T11:00:00Z"`, true}, {`bought lt "2026-01-31T11:30:00Z"`, true}, {`aliases eq "a"`, true}, {`aliases ne "a"`, false},
	} {
		t.Run(c.filter, func(t *testing.T) {
			f, err := ParseFilter(c.filter, Limits{})
			requireNoError(t, err)
			requireNoError(t, of.CheckFilter(f))
			requireEqual(t, "match", f.Match(of, d, Envelope{}), c.want)
		})
	}
	for _, refused := range []string{`slot eq "10"`, `weight co 1`, `bought gt true`} {
		t.Run(refused, func(t *testing.T) {
			f, err := ParseFilter(refused, Limits{})
			requireNoError(t, err)
			requireError(t, of.CheckFilter(f), InvalidFilter)
		})
	}
}

func TestAttributesReturnedOnRequest(t *testing.T) {
	of := deviceType()
	canonical := document(t, of, `{"slot":1,"note":"n"}`).JSON()
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
		want                 string
	}{
		{"asked for", []string{"note"}, nil, `"note":"n"`},
		{"not asked for", nil, []string{"slot"}, ``},
		{"asked for with the whole schema", []string{"urn:example:2.0:Device"}, nil, `"note":"n"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParseProjection(c.attributes, c.excluded)
			requireNoError(t, err)
			got, err := of.RenderUser(nil, canonical, Envelope{ID: "1"}, nil, p)
			requireNoError(t, err)
			if strings.Contains(string(got), `"note"`) != (c.want != "") {
				t.Fatalf("%s", got)
			}
		})
	}
}

func TestErrorsAreFoundByType(t *testing.T) {
	_, err := ParseFilter(`userName`, Limits{})
	var e *Error
	if !errors.As(err, &e) || e.Offset != 8 {
		t.Fatalf("got %#v", err)
	}
	requireEqual(t, "text", e.Error(), "invalidFilter: "+e.Detail)
	_, err = UserType().New([]byte(`{"userName":7.5,"title":[[]]}`), Options{})
	requireEqual(t, "offset", requireError(t, err, InvalidValue).Offset, -1)
}

func TestMemberEditKindsHaveNames(t *testing.T) {
	names := map[string]bool{}
	for _, k := range []MemberEditKind{0, AddMembers, RemoveMembers, RemoveMatching, ReplaceMembers} {
		names[k.String()] = true
	}
	requireEqual(t, "different names", len(names), 5)
}
