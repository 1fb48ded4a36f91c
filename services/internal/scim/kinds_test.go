package scim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everyType has an attribute of each data type, alone and multi-valued, at the top and within complex attributes.
func everyType(t *testing.T) *ResourceType {
	t.Helper()
	var top, within []string
	for _, of := range []AttributeType{TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeReference, TypeBinary} {
		for _, multi := range []bool{false, true} {
			within = append(within, fmt.Sprintf(`{"name":"%s%v","type":"%s","multiValued":%v}`, of, multi, of, multi))
		}
	}
	subs := strings.Join(within, ",")
	top = append(within,
		`{"name":"complexfalse","type":"complex","subAttributes":[`+subs+`]}`,
		`{"name":"complextrue","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},`+subs+`]}`,
		`{"name":"numbered","type":"complex","subAttributes":[{"name":"value","type":"integer"}]}`)
	extended, err := UserType().Extend(parsedSchema(t, `{"id":"urn:example:Every:2.0:User","attributes":[`+strings.Join(top, ",")+`]}`))
	requireNoError(t, err)
	return extended
}

// The JSON values that the test sends to each attribute.
var jsonKinds = []struct{ name, json string }{
	{"string", `"x"`}, {"empty string", `""`}, {"word", `"True"`}, {"time", `"2026-01-31T12:00:00Z"`}, {"base64", `"AAAA"`}, {"digits", `"7"`},
	{"object as text", `"{}"`}, {"array as text", `"[{}]"`}, {"whole number", `7`}, {"fraction", `1.5`}, {"boolean", `true`}, {"null", `null`}, {"object", `{}`},
	{"object in an object", `{"value":{"value":1}}`}, {"empty array", `[]`}, {"array of null", `[null]`}, {"array of a string", `["x"]`},
	{"array of a word", `["True"]`}, {"array of a time", `["2026-01-31T12:00:00Z"]`}, {"array of base64", `["AAAA"]`}, {"array of digits", `["7"]`},
	{"array of a whole number", `[7]`}, {"array of a fraction", `[1.5]`}, {"array of a boolean", `[true]`}, {"array of an object", `[{}]`},
	{"array of two objects", `[{},{}]`}, {"array of object and string", `[{},"x"]`}, {"array of an array", `[["x"]]`}, {"array of an array of an object", `[[{}]]`},
}

// texts are the strings among the kinds.
var texts = []string{"string", "empty string", "word", "time", "base64", "digits", "object as text", "array as text"}

// taken lists the kinds that one value of a type may have: in both modes, and additionally in tolerant mode. All others are
// invalidValue.
var taken = map[AttributeType]struct{ always, tolerant []string }{
	TypeString:    {always: texts},
	TypeReference: {always: texts},
	// RFC 7643 §2.3.6 requires base64; directories send line breaks and PEM headers.
	TypeBinary:   {always: []string{"base64", "word", "empty string"}, tolerant: texts},
	TypeBoolean:  {always: []string{"boolean"}, tolerant: []string{"word"}},
	TypeInteger:  {always: []string{"whole number"}},
	TypeDecimal:  {always: []string{"whole number", "fraction"}},
	TypeDateTime: {always: []string{"time"}},
	TypeComplex:  {always: []string{"object"}, tolerant: []string{"object as text"}},
}

// takes reports whether an attribute accepts a kind, or the elements of an array that the kind names.
func takes(a *Attribute, kind string, mode Mode) bool {
	one := func(kind string) bool {
		if slices.Contains(taken[a.Type].always, kind) || mode == Tolerant && slices.Contains(taken[a.Type].tolerant, kind) {
			return true
		}
		// A string stands for the object that has it as value: a manager, a role, a member.
		plain := mode == Tolerant && a.Type == TypeComplex && a.inValue != nil && slices.Contains(texts, kind)
		switch {
		case !plain || a.Name == "roles":
			return plain
		case kind == "array as text":
			return a.MultiValued
		case kind == "empty string":
			return true // no value
		}
		return slices.Contains(taken[a.inValue.Type].always, kind) || slices.Contains(taken[a.inValue.Type].tolerant, kind)
	}
	if kind == "null" {
		return !a.Required
	}
	element, isArray := strings.CutPrefix(kind, "array of ")
	element = strings.TrimPrefix(strings.TrimPrefix(element, "an "), "a ")
	if !a.MultiValued {
		switch {
		case kind == "array of an object" || kind == "array as text":
			return mode == Tolerant && a.Type == TypeComplex || kind == "array as text" && one(kind)
		case a.Required && kind == "empty string":
			return false
		}
		return !isArray && kind != "empty array" && one(kind)
	}
	switch {
	case kind == "empty array" || element == "null":
		return true
	case kind == "array of two objects":
		return one("object")
	case kind == "array of object and string":
		return one("object") && one("string")
	case kind == "array as text":
		return mode == Tolerant && a.Type == TypeComplex || mode == Tolerant && one(kind)
	case isArray:
		return one(element)
	}
	return mode == Tolerant && one(kind)
}

