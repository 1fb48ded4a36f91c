package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const anyURN = "urn:example:v1.x"

// anySchema is a schema with attributes whose names have other meanings and types elsewhere.
func anySchema(random *rand.Rand) string {
	var attributes func(isSub bool) []map[string]any
	attributes = func(isSub bool) (all []map[string]any) {
		for _, name := range []string{"value", "type", "primary", "$ref", "schemas", "members"} {
			if random.IntN(2) == 0 || name == "$ref" && !isSub {
				continue
			}
			a := map[string]any{
				"name": name, "multiValued": random.IntN(3) == 0, "required": random.IntN(5) == 0, "caseExact": random.IntN(2) == 0,
				"type":       pick(random, "string", "boolean", "integer", "decimal", "reference", "dateTime"),
				"returned":   pick(random, "default", "always", "request"),
				"mutability": pick(random, "readWrite", "readWrite", "readOnly"),
			}
			if !isSub && random.IntN(2) == 0 {
				if subs := attributes(true); len(subs) > 0 {
					a["type"], a["subAttributes"] = "complex", subs
				}
			}
			if !isSub && random.IntN(6) == 0 {
				a["mutability"] = "immutable"
			}
			all = append(all, a)
		}
		return all
	}
	all := attributes(false)
	if len(all) == 0 {
		all = append(all, map[string]any{"name": "value"})
	}
	return string(must(json.Marshal(map[string]any{"id": anyURN, "attributes": all})))
}

// anyValue is JSON for any attribute.
func anyValue(random *rand.Rand, depth int) string {
	switch n := random.IntN(10); {
	case n < 2 && depth > 0:
		return "[" + anyValue(random, depth-1) + "," + anyValue(random, depth-1) + "]"
	case n < 5 && depth > 0:
		var fields []string
		for _, name := range []string{"value", "type", "primary", "$ref", "schemas", "members"} {
			if random.IntN(2) == 0 {
				fields = append(fields, fmt.Sprintf("%q:%s", name, anyValue(random, depth-1)))
			}
		}
		return "{" + strings.Join(fields, ",") + "}"
	}
	return pick(random, `"a"`, `"A"`, `"True"`, `"https://x/Users/7"`, `"2026-01-02T03:04:05Z"`, `7`, `7.5`, `true`, `false`, `null`, `[]`, `{}`, `""`)
}

// anyPath is a path of a PATCH, and mostly valid in a filter.
func anyPath(random *rand.Rand) string {
	name := func() string { return pick(random, "value", "type", "primary", "$ref", "schemas", "members") }
	path := anyURN
	if random.IntN(8) > 0 {
		path += ":" + name()
	}
	if random.IntN(3) == 0 {
		path += "[" + anyComparison(random, name()) + "]"
	}
	if random.IntN(3) == 0 {
		path += "." + name()
	}
	return path
}

func anyComparison(random *rand.Rand, path string) string {
	return path + pick(random, ` eq "a"`, ` ne "A"`, ` eq 7`, ` gt 7.0`, ` eq true`, ` pr`, ` eq null`, ` sw "h"`, ` ge "2026-01-02T03:04:05Z"`)
}

// For any schema of an admin and any input of an IdP: either the input is refused with a SCIM error, or the stored document
// can be read, with that schema and with any other one.
func TestAnythingThatIsKeptOfAnExtensionCanBeRead(t *testing.T) {
	kept, found := 0, 0
	for seed := range uint64(1500) {
		random := rand.New(rand.NewPCG(seed, 1))
		extended := func() *ResourceType {
			extended, err := UserType().Extend(parsedSchema(t, anySchema(random)))
			requireNoError(t, err)
			return extended
		}
		of := extended()
		refused := func(err error) bool {
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return err != nil
		}
		d := &Document{}
		for tries := 0; ; tries++ {
			extension := fmt.Sprintf(`,%q:%s`, anyURN, anyValue(random, 3))
			if tries == 20 {
				extension = "" // the schema requires much
			}
			r, err := of.New([]byte(`{"userName":"a"`+extension+`}`), Options{})
			if refused(err) {
				continue
			}
			d = r.Document
			break
		}
		for range 12 {
			if random.IntN(4) == 0 { // an admin changes the schema
				of = extended()
				changed, err := ParseStored(of, d.JSON())
				requireNoError(t, err)
				d = changed
			} else {
				op := Operation{Op: pick(random, "add", "replace", "remove"), Path: anyPath(random), Value: json.RawMessage(anyValue(random, 3))}
				r, err := of.Patch(d, &PatchOp{Operations: []Operation{op}}, Options{Mode: pick(random, Tolerant, Strict)})
				if refused(err) {
					continue
				}
				d = r.Document
				kept++
			}
			if f, err := ParseFilter(anyComparison(random, anyPath(random)), Limits{}); err == nil && of.CheckFilter(f) == nil && f.Match(of, d, Envelope{}) {
				found++
			}
			again, err := ParseStored(of, d.JSON())
			requireNoError(t, err)
			shown := string(newDocument(of, again.root, 0).JSON())
			written := string(newDocument(of, d.root, 0).JSON())
			if shown != written {
				t.Fatalf("seed %d: of %s is shown %s", seed, written, shown)
			}
			if rendered, err := of.RenderUser(nil, d.JSON(), Envelope{ID: "1"}, nil, Projection{}); err != nil || !json.Valid(rendered) {
				t.Fatalf("seed %d: it renders as %s, %v", seed, rendered, err)
			}
		}
	}
	if kept < 400 || found < 50 {
		t.Errorf("of all that was tried %d were kept and %d found: that shows little", kept, found)
	}
}
