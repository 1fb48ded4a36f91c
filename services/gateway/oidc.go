package gateway

import (
	"context"
	"net/url"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/secret"
)

// OIDCProvider are the settings of an identity provider at which people sign in.
type OIDCProvider = oidc.ProviderSettings

// OIDCMapping is a rule: a person with a claim may sign in as a principal.
type OIDCMapping = oidc.Mapping

// OIDCPrincipal is the principal of a mapping, such as "operator".
type OIDCPrincipal = oidc.Principal

// OperatorPrincipal is the principal of a mapping that makes a person the operator.
const OperatorPrincipal = oidc.Operator

// CheckOIDC returns all problems of the settings of identity providers, by key. With files, it also reads the files that they name.
func CheckOIDC(providers []OIDCProvider, files bool) config.Problems {
	p := oidc.Check(providers)
	if files {
		p = append(p, oidc.CheckFiles(providers)...)
	}
	return p
}

// OIDCSecrets returns the client secrets that can be read, for those who must keep them out of a text.
func OIDCSecrets(providers []OIDCProvider) []secret.Text { return oidc.Secrets(providers) }

// SecureURL reports whether a browser can send a secret to an address: one of https, or of http on its own machine.
func SecureURL(u *url.URL) bool { return oidc.Secure(u) }

// TokenExplanation says what a token would give its owner.
type TokenExplanation = oidc.Explanation

// ExplainToken says what a token of an identity provider, or a JSON object of claims, would give its owner by valid settings. It asks the
// provider for its keys.
func ExplainToken(ctx context.Context, providers []OIDCProvider, now func() time.Time, text []byte) (TokenExplanation, error) {
	return oidc.Explain(ctx, providers, now, text)
}
