package directory_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

func (b *bundle) createKey(directoryID string, expires *timestamppb.Timestamp) (*directoryv1.CreateApiKeyResponse, error) {
	return b.keys.CreateApiKey(b.operator(), &directoryv1.CreateApiKeyRequest{OrganizationId: "acme", DirectoryId: directoryID, ApiKey: &directoryv1.ApiKey{DisplayName: "rotation", ExpireTime: expires}})
}

func (b *bundle) revoke(ctx context.Context, directoryID, id string) error {
	_, err := b.keys.RevokeApiKey(ctx, &directoryv1.RevokeApiKeyRequest{OrganizationId: "acme", DirectoryId: directoryID, Id: id})
	return err
}

func TestAKeyLeaseEndsWithItsTermOrItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Lease = 4 * time.Second })
	b.organization("acme")
	made := b.directory()
	expiring, err := b.createKey(made.GetDirectory().GetId(), timestamppb.New(b.clock.Now().Add(10*time.Second)))
	must(t, err)
	for _, c := range []struct {
		name, secret string
		advance      time.Duration
		most         time.Duration // the maximum length of the lease; 0: there is none
	}{
		{"a key that never expires", made.GetSecret(), 0, 4 * time.Second},
		{"a key that expires later", expiring.GetSecret(), 0, 4 * time.Second},
		{"a key that expires within the lease", expiring.GetSecret(), 9 * time.Second, time.Second},
		{"a key that expires now", expiring.GetSecret(), time.Second, 0},
		{"a key that never expires, later", made.GetSecret(), 0, 4 * time.Second},
	} {
		b.clock.advance(c.advance)
		r, err := b.resolve(c.secret)
		if c.most == 0 {
			refused(t, c.name, err, fault.NotFound)
			continue
		}
		must(t, err)
		length := r.GetLeaseExpireTime().AsTime().Sub(b.clock.Now())
		if length > c.most || length < c.most-time.Microsecond {
			t.Errorf("%s: the lease is for %s, want %s", c.name, length, c.most)
		}
	}
}

func TestAnInvalidKeyIsNotFoundWithoutAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	revoked, deleted := b.directory(), b.directory()
	must(t, b.revoke(b.operator(), revoked.GetDirectory().GetId(), revoked.GetApiKey().GetId()))
	b.deleteDirectory(deleted.GetDirectory().GetId())
	var said []string
	for _, secret := range []string{"never given out", revoked.GetSecret(), deleted.GetSecret()} {
		_, err := b.resolve(secret)
		said = append(said, refused(t, "resolving", err, fault.NotFound).Error())
	}
	equal(t, "what was said", said, []string{said[0], said[0], said[0]})
	_, err := b.lookup.ResolveKey(t.Context(), &directoryv1.ResolveKeyRequest{KeyDigest: []byte("short")})
	refused(t, "a digest that is none", err, fault.InvalidRequest)
}

func TestInvalidExpiriesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	id := b.directory().GetDirectory().GetId()
	create := map[string]func(at *timestamppb.Timestamp) error{
		"api_key": func(at *timestamppb.Timestamp) error {
			_, err := b.createKey(id, at)
			return err
		},
		"service_credential": func(at *timestamppb.Timestamp) error {
			_, err := b.tryCredential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, ExpireTime: at}})
			return err
		},
	}
	for what, create := range create {
		for name, at := range map[string]*timestamppb.Timestamp{
			"now":                timestamppb.New(b.clock.Now()),
			"past":               timestamppb.New(b.clock.Now().Add(-time.Hour)),
			"1970":               {},
			"beyond all times":   {Seconds: 1 << 60},
			"before all times":   {Seconds: -1 << 60},
			"with wrong nanos":   {Seconds: b.clock.Now().Unix() + 60, Nanos: 2_000_000_000},
			"with minus a nano":  {Seconds: b.clock.Now().Unix() + 60, Nanos: -1},
			"in the year 300000": {Seconds: 9_400_000_000_000},
		} {
			f := refused(t, what+" "+name, create(at), fault.InvalidRequest)
			if len(f.Fields) != 1 || f.Fields[0].Path != what+".expire_time" {
				t.Errorf("%s %s: the error names %v", what, name, f.Fields)
			}
		}
		must(t, create(timestamppb.New(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))))
	}
}

func TestTwentyKeysAreValidAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	id := made.GetDirectory().GetId()
	for range 19 {
		_, err := b.createKey(id, nil)
		must(t, err)
	}
	_, err := b.createKey(id, nil)
	refused(t, "the twenty-first", err, fault.Limit)
	must(t, b.revoke(b.operator(), id, made.GetApiKey().GetId()))
	_, err = b.createKey(id, nil)
	must(t, err)
	_, err = b.createKey(ids.New(), nil)
	refused(t, "of no directory", err, fault.NotFound)
}

// uncertain makes the service wait for leases of a short length.
func uncertain(c *directory.Config) { c.Lease, c.ClockSkew = 30*time.Millisecond, 10*time.Millisecond }

// uncertainWait is how long it then waits.
const uncertainWait = 40 * time.Millisecond

func TestARevocationWaitsForTheLeasesUnlessInvalidationIsCertain(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(b *bundle) (secret string, end func() error){
		"revoke a key": func(b *bundle) (string, func() error) {
			made := b.directory()
			return made.GetSecret(), func() error {
				return b.revoke(b.operator(), made.GetDirectory().GetId(), made.GetApiKey().GetId())
			}
		},
		"delete a directory": func(b *bundle) (string, func() error) {
			made := b.directory()
			return made.GetSecret(), func() error {
				_, err := b.directories.DeleteDirectory(b.operator(), &directoryv1.DeleteDirectoryRequest{OrganizationId: "acme", Id: made.GetDirectory().GetId()})
				return err
			}
		},
		"revoke a credential": func(b *bundle) (string, func() error) {
			made := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
			return made.GetSecret(), func() error {
				_, err := b.revokeCredential(made.GetServiceCredential().GetId())
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, uncertain)
			b.organization("acme")
			secret, end := make(b)
			took := func() time.Duration {
				start := time.Now()
				must(t, end())
				return time.Since(start)
			}
			b.setCertain(false)
			// However long ago it was revoked: the stored time does not show when it was committed.
			for _, later := range []time.Duration{0, 0, time.Hour} {
				b.clock.advance(later)
				if waited := took(); waited < uncertainWait {
					t.Errorf("%s later it waited for %s, and leases are over after %s", later, waited, uncertainWait)
				}
			}
			digest := sha256.Sum256([]byte(secret))
			equal(t, "what was to be forgotten", b.invalidated, [][]byte{digest[:], digest[:], digest[:]})
		})
		t.Run(name+" with certain invalidation", func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *directory.Config) { c.Lease = 5 * time.Second })
			b.organization("acme")
			secret, end := make(b)
			start := time.Now()
			must(t, end())
			if waited := time.Since(start); waited >= 4*time.Second {
				t.Errorf("it waited for %s", waited)
			}
			_, err := b.resolve(secret)
			refused(t, "the secret", err, fault.NotFound)
		})
	}
}

func TestAnInterruptedRevocationHasHappened(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Lease = 5 * time.Second })
	b.organization("acme")
	made := b.directory()
	b.setCertain(false)
	// On a slow machine the time may be over before anything is written: then try with more time.
	for patience := 60 * time.Millisecond; ; patience *= 2 {
		ctx, cancel := context.WithTimeout(b.operator(), patience)
		err := b.revoke(ctx, made.GetDirectory().GetId(), made.GetApiKey().GetId())
		cancel()
		refused(t, "revoking in too little time", err, fault.Deadline)
		if _, err = b.resolve(made.GetSecret()); err != nil || patience > 2*time.Second {
			refused(t, "the key", err, fault.NotFound)
			break
		}
	}
	b.setCertain(true)
	must(t, b.revoke(b.operator(), made.GetDirectory().GetId(), made.GetApiKey().GetId()))
}
