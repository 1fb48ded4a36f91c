package storetest

import (
	"crypto/sha256"
	"fmt"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
)

var useCases = []testCase{
	{"a use is kept if it is the latest one", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		key, credential := newKey("acme", "d1", "first"), newCredential("c1", "acme")
		f.createCredential(credential)
		for _, c := range []struct {
			name      string
			use, want store.LastUse
		}{
			{name: "the first", use: store.LastUse{Time: at(60), Address: "192.0.2.1"}, want: store.LastUse{Time: at(60), Address: "192.0.2.1"}},
			{name: "an older one", use: store.LastUse{Time: at(0), Address: "192.0.2.2"}, want: store.LastUse{Time: at(60), Address: "192.0.2.1"}},
			{name: "the same time", use: store.LastUse{Time: at(60), Address: "192.0.2.3"}, want: store.LastUse{Time: at(60), Address: "192.0.2.1"}},
			{name: "a later one", use: store.LastUse{Time: at(120)}, want: store.LastUse{Time: at(120)}},
		} {
			f.must(f.store.RecordUses(f.Context(), []store.Use{
				{Digest: key.Digest, LastUse: c.use}, {Digest: credential.Digest, LastUse: c.use},
				{Digest: sha256.Sum256([]byte("unknown")), LastUse: c.use},
			}, nil))
			keys, err := f.store.Keys(f.Context(), "acme", "d1", 2)
			f.must(err)
			f.equal(c.name+": of the key", keys[0].LastUse, c.want)
			credentials, err := f.store.Credentials(f.Context(), "", 2)
			f.must(err)
			f.equal(c.name+": of the credential", credentials[0].LastUse, c.want)
		}
	}},
	{"refusals add up, with the latest reason, and change no revision", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		other := f.directory("d2")
		const unknown, malformed = directoryv1.RefusalReason_REFUSAL_REASON_UNKNOWN_KEY, directoryv1.RefusalReason_REFUSAL_REASON_MALFORMED_KEY
		for _, r := range []store.Refusals{
			{DirectoryID: "d1", Count: 3, LastTime: at(5), LastReason: unknown},
			{DirectoryID: "d1", Count: 2, LastTime: at(4), LastReason: malformed},
			{DirectoryID: "d1", Count: 1, LastTime: at(6), LastReason: malformed},
		} {
			f.must(f.store.RecordUses(f.Context(), nil, []store.Refusals{{DirectoryID: "nowhere", Count: 1, LastTime: at(9)}, r}))
		}
		want.RefusedCount, want.LastRefusalTime, want.LastRefusalReason = 6, at(6), malformed
		all, err := f.store.Directories(f.Context(), "acme", "", 10, false)
		f.must(err)
		f.equal("the directories", all, []store.Directory{want, other})
		got := f.change("d1", func(d *store.Directory) { d.DisplayName, d.RefusedCount = "Other", 0 })
		stored, err := f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("after a change: the count", stored.RefusedCount, int64(6))
		f.equal("after a change: the revision", stored.Revision, got.Revision)
	}},
	{"those that expire are counted: the revoked, the replaced, and those of deleted directories are not", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		count := func() []store.Expiring {
			f.Helper()
			got, err := f.store.Expiring(f.Context(), at(10), at(20), at(30), at(40))
			f.must(err)
			return got
		}
		f.equal("none", count(), []store.Expiring{{Kind: "api_key"}, {Kind: "service_credential"}})
		for i, end := range []int{0, 10, 11, 20, 21, 30, 31, 40, 41} {
			key, credential := newKey("acme", "d1", fmt.Sprint("k", i)), newCredential(fmt.Sprint("c", i), "acme")
			if end > 0 {
				key.ExpireTime, credential.ExpireTime = at(end), at(end)
			}
			f.createKey(key)
			f.createCredential(credential)
		}
		want := []store.Expiring{{Kind: "api_key", Expired: 2, Late: 2, Early: 4}, {Kind: "service_credential", Expired: 2, Late: 2, Early: 4}}
		f.equal("all", count(), want)
		for _, id := range []string{"revoked", "replaced"} {
			key, credential := newKey("acme", "d1", id), newCredential(id, "acme")
			f.createKey(key)
			f.createCredential(credential)
			key.ExpireTime, credential.ExpireTime = at(25), at(25)
			if id == "revoked" {
				key.RevokeTime, credential.RevokeTime = at(1), at(1)
			} else {
				key.ReplacedByID, credential.ReplacedByID = "x", "x"
			}
			f.must(f.update("acme", func(tx store.Tx) error { return tx.PutKey(f.Context(), key) }))
			f.must(f.updateAll(func(tx store.AllTx) error { return tx.PutCredential(f.Context(), credential) }))
		}
		deleted := newKey("acme", "d2", "k")
		deleted.ExpireTime = at(25)
		f.createKey(deleted)
		f.equal("with a key of another directory", count()[0].Late, int64(3))
		f.deleteDirectory("d2")
		f.equal("without those that need no warning", count(), want)
	}},
	{"a key has its creator", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		want := newKey("acme", "d1", "k")
		want.CreatedBy = store.Creator{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1"}
		f.createKey(want)
		got, _, err := f.store.Resolve(f.Context(), want.Digest)
		f.must(err)
		f.equal("the key", got, want)
	}},
}
