package scim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestRandomPatchesKeepDocumentsCanonical applies random operations, most of them valid, one after the other. In any case
// the result is canonical, reads back as itself, and has at most one primary value, and the old document is unchanged.
func TestRandomPatchesKeepDocumentsCanonical(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 643))
	d := user(t, before)
	applied := 0
	for i := range 20_000 {
		ops := make([]Operation, 1+random.IntN(3))
		for j := range ops {
			ops[j] = randomOperation(random)
		}
		mode := Mode(random.IntN(2))
		oldJSON := string(d.JSON())
		r, err := UserType().Patch(d, &PatchOp{Operations: ops}, Options{Mode: mode})
		requireUnmodified(t, d, oldJSON)
		if err != nil {
			continue
		}
		applied++
		if r.Changed != (string(r.Document.JSON()) != oldJSON) {
			t.Fatalf("%d: changed is %v after %+v: %s", i, r.Changed, ops, r.Document.JSON())
		}
		requireCanonical(t, r.Document)
		d = r.Document
	}
	if applied < 5_000 {
		t.Fatalf("only %d patches were valid: the test tests little", applied)
	}
}

// requireCanonical checks what is true for every document, however it was made.
func requireCanonical(t testing.TB, d *Document) {
	t.Helper()
	stored, err := ParseStored(d.t, d.JSON())
	if err != nil {
		t.Fatalf("%v: %s", err, d.JSON())
	}
	requireEqual(t, "the stored document's tree", string(newDocument(stored.t, stored.root, 0).JSON()), string(d.JSON()))
	r, err := d.t.New(d.JSON(), Options{Mode: Strict, Limits: Limits{KeyBytes: 1 << 30, StringBytes: 1 << 30}})
	if err != nil {
		t.Fatalf("strict mode refuses a canonical document: %v: %s", err, d.JSON())
	}
	requireEqual(t, "the document sent again", string(r.Document.JSON()), string(d.JSON()))
	if len(r.Ignored) > 0 || len(r.Quirks) > 0 {
		t.Fatalf("a canonical document has quirks %v, ignored %v: %s", r.Quirks, r.Ignored, d.JSON())
	}
	rendered, err := d.t.RenderUser(nil, d.JSON(), Envelope{ID: "1"}, nil, Projection{})
	if err != nil || !json.Valid(rendered) {
		t.Fatalf("it renders as %s, %v", rendered, err)
	}
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

func randomOperation(random *rand.Rand) Operation {
	op := Operation{Op: pick(random, "add", "replace", "remove", "Add", "Replace")}
	word := func() string { return pick(random, `"a"`, `"b"`, `"A"`, `"work"`, `""`, `null`, `7`, `"True"`, `true`) }
	email := func() string {
		return fmt.Sprintf(`{"value":%s,"type":%s,"primary":%s}`, word(), pick(random, `"work"`, `"home"`, `null`), pick(random, `true`, `false`, `null`, `"True"`))
	}
	set := func(path, value string) Operation {
		op.Path, op.Value = path, json.RawMessage(value)
		if op.Op == "remove" && random.IntN(4) > 0 {
			op.Value = nil
		}
		return op
	}
	filter := pick(random, `[type eq "work"]`, `[value eq "a"]`, `[type eq "home" and primary eq true]`, `[not (type pr)]`, `[primary eq "True"]`, `[value co ""]`)
	switch random.IntN(9) {
	case 0:
		return set(pick(random, "title", "userName", "active", UserSchema+":nickName", "password", "id"), word())
	case 1:
		return set("name", pick(random, `{"givenName":"g"}`, `{"givenName":null,"familyName":"f"}`, `{}`, `null`, `{"formatted":"x"}`))
	case 2:
		return set("name."+pick(random, "givenName", "familyName", "middleName"), word())
	case 3:
		return set(pick(random, "emails", "roles"), "["+email()+","+email()+"]")
	case 4:
		return set(pick(random, "emails", "phoneNumbers")+filter, email())
	case 5:
		return set("emails"+filter+pick(random, ".value", ".type", ".primary", ".display"), word())
	case 6:
		return set(pick(random, "emails.type", "photos.value", "emails.primary"), word())
	case 7:
		return set(EnterpriseUserSchema+pick(random, ":manager", ":manager.value", ":manager.$ref", ":department"), pick(random, word(), `{"value":"m"}`, `{"$ref":"/Users/m"}`))
	default:
		return set("", fmt.Sprintf(`{"title":%s,"emails":[%s],"name.givenName":%s,"%s":{"department":%s},"%s:manager":%s}`,
			word(), email(), word(), EnterpriseUserSchema, word(), EnterpriseUserSchema, word()))
	}
}

func TestAppendingIsTheSameForFewAndForMany(t *testing.T) {
	// Few values are compared one by one, many by their JSON: both must agree.
	list := func(from, to int) string {
		out := ""
		for i := from; i < to; i++ {
			out += fmt.Sprintf(`{"value":"%d","type":"work"},`, i%40)
		}
		return "[" + out + `{"value":"last","primary":true}]`
	}
	few := user(t, `{"userName":"a"}`)
	for i := 0; i < 80; i += 4 {
		r, err := UserType().Patch(few, operations(t, `[{"op":"add","path":"emails","value":`+list(i, i+4)+`}]`), Options{})
		requireNoError(t, err)
		few = r.Document
	}
	many := user(t, `{"userName":"a","emails":`+list(0, 4)+`}`)
	r, err := UserType().Patch(many, operations(t, `[{"op":"add","path":"emails","value":`+list(4, 80)+`}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "document", string(r.Document.JSON()), string(few.JSON()))
}
