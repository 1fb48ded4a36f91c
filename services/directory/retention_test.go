package directory_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestEndedSessionsAndPortalLinksDoNotStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	gateway := b.channel.As(commonv1.Caller_CALLER_GATEWAY)
	links, sessions := directoryv1.NewPortalLinkServiceClient(gateway), directoryv1.NewSessionServiceClient(gateway)
	made, err := links.CreatePortalLink(b.operator(), &directoryv1.CreatePortalLinkRequest{
		OrganizationId: "acme", PortalLink: &directoryv1.PortalLink{Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_EVENTS}},
	})
	must(t, err)
	_, secret, _ := strings.Cut(made.GetUrl(), "#")
	digest := sha256.Sum256([]byte(secret))
	_, err = directoryv1.NewSignInServiceClient(gateway).UsePortalLink(
		rpc.WithPrincipal(b.Context(), &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), &directoryv1.UsePortalLinkRequest{LinkDigest: digest[:]})
	must(t, err)

	b.clock.advance(31 * 24 * time.Hour)
	b.runs()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		left, err := links.ListPortalLinks(b.operator(), &directoryv1.ListPortalLinksRequest{OrganizationId: "acme"})
		must(t, err)
		of, err := sessions.ListSessions(b.operator(), &directoryv1.ListSessionsRequest{})
		must(t, err)
		if len(left.GetPortalLinks())+len(of.GetSessions()) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("there are %v and %v", left, of)
		}
	}
}
