package oidc

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/secret"
)

// ProviderSettings are the settings of one identity provider.
type ProviderSettings struct {
	Name             string    `koanf:"name" doc:"Name of the provider in URLs: lower-case letters, digits and hyphens."`
	Issuer           string    `koanf:"issuer" doc:"The provider's issuer, exactly as its discovery document says it: an https address, such as https://login.example.com. http is allowed for a loopback address."`
	ClientID         string    `koanf:"client_id" doc:"Client id of Usher at the provider."`
	ClientSecretFile string    `koanf:"client_secret_file" doc:"File with the client secret, which no other user of the machine can read. Usher reads it for each sign-in. Default: none; Usher is a public client."`
	Scopes           []string  `koanf:"scopes" doc:"Scopes to ask for. Default: openid, profile and email."`
	Audience         string    `koanf:"audience" doc:"Audience of the provider's access tokens for Usher, which may be valid for one hour at most. Default: none; Usher accepts no access tokens of this provider."`
	Algorithms       []string  `koanf:"algorithms" doc:"Algorithms that may sign the provider's tokens. Default: RS256 and ES256."`
	Mappings         []Mapping `koanf:"mappings" doc:"Rules that say what a person may do, by the claims of the token. The first rule that matches an organization decides about it."`
}

// Mapping is a rule: a person with this claim may sign in as this principal.
type Mapping struct {
	Claim             []string  `koanf:"claim" doc:"Name of a claim, or the list of names that leads to a claim in objects: [realm_access, roles]. A dot in a name has no meaning."`
	Value             string    `koanf:"value" doc:"The rule matches if the claim has this value, or is a list with this element. Write a number or a boolean as in JSON."`
	Any               bool      `koanf:"any" doc:"The rule matches if the claim is present and not null. Set this or value."`
	Principal         Principal `koanf:"principal" doc:"operator, organization_admin or organization_viewer. A person who is operator is nothing else."`
	Organization      string    `koanf:"organization" doc:"Id of the organization, for another principal than operator."`
	OrganizationClaim []string  `koanf:"organization_claim" doc:"Claim with the id of the organization, or with a list of ids, in place of organization."`
}

// String returns the name, which stands for the provider in a list of settings.
func (s ProviderSettings) String() string { return s.Name }

// String returns the claim, which stands for the mapping in a list of settings.
func (m Mapping) String() string { return pathText(m.Claim) }

const (
	mostProviders   = 20
	mostMappings    = 200
	mostScopes      = 20
	mostNames       = 8 // in the path of a claim
	longestText     = 255
	longestIssuer   = 512
	longestSecret   = 4 << 10
	mostGrants      = 50
	longestReturnTo = 1 << 10
)

// defaultAlgorithms are those that almost every provider uses.
var defaultAlgorithms = []string{"RS256", "ES256"}

// allowedAlgorithms are asymmetric: with a symmetric one, everybody who can check a token could sign one.
var allowedAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// withDefaults returns the settings of a provider with the defaults of the lists.
func (s ProviderSettings) withDefaults() ProviderSettings {
	if len(s.Scopes) == 0 {
		s.Scopes = []string{"openid", "profile", "email"}
	}
	if len(s.Algorithms) == 0 {
		s.Algorithms = defaultAlgorithms
	}
	return s
}

// Check returns all problems of the settings of the providers, by key. It reads no file.
func Check(all []ProviderSettings) config.Problems {
	var p config.Problems
	if len(all) > mostProviders {
		p.Add("oidc", fmt.Sprintf("a list of at most %d providers", mostProviders), len(all))
	}
	names, issuers := map[string]bool{}, map[string]bool{}
	for i, s := range all {
		key := fmt.Sprintf("oidc[%d]", i)
		s.check(&p, key)
		if names[s.Name] {
			p.Add(key+".name", "different for each provider", s.Name)
		}
		if issuers[s.Issuer] {
			p.Add(key+".issuer", "different for each provider, because the issuer of an access token names the provider", s.Issuer)
		}
		names[s.Name], issuers[s.Issuer] = true, true
	}
	return p
}

// CheckFiles returns the problems of the files that the settings name, by key.
func CheckFiles(all []ProviderSettings) config.Problems {
	var p config.Problems
	for i, s := range all {
		if s.ClientSecretFile == "" {
			continue
		}
		if _, err := readSecret(s.ClientSecretFile); err != nil {
			p = append(p, fmt.Errorf("oidc[%d].client_secret_file: %w", i, err))
		}
	}
	return p
}

var (
	printable = regexp.MustCompile(`^[ -~]{1,255}$`)
	// scope is a scope-token of RFC 6749 §3.3.
	scope = regexp.MustCompile(`^[!#-\[\]-~]{1,255}$`)
)