// Each attribute of the schemas, and one of each type, accepts the kinds of JSON of its type, and in tolerant mode also those
// that clients are known to send. All others are refused with the attribute's name, and never stored.
func TestEachAttributeTakesTheKindsOfItsType(t *testing.T) {
	refusals, acceptances := 0, 0
	for _, of := range []*ResourceType{everyType(t), GroupType()} {
		for _, a := range leaves(of) {
			for _, kind := range jsonKinds {
				for _, mode := range []Mode{Tolerant, Strict} {
					t.Run(fmt.Sprintf("%s/%s/%s/%v", of.Name, a.leaf().path, kind.name, mode), func(t *testing.T) {
						want := takes(a.leaf(), kind.name, mode)
						if want {
							acceptances++
						} else {
							refusals++
						}
						json := kind.json
						if subs := a.leaf().SubAttributes; len(subs) > 0 {
							json = strings.Replace(json, `"value"`, `"`+subs[0].Name+`"`, 1)
						}
						for how, r := range sentTo(t, of, a, json, mode) {
							if !want {
								if e := requireError(t, r.err, InvalidValue); !strings.HasPrefix(e.Path, a.leaf().path) {
									t.Errorf("%s: the error names %q: %s", how, e.Path, e.Detail)
								}
								continue
							}
							if r.err != nil {
								t.Errorf("%s: %v", how, r.err)
								continue
							}
							again, err := of.New(r.Document.JSON(), Options{Mode: mode})
							requireNoError(t, err)
							requireEqual(t, how+" as it is stored", string(again.Document.JSON()), string(r.Document.JSON()))
							requireEqual(t, how+": quirks of what is stored", again.Quirks, nil) // this shows that it has its type
						}
					})
				}
			}
		}
	}
	if refusals < 2000 || acceptances < 1000 {
		t.Errorf("%d refusals and %d acceptances: the test tests little", refusals, acceptances)
	}
}

// leaves lists the attributes of a type that a client may write. For members, see TestMembersTakeTheKindsOfTheirType.
func leaves(of *ResourceType) []target {
	var all []target
	var walk func(in target, attributes []*Attribute)
	walk = func(in target, attributes []*Attribute) {
		for _, a := range attributes {
			switch {
			case a.Mutability == ReadOnly || a == of.members:
			case a.isExtension():
				walk(target{ext: a}, a.SubAttributes)
			case in.attr != nil:
				all = append(all, target{ext: in.ext, attr: in.attr, sub: a})
			default:
				all = append(all, target{ext: in.ext, attr: a})
				walk(target{ext: in.ext, attr: a}, a.SubAttributes)
			}
		}
	}
	walk(target{}, of.root.SubAttributes)
	return all
}

type sent struct {
	*Result
	err error
}

