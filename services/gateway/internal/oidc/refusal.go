package oidc

import (
	"errors"
	"fmt"
)

// Refusal is the reason why somebody may not sign in, or a token opens nothing. It is for a metric and a log line: errors of this package
// contain no token and no value of a claim. A stranger must not learn more than that it did not work. errors.As finds it in every error of
// Begin, Finish, Verify and Logout.
type Refusal string

// The refusals.
const (
	UnknownProvider      Refusal = "unknown_provider"       // no provider has this name
	WrongReturnTo        Refusal = "wrong_return_to"        // not a path of this origin
	AttemptExpired       Refusal = "attempt_expired"        // the attempt began too long ago
	WrongState           Refusal = "wrong_state"            // the answer is not for this attempt
	WrongNonce           Refusal = "wrong_nonce"            // the ID token is not for this attempt
	WrongIssuer          Refusal = "wrong_issuer"           // from another provider
	WrongAudience        Refusal = "wrong_audience"         // for somebody else than Usher
	WrongAlgorithm       Refusal = "wrong_algorithm"        // signed with an algorithm that is not in the settings
	WrongSignature       Refusal = "wrong_signature"        // no key of the provider verifies it
	WrongType            Refusal = "wrong_type"             // another kind of token
	Expired              Refusal = "expired"                // too late
	NotYetValid          Refusal = "not_yet_valid"          // too early, or issued in the future
	TooLongLived         Refusal = "too_long_lived"         // valid for too long
	Malformed            Refusal = "malformed"              // not in the form of the standard, or too large
	Replayed             Refusal = "replayed"               // used before
	ProviderError        Refusal = "provider_error"         // the provider answered with an error, or not as the standard says
	ProviderUnreachable  Refusal = "provider_unreachable"   // the provider does not answer
	SecretUnreadable     Refusal = "secret_unreadable"      // the file of client_secret_file cannot be used
	NoGrant              Refusal = "no_grant"               // no mapping gives the person anything; the error is a *NoGrantError
	TooManyOrganizations Refusal = "too_many_organizations" // the mappings give the person more organizations than 50
)

// Error returns the name of a Refusal.
func (r Refusal) Error() string { return string(r) }

// because adds the cause to a refusal. The format must not contain a token or the value of a claim.
func (r Refusal) because(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{r}, args...)...)
}

// RefusalOf returns the refusal in an error of this package.
func RefusalOf(err error) Refusal {
	var r Refusal
	errors.As(err, &r)
	return r
}
