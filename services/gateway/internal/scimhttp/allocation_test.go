package scimhttp

import (
	"runtime"
	"strings"
	"testing"
)

// It counts allocations, so it does not run in parallel.
func TestReadingABodyAllocatesALimitedNumberOfBytes(t *testing.T) {
	const size = 1 << 20
	filled := func(body, with string) []byte {
		before, after, _ := strings.Cut(body, "<>")
		return []byte(before + strings.TrimSuffix(strings.Repeat(with+",", (size-len(body))/(len(with)+1)), ",") + after)
	}
	bulk := func(body []byte) {
		request, err := parseBulk(body, 1000)
		for _, operation := range request.operations {
			references(operation.data, func(string) {})
			resolve(operation.data, func(string) (string, bool) { return "0198c0de-8d2a-7f8e-bf98-7363c4aed4ef", true })
			if operation.method == "PATCH" {
				asPatchOp(operation.data)
			}
		}
		_ = err // some are refused
	}
	search := func(body []byte) { _, _ = parseSearch(body) }
	for _, c := range []struct {
		name, body, with string
		read             func([]byte)
	}{
		{"a Bulk of operations", `{"Operations":[<>]}`, `{"method":"POST","bulkId":"a","path":"/Users","data":{"userName":"a"}}`, bulk},
		{"a Bulk of empty operations", `{"Operations":[<>]}`, `{}`, bulk},
		{"a Bulk of zeros", `{"Operations":[<>]}`, `0`, bulk},
		{"a Bulk with an unknown member", `{"x":[<>],"Operations":[]}`, `[]`, bulk},
		{"a Bulk with an operation of zeros", `{"Operations":[{"method":"POST","bulkId":"a","path":"/Users","data":{"x":[<>]}}]}`, `0`, bulk},
		{"a Bulk with zeros beside an escape", `{"Operations":[{"method":"POST","bulkId":"a","path":"/Users","data":{"y":"\n","x":[<>]}}]}`, `0`, bulk},
		{"a Bulk with a PATCH", `{"Operations":[{"method":"PATCH","path":"/Users/a","data":{"Operations":[<>]}}]}`, `{"op":"remove","path":"title"}`, bulk},
		{"a Bulk of references", `{"Operations":[{"method":"POST","bulkId":"a","path":"/Groups","data":{"members":[<>]}}]}`, `{"value":"bulkId:0123456789","type":"User"}`, bulk},
		{"a Bulk of escapes", `{"Operations":[{"method":"POST","bulkId":"a","path":"/Groups","data":{"members":["<>"]}}]}`, `\u0061\u0061\u0061`, bulk},
		{"a search with an unknown member", `{"x":[<>]}`, `{}`, search},
		{"a search with names", `{"attributes":[<>]}`, `"a"`, search},
		{"a search with a list of names", `{"attributes":"<>"}`, `a`, search},
		{"a search with a filter", `{"filter":"<>"}`, `\u0061`, search},
	} {
		body := filled(c.body, c.with)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c.read(body)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*size {
			t.Errorf("%s: %d bytes take %d", c.name, size, took)
		}
	}
}

func TestAnOperationOfABulkHasFewMembers(t *testing.T) {
	t.Parallel()
	of := func(members int) []byte {
		var b strings.Builder
		for i := range members {
			b.WriteString(`,"` + strings.Repeat("x", i+1) + `":0`)
		}
		return []byte(`{` + b.String()[1:] + `}`)
	}
	if _, err := objectMembers(of(maxMembers)); err != nil {
		t.Error(err)
	}
	if _, err := objectMembers(of(maxMembers + 1)); err == nil || !strings.Contains(err.Error(), "more than 1000 members") {
		t.Errorf("got %v", err)
	}
}
