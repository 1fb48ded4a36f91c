package oidc

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestBadSettingsNameTheirKey(t *testing.T) {
	t.Parallel()
	path := func(names ...string) []string { return names }
	for name, c := range map[string]struct {
		change func(*ProviderSettings)
		want   string // the beginning of the problem, or empty
	}{
		"nothing is wrong":               {func(*ProviderSettings) {}, ""},
		"another port of this machine":   {func(s *ProviderSettings) { s.Issuer = "http://[::1]:8080/realm" }, ""},
		"a path":                         {func(s *ProviderSettings) { s.Issuer = "https://login.example.com/realms/a/" }, ""},
		"all kinds of algorithms":        {func(s *ProviderSettings) { s.Algorithms = allowedAlgorithms }, ""},
		"no name":                        {func(s *ProviderSettings) { s.Name = "" }, "oidc[0].name must be"},
		"a name that is no slug":         {func(s *ProviderSettings) { s.Name = "Acme/1" }, `oidc[0].name must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at the ends, not "Acme/1"`},
		"no issuer":                      {func(s *ProviderSettings) { s.Issuer = "" }, "oidc[0].issuer must be"},
		"an issuer without TLS":          {func(s *ProviderSettings) { s.Issuer = "http://login.example.com" }, "oidc[0].issuer must be an https address"},
		"an issuer that looks like here": {func(s *ProviderSettings) { s.Issuer = "http://localhost.example.com" }, "oidc[0].issuer must be an https address"},
		"an issuer with a query":         {func(s *ProviderSettings) { s.Issuer = "https://login.example.com?a" }, "oidc[0].issuer must be an https address without query"},
		"an issuer without a host":       {func(s *ProviderSettings) { s.Issuer = "https://:443" }, "oidc[0].issuer must be"},
		"an issuer with a password":      {func(s *ProviderSettings) { s.Issuer = "https://a:b@login.example.com" }, "oidc[0].issuer must be"},
		"a long issuer":                  {func(s *ProviderSettings) { s.Issuer = "https://login.example.com/" + strings.Repeat("a", 500) }, "oidc[0].issuer must be"},
		"no client":                      {func(s *ProviderSettings) { s.ClientID = "" }, "oidc[0].client_id must be"},
		"scopes without openid":          {func(s *ProviderSettings) { s.Scopes = path("email") }, "oidc[0].scopes must be at most 20 scopes, and openid one of them"},
		"scopes in one text":             {func(s *ProviderSettings) { s.Scopes = path("openid", "profile email") }, "oidc[0].scopes must be"},
		"the client as audience":         {func(s *ProviderSettings) { s.Audience = "usher" }, "oidc[0].audience must be another one than client_id"},
		"an audience with a line break":  {func(s *ProviderSettings) { s.Audience = "a\nb" }, "oidc[0].audience must be"},
		"a symmetric algorithm":          {func(s *ProviderSettings) { s.Algorithms = path("RS256", "HS256") }, `oidc[0].algorithms must be of RS256, RS384, `},
		"no algorithm":                   {func(s *ProviderSettings) { s.Algorithms = path("none") }, "oidc[0].algorithms must be of"},
		"no mappings":                    {func(s *ProviderSettings) { s.Mappings = nil }, "oidc[0].mappings must be a list of 1 to 200 rules"},
		"many mappings":                  {func(s *ProviderSettings) { s.Mappings = make([]Mapping, 201) }, "oidc[0].mappings must be"},
		"no claim":                       {func(s *ProviderSettings) { s.Mappings[0].Claim = nil }, "oidc[0].mappings[0].claim must be 1 to 8 names"},
		"an empty name in a claim":       {func(s *ProviderSettings) { s.Mappings[0].Claim = path("a", "") }, "oidc[0].mappings[0].claim must be"},
		"no value":                       {func(s *ProviderSettings) { s.Mappings[0].Value = "" }, "oidc[0].mappings[0].value must be set, or any be true"},
		"a value and any":                {func(s *ProviderSettings) { s.Mappings[0].Any = true }, "oidc[0].mappings[0].value must be set, or any be true, and not both"},
		"a long value":                   {func(s *ProviderSettings) { s.Mappings[0].Value = strings.Repeat("v", 256) }, "oidc[0].mappings[0].value must be at most 255 bytes"},
		"no principal":                   {func(s *ProviderSettings) { s.Mappings[0].Principal = "" }, "oidc[0].mappings[0].principal must be operator, organization_admin or organization_viewer"},
		"a service as principal":         {func(s *ProviderSettings) { s.Mappings[0].Principal = "service" }, "oidc[0].mappings[0].principal must be"},
		"an operator of an organization": {func(s *ProviderSettings) { s.Mappings[0].Principal = Operator }, "oidc[0].mappings[0].organization and organization_claim must not be set"},
		"no organization":                {func(s *ProviderSettings) { s.Mappings[0].Organization = "" }, "oidc[0].mappings[0].organization or organization_claim must be set"},
		"an organization and a claim":    {func(s *ProviderSettings) { s.Mappings[0].OrganizationClaim = path("org") }, "oidc[0].mappings[0].organization or organization_claim must be set, and not both"},
		"an organization with capitals":  {func(s *ProviderSettings) { s.Mappings[0].Organization = "Acme" }, `oidc[0].mappings[0].organization must be the id of an organization`},
		"a long path of an organization": {func(s *ProviderSettings) {
			s.Mappings[0].Organization, s.Mappings[0].OrganizationClaim = "", make([]string, 9)
		}, "oidc[0].mappings[0].organization_claim must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ProviderSettings{
				Name: "acme", Issuer: "https://login.example.com", ClientID: "usher",
				Mappings: []Mapping{{Claim: path("groups"), Value: "admins", Principal: OrganizationAdmin, Organization: "acme"}},
			}
			c.change(&s)
			problems := Check([]ProviderSettings{s})
			if c.want == "" && len(problems) == 0 {
				return
			}
			if len(problems) == 0 || c.want == "" || !strings.HasPrefix(problems[0].Error(), c.want) {
				t.Errorf("got %v, want %q", problems, c.want)
			}
			if _, err := New([]ProviderSettings{s}, nil); err == nil {
				t.Error("New takes them")
			}
		})
	}
}

