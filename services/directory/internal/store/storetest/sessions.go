package storetest

import (
	"crypto/sha256"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// newSession returns a session of a person, who is the operator if organizationID is empty.
func newSession(organizationID, id, subject string) store.Session {
	return store.Session{
		OrganizationID: organizationID, ID: id, Digest: sha256.Sum256([]byte("session " + id)),
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN, Scopes: 0b10100, Provider: "staff", Subject: subject,
		ProviderSession: "at " + subject, Address: "192.0.2.1", CreateTime: at(1), UseTime: at(1), ExpireTime: at(100),
	}
}

func (f *fixture) createSession(s store.Session) store.Session {
	f.Helper()
	f.must(f.updateAll(func(tx store.AllTx) error { return tx.CreateSession(f.Context(), s) }))
	return s
}

var sessionCases = []testCase{
	{"a session is found by its digest, with all that was stored", func(f *fixture) {
		want := newSession("acme", "s1", "ann")
		want.OneDirectory, want.DirectoryID = true, "d1"
		f.createSession(want)
		f.createSession(newSession("", "s2", "ann"))
		got, err := f.store.ResolveSession(f.Context(), want.Digest)
		f.must(err)
		f.equal("the session", got, want)
		_, err = f.store.ResolveSession(f.Context(), sha256.Sum256([]byte("another")))
		f.refuses("another digest", err, fault.NotFound)
	}},
	{"sessions are listed newest first, in pages, of all or of one organization", func(f *fixture) {
		var all []store.Session
		for _, s := range []store.Session{newSession("acme", "s1", "ann"), newSession("", "s2", "bob"), newSession("other", "s3", "ann")} {
			all = append([]store.Session{f.createSession(s)}, all...)
		}
		for _, c := range []struct {
			organization, before string
			limit                int
			want                 []store.Session
		}{{"", "", 2, all[:2]}, {"", "s2", 2, all[2:]}, {"acme", "", 2, all[2:]}, {"acme", "s1", 2, nil}, {"nowhere", "", 2, nil}} {
			got, err := f.store.Sessions(f.Context(), c.organization, c.before, c.limit)
			f.must(err)
			f.equal("sessions of "+c.organization+" before "+c.before, got, c.want)
		}
	}},
	{"a transaction on an organization finds its own sessions alone", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.createSession(newSession("acme", "s1", "ann"))
		f.createSession(newSession("", "s2", "ann"))
		for _, organization := range []string{"acme", "other"} {
			f.must(f.update(organization, func(tx store.Tx) error {
				_, err := tx.Session(f.Context(), "s1")
				f.equal("whether "+organization+" has the session", err == nil, organization == "acme")
				_, err = tx.Session(f.Context(), "s2")
				f.refuses("reading a session of the operator", err, fault.NotFound)
				return nil
			}))
		}
	}},
	{"sessions of a subject are those at its provider that have not ended", func(f *fixture) {
		live, other, expired := newSession("acme", "s1", "ann"), newSession("", "s2", "ann"), newSession("acme", "s3", "ann")
		other.Provider = "partners"
		expired.ExpireTime = at(50)
		for _, s := range []store.Session{live, other, expired, newSession("acme", "s4", "bob")} {
			f.createSession(s)
		}
		revoked := f.createSession(newSession("acme", "s5", "ann"))
		revoked.RevokeTime = at(2)
		f.must(f.updateAll(func(tx store.AllTx) error {
			f.must(tx.PutSession(f.Context(), revoked))
			for now, want := range map[int][]store.Session{49: {live, expired}, 50: {live}, 100: nil} {
				got, err := tx.SessionsOfSubject(f.Context(), "staff", "ann", at(now))
				f.must(err)
				f.equal("sessions of the subject", got, want)
				got, err = tx.SessionsOfProviderSession(f.Context(), "staff", "at ann", at(now))
				f.must(err)
				f.equal("sessions of the provider's session", got, want)
			}
			got, err := tx.SessionsOfProviderSession(f.Context(), "staff", "", at(1))
			f.equal("sessions of none", len(got), 0)
			return err
		}))
	}},
	{"a session is written with its directory and its revocation", func(f *fixture) {
		want := f.createSession(newSession("acme", "s1", "ann"))
		f.createSession(newSession("acme", "s0", "ann"))
		want.DirectoryID, want.RevokeTime = "d1", at(5)
		f.must(f.update("acme", func(tx store.Tx) error {
			f.must(tx.PutSession(f.Context(), want))
			got, err := tx.Session(f.Context(), "s1")
			f.must(err)
			f.equal("the session", got, want)
			_, err = tx.Session(f.Context(), "nobody")
			f.refuses("reading none", err, fault.NotFound)
			return nil
		}))
		got, err := f.store.Sessions(f.Context(), "", "", 10)
		f.must(err)
		f.equal("the sessions", got, []store.Session{want, newSession("acme", "s0", "ann")})
	}},
	{"a transaction that read a session before a change of it does not undo the change", func(f *fixture) {
		f.organization("acme")
		revoke := func(s store.Session) {
			s.RevokeTime = at(5)
			f.must(f.updateAll(func(tx store.AllTx) error { return tx.PutSession(f.Context(), s) }))
		}
		bind := func(s store.Session) {
			s.DirectoryID = "d1"
			f.must(f.update("acme", func(tx store.Tx) error { return tx.PutSession(f.Context(), s) }))
		}
		one, two := f.createSession(newSession("acme", "s1", "ann")), f.createSession(newSession("acme", "s2", "ann"))
		revoke(one)
		bind(one)
		bind(two)
		revoke(two)
		for _, s := range []store.Session{one, two} {
			got, err := f.store.ResolveSession(f.Context(), s.Digest)
			f.must(err)
			f.equal("when "+s.ID+" was revoked", got.RevokeTime, at(5))
			f.equal("the directory of "+s.ID, got.DirectoryID, "d1")
		}
	}},
	{"a use is written only forward in time", func(f *fixture) {
		s := f.createSession(newSession("acme", "s1", "ann"))
		for _, n := range []int{30, 20, 40} {
			f.must(f.store.RecordUses(f.Context(), []store.Use{
				{Digest: s.Digest, LastUse: store.LastUse{Time: at(n)}},
				{Digest: sha256.Sum256([]byte("another")), LastUse: store.LastUse{Time: at(50)}},
			}, nil))
		}
		got, err := f.store.ResolveSession(f.Context(), s.Digest)
		f.must(err)
		f.equal("its last use", got.UseTime, at(40))
	}},
	{"ended sessions are deleted, some at a time", func(f *fixture) {
		for _, id := range []string{"s1", "s2", "s3"} {
			s := newSession("acme", id, "ann")
			s.ExpireTime = at(10)
			f.createSession(s)
		}
		left := f.createSession(newSession("acme", "s4", "ann"))
		for _, want := range []int{2, 1, 1} {
			_, err := f.store.DeleteSessions(f.Context(), at(11), 2)
			f.must(err)
			got, err := f.store.Sessions(f.Context(), "", "", 10)
			f.must(err)
			f.equal("how many are left", len(got), want)
			f.equal("what is left", got[0], left)
		}
	}},
	{"the sessions of an organization are revoked and erased, and no others", func(f *fixture) {
		f.organization("acme")
		one, two, other := f.createSession(newSession("acme", "s1", "ann")), f.createSession(newSession("acme", "s2", "ann")), f.createSession(newSession("", "s3", "ann"))
		f.must(f.update("acme", func(tx store.Tx) error {
			digests, err := tx.SessionDigests(f.Context())
			f.must(err)
			f.equal("the digests", len(digests), 2)
			one.RevokeTime = at(3)
			f.must(tx.PutSession(f.Context(), one))
			return tx.RevokeSessions(f.Context(), at(4))
		}))
		two.RevokeTime = at(4)
		got, err := f.store.Sessions(f.Context(), "", "", 10)
		f.must(err)
		f.equal("the sessions", got, []store.Session{other, two, one})
		for _, want := range []int{1, 1, 0} {
			f.must(f.update("acme", func(tx store.Tx) error {
				n, err := tx.EraseSessions(f.Context(), 1)
				f.equal("how many were erased", n, want)
				return err
			}))
		}
		got, err = f.store.Sessions(f.Context(), "", "", 10)
		f.must(err)
		f.equal("what is left", got, []store.Session{other})
	}},
}

