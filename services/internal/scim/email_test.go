package scim

import "testing"

func TestEmailIsThePrimaryElseTheFirstAsItWasSent(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"none", `{"userName":"x"}`, ""},
		{"the first", `{"userName":"x","emails":[{"value":"A@Example.com"},{"value":"b@example.com"}]}`, "A@Example.com"},
		{"the primary", `{"userName":"x","emails":[{"value":"a@example.com"},{"value":"B@Example.com","primary":true}]}`, "B@Example.com"},
		{"one that is not primary", `{"userName":"x","emails":[{"value":"a@example.com","primary":false},{"value":"b@example.com"}]}`, "a@example.com"},
		{"a primary without a value", `{"userName":"x","emails":[{"type":"work","primary":true},{"value":"b@example.com"}]}`, "b@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) { requireEqual(t, "email", user(t, c.in).Email(), c.want) })
	}
	requireEqual(t, "a group's", group(t, `{"displayName":"x"}`).Email(), "")
}
