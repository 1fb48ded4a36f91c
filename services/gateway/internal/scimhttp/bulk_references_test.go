package scimhttp

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func FuzzResolvingChangesReferencesAlone(f *testing.F) {
	for _, seed := range []string{
		`{"members":[{"value":"bulkId:a","type":"User"},{"$ref":"../Users/bulkId:b"}, "bulkId:c"],"n":1e999}`,
		`{"manager" : "bulkId:\u0061", "x":{"y":[[{"value":"bulkId:a"}],"\\"]}, "e":[], "o":{}}`,
		`"bulkId:a"`, `{"value":"bulkId:a"}`, `[]`, `[1,true,null]`, `{"bulkId:a":"x"}`, `{"a":"\ud800","b":"bulkId:"}`,
		"{\"value\":\"bulkId:\xb4\xb4\"}", "[\"bulkId:\xff\xff\xff\"]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		same := resolve(data, func(bulkID string) (string, bool) { return bulkIDPrefix + bulkID, true })
		if !reflect.DeepEqual(decoded(t, same), decoded(t, data)) {
			t.Errorf("%q became %q", data, same)
		}
		none := resolve(data, func(string) (string, bool) { return "", false })
		if len(none) > 0 && !json.Valid(none) {
			t.Fatalf("%q became %q", data, none)
		}
		if len(none) > 0 {
			references(none, func(left string) { t.Errorf("%q refers to %q", none, left) })
		}
	})
}

func decoded(t *testing.T, data []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return value
}
