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
			f.createKey(k)
		}
		got, err := f.store.Keys(f.Context(), "acme", "d1", 2)
		f.must(err)
		f.equal("the keys", got, []store.Key{want, newKey("acme", "d1", "k1")})
	}},
	{"valid keys are counted: expired and revoked ones are not", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		expires, revoked := newKey("acme", "d1", "expires"), newKey("acme", "d1", "revoked")
		expires.ExpireTime, revoked.RevokeTime = at(100), at(2)
		for _, k := range []store.Key{expires, revoked, newKey("acme", "d2", "k")} {
			f.createKey(k)
		}
		f.must(f.update("acme", func(tx store.Tx) error {
			f.must(tx.PutKey(f.Context(), revoked))
			for when, want := range map[int]int{99: 2, 100: 1} { // the first one never expires
				n, err := tx.CountKeys(f.Context(), "d1", at(when))
				f.must(err)
				f.equal("keys", n, want)
			}
			return nil
		}))
	}},
	{"valid keys are summarized by directory, with the earliest end of those that are not replaced", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, d := range []string{"d1", "d2", "d3"} {
			f.directory(d)
		}
		key := func(directory, id string, expire, revoke int, replacedBy string) {
			k := newKey("acme", directory, id)
			if expire > 0 {
				k.ExpireTime = at(expire)
			}
			f.createKey(k)
			if revoke > 0 {
				k.RevokeTime = at(revoke)
			}
			k.ReplacedByID = replacedBy
			f.must(f.update("acme", func(tx store.Tx) error { return tx.PutKey(f.Context(), k) }))
		}
		key("d1", "late", 100, 0, "")
		key("d1", "early", 50, 0, "")
		key("d1", "replaced", 20, 0, "early")
		key("d1", "revoked", 10, 2, "")
		key("d2", "replaced", 30, 0, "first")
		for when, want := range map[int][]store.KeySummary{
			1:   {{DirectoryID: "d1", Valid: 4, EarliestExpiry: at(50)}, {DirectoryID: "d2", Valid: 2}, {DirectoryID: "d3", Valid: 1}},
			20:  {{DirectoryID: "d1", Valid: 3, EarliestExpiry: at(50)}, {DirectoryID: "d2", Valid: 2}, {DirectoryID: "d3", Valid: 1}},
			50:  {{DirectoryID: "d1", Valid: 2, EarliestExpiry: at(100)}, {DirectoryID: "d2", Valid: 1}, {DirectoryID: "d3", Valid: 1}},
			100: {{DirectoryID: "d1", Valid: 1}, {DirectoryID: "d2", Valid: 1}, {DirectoryID: "d3", Valid: 1}},
		} {
			got, err := f.store.KeySummaries(f.Context(), "acme", []string{"d1", "d2", "d3"}, at(when))
			f.must(err)
			f.equal(fmt.Sprint("at ", when), got, want)
		}
		got, err := f.store.KeySummaries(f.Context(), "other", []string{"d1"}, at(1))
		f.must(err)
		f.equal("in another organization", got, []store.KeySummary{{DirectoryID: "d1"}})
	}},
	{"a key is written with its end, its revocation and the key that replaces it", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.createKey(newKey("acme", "d1", "second"))
		want := newKey("acme", "d1", "first")
		f.must(f.update("acme", func(tx store.Tx) error {
			got, err := tx.Key(f.Context(), "d1", "first")
			f.must(err)
			f.equal("the key", got, want)
			want.ExpireTime, want.RevokeTime, want.ReplacedByID = at(7), at(5), "second"
			f.must(tx.PutKey(f.Context(), want))
			got, err = tx.Key(f.Context(), "d1", "first")
			f.must(err)
			f.equal("the revoked key", got, want)
			_, err = tx.Key(f.Context(), "d1", "nobody")
			f.refuses("reading no key", err, fault.NotFound)
			return nil
		}))
		got, err := f.store.Keys(f.Context(), "acme", "d1", 10)
		f.must(err)
		f.equal("the keys", got, []store.Key{newKey("acme", "d1", "second"), want})
	}},
	{"the digests of a directory's keys, or of all, are given whatever their state", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		f.deleteDirectory("d1")
		f.must(f.update("acme", func(tx store.Tx) error {
			digests, err := tx.Digests(f.Context(), "d1")
			f.must(err)
			f.equal("of one", digests, [][sha256.Size]byte{newKey("acme", "d1", "first").Digest})
			digests, err = tx.Digests(f.Context(), "")
			f.equal("how many of all", len(digests), 2)
			return err
		}))
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
		revoked := newKey("acme", "d1", "first")
		revoked.RevokeTime = at(5)
		f.must(f.update("acme", func(tx store.Tx) error { return tx.PutKey(f.Context(), revoked) }))
		check("revoked")
		f.must(f.update("acme", func(tx store.Tx) error { return tx.PutOrganization(f.Context(), newOrganization("acme", false)) }))
		check("not federated")
		f.deleteDirectory("d1")
		check("deleted")
		_, _, err := f.store.Resolve(f.Context(), sha256.Sum256([]byte("unknown")))
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
