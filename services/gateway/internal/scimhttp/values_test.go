package scimhttp

import (
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestADetailIsStoredWithoutValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, detail, want string }{
		{"nothing quoted", "Another user has this userName.", "Another user has this userName."},
		{"an id", `members: "` + someID + `" is no user`, `members: "` + someID + `" is no user`},
		{"an attribute", `"userName" must be a string.`, `"userName" must be a string.`},
		{"a path", `There is no "name.givenName".`, `There is no "name.givenName".`},
		{"a schema", `"urn:ietf:params:scim:schemas:core:2.0:User" is missing.`, `"urn:ietf:params:scim:schemas:core:2.0:User" is missing.`},
		{"a number", `"42" is too many.`, `"42" is too many.`},
		{"an e-mail address", `members: "jane@example.com" is no user`, `members: "…" is no user`},
		{"a member named by its userName", `members: "jane.doe" is no user`, `members: "…" is no user`},
		{"a bulkId", `refers to the bulkId "jane.doe", which no POST has.`, `refers to the bulkId "…", which no POST has.`},
		{"a name with a space", `"Jane Doe" is taken.`, `"…" is taken.`},
		{"a name outside of ASCII", `"Žofie" is taken.`, `"…" is taken.`},
		{"a value with quotes", `"Jane \"the jane\" Doe" is taken, "x y" too.`, `"…" is taken, "…" too.`},
		{"a value that ends in a backslash", `"jane\\" and "title"`, `"…" and "title"`},
		{"a value that is cut", `The value begins "jane doe`, `The value begins "…"`},
		{"a value that is cut in an escape", `The value begins "jane doe\`, `The value begins "…"`},
		{"a value over lines", "\"jane\ndoe\" is taken.", `"…" is taken.`},
		{"a value that is too long for a name", `"` + strings.Repeat("j", 65) + `" is taken.`, `"…" is taken.`},
		{"an empty one", `"" is no value.`, `"…" is no value.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := withoutValues(c.detail); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAValueGoesBackOnlyToItsSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = fault.New(fault.InvalidValue, "members: %q is no user or group of this directory", "jane@example.com")
	a := w.do("POST", "/Groups", "{}")
	if a.Code != 400 || !strings.Contains(a.scim.Detail, `"jane@example.com"`) {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	events := w.events.all()
	if len(events) != 1 || events[0].GetDetail() != `members: "…" is no user or group of this directory` {
		t.Errorf("failed events: %v", events)
	}
	if logs := w.logs.String(); strings.Contains(logs, "jane") {
		t.Errorf("logged: %s", logs)
	}
}