// sentTo sends a value to an attribute in each possible way.
func sentTo(t *testing.T, of *ResourceType, to target, json string, mode Mode) map[string]sent {
	t.Helper()
	whole := json // of the attribute
	if to.sub != nil {
		whole = fmt.Sprintf(`{%q:%s}`, to.sub.Name, json)
		if to.attr.MultiValued {
			whole = "[" + whole + "]"
		}
	}
	key := fmt.Sprintf(`%q:%s`, to.attr.Name, whole)
	schemas := fmt.Sprintf(`"schemas":[%q`, of.Schema.ID)
	if to.ext != nil {
		key = fmt.Sprintf(`%q:{%s}`, to.ext.Name, key)
		schemas += fmt.Sprintf(`,%q`, to.ext.Name)
	}
	name := map[string]string{"User": "userName", "Group": "displayName"}[of.Name]
	body := "{" + schemas + "]," + key
	if to.attr.Name != name {
		body += `,"` + name + `":"someone"`
	}
	old := document(t, of, `{"`+name+`":"before"}`)
	options := Options{Mode: mode}
	all := map[string]sent{}
	keep := func(how string, r *Result, err error) { all[how] = sent{r, err} }
	r, err := of.New([]byte(body+"}"), options)
	keep("POST", r, err)
	r, err = of.Replace(old, []byte(body+"}"), options)
	keep("PUT", r, err)
	for _, op := range []string{"add", "replace"} {
		if op == "add" && json == "null" {
			continue // adds nothing, also to a required attribute
		}
		r, err = of.Patch(old, &PatchOp{Operations: []Operation{{Op: op, Path: to.attr.path, Value: []byte(whole)}}}, options)
		keep(op, r, err)
		if to.sub == nil {
			continue
		}
		of := to.attr.path + "." + to.sub.Name
		there := &PatchOp{Operations: []Operation{{Op: "add", Path: to.attr.path, Value: []byte(there(to.attr))}, {Op: op, Path: of, Value: []byte(json)}}}
		r, err = old.Type().Patch(old, there, options)
		keep(op+" to the sub-attribute", r, err)
	}
	return all
}

// there is a non-empty value of a complex attribute.
func there(a *Attribute) string {
	valid := map[AttributeType]string{TypeBoolean: "false", TypeInteger: "1", TypeDecimal: "1", TypeDateTime: `"2026-01-31T12:00:00Z"`}
	for _, s := range a.SubAttributes {
		if s.Mutability == ReadOnly {
			continue
		}
		v := valid[s.Type]
		if v == "" {
			v = `"AAAA"`
		}
		if s.MultiValued {
			v = "[" + v + "]"
		}
		v = fmt.Sprintf(`{%q:%s}`, s.Name, v)
		if a.MultiValued {
			v = "[" + v + "]"
		}
		return v
	}
	return "{}"
}

// TestMembersTakeTheKindsOfTheirType is for members, which are not in the document.
func TestMembersTakeTheKindsOfTheirType(t *testing.T) {
	for value, want := range map[string][2]bool{ // in tolerant and in strict mode
		`[{"value":"a"}]`: {true, true}, `[]`: {true, true}, `null`: {true, true}, `[null]`: {true, true},
		`{"value":"a"}`: {true, false}, `"a"`: {true, false}, `["a"]`: {true, false},
		`"{\"value\":\"a\"}"`: {true, false}, `"[{\"value\":\"a\"}]"`: {true, false}, `["{\"value\":\"a\"}"]`: {true, false},
		`7`: {}, `true`: {}, `{}`: {}, `[7]`: {}, `[true]`: {}, `[{}]`: {}, `[["a"]]`: {}, `[[{"value":"a"}]]`: {}, `"[[]]"`: {}, `"{}"`: {},
		`[{"value":7}]`: {}, `[{"value":true}]`: {}, `[{"value":{}}]`: {}, `[{"value":["a"]}]`: {}, `[{"value":null}]`: {},
		`[{"value":"a","type":7}]`: {}, `[{"value":"a","type":["User"]}]`: {}, `[{"value":"a","$ref":{}}]`: {}, `[{"value":"a","$ref":7}]`: {},
	} {
		for mode, want := range want {
			options := Options{Mode: Mode(mode)}
			_, posted := GroupType().New([]byte(`{"schemas":["`+GroupSchema+`"],"displayName":"g","members":`+value+`}`), options)
			results := map[string]error{"POST": posted}
			for _, op := range []string{"add", "replace"} {
				_, err := GroupType().Patch(group(t, `{"displayName":"g"}`), operations(t, `[{"op":"`+op+`","path":"members","value":`+value+`}]`), options)
				results[op] = err
			}
			for how, err := range results {
				t.Run(fmt.Sprintf("%s/%d/%s", value, mode, how), func(t *testing.T) {
					if want {
						requireNoError(t, err)
					} else if e := requireError(t, err, InvalidValue); !strings.HasPrefix(e.Path, "members") {
						t.Errorf("the error names %q", e.Path)
					}
				})
			}
		}
	}
}
