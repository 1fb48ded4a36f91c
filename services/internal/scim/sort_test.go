package scim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseSort(t *testing.T) {
	for _, c := range []struct {
		name      string
		of        *ResourceType
		by, order string
		want      string // in canonical form; empty for an error
		says      string
	}{
		{"ascending by default", UserType(), "USERNAME", "", "userName ascending", ""},
		{"ascending", UserType(), "userName", "Ascending", "userName ascending", ""},
		{"descending", UserType(), " name.familyName ", "descending", "name.familyName descending", ""},
		{"by the schema's URN", UserType(), UserSchema + ":title", "", "title ascending", ""},
		{"an extension's", UserType(), EnterpriseUserSchema + ":department", "", EnterpriseUserSchema + ":department ascending", ""},
		{"a manager for its value", UserType(), EnterpriseUserSchema + ":manager", "", EnterpriseUserSchema + ":manager.value ascending", ""},
		{"several values", UserType(), "emails", "", "emails.value ascending", ""},
		{"a part of several values", UserType(), "emails.type", "", "emails.type ascending", ""},
		{"a time", GroupType(), "meta.lastModified", "", "meta.lastModified ascending", ""},
		{"members", GroupType(), "members", "", "members.value ascending", ""},
		{"an unknown attribute", GroupType(), "userName", "", "", "Group has no attribute"},
		{"no attribute", UserType(), "a b", "", "", "no attribute"},
		{"a filter", UserType(), `emails[type eq "work"]`, "", "", "no attribute"},
		{"a password", UserType(), "password", "", "", "no attribute"},
		{"an extension", UserType(), EnterpriseUserSchema, "", "", "no attribute"},
		{"a schema", UserType(), UserSchema, "", "", "no attribute"},
		{"a complex attribute", UserType(), "name", "", "", "complex"},
		{"binary values", UserType(), "x509Certificates", "", "", "no order"},
		{"another order", UserType(), "userName", "down", "", "sortOrder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := c.of.ParseSort(c.by, c.order)
			if c.want == "" {
				if e := requireError(t, err, InvalidValue); !strings.Contains(e.Detail, c.says) {
					t.Errorf("it says %q", e.Detail)
				}
				return
			}
			requireNoError(t, err)
			requireEqual(t, "order", s.String(), c.want)
		})
	}
	s, err := UserType().ParseSort("", "sideways")
	requireNoError(t, err)
	requireEqual(t, "no order", s == nil, true)
}

func TestSort(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	resources := []struct {
		id   string
		body string
		at   time.Time
	}{
		{"1", `{"userName":"b","externalId":"b","title":"Zoo","active":true,"emails":[{"value":"z@x"},{"value":"a@x","primary":true}]}`, at(3)},
		{"2", `{"userName":"A","externalId":"B","title":"apple","active":false,"emails":[{"value":"M@x"},{"value":"a@x"}],"name":{"familyName":"x"}}`, at(1)},
		{"3", `{"userName":"c","externalId":"a","emails":[{"type":"work","value":"b@x"}]}`, at(2)},
		{"4", `{"userName":"D","title":"` + strings.Repeat("é", 2000) + `","active":true}`, at(4)},
	}
	for _, c := range []struct{ by, want string }{
		{"userName", "2 1 3 4"},
		{"externalId", "2 3 1 4"}, // case-exact, and one has no value
		{"title", "2 1 4 3"},
		{"active", "2 1 4 3"},
		{"emails", "1 3 2 4"}, // the primary one, otherwise the first
		{"emails.type", "3 1 2 4"},
		{"name.familyName", "2 1 3 4"},
		{"meta.created", "2 3 1 4"},
		{"id", "1 2 3 4"},
		{"groups", "3 1 2 4"},
	} {
		t.Run(c.by, func(t *testing.T) {
			for _, order := range []string{"ascending", "descending"} {
				s, err := UserType().ParseSort(c.by, order)
				requireNoError(t, err)
				keys := map[string]SortKey{}
				var got []string
				for _, r := range resources {
					e := Envelope{ID: r.id, Created: r.at}
					if r.id == "3" {
						e.Groups = []GroupRef{{ID: "g"}}
					}
					keys[r.id] = s.Key(user(t, r.body), e)
					if len(keys[r.id].text) > mostSortKey {
						t.Errorf("a key has %d bytes", len(keys[r.id].text))
					}
					got = append(got, r.id)
				}
				if order == "descending" {
					slices.Reverse(got)
				}
				slices.SortStableFunc(got, func(a, b string) int { return s.Compare(keys[a], keys[b]) })
				want := strings.Fields(c.want)
				if order == "descending" {
					slices.Reverse(want)
				}
				requireEqual(t, order, strings.Join(got, " "), strings.Join(want, " "))
			}
		})
	}
}
