package authn

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/secret"
)

// The tokens have the usual length, because a short text is converted without an allocation.
const (
	oldToken = "old-0123456789abcdefghijklmnopqrstuvwxyz-0123456789"
	newToken = "new-0123456789abcdefghijklmnopqrstuvwxyz-0123456789"
)

func token(name string, text secret.Text) operatortoken.Token {
	return operatortoken.Token{Subject: "operator/" + name, Digest: text.Digest()}
}

func TestEachTokenOfTheOperatorHasItsOwnSubject(t *testing.T) {
	t.Parallel()
	o := NewOperator(token("old", oldToken), token("new", newToken))
	clients := NewClients(o, nil, nil, nil, time.Now)
	for sent, want := range map[string]string{oldToken: "operator/old", newToken: "operator/new", oldToken[:40]: ""} {
		client, _ := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + sent}})
		if got := client.Principal.GetSubject(); got != want {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
	}
	if o.Count() != 2 {
		t.Errorf("%d tokens", o.Count())
	}
}

func TestARemovedTokenIsRefusedAndItsContextsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := NewOperator(token("old", oldToken), token("new", newToken))
		clients := NewClients(o, nil, nil, nil, time.Now)
		calls := &called{}
		conn := clients.Rechecking(calls)
		grant := func(client Client) error {
			return conn.Invoke(WithClient(t.Context(), client), rulev1.AccessService_GrantAccess_FullMethodName, nil, nil)
		}
		var signedIn [2]Client
		var bound [2]context.Context
		for i, token := range []string{oldToken, newToken} {
			var err error
			if signedIn[i], err = clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + token}}); err != nil {
				t.Fatal(err)
			}
			var stop func()
			bound[i], stop = clients.Bind(t.Context(), signedIn[i])
			defer stop()
			if err := grant(signedIn[i]); err != nil {
				t.Error(err)
			}
		}
		o.Set([]operatortoken.Token{token("new", newToken)})
		synctest.Wait()
		if err := Because(bound[0], bound[0].Err()); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the context of the removed token ended with %v", err)
		}
		if bound[1].Err() != nil {
			t.Errorf("the context of the other token ended: %v", context.Cause(bound[1]))
		}
		late, stop := clients.Bind(t.Context(), signedIn[0])
		defer stop()
		synctest.Wait()
		if err := Because(late, late.Err()); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a context that was bound too late ended with %v", err)
		}
		calls.count = 0
		if err := grant(signedIn[0]); !fault.Is(err, fault.Unauthenticated) || calls.count != 0 {
			t.Errorf("the removed token: %v, %d calls", err, calls.count)
		}
		if err := grant(signedIn[1]); err != nil || calls.count != 1 {
			t.Errorf("the other token: %v, %d calls", err, calls.count)
		}
		if err := conn.Invoke(WithClient(t.Context(), signedIn[0]), rulev1.AccessService_ListAccess_FullMethodName, nil, nil); err != nil {
			t.Errorf("a call that reads: %v", err)
		}
		if _, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + oldToken}}); !errors.Is(err, Malformed) {
			t.Errorf("the removed token signs in: %v", err)
		}
		// A token that comes back opens new requests, and the earlier ones stay ended.
		o.Set([]operatortoken.Token{token("new", newToken), token("old", oldToken)})
		if _, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + oldToken}}); err != nil {
			t.Error(err)
		}
		if err := grant(signedIn[0]); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a request from before the removal: %v", err)
		}
	})
}

// It is not parallel, because it counts the allocations of the process.
func TestRecognizingTheOperatorAllocatesNothing(t *testing.T) {
	clients := NewClients(NewOperator(token("old", oldToken), token("new", newToken)), nil, nil, nil, time.Now)
	values := []string{"Bearer " + newToken}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: values}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
