package storetest

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// newCredential is one of all organizations, unless some are named.
func newCredential(id string, organizations ...string) store.Credential {
	return store.Credential{
		ID: id, DisplayName: "Credential " + id, OrganizationIDs: organizations, All: organizations == nil,
		Digest: sha256.Sum256([]byte(id)), CreateTime: at(1),
	}
}

var credentialCases = []testCase{
	{"credentials are listed newest first, in pages", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		all := []store.Credential{newCredential("c3"), newCredential("c2", "acme", "other"), newCredential("c1", "acme")}
		all[0].Write, all[1].ExpireTime = true, at(60)
		for i := range all {
			f.must(f.store.CreateCredential(f.Context(), all[len(all)-1-i]))
		}
		got, err := f.store.Credentials(f.Context(), "", 2)
		f.must(err)
		f.equal("the first page", got, all[:2])
		got, err = f.store.Credentials(f.Context(), "c2", 2)
		f.must(err)
		f.equal("the second page", got, all[2:])
		got, err = f.store.Credentials(f.Context(), "c1", 2)
		f.must(err)
		f.equal("after the last", len(got), 0)
	}},
	{"an organization that is not there can be in no scope", func(f *fixture) {
		f.organization("acme")
		err := f.store.CreateCredential(f.Context(), newCredential("c1", "acme", "nowhere"))
		f.refuses("creating", err, fault.InvalidRequest)
		f.namesField(err, "organization_ids[1]")
		err = f.store.CreateCredential(f.Context(), newCredential("c1", "not\x00storable"))
		f.refuses("creating for what can be no organization", err, fault.InvalidRequest)
		f.namesField(err, "organization_ids[0]")
		got, err := f.store.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("what was created", len(got), 0)
	}},
	{"two hundred credentials are valid at a time; expired and revoked ones don't count", func(f *fixture) {
		// Created at once, so that the count must hold against others that are counting.
		var creating sync.WaitGroup
		refusals := make(chan error, store.MaxValidCredentials+8)
		for i := range store.MaxValidCredentials + 8 {
			creating.Go(func() {
				c := newCredential(fmt.Sprintf("c%03d", i))
				c.ExpireTime = at(100)
				if err := f.store.CreateCredential(f.Context(), c); err != nil {
					refusals <- err
				}
			})
		}
		creating.Wait()
		close(refusals)
		f.equal("how many were refused", len(refusals), 8)
		for err := range refusals {
			f.refuses("one more", err, fault.Limit)
		}
		there, err := f.store.Credentials(f.Context(), "", 1)
		f.must(err)
		_, err = f.store.RevokeCredential(f.Context(), there[0].ID, at(2))
		f.must(err)
		f.must(f.store.CreateCredential(f.Context(), newCredential("more")))
		again := newCredential("again")
		f.refuses("one more again", f.store.CreateCredential(f.Context(), again), fault.Limit)
		again.CreateTime = at(100)
		f.must(f.store.CreateCredential(f.Context(), again))
	}},
	{"a credential is revoked once", func(f *fixture) {
		f.organization("acme")
		want := newCredential("c1", "acme")
		f.must(f.store.CreateCredential(f.Context(), want))
		want.RevokeTime = at(5)
		for i := range 2 {
			got, err := f.store.RevokeCredential(f.Context(), "c1", at(5+i))
			f.must(err)
			f.equal("the credential", got, want)
		}
		_, err := f.store.RevokeCredential(f.Context(), "nobody", at(5))
		f.refuses("revoking none", err, fault.NotFound)
	}},
	{"a digest finds its credential, whatever its state, and never a key", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		want := newCredential("c1", "acme")
		f.must(f.store.CreateCredential(f.Context(), want))
		got, err := f.store.ResolveCredential(f.Context(), want.Digest)
		f.must(err)
		f.equal("the credential", got, want)
		revoked, err := f.store.RevokeCredential(f.Context(), "c1", at(5))
		f.must(err)
		got, err = f.store.ResolveCredential(f.Context(), want.Digest)
		f.must(err)
		f.equal("the revoked credential", got, revoked)
		_, _, err = f.store.Resolve(f.Context(), want.Digest)
		f.refuses("a credential as a key", err, fault.NotFound)
		_, err = f.store.ResolveCredential(f.Context(), newKey("acme", "d1", "first").Digest)
		f.refuses("a key as a credential", err, fault.NotFound)
		_, err = f.store.ResolveCredential(f.Context(), sha256.Sum256([]byte("unknown")))
		f.refuses("an unknown digest", err, fault.NotFound)
	}},
	{"a credential is valid until it expires or is revoked", func(f *fixture) {
		c := newCredential("c1")
		f.equal("one that never expires", c.ValidAt(at(1_000_000)), true)
		c.ExpireTime = at(10)
		f.equal("before it expires", c.ValidAt(at(9)), true)
		f.equal("when it expires", c.ValidAt(at(10)), false)
		c.RevokeTime = at(2)
		f.equal("once it is revoked", c.ValidAt(at(3)), false)
	}},
}
