package authn

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOperator(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, token string
		values      []string
		ok          bool
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
		principal, ok := NewOperator(c.token).Authenticate(c.values)
		if ok != c.ok {
			t.Errorf("%s: %v", c.name, ok)
		}
		if ok && (principal.GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR || principal.GetSubject() != "operator") {
			t.Errorf("%s: %v", c.name, principal)
		}
	}
}

func TestAnAnswerWhoseLeaseIsOverIsAskedForAgain(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	secret := bearer.APIKey.New()
	for _, c := range []struct {
		name   string
		leases []time.Duration
		asked  int
		reason fault.Reason
	}{
		{"valid at once", []time.Duration{time.Second}, 1, 0},
		{"valid at the second time", []time.Duration{0, time.Second}, 2, 0},
		{"never valid", []time.Duration{-time.Second, 0, time.Second}, 2, fault.Unavailable},
	} {
		asked := 0
		load := func(context.Context, keylease.Digest) (keylease.Lease, error) {
			asked++
			return keylease.Lease{DirectoryID: "d", Until: start.Add(c.leases[asked-1])}, nil
		}
		now := func() time.Time { return start }
		_, err := NewDirectories(keylease.New(load, now), now).Authenticate(t.Context(), []string{"Bearer " + secret.Reveal()}, "D")
		if asked != c.asked || (err == nil) != (c.reason == 0) || err != nil && !fault.Is(err, c.reason) {
			t.Errorf("%s: asked %d times: %v", c.name, asked, err)
		}
	}
}

func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	known := bearer.APIKey.New()
	load := func(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{DirectoryID: "d", Unknown: digest != known.Digest(), Until: now().Add(time.Second)}, nil
	}
	d := NewDirectories(keylease.New(load, now), now)
	for value, want := range map[string]Refusal{
		"Basic x": NoBearer, "Bearer x": Malformed, "Bearer " + bearer.APIKey.New().Reveal(): Unknown,
		"Bearer " + known.Reveal(): OtherDirectory,
	} {
		var got Refusal
		_, err := d.Authenticate(t.Context(), []string{value}, "another")
		if !errors.As(err, &got) || got != want {
			t.Errorf("%s: %v, want %s", want, err, want)
		}
	}
}
