package gateway_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestACredentialHasALimitOfWatchesOnAllAPIs(t *testing.T) {
	t.Parallel()
	o := newOthers()
	c := config(t.TempDir())
	c.WatchesPerCredential = 3
	g := start(t, c, o.dependencies(t))
	t.Cleanup(func() { _ = g.Close() })
	rest := httptest.NewServer(g.Admin())
	t.Cleanup(rest.Close)
	client := dialPublic(t, g)
	overGRPC := func(token string) (end func(), err error) {
		ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token))
		watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: "acme"})
		if err == nil {
			_, err = watch.Recv()
		}
		return cancel, err
	}
	overREST := func(token string) (status int, line string, end func()) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, rest.URL+"/api/v1/organizations/acme/access:watch", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := rest.Client().Do(r) //nolint:bodyclose // end closes it
		if err != nil {
			t.Fatal(err)
		}
		line, _ = bufio.NewReader(answer.Body).ReadString('\n')
		return answer.StatusCode, line, func() { cancel(); _ = answer.Body.Close() }
	}

	const refusal = "the credential has 3 open watches, and no more are allowed (gateway.watches_per_credential)"
	token := o.credential.Reveal()
	var first func()
	for range 2 {
		end, err := overGRPC(token)
		if err != nil {
			t.Fatal(err)
		}
		first = end
		t.Cleanup(end)
	}
	code, line, end := overREST(token)
	t.Cleanup(end)
	if code != http.StatusOK || !strings.Contains(line, "bookmark") {
		t.Fatalf("the third: %d: %s", code, line)
	}
	_, err := overGRPC(token)
	if f := rpc.Fault(err); status.Code(err) != codes.ResourceExhausted || f.Reason != fault.Limit || f.Message != refusal || f.Metadata["limit"] != "3" {
		t.Errorf("the fourth, over gRPC: %v", err)
	}
	code, line, end = overREST(token)
	end()
	if code != http.StatusTooManyRequests || !strings.Contains(line, refusal) {
		t.Errorf("the fourth, over REST: %d: %s", code, line)
	}
	// Another client has its own watches.
	end, err = overGRPC("secret")
	t.Cleanup(end)
	if err != nil {
		t.Errorf("the operator: %v", err)
	}
	// A watch that ends makes room for another.
	first()
	for {
		end, err := overGRPC(token)
		t.Cleanup(end)
		if err == nil {
			break
		}
		if status.Code(err) != codes.ResourceExhausted {
			t.Fatal(err)
		}
	}
}
