package storetest

import (
	"github.com/usher-scim/usher/services/directory/internal/store"
)

func newSigningKey(id string, created, expires int) store.SigningKey {
	return store.SigningKey{ID: id, Secret: []byte{0, 255, id[0]}, CreateTime: at(created), ExpireTime: at(expires)}
}

var signingKeyCases = []testCase{
	{"they are listed newest first; those that have expired are removed", func(f *fixture) {
		first, second, third := newSigningKey("a", 0, 20), newSigningKey("b", 10, 30), newSigningKey("c", 20, 40)
		f.must(f.updateAll(func(tx store.AllTx) error {
			for _, k := range []store.SigningKey{second, first, third} {
				f.must(tx.AddSigningKey(f.Context(), k))
			}
			got, err := tx.SigningKeys(f.Context())
			f.equal("what the transaction reads", got, []store.SigningKey{third, second, first})
			return err
		}))
		f.must(f.updateAll(func(tx store.AllTx) error { return tx.DeleteSigningKeys(f.Context(), at(20)) }))
		got, err := f.store.SigningKeys(f.Context())
		f.must(err)
		f.equal("the signing keys", got, []store.SigningKey{third, second})
	}},
}