func TestProvidersDiffer(t *testing.T) {
	t.Parallel()
	s := ProviderSettings{
		Name: "acme", Issuer: "https://login.example.com", ClientID: "usher", Mappings: []Mapping{{Claim: []string{"a"}, Any: true, Principal: Operator}},
	}
	problems := fmt.Sprint(Check([]ProviderSettings{s, s}))
	for _, want := range []string{"oidc[1].name must be different for each provider", "oidc[1].issuer must be different for each provider"} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is not in %s", want, problems)
		}
	}
	if problems := Check(make([]ProviderSettings, 21)); !strings.HasPrefix(problems[0].Error(), "oidc must be a list of at most 20 providers") {
		t.Errorf("got %v", problems[0])
	}
}

func TestASecretsFileThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		mode os.FileMode
		want string
	}{
		"a secret":                           {0o640, ""},
		"a secret that others can read":      {0o644, "its mode is 0644"},
		"a secret that others can write":     {0o602, "its mode is 0602"},
		" \n":                                {0o600, "is empty"},
		strings.Repeat("x", longestSecret+1): {0o600, "has more than 4096 bytes"},
		strings.Repeat("x", longestSecret-1): {0o400, ""},
	} {
		problems := CheckFiles([]ProviderSettings{{}, {ClientSecretFile: secretFile(t, text, c.mode)}})
		got := fmt.Sprint(problems)
		if (c.want == "") != (len(problems) == 0) || c.want != "" && (!strings.HasPrefix(got, "[oidc[1].client_secret_file: ") || !strings.Contains(got, c.want)) {
			t.Errorf("%.30s: got %s, want %q", text, got, c.want)
		}
	}
	if problems := CheckFiles([]ProviderSettings{{ClientSecretFile: "/nowhere"}}); len(problems) != 1 {
		t.Errorf("got %v", problems)
	}
}
