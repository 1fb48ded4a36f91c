package directory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

// rotated is the answer to a rotation of a key or a credential.
type rotated struct {
	id, oldID, secret string
	omitted           bool
	oldEnd            time.Time
	replacedBy        string
}

// rotation rotates one kind of credential.
type rotation struct {
	// create creates one that expires after a lifetime. 0: without an end.
	create func(lifetime time.Duration) (id, secret string)
	rotate func(ctx context.Context, id string, overlap *durationpb.Duration, requestID string) (rotated, error)
	revoke func(id string) error
	most   int // how many are valid at a time
}

func rotations(b *bundle) map[string]rotation {
	b.organization("acme")
	directory := b.directory().GetDirectory().GetId()
	end := func(lifetime time.Duration) *timestamppb.Timestamp {
		if lifetime == 0 {
			return nil
		}
		return timestamppb.New(b.clock.Now().Add(lifetime))
	}
	return map[string]rotation{
		"API key": {
			func(lifetime time.Duration) (string, string) {
				r, err := b.createKey(directory, end(lifetime))
				must(b, err)
				return r.GetApiKey().GetId(), r.GetSecret()
			}, func(ctx context.Context, id string, overlap *durationpb.Duration, requestID string) (rotated, error) {
				r, err := b.keys.RotateApiKey(ctx, &directoryv1.RotateApiKeyRequest{
					OrganizationId: "acme", DirectoryId: directory, Id: id, Overlap: overlap, RequestId: requestID,
				})
				old := r.GetOldApiKey()
				return rotated{r.GetApiKey().GetId(), old.GetId(), r.GetSecret(), r.GetSecretOmitted(), old.GetExpireTime().AsTime(), old.GetReplacedById()}, err
			}, func(id string) error { return b.revoke(b.operator(), directory, id) }, 20,
		},
		"service credential": {
			func(lifetime time.Duration) (string, string) {
				r := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
					OrganizationIds: []string{"acme"}, ExpireTime: end(lifetime), NeverExpires: lifetime == 0, AddressRanges: []string{"10.0.0.0/8"},
				}})
				return r.GetServiceCredential().GetId(), r.GetSecret()
			}, func(ctx context.Context, id string, overlap *durationpb.Duration, requestID string) (rotated, error) {
				r, err := b.credentials.RotateServiceCredential(ctx, &directoryv1.RotateServiceCredentialRequest{Id: id, Overlap: overlap, RequestId: requestID})
				old := r.GetOldServiceCredential()
				return rotated{r.GetServiceCredential().GetId(), old.GetId(), r.GetSecret(), r.GetSecretOmitted(), old.GetExpireTime().AsTime(), old.GetReplacedById()}, err
			}, func(id string) error {
				_, err := b.revokeCredential(id)
				return err
			}, 200,
		},
	}
}

// inEachRotation runs a test for keys and for credentials, on both engines.
func inEachRotation(t *testing.T, test func(b *bundle, r rotation)) {
	t.Helper()
	for engine, choose := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, choose)
			for name, r := range rotations(b) {
				t.Run(name, func(t *testing.T) {
					b.T = t
					test(b, r)
				})
			}
		})
	}
}

// opens fails unless a secret opens something, or opens nothing.
func (b *bundle) opens(what, secret string, want bool) {
	b.Helper()
	if _, err := b.resolve(secret); (err == nil) != want {
		b.Errorf("%s: %v", what, err)
	}
}

func TestARotationLetsTheOldOneExpireAfterItsOverlap(t *testing.T) {
	t.Parallel()
	inEachRotation(t, func(b *bundle, r rotation) {
		for _, c := range []struct {
			name     string
			lifetime time.Duration // of the old one
			overlap  *durationpb.Duration
			left     time.Duration // of the old one then
		}{
			{"by default a week", 0, nil, 7 * day},
			{"as long as the client says", 0, durationpb.New(time.Hour), time.Hour},
			{"at most its own end", 2 * day, nil, 2 * day},
			{"not at all", 0, durationpb.New(0), 0},
		} {
			id, secret := r.create(c.lifetime)
			now := b.clock.Now().Truncate(time.Microsecond)
			made, err := r.rotate(b.operator(), id, c.overlap, "")
			must(b, err)
			equal(b, c.name+": the old one", []string{made.oldID, made.replacedBy}, []string{id, made.id})
			equal(b, c.name+": its end", made.oldEnd, now.Add(c.left))
			b.opens(c.name+": the new one", made.secret, true)
			if c.left > 0 {
				b.clock.advance(c.left - time.Second)
				b.opens(c.name+": the old one before its end", secret, true)
				b.opens(c.name+": the new one then", made.secret, true)
				b.clock.advance(time.Second)
			}
			b.opens(c.name+": the old one after its end", secret, false)
		}
	})
}

func TestARotatedOneHasWhatTheOldOneHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := rotations(b)
	id, _ := r["service credential"].create(time.Hour)
	old := b.listedCredential()
	b.clock.advance(time.Minute)
	made, err := r["service credential"].rotate(b.operator(), id, nil, "")
	must(t, err)
	want := proto.Clone(old).(*directoryv1.ServiceCredential)
	now := b.clock.Now().Truncate(time.Microsecond)
	want.Id, want.CreateTime, want.ExpireTime = made.id, timestamppb.New(now), timestamppb.New(now.Add(365*day))
	want.ExpiryState = directoryv1.ExpiryState_EXPIRY_STATE_NONE
	if got := b.listedCredential(); !proto.Equal(got, want) {
		t.Errorf("the credential is %v, want %v", got, want)
	}

	for lifetime, want := range map[time.Duration]*timestamppb.Timestamp{0: nil, 90 * day: timestamppb.New(now.Add(90 * day))} {
		id, _ := r["API key"].create(lifetime)
		made, err := r["API key"].rotate(b.operator(), id, nil, "")
		must(t, err)
		opened, err := b.resolve(made.secret)
		must(t, err)
		if got := b.listedKey(opened.GetDirectory().GetDirectoryId()); got.GetId() != made.id || got.GetDisplayName() != "rotation" || !proto.Equal(got.GetExpireTime(), want) {
			t.Errorf("the key is %v, and should expire at %v", got, want)
		}
	}
}

