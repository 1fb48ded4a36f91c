package scim

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// filled repeats a text until it has this many bytes. Each @ in it becomes another number.
func filled(bytes int, text string) string {
	parts := strings.Split(text, "@")
	b := make([]byte, 0, bytes+len(text))
	for i := 0; len(b)+len(text)+10*len(parts) < bytes; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		for j, part := range parts {
			if j > 0 {
				b = strconv.AppendInt(b, int64(i), 10)
			}
			b = append(b, part...)
		}
	}
	return string(b)
}

// allocated returns the bytes that a function allocates. Nothing else may run at the same time.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// wholeCreate does everything that a POST needs of this package: see BenchmarkCreate.
func wholeCreate(t *ResourceType, body []byte) error {
	made, err := t.New(body, Options{})
	if err != nil {
		return err
	}
	made.Document.SearchValues()
	if t.members != nil {
		_, err = t.RenderGroup(nil, made.Document.JSON(), envelope, nil, Projection{})
	} else {
		_, err = t.RenderUser(nil, made.Document.JSON(), envelope, nil, Projection{})
	}
	return err
}

// wholePatch does everything that a PATCH needs of this package: see BenchmarkPatchStored.
func wholePatch(t *ResourceType, stored, body []byte) error {
	patch, err := ParsePatch(body, Options{})
	if err != nil {
		return err
	}
	old, err := ParseStored(t, stored)
	if err != nil {
		return err
	}
	changed, err := t.Patch(old, patch, Options{})
	if err != nil {
		return err
	}
	changed.Document.SearchValues()
	_, err = t.RenderUser(nil, changed.Document.JSON(), envelope, nil, Projection{})
	return err
}

// costly are bodies, and what they are filled with in place of <>.
var costly = map[string]struct{ body, with string }{
	"zeros of an unknown attribute":       {`{"userName":"a","displayName":"a","x":[<>]}`, `0`},
	"arrays of an unknown attribute":      {`{"userName":"a","displayName":"a","x":[<>]}`, `[]`},
	"objects of an unknown attribute":     {`{"userName":"a","displayName":"a","x":[<>]}`, `{}`},
	"keys of an unknown attribute":        {`{"userName":"a","displayName":"a","x":{<>}}`, `"a@":0`},
	"unknown keys":                        {`{"userName":"a","displayName":"a",<>}`, `"a@":0`},
	"unknown keys with dots":              {`{"userName":"a","displayName":"a",<>}`, `"a.a@":0`},
	"unknown keys with escapes":           {`{"userName":"a","displayName":"a",<>}`, `"\u0061@":0`},
	"unknown URNs":                        {`{"userName":"a","displayName":"a",<>}`, `"urn:a:@":{"a":0}`},
	"keys that could be paths":            {`{"userName":"a","displayName":"a",<>}`, `"name.a@":0`},
	"keys of missing values":              {`{"userName":"a","displayName":"a",<>}`, `"emails[type eq \"a@\"].value":"a"`},
	"keys of arrays":                      {`{"userName":"a","displayName":"a",<>}`, `"emails[type eq \"a@\"]":[0,0,0,0]`},
	"keys of the core schema":             {`{"userName":"a","displayName":"a","` + UserSchema + `":{<>}}`, `"a@":0`},
	"unknown keys of an extension":        {`{"userName":"a","displayName":"a","` + EnterpriseUserSchema + `":{<>}}`, `"a@":0`},
	"zeros of an extension":               {`{"userName":"a","displayName":"a","` + EnterpriseUserSchema + `":[<>]}`, `0`},
	"zeros of a string":                   {`{"userName":"a","displayName":[<>]}`, `0`},
	"zeros of an object":                  {`{"userName":"a","displayName":"a","name":[<>]}`, `0`},
	"zeros of a multi-valued attribute":   {`{"userName":"a","displayName":"a","emails":[<>]}`, `0`},
	"nulls of a multi-valued attribute":   {`{"userName":"a","displayName":"a","emails":[<>]}`, `null`},
	"objects of a multi-valued attribute": {`{"userName":"a","displayName":"a","emails":[<>]}`, `{}`},
	"values of a multi-valued attribute":  {`{"userName":"a","displayName":"a","emails":[<>]}`, `{"value":"a@","type":"a"}`},
	"unknown keys of each value":          {`{"userName":"a","displayName":"a","emails":[<>]}`, `{"value":"a@","b":0,"c":[0,0,0],"d":{"e":0}}`},
	"zeros of a read-only attribute":      {`{"userName":"a","displayName":"a","groups":[<>]}`, `0`},
	"schemas":                             {`{"userName":"a","displayName":"a","schemas":[<>]}`, `"urn:a:@"`},
	"members that are alike":              {`{"userName":"a","displayName":"a","members":[<>]}`, `{"value":"a"}`},
	"members":                             {`{"userName":"a","displayName":"a","members":[<>]}`, `{"value":"a@"}`},
	"members with unknown keys":           {`{"userName":"a","displayName":"a","members":[<>]}`, `{"value":"a@","display":[0,0,0],"x":[{},{}]}`},
	"members that are strings":            {`{"userName":"a","displayName":"a","members":[<>]}`, `"a@"`},
	"long strings":                        {`{"userName":"a","displayName":"a","photos":[<>]}`, `{"value":"@` + strings.Repeat("a", 10_000) + `"}`},
	"escapes":                             {`{"userName":"a","displayName":"a","photos":[<>]}`, `{"value":"@` + strings.Repeat(`\n`, 5_000) + `"}`},
	"escapes of letters":                  {`{"userName":"a","displayName":"a","photos":[<>]}`, `{"value":"@` + strings.Repeat(`\u00e4`, 1_500) + `"}`},
	"escapes of control characters":       {`{"userName":"a","displayName":"a","photos":[<>]}`, `{"value":"@` + strings.Repeat(`\u0001`, 1_500) + `"}`},
	"texts of JSON":                       {`{"userName":"a","displayName":"a","emails":[<>]}`, `"{\"value\":\"a@\",\"x\":[0,0,0,0]}"`},
}

