package store

import "testing"

func TestAMissingResourceIsNamedWithoutItsValues(t *testing.T) {
	t.Parallel()
	for want, by := range map[string]Selector{
		`NOT_FOUND: there is no user "u1"`:                   {ID: "u1"},
		"NOT_FOUND: there is no user of that name":           {Name: "anna"},
		"NOT_FOUND: there is no user of that externalId":     {ExternalID: "anna"},
		"NOT_FOUND: there is no user of that e-mail address": {Email: "anna@example.com"},
	} {
		if got := by.Missing(User).Error(); got != want {
			t.Errorf("%+v: %s, want %s", by, got, want)
		}
	}
}
