package scim

import "testing"

// Only an explicit true activates a user: a message that does not mention `active`, or removes it, does not change it.
func TestOnlyTrueActivatesAUser(t *testing.T) {
	const head = `{"schemas":["` + UserSchema + `"],"userName":"a"`
	put := func(more string) func(*Document, Options) (*Result, error) {
		return func(old *Document, o Options) (*Result, error) {
			return old.Type().Replace(old, []byte(head+more+`}`), o)
		}
	}
	patch := func(list string) func(*Document, Options) (*Result, error) {
		return func(old *Document, o Options) (*Result, error) {
			return old.Type().Patch(old, operations(t, list), o)
		}
	}
	for _, c := range []struct {
		name     string
		change   func(*Document, Options) (*Result, error)
		tolerant bool // strict mode refuses it
		// The `active` of an inactive user's document afterwards, and of a document that had no `active` before.
		inactive, silent string
	}{
		{"a PUT without active", put(``), false, `false`, ``},
		{"a PUT of null", put(`,"active":null`), false, `false`, ``},
		{"a PUT of false", put(`,"active":false`), false, `false`, `false`},
		{"a PUT of true", put(`,"active":true`), false, `true`, `true`},
		{"a PUT of True", put(`,"active":"True"`), true, `true`, `true`},
		{"a remove", patch(`[{"op":"remove","path":"active"}]`), false, `false`, ``},
		{"a remove by the URN", patch(`[{"op":"remove","path":"` + UserSchema + `:active"}]`), false, `false`, ``},
		{"a replace by null", patch(`[{"op":"replace","path":"active","value":null}]`), false, `false`, ``},
		{"a replace by null without a path", patch(`[{"op":"replace","value":{"active":null}}]`), true, `false`, ``},
		{"an add of null", patch(`[{"op":"add","path":"active","value":null}]`), false, `false`, ``},
		{"false, and then a remove", patch(`[{"op":"replace","path":"active","value":false},{"op":"remove","path":"active"}]`), false, `false`, ``},
		{"a remove, and then true", patch(`[{"op":"remove","path":"active"},{"op":"add","path":"active","value":true}]`), false, `true`, `true`},
		{"true, and then a remove", patch(`[{"op":"replace","path":"active","value":true},{"op":"remove","path":"active"}]`), false, `false`, ``},
		{"true, and then a replace by null", patch(`[{"op":"replace","path":"active","value":true},{"op":"replace","path":"active","value":null}]`), false, `false`, ``},
		{"true, and then a replace by null without a path", patch(`[{"op":"replace","value":{"active":true}},{"op":"replace","value":{"active":null}}]`), true, `false`, ``},
		{"true, and then an add of null", patch(`[{"op":"add","path":"active","value":true},{"op":"add","path":"active","value":null}]`), false, `true`, `true`},
		{"a PATCH to something else", patch(`[{"op":"remove","path":"title"}]`), false, `false`, ``},
		{"a PATCH of True", patch(`[{"op":"Replace","path":"active","value":"True"}]`), true, `true`, `true`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for before, want := range map[string]string{`,"active":false`: c.inactive, ``: c.silent} {
				for _, mode := range []Mode{Tolerant, Strict} {
					old := user(t, head+before+`}`)
					r, err := c.change(old, Options{Mode: mode})
					if c.tolerant && mode == Strict {
						if err == nil {
							t.Error("strict mode takes it")
						}
						continue
					}
					requireNoError(t, err)
					after := `{"userName":"a"}`
					if want != "" {
						after = `{"userName":"a","active":` + want + `}`
					}
					requireEqual(t, "from "+before, attributes(r.Document), after)
					requireEqual(t, "changed from "+before, r.Changed, attributes(old) != after)
					requireCanonical(t, r.Document)
				}
			}
		})
	}
}

func TestADocumentThatSucceedsAnotherKeepsItsUserInactive(t *testing.T) {
	inactive, active := user(t, `{"userName":"a","active":false}`), user(t, `{"userName":"a"}`)
	silent := user(t, `{"userName":"b","emails":[{"value":"x"}]}`)
	requireEqual(t, "after one that is inactive", attributes(silent.Succeeding(inactive)), `{"userName":"b","active":false,"emails":[{"value":"x"}]}`)
	requireEqual(t, "the document itself", attributes(silent), `{"userName":"b","emails":[{"value":"x"}]}`)
	requireEqual(t, "after one that is active", silent.Succeeding(active), silent)
	says := user(t, `{"userName":"b","active":true}`)
	requireEqual(t, "one that says so", says.Succeeding(inactive), says)
	g := group(t, `{"displayName":"g"}`)
	requireEqual(t, "a group", g.Succeeding(group(t, `{"displayName":"h"}`)), g)
}
