package oidc

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/ids"
)

func linesOf(err error) []Line {
	var nothing *NoGrantError
	errors.As(err, &nothing)
	if nothing == nil {
		return nil
	}
	return nothing.Lines
}

func TestMappingsGiveWhatTheySay(t *testing.T) {
	t.Parallel()
	const text = `{"groups": ["staff", "admins", 7], "level": 42, "big": 12345678901234567890, "staff": true, "nothing": null, "org": "acme",
		"orgs": ["acme", "Not an id", "globex", 3, "acme"], "https://acme.example/roles": "owner", "realm_access": {"roles": ["boss"]}, "a.b": "dot",
		"a": {"b": "nested"}, "empty": []}`
	rule := func(principal Principal, value string, claim ...string) Mapping {
		m := Mapping{Claim: claim, Value: value, Any: value == "", Principal: principal}
		if principal != Operator {
			m.Organization = "acme"
		}
		return m
	}
	admin := func(value string, claim ...string) []Mapping {
		return []Mapping{rule(OrganizationAdmin, value, claim...)}
	}
	from := func(principal Principal, claim ...string) Mapping {
		return Mapping{Claim: []string{"staff"}, Any: true, Principal: principal, OrganizationClaim: claim}
	}
	const acme = "organization_admin of acme"
	for name, c := range map[string]struct {
		mappings []Mapping
		want     string // the grants, or the reason why there are none
	}{
		"an element of a list":              {admin("admins", "groups"), acme},
		"a number in a list":                {admin("7", "groups"), acme},
		"a part of an element":              {admin("admin", "groups"), "it has another value"},
		"other capitals":                    {admin("Admins", "groups"), "it has another value"},
		"a text":                            {admin("acme", "org"), acme},
		"a number":                          {admin("42", "level"), acme},
		"a number of many digits":           {admin("12345678901234567890", "big"), acme},
		"a boolean":                         {admin("true", "staff"), acme},
		"another boolean":                   {admin("false", "staff"), "it has another value"},
		"presence":                          {admin("", "org"), acme},
		"presence of an empty list":         {admin("", "empty"), acme},
		"presence of null":                  {admin("", "nothing"), "the token does not have it"},
		"no presence":                       {admin("", "ORG"), "the token does not have it"},
		"a claim whose name is an address":  {admin("owner", "https://acme.example/roles"), acme},
		"a claim in an object":              {admin("boss", "realm_access", "roles"), acme},
		"a dot in a name has no meaning":    {admin("dot", "a.b"), acme},
		"a path is a list":                  {admin("nested", "a", "b"), acme},
		"dots that were meant as a path":    {admin("boss", "realm_access.roles"), "the token does not have it; but it has [realm_access, roles]"},
		"an object":                         {admin("x", "realm_access"), "it is an object"},
		"a path through a text":             {admin("x", "org", "name"), "the token does not have it"},
		"an organization of a claim":        {[]Mapping{from(OrganizationViewer, "org")}, "organization_viewer of acme"},
		"organizations of a list, each one": {[]Mapping{from(OrganizationViewer, "orgs")}, "organization_viewer of acme, organization_viewer of globex"},
		"no organization in the token":      {[]Mapping{from(OrganizationViewer, "company")}, "the token does not have it, and it must name the organization"},
		"no valid organization":             {[]Mapping{from(OrganizationViewer, "level")}, "it contains no valid id of one"},
		"the first rule decides about an organization": {
			[]Mapping{from(OrganizationViewer, "org"), from(OrganizationAdmin, "orgs")}, "organization_viewer of acme, organization_admin of globex",
		},
		"a rule that does not match decides nothing": {
			[]Mapping{rule(OrganizationViewer, "x", "org"), rule(OrganizationAdmin, "acme", "org")}, acme,
		},
		"the operator is nothing else": {[]Mapping{from(OrganizationAdmin, "org"), rule(Operator, "admins", "groups")}, "operator"},
		"no operator":                  {[]Mapping{rule(Operator, "bosses", "groups")}, "it has another value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := parseClaims([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			all, lines, err := grants(c.mappings, claims)
			var got []string
			for _, g := range all {
				got = append(got, g.String())
			}
			if err != nil {
				got = []string{linesOf(err)[0].String()}
			}
			if joined := strings.Join(got, ", "); joined != c.want && (err == nil || !strings.Contains(joined, c.want)) {
				t.Errorf("got %s, want %s", joined, c.want)
			}
			if len(lines) != len(c.mappings) {
				t.Errorf("%d lines of %d mappings", len(lines), len(c.mappings))
			}
		})
	}
}

func TestThereIsALimitOfOrganizations(t *testing.T) {
	t.Parallel()
	orgs := func(n int) claims {
		var all []any
		for i := range n {
			all = append(all, fmt.Sprintf("org-%d", i))
		}
		return claims{"orgs": all}
	}
	m := Mapping{Claim: []string{"orgs"}, Any: true, Principal: OrganizationViewer, OrganizationClaim: []string{"orgs"}}
	all, _, err := grants([]Mapping{m}, orgs(50))
	if err != nil || len(all) != 50 {
		t.Errorf("50: got %d, %v", len(all), err)
	}
	all, _, err = grants([]Mapping{m}, orgs(51))
	if !errors.Is(err, TooManyOrganizations) || all != nil {
		t.Errorf("51: got %v, %v", all, err)
	}
	all, _, err = grants([]Mapping{m, {Claim: []string{"orgs"}, Any: true, Principal: Operator}}, orgs(51))
	if err != nil || len(all) != 1 || all[0].Principal != Operator {
		t.Errorf("the operator: got %v, %v", all, err)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(`{"groups":["a","b"]}`, "groups", "", "a")
	f.Add(`{"a":{"b":[1,true,null,{}]}}`, "a", "b", "true")
	f.Add(`{"a.b":1e400}`, "a.b", "", "1e400")
	f.Fuzz(func(t *testing.T, text, first, second, value string) {
		claims, err := parseClaims([]byte(text))
		if err != nil {
			return
		}
		path := []string{first}
		if second != "" {
			path = append(path, second)
		}
		all, lines, err := grants([]Mapping{{Claim: path, Value: value, Any: value == "", Principal: OrganizationAdmin, OrganizationClaim: path}}, claims)
		if (err == nil) == (len(all) == 0) || len(all) > mostGrants || len(lines) != 1 {
			t.Errorf("%v, %v, %v", all, lines, err)
		}
		for _, g := range all {
			if !ids.IsSlug(g.OrganizationID) {
				t.Errorf("%q is no organization", g.OrganizationID)
			}
		}
		if value := claims.displayName(); len([]rune(value)) > longestName || strings.ContainsAny(value, "\x00\n\x1b") {
			t.Errorf("%q is no name to display", value)
		}
	})
}