func newPortalLink(id string) store.PortalLink {
	return store.PortalLink{
		OrganizationID: "acme", ID: id, Digest: sha256.Sum256([]byte("link " + id)), Scopes: 0b100, NewDirectory: true, CreatedBy: "operator",
		CreateTime: at(1), ExpireTime: at(100),
	}
}

func (f *fixture) createPortalLink(l store.PortalLink) store.PortalLink {
	f.Helper()
	f.must(f.update(l.OrganizationID, func(tx store.Tx) error { return tx.CreatePortalLink(f.Context(), l) }))
	return l
}

var portalLinkCases = []testCase{
	{"a portal link is found by its digest and by its id, with all that was stored", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		want := f.createPortalLink(newPortalLink("l1"))
		f.createPortalLink(newPortalLink("l2"))
		want.DirectoryID, want.UseTime, want.UseAddress, want.RevokeTime = "d1", at(2), "192.0.2.1", at(3)
		f.must(f.update("acme", func(tx store.Tx) error {
			f.must(tx.PutPortalLink(f.Context(), want))
			got, err := tx.PortalLink(f.Context(), "l1")
			f.must(err)
			f.equal("the link", got, want)
			return nil
		}))
		f.refuses("reading it for another organization", f.update("other", func(tx store.Tx) error {
			_, err := tx.PortalLink(f.Context(), "l1")
			return err
		}), fault.NotFound)
		got, err := f.store.ResolvePortalLink(f.Context(), want.Digest)
		f.must(err)
		f.equal("the link", got, want)
		_, err = f.store.ResolvePortalLink(f.Context(), sha256.Sum256([]byte("another")))
		f.refuses("another digest", err, fault.NotFound)
		all, err := f.store.PortalLinks(f.Context(), "acme", "", 1)
		f.must(err)
		f.equal("the newest", all, []store.PortalLink{newPortalLink("l2")})
		all, err = f.store.PortalLinks(f.Context(), "acme", "l2", 2)
		f.must(err)
		f.equal("those before", all, []store.PortalLink{want})
		all, err = f.store.PortalLinks(f.Context(), "other", "", 2)
		f.must(err)
		f.equal("those of another organization", len(all), 0)
	}},
	{"open portal links are counted: used, revoked and expired ones are not", func(f *fixture) {
		f.organization("acme")
		f.createPortalLink(newPortalLink("open"))
		short := newPortalLink("expires")
		short.ExpireTime = at(50)
		f.createPortalLink(short)
		used, revoked := f.createPortalLink(newPortalLink("used")), f.createPortalLink(newPortalLink("revoked"))
		used.UseTime, revoked.RevokeTime = at(2), at(2)
		f.must(f.update("acme", func(tx store.Tx) error {
			f.must(tx.PutPortalLink(f.Context(), used))
			f.must(tx.PutPortalLink(f.Context(), revoked))
			for now, want := range map[int]int{49: 2, 50: 1, 100: 0} {
				n, err := tx.CountOpenPortalLinks(f.Context(), at(now))
				f.must(err)
				f.equal("open links", n, want)
			}
			return nil
		}))
	}},
	{"portal links that have expired are deleted, some at a time", func(f *fixture) {
		f.organization("acme")
		for _, id := range []string{"l1", "l2", "l3"} {
			f.createPortalLink(newPortalLink(id))
		}
		for _, c := range []struct {
			expired time.Time
			want    int
		}{{at(100), 0}, {at(101), 2}, {at(101), 1}, {at(101), 0}} {
			n, err := f.store.DeletePortalLinks(f.Context(), c.expired, 2)
			f.must(err)
			f.equal("how many were deleted", n, c.want)
		}
	}},
	{"the portal links of an organization are erased, and no others", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, id := range []string{"l1", "l2", "l3"} {
			f.createPortalLink(newPortalLink(id))
		}
		for _, want := range []int{2, 1, 0} {
			f.must(f.update("other", func(tx store.Tx) error {
				n, err := tx.ErasePortalLinks(f.Context(), 2)
				f.equal("how many were erased of another organization", n, 0)
				return err
			}))
			f.must(f.update("acme", func(tx store.Tx) error {
				n, err := tx.ErasePortalLinks(f.Context(), 2)
				f.equal("how many were erased", n, want)
				return err
			}))
		}
	}},
}

