package authn

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOperator(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		token  secret.Text
		values []string
		ok     bool
	}{
		{"the token", "secret", []string{"Bearer secret"}, true},
		{"the scheme in another case", "secret", []string{"BEARER secret"}, true},
		{"another token", "secret", []string{"Bearer Secret"}, false},
		{"a part of the token", "secret", []string{"Bearer secre"}, false},
		{"another scheme", "secret", []string{"Basic secret"}, false},
		{"no scheme", "secret", []string{"secret"}, false},
		{"nothing", "secret", nil, false},
		{"the token twice", "secret", []string{"Bearer secret", "Bearer secret"}, false},
		{"no token is configured", "", []string{"Bearer "}, false},
		{"no token is configured and none is sent", "", nil, false},
		{"no token is configured and one is sent", "", []string{"Bearer x"}, false},
	} {
		clients := NewClients(operatorWith(c.token), nil, nil, nil, time.Now) // no value has the form of another credential
		client, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: c.values})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && (client.Principal.GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR || client.Principal.GetSubject() != "operator") {
			t.Errorf("%s: %v", c.name, client.Principal)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	credential, key := bearer.ServiceCredential.New(), bearer.APIKey.New()
	load := func(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
		lease := keylease.Lease{Until: now().Add(time.Second)}
		switch digest {
		case credential.Digest():
			lease.Principal = &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme"}, Scopes: 1 << commonv1.Scope_SCOPE_READ_ACCESS}
		case key.Digest():
			lease.DirectoryID = "d"
		default:
			lease.Unknown = true
		}
		return lease, nil
	}
	clients := NewClients(operatorWith("secret"), nil, keylease.New(load, now), anyUnknown(), time.Now)
	// No digest can have the form of a credential and belong to a key. The refusal must not depend on this.
	disguised := NewClients(operatorWith("secret"), nil, keylease.New(func(context.Context, keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{DirectoryID: "d", Until: now().Add(time.Second)}, nil
	}, now), anyUnknown(), time.Now)
	for _, c := range []struct {
		name    string
		clients Clients
		value   string
		want    *commonv1.Principal
		refusal Refusal
	}{
		{name: "the operator", clients: clients, value: "Bearer secret", want: rpc.Operator("operator")},
		{name: "a service credential", clients: clients, value: "bearer " + credential.Reveal(), want: &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme"}, Scopes: 1 << commonv1.Scope_SCOPE_READ_ACCESS,
		}},
		{name: "an unknown one", clients: clients, value: "Bearer " + bearer.ServiceCredential.New().Reveal(), refusal: Unknown},
		{name: "an API key", clients: clients, value: "Bearer " + key.Reveal(), refusal: Malformed},
		{name: "an API key in disguise", clients: disguised, value: "Bearer " + credential.Reveal(), refusal: Unknown},
		{name: "another scheme", clients: clients, value: "Basic " + credential.Reveal(), refusal: NoBearer},
		{name: "a mistyped one", clients: clients, value: "Bearer " + credential.Reveal() + "x", refusal: Malformed},
	} {
		client, err := c.clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{c.value}})
		var refusal Refusal
		if errors.As(err, &refusal); refusal != c.refusal || (err == nil) != (c.refusal == "") || !proto.Equal(client.Principal, c.want) {
			t.Errorf("%s: %v, %v", c.name, client.Principal, err)
		}
	}
	if _, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + credential.Reveal(), "Bearer secret"}}); !errors.Is(err, NoBearer) {
		t.Errorf("two values: %v", err)
	}
}

func TestACredentialIsForItsAddressesAlone(t *testing.T) {
	t.Parallel()
	clients := NewClients(operatorWith(""), nil, keylease.New(func(context.Context, keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{
			Principal: &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1"}, Until: time.Now().Add(time.Hour),
			AddressRanges: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::7/128")},
		}, nil
	}, time.Now), NewUnknownKeys(UnknownKeysConfig{PerAddress: 1e6, Total: 1e6, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, time.Now), time.Now)
	for _, c := range []struct {
		name   string
		source Source
		opens  bool
		logged string
	}{
		{name: "in a network", source: Source{Remote: "192.0.2.9:1"}, opens: true},
		{name: "in IPv6 form", source: Source{Remote: "[::ffff:192.0.2.9]:1"}, opens: true},
		{name: "the single address", source: Source{Remote: "[2001:db8::7]:1"}, opens: true},
		{name: "behind a trusted proxy", source: Source{Remote: "127.0.0.1:1", Forwarded: []string{"192.0.2.9"}}, opens: true},
		{name: "outside", source: Source{Remote: "198.51.100.1:1"}, logged: "198.51.100.1"},
		{name: "outside, with an invented header", source: Source{Remote: "198.51.100.1:1", Forwarded: []string{"192.0.2.9"}}, logged: "198.51.100.1"},
		{name: "outside, behind a trusted proxy", source: Source{Remote: "127.0.0.1:1", Forwarded: []string{"192.0.2.9, 198.51.100.1"}}, logged: "198.51.100.1"},
		{name: "the trusted proxy itself", source: Source{Remote: "127.0.0.1:1"}, logged: "127.0.0.1"},
		{name: "no address", source: Source{Remote: "@"}, logged: "invalid IP"},
	} {
		client, err := clients.Authenticate(t.Context(), c.source, Bearer{Authorization: []string{"Bearer " + bearer.ServiceCredential.New().Reveal()}})
		if (err == nil) != c.opens || err != nil && !errors.Is(err, OtherAddress) || c.opens != (client.Principal != nil) {
			t.Errorf("%s: %v, %v", c.name, client.Principal, err)
		}
		var log bytes.Buffer
		clients.LogRefusal(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), err)
		if line := log.String(); (line != "") != (c.logged != "") || !strings.Contains(line, c.logged) || line != "" && !strings.Contains(line, "reason=other_address principal=c1") {
			t.Errorf("%s: it logs %q", c.name, line)
		}
	}
}

