package oidc

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation says what a token would give its owner.
type Explanation struct {
	// Provider is the name of the provider that the token names.
	Provider string
	// Checked says whether Usher would accept the token now, and what it could check.
	Checked string
	// Lines say what each mapping gave.
	Lines []Line
	// Grants are what the person may sign in as. Without any, Refusal says why: NoGrant or TooManyOrganizations.
	Grants  []Grant
	Refusal error
}

// Explain says what a token, or a JSON object of claims, of at most 64 KiB gives by valid settings. It is for an operator who writes
// mappings: it also explains a token that Usher would not accept, such as one that has expired. It asks the provider for its keys, and
// says so if the provider cannot be reached. The error says why the text cannot be explained.
func Explain(ctx context.Context, settings []ProviderSettings, now func() time.Time, text []byte) (Explanation, error) {
	p, err := New(settings, now)
	if err != nil {
		return Explanation{}, err
	}
	defer p.Close()
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("{")) && len(text) <= longestIDToken {
		c, err := parseClaims(text)
		if err != nil {
			return Explanation{}, err
		}
		return p.explain(c, func(*provider) string {
			return "These are claims without a signature. Usher checked only the mappings."
		})
	}
	t, err := parseToken(string(text), longestIDToken)
	if err != nil {
		return Explanation{}, err
	}
	return p.explain(t.claims, func(one *provider) string { return one.explainCheck(ctx, t, now()) })
}

func (p *Providers) explain(c claims, check func(*provider) string) (Explanation, error) {
	one, err := p.named(c)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Provider: one.Name, Checked: check(one)}
	e.Grants, e.Lines, e.Refusal = grants(one.Mappings, c)
	return e, nil
}

// named returns the provider that the claims name, or the only one if they name none.
func (p *Providers) named(c claims) (*provider, error) {
	issuer, err := c.text("iss")
	if err != nil {
		return nil, err
	}
	if one, known := p.byIssuer[issuer]; known {
		return one, nil
	}
	var issuers []string
	for issuer := range p.byIssuer {
		issuers = append(issuers, issuer)
	}
	if issuer == "" && len(issuers) == 1 {
		return p.byIssuer[issuers[0]], nil
	}
	slices.Sort(issuers)
	return nil, WrongIssuer.because("the claim iss is %q, and the settings have %s", issuer, strings.Join(issuers, ", "))
}

// explainCheck checks a token as Usher would.
func (p *provider) explainCheck(ctx context.Context, t token, now time.Time) string {
	kind, claimsErr := "ID token", t.claims.idToken(p.ClientID, now)
	if audience, err := t.claims.audience(); err == nil && p.Audience != "" && slices.Contains(audience, p.Audience) {
		kind = "access token"
		if _, claimsErr = t.claims.accessToken(p.ProviderSettings, now); claimsErr == nil {
			claimsErr = t.requireType("at+jwt")
		}
	}
	if claimsErr == nil {
		_, claimsErr = t.claims.subject()
	}
	err := p.check(ctx, t)
	switch unreachable := RefusalOf(err) == ProviderUnreachable; {
	case err != nil && !unreachable:
		return fmt.Sprintf("Usher would refuse this %s: %v.", kind, err)
	case unreachable && claimsErr != nil:
		return fmt.Sprintf("The provider cannot be reached, so the signature was not checked. Usher would refuse this %s in any case: %v.", kind, claimsErr)
	case unreachable:
		return fmt.Sprintf("The provider cannot be reached, so the signature of this %s was not checked.", kind)
	case claimsErr != nil:
		return fmt.Sprintf("The signature is valid, but Usher would refuse this %s: %v.", kind, claimsErr)
	}
	return fmt.Sprintf("The signature is valid, and Usher would accept this %s.", kind)
}
