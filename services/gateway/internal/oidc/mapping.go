package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/ids"
)

// Line says what one mapping gave a person, for people. It contains no value of a claim.
type Line struct {
	// Mapping is the index of the mapping in the settings.
	Mapping int
	// Claim is the path of the claim that decided.
	Claim string
	// Miss is the reason why the mapping gave nothing, or empty.
	Miss string
	// Grants are what it gave, and earlier mappings did not.
	Grants []Grant
}

// String returns the line as a sentence.
func (l Line) String() string {
	text := fmt.Sprintf("mappings[%d], claim %s: ", l.Mapping, l.Claim)
	switch {
	case l.Miss != "":
		return text + l.Miss
	case len(l.Grants) == 0:
		return text + "it matches, but an earlier rule decides"
	}
	var given []string
	for _, g := range l.Grants {
		given = append(given, g.String())
	}
	return text + "it matches, and gives " + strings.Join(given, ", ")
}

// String returns the grant as text, such as "organization_admin of acme".
func (g Grant) String() string {
	if g.OrganizationID == "" {
		return string(g.Principal)
	}
	return string(g.Principal) + " of " + g.OrganizationID
}

// NoGrantError is the error for a person to whom no mapping gives anything. Lines say why, one for each mapping. The person may see them.
type NoGrantError struct{ Lines []Line }

// Error returns the text of the refusal, without the lines.
func (e *NoGrantError) Error() string { return NoGrant.Error() }

// Unwrap returns NoGrant.
func (e *NoGrantError) Unwrap() error { return NoGrant }

// grants evaluates the mappings in their order. The error is a *NoGrantError or TooManyOrganizations.
func grants(mappings []Mapping, c claims) ([]Grant, []Line, error) {
	var all []Grant
	var lines []Line
	operator := false
	for i, m := range mappings {
		line := Line{Mapping: i, Claim: pathText(m.Claim), Miss: m.miss(c)}
		switch {
		case line.Miss != "":
		case m.Principal == Operator:
			operator = true
			line.Grants = []Grant{{Principal: Operator}}
		default:
			var ids []string
			if ids, line.Miss = m.organizations(c); line.Miss != "" {
				line.Claim = pathText(m.OrganizationClaim)
			}
			for _, id := range ids {
				if !slices.ContainsFunc(all, func(g Grant) bool { return g.OrganizationID == id }) {
					line.Grants = append(line.Grants, Grant{m.Principal, id})
					all = append(all, Grant{m.Principal, id})
				}
				if len(all) > mostGrants {
					break // a list may be long
				}
			}
		}
		lines = append(lines, line)
	}
	switch {
	case operator:
		return []Grant{{Principal: Operator}}, lines, nil
	case len(all) == 0:
		return nil, lines, &NoGrantError{lines}
	case len(all) > mostGrants:
		return nil, lines, TooManyOrganizations.because("the limit is %d", mostGrants)
	}
	return all, lines, nil
}

// miss returns the reason why the claim of a mapping does not match, or an empty text.
func (m Mapping) miss(c claims) string {
	value, found := c.at(m.Claim)
	switch {
	case !found:
		return "the token does not have it" + c.nested(m.Claim)
	case m.Any:
		return ""
	}
	for _, one := range elements(value) {
		if text, ok := scalar(one); ok && text == m.Value {
			return ""
		}
	}
	if _, isObject := value.(map[string]any); isObject {
		return "it is an object, and a rule needs a text, a number, a boolean or a list of these"
	}
	return "it has another value"
}

// nested returns a hint if the dots in a name were meant as a path: many other products write it so.
func (c claims) nested(path []string) string {
	names := strings.Split(strings.Join(path, "."), ".")
	if _, found := c.at(names); !found {
		return ""
	}
	return "; but it has " + pathText(names)
}

// organizations returns the ids that a mapping names, or the reason why it names none.
func (m Mapping) organizations(c claims) (all []string, miss string) {
	if m.Organization != "" {
		return []string{m.Organization}, ""
	}
	value, found := c.at(m.OrganizationClaim)
	if !found {
		return nil, "the token does not have it, and it must name the organization" + c.nested(m.OrganizationClaim)
	}
	for _, one := range elements(value) {
		if id, ok := one.(string); ok && ids.IsSlug(id) {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return nil, "it must name the organization, and it contains no valid id of one"
	}
	return all, ""
}

// elements returns the elements of a list, or the value itself.
func elements(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// scalar returns the text of a value as the settings write it.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
