package corpus

import (
	"encoding/json"
	"testing"
)

func TestMismatches(t *testing.T) {
	for _, c := range []struct {
		name, want, got string
		problems        int
	}{
		{"equal", `{"a": 1, "b": [true, "x"]}`, `{"a": 1, "b": [true, "x"]}`, 0},
		{"more than wanted", `{"a": 1}`, `{"a": 1, "b": 2}`, 0},
		{"less than wanted", `{"a": 1, "b": 2}`, `{"a": 1}`, 1},
		{"every difference is named", `{"a": 1, "b": {"c": "x"}}`, `{"a": 2, "b": {"c": "y"}}`, 2},
		{"a boolean is no string", `{"a": true}`, `{"a": "True"}`, 1},
		{"a string is no number", `"1"`, `1`, 1},
		{"case counts", `"x"`, `"X"`, 1},
		{"an array in another order", `[1, 2, 3]`, `[3, 1, 2]`, 0},
		{"an array with one more", `[1]`, `[1, 2]`, 1},
		{"an array with one less", `[1, 2]`, `[1]`, 1},
		{"an array with a repetition instead", `[1, 2]`, `[1, 1]`, 1},
		{"elements are parts too", `[{"v": 1}, {"v": 2}]`, `[{"v": 2, "t": "x"}, {"v": 1}]`, 0},
		{"a general element leaves the particular one to another that needs it", `[{}, {"v": 1}]`, `[{"v": 1}, {"v": 2}]`, 0},
		{"the other way round", `[{"v": 1}, {}]`, `[{"v": 1}, {"v": 2}]`, 0},
		{"nothing is an empty array", `{"a": []}`, `{}`, 0},
		{"null is an empty array", `{"a": []}`, `{"a": null}`, 0},
		{"an empty array is not full", `{"a": []}`, `{"a": [1]}`, 1},
		{"nothing is no array of one", `{"a": [1]}`, `{}`, 1},
		{"an object is no array", `[]`, `{"a": 1}`, 1},
		{"an array is no object", `{}`, `[]`, 1},
		{"any text", `"*"`, `"x"`, 0},
		{"any text is not none", `"*"`, `""`, 1},
		{"a text by its end", `"*/Users/7"`, `"https://h/v2/Users/7"`, 0},
		{"a text by another end", `"*/Users/7"`, `"https://h/v2/Users/77"`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mismatches("", decode(t, c.want), decode(t, c.got)); len(got) != c.problems {
				t.Errorf("problems %q, want %d", got, c.problems)
			}
		})
	}
}

func TestPointer(t *testing.T) {
	body := decode(t, `{"a": {"b/c": [{"d~e": "x"}]}, "urn:x:2.0:User": {"m": "y"}, "n": null}`)
	for _, c := range []struct {
		pointer string
		want    any
	}{
		{"/a/b~1c/0/d~0e", "x"},
		{"/urn:x:2.0:User/m", "y"},
		{"/a/b~1c/1", nil},
		{"/a/b~1c/-1", nil},
		{"/a/b~1c/x", nil},
		{"/nothing/below", nil},
		{"/n/below", nil},
	} {
		if got := at(body, c.pointer); got != c.want {
			t.Errorf("%s is %v, want %v", c.pointer, got, c.want)
		}
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
