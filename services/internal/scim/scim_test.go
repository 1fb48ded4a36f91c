package scim

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// user makes a canonical user from attributes in any spelling; it adds `schemas`.
func user(t testing.TB, attributes string) *Document {
	t.Helper()
	return document(t, UserType(), attributes)
}

func group(t testing.TB, attributes string) *Document {
	t.Helper()
	return document(t, GroupType(), attributes)
}

func document(t testing.TB, of *ResourceType, attributes string) *Document {
	t.Helper()
	r, err := of.New([]byte(attributes), Options{})
	if err != nil {
		t.Fatalf("New(%s): %v", attributes, err)
	}
	return r.Document
}

// attributes returns a document's JSON without `schemas`, as people write resources.
func attributes(d *Document) string {
	_, rest, _ := strings.Cut(string(d.JSON()), "],")
	return "{" + rest
}

func operations(t testing.TB, list string) *PatchOp {
	t.Helper()
	op, err := ParsePatch([]byte(`{"schemas":["`+PatchOpSchema+`"],"Operations":`+list+`}`), Options{})
	if err != nil {
		t.Fatalf("ParsePatch(%s): %v", list, err)
	}
	return op
}

// requireError checks the scimType of an error, and that it can be shown to a client.
func requireError(t testing.TB, err error, want ErrorType) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a SCIM error %s", err, want)
	}
	if e.Type != want {
		t.Fatalf("got %s, want %s: %s", e.Type, want, e.Detail)
	}
	if !strings.HasSuffix(e.Detail, ".") || len(e.Detail) > 600 {
		t.Fatalf("detail is no sentence for people: %q", e.Detail)
	}
	return e
}

func requireEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got  %+v\n want %+v", what, got, want)
	}
}

func requireNoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// requireSameJSON compares JSON by meaning, for expectations where the order is unimportant.
func requireSameJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("got no JSON: %v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("want is no JSON: %v: %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Fatalf("\n got  %s\n want %s", got, want)
	}
}