func TestOnlyWhatIsValidAndNotYetReplacedIsRotated(t *testing.T) {
	t.Parallel()
	inEachRotation(t, func(b *bundle, r rotation) {
		revoked, _ := r.create(0)
		must(b, r.revoke(revoked))
		replaced, _ := r.create(0)
		made, err := r.rotate(b.operator(), replaced, nil, "")
		must(b, err)
		expired, _ := r.create(time.Second)
		b.clock.advance(time.Second)
		for name, id := range map[string]string{"revoked": revoked, "replaced": replaced, "expired": expired} {
			_, err := r.rotate(b.operator(), id, nil, "")
			refused(b, name, err, fault.CredentialEnded)
		}
		_, err = r.rotate(b.operator(), ids.New(), nil, "")
		refused(b, "none", err, fault.NotFound)
		_, err = r.rotate(b.operator(), made.id, durationpb.New(30*day+1), "")
		f := refused(b, "too long an overlap", err, fault.InvalidRequest)
		equal(b, "the field", f.Fields[0].Path, "overlap")
		_, err = r.rotate(b.operator(), made.id, durationpb.New(-1), "")
		refused(b, "a negative overlap", err, fault.InvalidRequest)
		_, err = r.rotate(b.operator(), made.id, durationpb.New(30*day), "")
		must(b, err)
	})
}

func TestARotationCountsTowardsTheLimitOfValidOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory() // it has the first key
	id := made.GetDirectory().GetId()
	for range 19 {
		_, err := b.createKey(id, nil)
		must(t, err)
	}
	rotate := func(overlap time.Duration) error {
		_, err := b.keys.RotateApiKey(b.operator(), &directoryv1.RotateApiKeyRequest{
			OrganizationId: "acme", DirectoryId: id, Id: made.GetApiKey().GetId(), Overlap: durationpb.New(overlap),
		})
		return err
	}
	refused(t, "one more than can be valid", rotate(time.Hour), fault.Limit)
	b.opens("the old key, which was not rotated", made.GetSecret(), true)
	must(t, rotate(0)) // the old one ends at once
}

func TestARepeatedRotationRotatesOnce(t *testing.T) {
	t.Parallel()
	inEachRotation(t, func(b *bundle, r rotation) {
		id, _ := r.create(0)
		requestID := ids.New()
		first, err := r.rotate(b.operator(), id, nil, requestID)
		must(b, err)
		b.clock.advance(time.Minute)
		again, err := r.rotate(b.operator(), id, nil, requestID)
		must(b, err)
		if first.secret == "" || first.omitted || again.secret != "" || !again.omitted {
			b.Errorf("the first answer is %+v, the second %+v", first, again)
		}
		equal(b, "the second answer", []any{again.id, again.oldID, again.oldEnd}, []any{first.id, first.oldID, first.oldEnd})
		_, err = r.rotate(b.operator(), id, durationpb.New(0), requestID)
		refused(b, "with another overlap", err, fault.RequestIDReused)
	})
}

// With a short overlap, the caches are told, and the answer comes when no lease of the old one is left. Invariant 4.
func TestARotationWithoutOverlapIsCertainLikeARevocation(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Lease, c.ClockSkew = time.Millisecond, time.Millisecond })
	b.setCertain(false)
	for name, r := range rotations(b) {
		for overlap, want := range map[time.Duration]int{0: 1, time.Second: 1, time.Hour: 0} {
			id, secret := r.create(0)
			before := b.invalidations()
			_, err := r.rotate(b.operator(), id, durationpb.New(overlap), "")
			must(t, err)
			equal(t, fmt.Sprintf("%s with an overlap of %s: how many digests the caches were told", name, overlap), b.invalidations()-before, want)
			b.opens(name, secret, overlap > 0)
		}
	}
}

func (b *bundle) invalidations() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.invalidated)
}

func TestARotatedKeyHasTheOldNameOrANewOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	directory := b.directory().GetDirectory().GetId()
	created, err := b.keys.CreateApiKey(b.operator(), &directoryv1.CreateApiKeyRequest{
		OrganizationId: "acme", DirectoryId: directory, ApiKey: &directoryv1.ApiKey{DisplayName: "first"},
	})
	must(t, err)
	id := created.GetApiKey().GetId()
	for _, test := range []struct{ given, want string }{{"", "first"}, {"after the leak", "after the leak"}} {
		r, err := b.keys.RotateApiKey(b.operator(), &directoryv1.RotateApiKeyRequest{
			OrganizationId: "acme", DirectoryId: directory, Id: id, DisplayName: test.given,
		})
		must(t, err)
		if got := r.GetApiKey().GetDisplayName(); got != test.want {
			t.Errorf("a rotation with the name %q makes a key with the name %q, not %q", test.given, got, test.want)
		}
		id = r.GetApiKey().GetId()
	}
}
