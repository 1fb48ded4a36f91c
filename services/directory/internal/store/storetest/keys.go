package storetest

import (
	"crypto/sha256"
	"fmt"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var keyCases = []testCase{
	{"keys are listed newest first, at most as many as asked for", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		want := newKey("acme", "d1", "k2")
		want.ExpireTime = at(60)
		for _, k := range []store.Key{newKey("acme", "d1", "k1"), want, newKey("acme", "d2", "k3")} {
			f.must(f.store.CreateKey(f.Context(), k))
		}
		got, err := f.store.Keys(f.Context(), "acme", "d1", 2)
		f.must(err)
		f.equal("the keys", got, []store.Key{want, newKey("acme", "d1", "k1")})
		_, err = f.store.Keys(f.Context(), "acme", "d9", 10)
		f.refuses("keys of no directory", err, fault.NotFound)
		f.refuses("a key of no directory", f.store.CreateKey(f.Context(), newKey("acme", "d9", "k")), fault.NotFound)
	}},
	{"twenty keys are valid at a time; expired and revoked ones don't count", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		for i := range store.MaxValidKeys - 1 { // the first one is there
			k := newKey("acme", "d1", fmt.Sprintf("k%02d", i))
			k.ExpireTime = at(100)
			f.must(f.store.CreateKey(f.Context(), k))
		}
		more := newKey("acme", "d1", "more")
		f.refuses("one more", f.store.CreateKey(f.Context(), more), fault.Limit)
		f.must(f.store.CreateKey(f.Context(), newKey("acme", "d2", "k")))
		_, err := f.store.RevokeKey(f.Context(), "acme", "d1", "k00", at(2))
		f.must(err)
		f.must(f.store.CreateKey(f.Context(), more))
		again := newKey("acme", "d1", "again")
		f.refuses("one more again", f.store.CreateKey(f.Context(), again), fault.Limit)
		again.CreateTime = at(100)
		f.must(f.store.CreateKey(f.Context(), again))
	}},
	{"a key is revoked once", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		want := newKey("acme", "d1", "first")
		want.RevokeTime = at(5)
		for i := range 2 {
			got, err := f.store.RevokeKey(f.Context(), "acme", "d1", "first", at(5+i))
			f.must(err)
			f.equal("the key", got, want)
		}
		_, err := f.store.RevokeKey(f.Context(), "acme", "d1", "nobody", at(5))
		f.refuses("revoking no key", err, fault.NotFound)
	}},
	{"a digest finds its key and directory, whatever their state", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		digest := newKey("acme", "d1", "first").Digest
		check := func(when string) {
			f.Helper()
			key, d, err := f.store.Resolve(f.Context(), digest)
			f.must(err)
			stored, err := f.store.Directory(f.Context(), "acme", "d1")
			f.must(err)
			f.equal(when+": the directory", d, stored)
			keys, err := f.store.Keys(f.Context(), "acme", "d1", 1)
			f.must(err)
			f.equal(when+": the key", []store.Key{key}, keys)
		}
		check("at first")
		_, err := f.store.RevokeKey(f.Context(), "acme", "d1", "first", at(5))
		f.must(err)
		check("revoked")
		_, err = f.store.UpdateOrganization(f.Context(), "acme", store.OrganizationChange{Federated: pointer(false)}, at(6))
		f.must(err)
		check("not federated")
		f.deleteDirectory("d1")
		check("deleted")
		_, _, err = f.store.Resolve(f.Context(), sha256.Sum256([]byte("unknown")))
		f.refuses("an unknown digest", err, fault.NotFound)
	}},
	{"a key is valid until it expires or is revoked", func(f *fixture) {
		k := newKey("acme", "d1", "k")
		f.equal("one that never expires", k.ValidAt(at(1_000_000)), true)
		k.ExpireTime = at(10)
		f.equal("before it expires", k.ValidAt(at(9)), true)
		f.equal("when it expires", k.ValidAt(at(10)), false)
		k.RevokeTime = at(2)
		f.equal("once it is revoked", k.ValidAt(at(3)), false)
	}},
}
