package core_test

import (
	"crypto/sha256"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var keyCases = []testCase{
	{"twenty keys are valid at a time; expired and revoked ones don't count", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		// These are created at the same time, so the count must be right although others count, too. The first one exists already.
		keys, errs := make(chan store.Key, 22), make(chan error, 22)
		for range 22 {
			go func() {
				k, err := f.createKey("d1", 100)
				keys <- k
				errs <- err
			}()
		}
		refused := 0
		var last store.Key
		for range 22 {
			k := <-keys
			switch err := <-errs; {
			case err == nil:
				last = k
			default:
				f.refuses("one more", err, fault.Limit)
				refused++
			}
		}
		f.equal("how many were refused", refused, 3)
		_, err := f.createKey("d2", 0)
		f.must(err)
		_, err = f.core.RevokeKey(f.Context(), "acme", f.ids["d1"], last.ID)
		f.must(err)
		_, err = f.createKey("d1", 0)
		f.must(err)
		_, err = f.createKey("d1", 0)
		f.refuses("one more again", err, fault.Limit)
		f.now.Store(100)
		_, err = f.createKey("d1", 0)
		f.must(err)
	}},
	{"there are none of a directory that is not there", func(f *fixture) {
		f.organization("acme")
		_, err := f.createKey("nobody", 0)
		f.refuses("creating one", err, fault.NotFound)
		_, err = f.core.Keys(f.Context(), "acme", "nobody")
		f.refuses("listing them", err, fault.NotFound)
	}},
	{"a key is revoked once", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		want, err := f.createKey("d1", 0)
		f.must(err)
		want.RevokeTime = at(5)
		for i := range 2 {
			f.now.Store(int64(5 + i))
			got, err := f.core.RevokeKey(f.Context(), "acme", f.ids["d1"], want.ID)
			f.must(err)
			f.equal("the key", got, want)
		}
		keys, err := f.core.Keys(f.Context(), "acme", f.ids["d1"])
		f.must(err)
		f.equal("what is stored", keys[0], want)
		_, err = f.core.RevokeKey(f.Context(), "acme", f.ids["d1"], "nobody")
		f.refuses("revoking no key", err, fault.NotFound)
		_, err = f.core.ResolveKey(f.Context(), want.Digest)
		f.refuses("using it", err, fault.NotFound)
		_, err = f.core.ResolveKey(f.Context(), sha256.Sum256(nil))
		f.refuses("using none", err, fault.NotFound)
	}},
}
