package storetest

import (
	"crypto/sha256"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// newCredential returns a credential for all organizations, unless some are named.
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
		all[0].Scopes, all[1].ExpireTime, all[2].AddressRanges = 254, at(60), []string{"10.0.0.0/8", "2001:db8::/32"}
		for i := range all {
			f.createCredential(all[len(all)-1-i])
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
	{"organizations are found by their ids", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.must(f.updateAll(func(tx store.AllTx) error {
			got, err := tx.Organizations(f.Context(), []string{"other", "nowhere", "acme"})
			f.equal("those that are there", got, []store.Organization{newOrganization("acme", true), newOrganization("other", true)})
			return err
		}))
		f.must(f.updateAll(func(tx store.AllTx) error {
			got, err := tx.Organizations(f.Context(), []string{"acme", "not\x00storable"})
			f.equal("those that can be there", got, []store.Organization{newOrganization("acme", true)})
			return err
		}))
	}},
	{"valid credentials are counted: expired and revoked ones are not", func(f *fixture) {
		expires, revoked := newCredential("expires"), newCredential("revoked")
		expires.ExpireTime, revoked.RevokeTime = at(100), at(2)
		for _, c := range []store.Credential{newCredential("c1"), expires, revoked} {
			f.createCredential(c)
		}
		f.must(f.updateAll(func(tx store.AllTx) error {
			f.must(tx.PutCredential(f.Context(), revoked))
			for when, want := range map[int]int{99: 2, 100: 1} {
				n, err := tx.CountCredentials(f.Context(), at(when))
				f.must(err)
				f.equal("credentials", n, want)
			}
			return nil
		}))
	}},
	{"a credential is written with its end, its revocation and the credential that replaces it", func(f *fixture) {
		f.organization("acme")
		want := newCredential("c1", "acme")
		f.createCredential(want)
		f.createCredential(newCredential("c0"))
		f.must(f.updateAll(func(tx store.AllTx) error {
			got, err := tx.Credential(f.Context(), "c1")
			f.must(err)
			f.equal("the credential", got, want)
			want.ExpireTime, want.RevokeTime, want.ReplacedByID = at(7), at(5), "c0"
			f.must(tx.PutCredential(f.Context(), want))
			_, err = tx.Credential(f.Context(), "nobody")
			f.refuses("reading none", err, fault.NotFound)
			return nil
		}))
		got, err := f.store.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("the credentials", got, []store.Credential{want, newCredential("c0")})
	}},
	{"credentials of an organization are found by their scopes, which can be narrowed", func(f *fixture) {
		f.organization("acme")
		f.organization("acme-2")
		for _, c := range []store.Credential{
			newCredential("alone", "acme"), newCredential("both", "acme-2", "acme"), newCredential("theirs", "acme-2"), newCredential("all"),
		} {
			f.createCredential(c)
		}
		f.must(f.update("acme", func(tx store.Tx) error {
			scoped, err := tx.Credentials(f.Context())
			f.must(err)
			f.equal("how many name it", len(scoped), 2)
			f.must(tx.DeleteCredential(f.Context(), "alone"))
			f.must(tx.PutScope(f.Context(), newCredential("both", "acme-2")))
			scoped, err = tx.Credentials(f.Context())
			f.equal("how many name it then", len(scoped), 0)
			return err
		}))
		left, err := f.store.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("the credentials", left, []store.Credential{newCredential("theirs", "acme-2"), newCredential("both", "acme-2"), newCredential("all")})
	}},
	{"no scope is refused, since it would be all organizations", func(f *fixture) {
		f.organization("acme")
		f.createCredential(newCredential("c1", "acme"))
		err := f.update("acme", func(tx store.Tx) error { return tx.PutScope(f.Context(), store.Credential{ID: "c1"}) })
		if err == nil {
			f.Error("a credential was left without a scope")
		}
	}},
	{"a digest finds its credential, whatever its state, and never a key", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		want := newCredential("c1", "acme")
		f.createCredential(want)
		got, err := f.store.ResolveCredential(f.Context(), want.Digest)
		f.must(err)
		f.equal("the credential", got, want)
		revoked := want
		revoked.RevokeTime = at(5)
		f.must(f.updateAll(func(tx store.AllTx) error { return tx.PutCredential(f.Context(), revoked) }))
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
