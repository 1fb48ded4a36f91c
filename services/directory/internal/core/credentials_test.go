package core_test

import (
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var credentialCases = []testCase{
	{"an organization that is not there can be in no scope", func(f *fixture) {
		f.organization("acme")
		_, err := f.createCredential(0, "acme", "nowhere")
		f.refuses("creating", err, fault.InvalidRequest)
		f.namesField(err, "service_credential.organization_ids[1]")
		_, err = f.createCredential(0, "not\x00storable")
		f.refuses("creating for what can be no organization", err, fault.InvalidRequest)
		f.namesField(err, "service_credential.organization_ids[0]")
		got, err := f.core.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("what was created", len(got), 0)
	}},
	{"two hundred credentials are valid at a time; expired and revoked ones don't count", func(f *fixture) {
		// These are created at the same time, so the count must be right although others count, too.
		const wanted = 208
		errs := make(chan error, wanted)
		for range wanted {
			go func() {
				_, err := f.createCredential(100)
				errs <- err
			}()
		}
		refused := 0
		for range wanted {
			if err := <-errs; err != nil {
				f.refuses("one more", err, fault.Limit)
				refused++
			}
		}
		f.equal("how many were refused", refused, 8)
		newest, err := f.core.Credentials(f.Context(), "", 1)
		f.must(err)
		_, err = f.core.RevokeCredential(f.Context(), newest[0].ID)
		f.must(err)
		_, err = f.createCredential(0)
		f.must(err)
		_, err = f.createCredential(0)
		f.refuses("one more again", err, fault.Limit)
		f.now.Store(100)
		_, err = f.createCredential(0)
		f.must(err)
	}},
	{"a credential is revoked once", func(f *fixture) {
		f.organization("acme")
		want, err := f.createCredential(0, "acme")
		f.must(err)
		want.RevokeTime = at(5)
		for i := range 2 {
			f.now.Store(int64(5 + i))
			got, err := f.core.RevokeCredential(f.Context(), want.ID)
			f.must(err)
			f.equal("the credential", got, want)
		}
		got, err := f.core.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("what is stored", got, []store.Credential{want})
		_, err = f.core.RevokeCredential(f.Context(), "nobody")
		f.refuses("revoking none", err, fault.NotFound)
		_, err = f.core.ResolveKey(f.Context(), want.Digest)
		f.refuses("using it", err, fault.NotFound)
	}},
}