// operationsOf are the operations that PATCHes are filled with.
var operationsOf = map[string]string{
	"operations":                         `{"op":"add","path":"title","value":"a"}`,
	"operations of unknown attributes":   `{"op":"add","value":{"a@":[0,0,0,0]}}`,
	"operations with unknown keys":       `{"op":"add","path":"title","value":"a","x@":[0,0,0,0]}`,
	"operations on every value":          `{"op":"replace","path":"emails.display","value":"a@"}`,
	"operations on values by a filter":   `{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"a@"}}`,
	"operations that add a value":        `{"op":"add","path":"emails","value":[{"value":"a@"}]}`,
	"operations that describe a value":   `{"op":"add","path":"emails[type eq \"a@\"].value","value":"a"}`,
	"operations that remove a value":     `{"op":"remove","path":"emails[value eq \"a@\"]"}`,
	"operations of zeros":                `{"op":"add","path":"emails","value":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}`,
	"operations of text":                 `{"op":"add","path":"emails","value":"[{\"value\":\"a@\"}]"}`,
	"operations of long strings":         `{"op":"add","path":"title","value":"a@` + strings.Repeat("a", 10_000) + `"}`,
	"operations that add members":        `{"op":"add","path":"members","value":[{"value":"a@"}]}`,
	"operations of members with strings": `{"op":"add","value":{"members":["a@"]}}`,
}

// beside is how many bytes a small message may take in addition to eight times its own bytes and those of the changed document:
// a few thousand values fit into few bytes.
const beside = 3 << 19

// No other test may run at the same time.
func TestBytesThatAMessageTakes(t *testing.T) {
	check := func(name string, size, beside int, f func()) {
		t.Helper()
		if took, most := allocated(f), uint64(8*size+beside); took > most {
			t.Errorf("%s: %d bytes take %d, which is %.1f times as many", name, size, took, float64(took)/float64(size))
		}
	}
	stored := map[*ResourceType][]byte{
		UserType():  user(t, `{"userName":"a","emails":[`+filled(20_000, `{"value":"a@","type":"work"}`)+`]}`).JSON(),
		GroupType(): group(t, `{"displayName":"a"}`).JSON(),
	}
	for name, shape := range costly {
		of := UserType()
		if strings.HasPrefix(name, "members") {
			of = GroupType()
		}
		body := []byte(strings.Replace(shape.body, "<>", filled(1<<20-len(shape.body), shape.with), 1))
		check(name, len(body), 0, func() { _ = wholeCreate(of, body) })
		body = []byte(`{"Operations":[{"op":"add","value":` + strings.Replace(shape.body, "<>", filled(100_000, shape.with), 1) + `}]}`)
		check(name+" in a PATCH", len(body)+len(stored[of]), beside, func() { _ = wholePatch(of, stored[of], body) })
	}
	for name, operation := range operationsOf {
		of := UserType()
		if strings.Contains(name, "members") {
			of = GroupType()
		}
		body := []byte(`{"Operations":[` + filled(60_000, operation) + `]}`)
		check(name, len(body)+len(stored[of]), beside, func() { _ = wholePatch(of, stored[of], body) })
	}
	large := user(t, `{"userName":"a","photos":[`+filled(1<<20, `{"value":"@`+strings.Repeat("a", 2000)+`","type":"photo"}`)+`]}`).JSON()
	check("a PATCH of a large user", len(large), 0, func() {
		requireNoError(t, wholePatch(UserType(), large, []byte(patchEmail)))
	})
}

// No other test may run at the same time.
func TestBytesThatALargeGroupTakes(t *testing.T) {
	for _, member := range []string{
		`{"value":"0198c0de-8d2a-7f8e-bf98-1000@"}`,
		`{"value":"0198c0de-8d2a-7f8e-bf98-1000@","x":[0,0,0,[]],"display":{}}`,
		`{"value":"0198c0de-8d2a-7f8e-bf98-1000@","$ref":"../Users/0198c0de-8d2a-7f8e-bf98-1000@","display":"Jane @","type":"User"}`,
	} {
		body := []byte(`{"displayName":"a","members":[` + filled(2<<20, member) + `]}`)
		patch := []byte(`{"Operations":[{"op":"replace","path":"members","value":[` + filled(2<<20, member) + `]}]}`)
		most := uint64(len(body)*3/2 + 8<<20)
		if took := allocated(func() { requireNoError(t, wholeCreate(GroupType(), body)) }); took > most {
			t.Errorf("a POST of members such as %s: %d bytes take %d", member, len(body), took)
		}
		stored := group(t, `{"displayName":"a"}`).JSON()
		if took := allocated(func() { requireNoError(t, wholePatch(GroupType(), stored, patch)) }); took > most {
			t.Errorf("a PATCH of members such as %s: %d bytes take %d", member, len(body), took)
		}
	}
}
