package storetest

import (
	"github.com/usher-scim/usher/services/directory/internal/store"
)

func newSigningKey(id string, created, expires int) store.SigningKey {
	return store.SigningKey{ID: id, Secret: []byte{0, 255, id[0]}, CreateTime: at(created), ExpireTime: at(expires)}
}

var signingKeyCases = []testCase{
	{"one is added where none is as new; those that have expired go", func(f *fixture) {
		is := func(want ...store.SigningKey) {
			f.Helper()
			got, err := f.store.SigningKeys(f.Context())
			f.must(err)
			if len(want)+len(got) > 0 {
				f.equal("the signing keys", got, want)
			}
		}
		is()
		first, second, third := newSigningKey("a", 0, 20), newSigningKey("b", 10, 30), newSigningKey("c", 20, 40)
		f.must(f.store.AddSigningKey(f.Context(), first, at(-10)))
		f.must(f.store.AddSigningKey(f.Context(), newSigningKey("x", 5, 25), at(-1)))
		is(first)
		f.must(f.store.AddSigningKey(f.Context(), second, at(0)))
		is(second, first)
		f.must(f.store.AddSigningKey(f.Context(), third, at(10)))
		is(third, second)
	}},
	{"of several at once one is added", func(f *fixture) {
		done := make(chan error)
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			go func() { done <- f.store.AddSigningKey(f.Context(), newSigningKey(id, 0, 20), at(-1)) }()
		}
		for range 8 {
			f.must(<-done)
		}
		got, err := f.store.SigningKeys(f.Context())
		f.must(err)
		f.equal("how many there are", len(got), 1)
	}},
}