func newBlocked(provider, subject string) store.BlockedSubject {
	return store.BlockedSubject{
		Provider: provider, Subject: subject, Digest: sha256.Sum256([]byte(provider + subject)), CreateTime: at(1), BlockedBy: "operator",
	}
}

var blockedSubjectCases = []testCase{
	{"a blocked subject is found, listed, counted and deleted", func(f *fixture) {
		ann, bob, other := newBlocked("staff", "ann"), newBlocked("staff", "bob"), newBlocked("partners", "ann")
		f.must(f.updateAll(func(tx store.AllTx) error {
			for _, b := range []store.BlockedSubject{ann, bob, other} {
				f.must(tx.CreateBlockedSubject(f.Context(), b))
			}
			n, err := tx.CountBlockedSubjects(f.Context())
			f.must(err)
			f.equal("how many there are", n, 3)
			got, err := tx.BlockedSubject(f.Context(), "staff", "ann")
			f.must(err)
			f.equal("the subject", got, ann)
			_, err = tx.BlockedSubject(f.Context(), "partners", "bob")
			f.refuses("reading none", err, fault.NotFound)
			return nil
		}))
		got, err := f.store.ResolveBlockedSubject(f.Context(), bob.Digest)
		f.must(err)
		f.equal("the subject", got, bob)
		all, err := f.store.BlockedSubjects(f.Context(), "", "", 2)
		f.must(err)
		f.equal("the first page", all, []store.BlockedSubject{other, ann})
		all, err = f.store.BlockedSubjects(f.Context(), "staff", "ann", 2)
		f.must(err)
		f.equal("the second page", all, []store.BlockedSubject{bob})
		f.must(f.updateAll(func(tx store.AllTx) error { return tx.DeleteBlockedSubject(f.Context(), "staff", "bob") }))
		_, err = f.store.ResolveBlockedSubject(f.Context(), bob.Digest)
		f.refuses("the deleted one", err, fault.NotFound)
	}},
}