func (s ProviderSettings) check(p *config.Problems, key string) {
	if !ids.IsSlug(s.Name) {
		p.Add(key+".name", "1 to 63 lower-case letters, digits and hyphens, with no hyphen at the ends", s.Name)
	}
	if u, err := url.Parse(s.Issuer); err != nil || len(s.Issuer) > longestIssuer || u.Hostname() == "" || u.User != nil || strings.ContainsAny(s.Issuer, "?#") || !Secure(u) {
		p.Add(key+".issuer", "an https address without query and fragment (http for a loopback address)", s.Issuer)
	}
	if !printable.MatchString(s.ClientID) {
		p.Add(key+".client_id", "1 to 255 printable characters", s.ClientID)
	}
	s = s.withDefaults()
	if len(s.Scopes) > mostScopes || !slices.Contains(s.Scopes, "openid") || slices.ContainsFunc(s.Scopes, func(one string) bool { return !scope.MatchString(one) }) {
		p.Add(key+".scopes", fmt.Sprintf("at most %d scopes, and openid one of them", mostScopes), s.Scopes)
	}
	switch {
	case s.Audience == "":
	case !printable.MatchString(s.Audience):
		p.Add(key+".audience", "at most 255 printable characters", s.Audience)
	case s.Audience == s.ClientID:
		p.Add(key+".audience", "another one than client_id, which is the audience of ID tokens", s.Audience)
	}
	for _, algorithm := range s.Algorithms {
		if !slices.Contains(allowedAlgorithms, algorithm) {
			p.Add(key+".algorithms", "of "+strings.Join(allowedAlgorithms, ", "), algorithm)
		}
	}
	if len(s.Mappings) == 0 || len(s.Mappings) > mostMappings {
		p.Add(key+".mappings", fmt.Sprintf("a list of 1 to %d rules: without any, nobody can sign in", mostMappings), len(s.Mappings))
	}
	for i, m := range s.Mappings {
		m.check(p, fmt.Sprintf("%s.mappings[%d]", key, i))
	}
}

func (m Mapping) check(p *config.Problems, key string) {
	checkPath(p, key+".claim", m.Claim)
	if (m.Value == "") != m.Any {
		*p = append(*p, fmt.Errorf("%s.value must be set, or any be true, and not both", key))
	}
	if len(m.Value) > longestText {
		p.Add(key+".value", fmt.Sprintf("at most %d bytes", longestText), len(m.Value))
	}
	switch m.Principal {
	case Operator:
		if m.Organization != "" || len(m.OrganizationClaim) > 0 {
			*p = append(*p, fmt.Errorf("%s.organization and organization_claim must not be set for the operator", key))
		}
		return
	case OrganizationAdmin, OrganizationViewer:
	default:
		p.Add(key+".principal", "operator, organization_admin or organization_viewer", m.Principal)
		return
	}
	switch {
	case (m.Organization == "") == (len(m.OrganizationClaim) == 0):
		*p = append(*p, fmt.Errorf("%s.organization or organization_claim must be set, and not both", key))
	case m.Organization != "" && !ids.IsSlug(m.Organization):
		p.Add(key+".organization", "the id of an organization: 1 to 63 lower-case letters, digits and hyphens", m.Organization)
	case len(m.OrganizationClaim) > 0:
		checkPath(p, key+".organization_claim", m.OrganizationClaim)
	}
}

func checkPath(p *config.Problems, key string, path []string) {
	bad := func(name string) bool { return name == "" || len(name) > longestText }
	if len(path) == 0 || len(path) > mostNames || slices.ContainsFunc(path, bad) {
		p.Add(key, fmt.Sprintf("1 to %d names of 1 to %d bytes", mostNames, longestText), path)
	}
}

// Secure reports whether an address is one of https, or of http on this machine.
func Secure(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// Secrets returns the client secrets that can be read, for those who must keep them out of a text.
func Secrets(providers []ProviderSettings) (all []secret.Text) {
	for _, provider := range providers {
		if provider.ClientSecretFile == "" {
			continue
		}
		if text, err := readSecret(provider.ClientSecretFile); err == nil {
			all = append(all, text)
		}
	}
	return all
}

// readSecret reads a file that only its owner and its group can read.
func readSecret(path string) (secret.Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return "", fmt.Errorf("others can read or write %s (its mode is %04o): use chmod o-rwx", path, mode)
	}
	content, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
	text := strings.TrimSpace(string(content))
	switch {
	case err != nil:
		return "", err
	case len(content) > longestSecret:
		return "", fmt.Errorf("%s has more than %d bytes", path, longestSecret)
	case text == "":
		// An empty file must not turn Usher into a public client.
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret.Text(text), nil
}

// pathText writes the path of a claim as the settings do.
func pathText(path []string) string {
	if len(path) == 1 {
		return path[0]
	}
	return "[" + strings.Join(path, ", ") + "]"
}
