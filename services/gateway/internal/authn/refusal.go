package authn

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
)

// Refusal is the reason why a request opens nothing. It is for metrics: except for NoBearer, a client gets the same answer for all of them.
type Refusal string

// The refusals.
const (
	NoBearer       Refusal = "no_bearer"       // no Authorization, several, or another scheme
	Malformed      Refusal = "malformed"       // not the form of a secret that could open this
	Unknown        Refusal = "unknown"         // the secret does not exist, was revoked or has expired
	OtherDirectory Refusal = "other_directory" // a valid key of another directory
	OtherAddress   Refusal = "other_address"   // a valid credential, sent by a client outside of its address ranges

	NoOrganization    Refusal = "no_organization"    // an access token that gives several organizations, without the choice of one
	OtherOrganization Refusal = "other_organization" // an access token that does not give the chosen organization
	Blocked           Refusal = "blocked"            // the operator has blocked the person
	CrossSite         Refusal = "cross_site"         // a session, used by a page of another site
	NoCSRFToken       Refusal = "no_csrf_token"      //nolint:gosec // a change by a session without its CSRF token; the text is no secret
)

// Error returns the text of a Refusal.
func (r Refusal) Error() string { return "the request opens nothing: " + string(r) }

// known is the Refusal of a credential that exists, or of a person. Only somebody who has the credential can cause it, so each one gets a log
// line.
type known struct {
	Refusal
	id      string // the subject of the principal
	address netip.Addr
}

func (k known) Unwrap() error { return k.Refusal }

// linesPerSecond and linesAtOnce limit the log lines about refusals that anybody can cause.
const linesPerSecond, linesAtOnce = 5, 50

// LogRefusal logs an error of Authenticate that is the refusal of a credential that exists, and at most linesPerSecond of other refusals. It
// logs nothing for a request without a credential, or with one that nobody knows: such requests are only counted.
func (c Clients) LogRefusal(ctx context.Context, log *slog.Logger, err error) {
	var k known
	var r Refusal
	switch {
	case errors.As(err, &k):
		log.LogAttrs(ctx, slog.LevelWarn, "a credential was refused", slog.String("reason", string(k.Refusal)), slog.String("principal", k.id),
			slog.String("address", k.address.String()))
	case !errors.As(err, &r) || r == NoBearer || r == Malformed || r == Unknown:
	case c.lines.Allow():
		log.LogAttrs(ctx, slog.LevelWarn, "a credential was refused", slog.String("reason", string(r)))
	}
}
