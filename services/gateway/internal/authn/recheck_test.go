package authn

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// called counts the calls that arrive.
type called struct {
	grpc.ClientConnInterface
	count int
}

func (c *called) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	c.count++
	return nil
}

func TestACredentialIsLookedUpAgainBeforeACallThatChangesSomething(t *testing.T) {
	t.Parallel()
	const (
		grants = rulev1.AccessService_GrantAccess_FullMethodName
		reads  = rulev1.AccessService_ListAccess_FullMethodName
	)
	for _, c := range []struct {
		name, token, method string
		change              func(*world)
		want                fault.Reason // 0: it is allowed
	}{
		{name: "nothing has happened", method: grants, change: func(*world) {}},
		{name: "it was revoked", method: grants, change: func(w *world) { w.revoked = true }, want: fault.Unauthenticated},
		{name: "it cannot be told", method: grants, change: func(w *world) { w.err = fault.New(fault.Unavailable, "down") }, want: fault.Unavailable},
		{name: "it was revoked, and the call reads", method: reads, change: func(w *world) { w.revoked = true }},
		{name: "the bootstrap token", token: "secret", method: grants, change: func(w *world) { w.revoked = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				cache := keylease.New(w.load, time.Now)
				clients, conn := NewClients(operatorWith("secret"), nil, cache, anyUnknown(), time.Now), &called{}
				if c.token == "" {
					c.token = bearer.ServiceCredential.New().Reveal()
				}
				client, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + c.token}})
				if err != nil {
					t.Fatal(err)
				}
				c.change(w)
				<-time.After(keylease.MaxLease)
				err = clients.Rechecking(conn).Invoke(WithClient(t.Context(), client), c.method, nil, nil)
				var f *fault.Error
				if c.want == 0 && (err != nil || conn.count != 1) || c.want != 0 && (!errors.As(err, &f) || f.Reason != c.want || conn.count != 0) {
					t.Errorf("%d calls, %v", conn.count, err)
				}
				cache.Close()
			})
		})
	}
}