// world has one credential in a synctest bubble, whose key leases last five seconds.
type world struct {
	mu      sync.Mutex
	revoked bool
	err     error
	delay   time.Duration
	asked   int
}

func (w *world) load(context.Context, keylease.Digest) (keylease.Lease, error) {
	w.mu.Lock()
	w.asked++
	revoked, err, delay, asked := w.revoked, w.err, w.delay, time.Now()
	w.mu.Unlock()
	<-time.After(delay)
	lease := keylease.Lease{Unknown: revoked, Until: asked.Add(5 * time.Second)}
	if !revoked {
		lease.Principal = &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1"}
	}
	return lease, err
}

// A bound context ends with the key lease in which its credential ends, and not before.
func TestAContextLastsAsLongAsItsCredential(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*world)
		ends   time.Duration // after the change, which happens 2 s into the third key lease
		want   fault.Reason
	}{
		{"revoked", func(w *world) { w.revoked = true }, 3 * time.Second, fault.Unauthenticated},
		{"nobody can tell", func(w *world) { w.err = errors.New("directory is down") }, 3 * time.Second, fault.Unavailable},
		{"the answer takes too long", func(w *world) { w.delay = 3 * time.Second }, 4 * time.Second, fault.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				clients := NewClients(operatorWith(""), nil, keylease.New(w.load, time.Now), anyUnknown(), time.Now)
				client, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + bearer.ServiceCredential.New().Reveal()}})
				if err != nil {
					t.Fatal(err)
				}
				bound, stop := clients.Bind(t.Context(), client)
				<-time.After(12 * time.Second)
				w.mu.Lock()
				if bound.Err() != nil || w.asked != 3 {
					t.Errorf("%v after asking %d times", context.Cause(bound), w.asked)
				}
				c.change(w)
				w.mu.Unlock()
				start := time.Now()
				<-bound.Done()
				if took := time.Since(start); took != c.ends {
					t.Errorf("it ended after %s", took)
				}
				if err := Because(bound, bound.Err()); !fault.Is(err, c.want) {
					t.Errorf("it ended because of %v", err)
				}
				if Because(bound, nil) != nil {
					t.Error("what had succeeded failed")
				}
				stop()
				<-time.After(c.ends) // for a look-up whose result nobody needs any more
			})
		})
	}
}

// A key lease ends by the wall clock. If the clock was set back since then, the end is far away, but the credential is still looked up.
func TestAClockThatWasSetBackDoesNotProlongAContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		ahead := time.Hour // of the gateway's clock when the key lease was issued
		clients := NewClients(operatorWith(""), nil, keylease.New(func(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
			lease, err := w.load(ctx, digest)
			lease.Until = lease.Until.Add(ahead)
			return lease, err
		}, func() time.Time { return time.Now().Add(ahead) }), anyUnknown(), time.Now)
		client, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + bearer.ServiceCredential.New().Reveal()}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		bound, stop := clients.Bind(t.Context(), client)
		defer stop()
		w.mu.Lock()
		w.revoked = true
		w.mu.Unlock()
		<-bound.Done()
		if took := time.Since(start); took > keylease.MaxLease {
			t.Errorf("it was bound for %s", took)
		}
	})
}

func TestAnUnboundContextEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		clients := NewClients(operatorWith("secret"), nil, keylease.New(w.load, time.Now), anyUnknown(), time.Now)
		for _, token := range []string{"secret", bearer.ServiceCredential.New().Reveal()} {
			client, err := clients.Authenticate(t.Context(), Source{}, Bearer{Authorization: []string{"Bearer " + token}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, leave := context.WithCancel(t.Context())
			bound, stop := clients.Bind(ctx, client)
			leave()
			if err := Because(bound, bound.Err()); !errors.Is(err, context.Canceled) {
				t.Errorf("it ended because of %v", err)
			}
			stop()
			stop() // stopping twice is safe
		}
	})
}

func TestRefusalsAreReported(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	known := bearer.APIKey.New()
	load := func(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{DirectoryID: "d", Unknown: digest != known.Digest(), Until: now().Add(time.Second)}, nil
	}
	d := NewDirectories(keylease.New(load, now), anyUnknown())
	for value, want := range map[string]Refusal{
		"Basic x": NoBearer, "Bearer x": Malformed, "Bearer " + bearer.APIKey.New().Reveal(): Unknown,
		"Bearer " + known.Reveal(): OtherDirectory, "Bearer " + bearer.ServiceCredential.New().Reveal(): Malformed,
	} {
		var got Refusal
		_, err := d.Authenticate(t.Context(), Source{}, []string{value}, "another")
		if !errors.As(err, &got) || got != want {
			t.Errorf("%s: %v, want %s", want, err, want)
		}
	}
}

// operatorWith recognizes a token; an empty one is none.
func operatorWith(token secret.Text) *Operator {
	if token == "" {
		return NewOperator()
	}
	return NewOperator(operatortoken.Token{Subject: "operator", Digest: token.Digest()})
}

// anyUnknown allows any number of look-ups of unknown credentials.
func anyUnknown() *UnknownKeys {
	return NewUnknownKeys(UnknownKeysConfig{PerAddress: 1e6, Total: 1e6}, time.Now)
}
