package corpus

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mismatches compares a decoded JSON value with the wanted part of it. where is the place of the value in the body.
func mismatches(where string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %s, want an object", place(where), show(got))}
		}
		var problems []string
		for _, key := range sortedKeys(want) {
			problems = append(problems, mismatches(where+"/"+escapePointer(key), want[key], object[key])...)
		}
		return problems
	case []any:
		list, ok := got.([]any)
		if !ok && !(len(want) == 0 && unassigned(got)) {
			return []string{fmt.Sprintf("%s is %s, want an array", place(where), show(got))}
		}
		return unordered(where, want, list)
	case string:
		if text, ok := got.(string); !ok || !sameText(want, text) {
			return []string{fmt.Sprintf("%s is %s, want %q", place(where), show(got), want)}
		}
	default:
		if got != want {
			return []string{fmt.Sprintf("%s is %s, want %s", place(where), show(got), show(want))}
		}
	}
	return nil
}

// unordered finds for each wanted element another matching element of the list (augmenting paths).
func unordered(where string, want, list []any) []string {
	if len(want) != len(list) {
		return []string{fmt.Sprintf("%s has %d elements, want %d: %s", place(where), len(list), len(want), show(list))}
	}
	owner := slices.Repeat([]int{-1}, len(list)) // element of list -> index in want
	var assign func(w int, visited []bool) bool
	assign = func(w int, visited []bool) bool {
		for i := range list {
			if visited[i] || len(mismatches("", want[w], list[i])) > 0 {
				continue
			}
			visited[i] = true
			if owner[i] < 0 || assign(owner[i], visited) {
				owner[i] = w
				return true
			}
		}
		return false
	}
	var problems []string
	for w := range want {
		if !assign(w, make([]bool, len(list))) {
			problems = append(problems, fmt.Sprintf("%s has no element for %s: %s", place(where), show(want[w]), show(list)))
		}
	}
	return problems
}

// sameText compares strings: a wanted text that begins with * is compared by its end, and * alone accepts any text.
func sameText(want, got string) bool {
	if end, ok := strings.CutPrefix(want, "*"); ok {
		return got != "" && strings.HasSuffix(got, end)
	}
	return want == got
}

// unassigned reports whether a value is missing, null or an empty array, which are the same state (RFC 7643 §2.5).
func unassigned(v any) bool {
	list, isList := v.([]any)
	return v == nil || isList && len(list) == 0
}

// at follows a JSON pointer (RFC 6901), and returns nil if there is no such value.
func at(v any, pointer string) any {
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch container := v.(type) {
		case map[string]any:
			v = container[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(container) {
				return nil
			}
			v = container[i]
		default:
			return nil
		}
	}
	return v
}

func escapePointer(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func place(where string) string {
	if where == "" {
		return "the body"
	}
	return where
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// show returns a value as JSON, short enough for an error.
func show(v any) string {
	const most = 300
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if text := []rune(string(raw)); len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(raw)
}
