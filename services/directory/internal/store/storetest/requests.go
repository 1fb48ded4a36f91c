package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

func newRequest(id string, second int) requestid.Record {
	return requestid.Record{
		Request:    requestid.Request{Key: requestid.Key{Principal: "operator:", RequestType: "m", ID: id}, Digest: sha256.Sum256([]byte(id))},
		ResourceID: "of " + id, CreateTime: at(second),
	}
}

// requestsOf runs fn on the records of an organization's requests, or of requests that belong to none.
func (f *fixture) requestsOf(organizationID string, fn func(tx requestid.Tx)) {
	f.Helper()
	if organizationID == "" {
		f.must(f.store.UpdateAll(f.Context(), func(_ context.Context, tx store.AllTx) error { fn(tx); return nil }))
		return
	}
	f.must(f.update(organizationID, func(tx store.Tx) error { fn(tx); return nil }))
}

var requestCases = []testCase{
	{"what is kept of a request is found by its whole key", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, organization := range []string{"acme", ""} {
			f.requestsOf(organization, func(tx requestid.Tx) {
				want := newRequest("r1", 1)
				f.must(tx.PutRequestRecord(f.Context(), want, at(0)))
				want = newRequest("r1", 2)
				want.Digest, want.ResourceID = sha256.Sum256(nil), "another"
				f.must(tx.PutRequestRecord(f.Context(), want, at(0)))
				got, err := tx.RequestRecord(f.Context(), want.Key)
				f.must(err)
				f.equal("what is kept", got, want)
				for _, key := range []requestid.Key{
					{Principal: "admin:", RequestType: "m", ID: "r1"}, {Principal: "operator:", RequestType: "n", ID: "r1"},
					{Principal: "operator:", RequestType: "m", ID: "r2"},
				} {
					_, err := tx.RequestRecord(f.Context(), key)
					f.refuses(fmt.Sprint(key), err, fault.NotFound)
				}
			})
		}
		f.requestsOf("other", func(tx requestid.Tx) {
			_, err := tx.RequestRecord(f.Context(), newRequest("r1", 0).Key)
			f.refuses("another organization's", err, fault.NotFound)
		})
	}},
	{"expired ones go when one is added, the oldest first, and a bounded number of them", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.requestsOf("other", func(tx requestid.Tx) { f.must(tx.PutRequestRecord(f.Context(), newRequest("theirs", 0), at(0))) })
		kept := func(id string) (kept bool) {
			f.Helper()
			f.requestsOf("acme", func(tx requestid.Tx) {
				_, err := tx.RequestRecord(f.Context(), newRequest(id, 0).Key)
				kept = err == nil
			})
			return kept
		}
		f.requestsOf("acme", func(tx requestid.Tx) {
			for i := range requestid.MaxExpired + 2 {
				f.must(tx.PutRequestRecord(f.Context(), newRequest(fmt.Sprint("r", i), i), at(-1)))
			}
			f.must(tx.PutRequestRecord(f.Context(), newRequest("new", 1000), at(requestid.MaxExpired)))
		})
		last := fmt.Sprint("r", requestid.MaxExpired)
		f.equal("the oldest, the last that has expired, and one that has not", []bool{kept("r0"), kept(last), kept("new")}, []bool{false, true, true})
		f.requestsOf("acme", func(tx requestid.Tx) {
			f.must(tx.PutRequestRecord(f.Context(), newRequest("newer", 1001), at(requestid.MaxExpired)))
		})
		f.equal("the last that has expired, later", kept(last), false)
		f.requestsOf("other", func(tx requestid.Tx) {
			_, err := tx.RequestRecord(f.Context(), newRequest("theirs", 0).Key)
			f.must(err)
		})
	}},
	{"those of an organization are removed, and no others", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, organization := range []string{"acme", "other", ""} {
			f.requestsOf(organization, func(tx requestid.Tx) {
				for i := range 3 {
					f.must(tx.PutRequestRecord(f.Context(), newRequest(fmt.Sprint("r", i), i), at(-1)))
				}
			})
		}
		var removed []int
		f.must(f.update("acme", func(tx store.Tx) error {
			for range 3 {
				n, err := tx.EraseRequestRecords(f.Context(), 2)
				f.must(err)
				removed = append(removed, n)
			}
			return nil
		}))
		f.equal("how many were removed", removed, []int{2, 1, 0})
		for _, organization := range []string{"other", ""} {
			f.requestsOf(organization, func(tx requestid.Tx) {
				_, err := tx.RequestRecord(f.Context(), newRequest("r0", 0).Key)
				f.must(err)
			})
		}
	}},
}
