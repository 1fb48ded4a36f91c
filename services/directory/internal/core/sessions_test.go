package core_test

import (
	"fmt"
	"strings"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	operatorKind = commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR
	adminKind    = commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN
	hour         = 3600 // seconds of the tests' time
)

// signIn starts a session of a person as an admin of acme.
func (f *fixture) signIn(subject string) (store.Session, secret.Text) {
	f.Helper()
	s, text, err := f.core.CreateSession(f.Context(), core.SignIn{
		Provider: "staff", Subject: subject, ProviderSession: "at " + subject, Kind: adminKind, OrganizationID: "acme",
	})
	f.must(err)
	return s, text
}

// opens reports whether a secret opens something now.
func (f *fixture) opens(text secret.Text) bool {
	f.Helper()
	r, err := f.core.ResolveKey(f.Context(), text.Digest())
	if err != nil {
		f.refuses("resolving", err, fault.NotFound)
		return false
	}
	return r.Principal != nil
}

func (f *fixture) link(l store.PortalLink) (store.PortalLink, secret.Text, error) {
	l.OrganizationID, l.CreatedBy = "acme", "operator"
	if l.Scopes == 0 {
		l.Scopes = 1 << commonv1.Scope_SCOPE_MANAGE_DIRECTORIES
	}
	return f.core.CreatePortalLink(f.Context(), l, requestid.Request{})
}

var sessionCases = []testCase{
	{"a session opens what its person may do, until it expires", func(f *fixture) {
		f.organization("acme")
		s, text := f.signIn("ann")
		r, err := f.core.ResolveKey(f.Context(), text.Digest())
		f.must(err)
		f.equal("the principal", r.Principal, &commonv1.Principal{Kind: adminKind, OrganizationId: "acme", Subject: "staff/ann", Scopes: 0b11111100})
		f.equal("its end", s.ExpireTime, at(12*hour))
		for now, want := range map[int]bool{0: true, hour - 40: true, hour + 60: false} { // the use is counted in minutes
			f.now.Store(int64(now))
			f.equal(fmt.Sprint("whether it opens something after ", now), f.opens(text), want)
		}
		for now := 0; now <= 12*hour; now += hour / 2 { // in use, it lasts 12 hours
			f.now.Store(int64(now))
			f.equal(fmt.Sprint("whether it opens something in use after ", now), f.opens(text), now < 12*hour)
			f.must(f.core.RecordUses(f.Context(), []store.Use{{Digest: text.Digest(), LastUse: store.LastUse{Time: at(now)}}}, nil))
		}
	}},
	{"a subject that may be an e-mail address is in no principal", func(f *fixture) {
		f.organization("acme")
		_, text := f.signIn("ann@example.com")
		r, err := f.core.ResolveKey(f.Context(), text.Digest())
		f.must(err)
		if subject := r.Principal.GetSubject(); !strings.HasPrefix(subject, "staff/sha256-") || strings.Contains(subject, "ann") {
			f.Errorf("the subject is %s", subject)
		}
	}},
	{"an organization must be there, and the operator has none", func(f *fixture) {
		_, _, err := f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: adminKind, OrganizationID: "nowhere"})
		f.refuses("an organization that is not there", err, fault.NotFound)
		_, _, err = f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: adminKind})
		f.refuses("no organization", err, fault.InvalidRequest)
		_, _, err = f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: operatorKind, OrganizationID: "acme"})
		f.refuses("an operator of an organization", err, fault.InvalidRequest)
		_, text, err := f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: operatorKind})
		f.must(err)
		f.equal("whether the operator's session opens something", f.opens(text), true)
	}},
	{"a person who signs in often loses the oldest sessions", func(f *fixture) {
		f.organization("acme")
		var texts []secret.Text
		for range 22 {
			_, text := f.signIn("ann")
			texts = append(texts, text)
		}
		_, other := f.signIn("bob")
		for i, text := range append(texts, other) {
			f.equal(fmt.Sprint("whether session ", i, " opens something"), f.opens(text), i >= 2)
		}
	}},
	{"a session is revoked once", func(f *fixture) {
		f.organization("acme")
		s, text := f.signIn("ann")
		for i := range 2 {
			f.now.Store(int64(5 + i))
			got, err := f.core.RevokeSession(f.Context(), s.ID)
			f.must(err)
			f.equal("when it was revoked", got.RevokeTime, at(5))
		}
		f.equal("whether it opens something", f.opens(text), false)
		_, err := f.core.RevokeSession(f.Context(), "nobody")
		f.refuses("revoking none", err, fault.NotFound)
	}},
	{"a session of an organization is revoked for this organization alone", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		s, text := f.signIn("ann")
		for _, organization := range []string{"other", "nowhere", ""} {
			_, err := f.core.RevokeOrganizationSession(f.Context(), organization, s.ID)
			f.refuses("revoking it for "+organization, err, fault.NotFound)
		}
		f.equal("whether it opens something", f.opens(text), true)
		for i := range 2 {
			f.now.Store(int64(5 + i))
			got, err := f.core.RevokeOrganizationSession(f.Context(), "acme", s.ID)
			f.must(err)
			f.equal("when it was revoked", got.RevokeTime, at(5))
		}
		f.equal("whether it opens something", f.opens(text), false)
	}},
	{"sessions end by their digest, their subject and the provider's session", func(f *fixture) {
		f.organization("acme")
		_, one := f.signIn("ann")
		_, two := f.signIn("ann")
		_, bob := f.signIn("bob")
		ended, err := f.core.EndSession(f.Context(), one.Digest())
		f.must(err)
		f.equal("what ended", ended, true)
		ended, err = f.core.EndSession(f.Context(), keylease.Digest{})
		f.must(err)
		f.equal("what ended of none", ended, false)
		f.equal("what opens something", []bool{f.opens(one), f.opens(two), f.opens(bob)}, []bool{false, true, true})
		for _, c := range []struct {
			provider, subject, session string
			want                       int
		}{{"partners", "ann", "", 0}, {"staff", "bob", "at ann", 0}, {"staff", "", "at ann", 1}, {"staff", "bob", "", 1}, {"staff", "bob", "", 0}} {
			n, err := f.core.EndSessions(f.Context(), c.provider, c.subject, c.session)
			f.must(err)
			f.equal(fmt.Sprint("how many end by ", c), n, c.want)
		}
	}},
	{"a blocked person has no session and no other token", func(f *fixture) {
		f.organization("acme")
		_, ann := f.signIn("ann")
		_, bob := f.signIn("bob")
		first, err := f.core.BlockSubject(f.Context(), store.BlockedSubject{Provider: "staff", Subject: "ann", BlockedBy: "operator"})
		f.must(err)
		f.now.Store(5)
		second, err := f.core.BlockSubject(f.Context(), store.BlockedSubject{Provider: "staff", Subject: "ann", BlockedBy: "another"})
		f.must(err)
		f.equal("the second call", second, first)
		f.equal("what opens something", []bool{f.opens(ann), f.opens(bob)}, []bool{false, true})
		r, err := f.core.ResolveKey(f.Context(), keylease.SubjectDigest("staff", "ann"))
		f.must(err)
		f.equal("whether the person is blocked", r.Blocked, true)
		_, err = f.core.ResolveKey(f.Context(), keylease.SubjectDigest("partners", "ann"))
		f.refuses("another provider's person", err, fault.NotFound)
		_, _, err = f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: operatorKind})
		f.refuses("signing in", err, fault.SubjectBlocked)
		f.must(f.core.UnblockSubject(f.Context(), "staff", "ann"))
		f.refuses("unblocking once more", f.core.UnblockSubject(f.Context(), "staff", "ann"), fault.NotFound)
		_, again := f.signIn("ann")
		f.equal("what opens something then", []bool{f.opens(ann), f.opens(again)}, []bool{false, true})
	}},
	{"the erasure of an organization ends its sessions and its links", func(f *fixture) {
		f.organization("acme")
		_, text := f.signIn("ann")
		_, link, err := f.link(store.PortalLink{})
		f.must(err)
		_, err = f.core.EraseOrganization(f.Context(), "acme", nil)
		f.must(err)
		f.equal("whether the session opens something", f.opens(text), false)
		_, _, err = f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.refuses("the link", err, fault.Erasing)
		_, _, err = f.core.CreateSession(f.Context(), core.SignIn{Provider: "staff", Subject: "ann", Kind: adminKind, OrganizationID: "acme"})
		f.refuses("signing in", err, fault.Erasing)
	}},
	{"a portal link gives one session, within its time", func(f *fixture) {
		f.organization("acme")
		l, link, err := f.link(store.PortalLink{})
		f.must(err)
		f.equal("its end", l.ExpireTime, at(hour))
		s, text, err := f.core.UsePortalLink(f.Context(), link.Digest(), "192.0.2.1")
		f.must(err)
		r, err := f.core.ResolveKey(f.Context(), text.Digest())
		f.must(err)
		f.equal("the principal", r.Principal, &commonv1.Principal{
			Kind: adminKind, OrganizationId: "acme", Subject: "portal-link/" + l.ID, Scopes: 1 << commonv1.Scope_SCOPE_MANAGE_DIRECTORIES, PortalLinkId: l.ID,
		})
		f.equal("the session's end", s.ExpireTime, at(8*hour))
		_, _, err = f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.refuses("the second use", err, fault.PortalLinkEnded)
		_, late, err := f.link(store.PortalLink{})
		f.must(err)
		f.now.Store(hour)
		_, _, err = f.core.UsePortalLink(f.Context(), late.Digest(), "")
		f.refuses("a late use", err, fault.PortalLinkEnded)
		f.now.Store(7 * hour) // without any use
		f.equal("whether the session opens something", f.opens(text), true)
		_, _, err = f.core.UsePortalLink(f.Context(), keylease.Digest{}, "")
		f.refuses("no such link", err, fault.NotFound)
	}},
	{"a revoked portal link gives nothing, and its session ends", func(f *fixture) {
		f.organization("acme")
		unused, link, err := f.link(store.PortalLink{})
		f.must(err)
		used, other, err := f.link(store.PortalLink{})
		f.must(err)
		_, text, err := f.core.UsePortalLink(f.Context(), other.Digest(), "")
		f.must(err)
		for _, l := range []store.PortalLink{unused, used, used} {
			_, err = f.core.RevokePortalLink(f.Context(), "acme", l.ID)
			f.must(err)
		}
		_, _, err = f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.refuses("using it", err, fault.NotFound)
		f.equal("whether the session opens something", f.opens(text), false)
		f.organization("other")
		_, err = f.core.RevokePortalLink(f.Context(), "other", used.ID)
		f.refuses("revoking for another organization", err, fault.NotFound)
	}},
	{"invalid portal links are refused", func(f *fixture) {
		f.organization("acme")
		for field, l := range map[string]store.PortalLink{
			"portal_link.new_directory": {NewDirectory: true, DirectoryID: "x"},
			"portal_link.expire_time":   {ExpireTime: at(0).Add(7*24*time.Hour + time.Second)},
		} {
			_, _, err := f.link(l)
			f.refuses(field, err, fault.InvalidRequest)
			f.namesField(err, field)
		}
		_, _, err := f.link(store.PortalLink{ExpireTime: at(0)})
		f.refuses("an end that is not in the future", err, fault.InvalidRequest)
		_, _, err = f.link(store.PortalLink{DirectoryID: "nobody"})
		f.refuses("a directory that is not there", err, fault.NotFound)
		for range 100 {
			_, _, err = f.link(store.PortalLink{})
			f.must(err)
		}
		_, _, err = f.link(store.PortalLink{})
		f.refuses("one more open link", err, fault.Limit)
	}},
	{"a call that makes a portal link can be repeated after the link's end", func(f *fixture) {
		f.organization("acme")
		r := requestid.Request{Key: requestid.Key{Principal: "operator", RequestType: "CreatePortalLink", ID: "r1"}}
		create := func() (store.PortalLink, secret.Text) {
			l, text, err := f.core.CreatePortalLink(f.Context(), store.PortalLink{OrganizationID: "acme", Scopes: 1, ExpireTime: at(hour)}, r)
			f.must(err)
			return l, text
		}
		first, text := create()
		f.equal("whether it has a secret", text != "", true)
		f.now.Store(2 * hour)
		again, text := create()
		f.equal("the link", again, first)
		f.equal("the secret of the second call", text, secret.Text(""))
	}},
	{"a portal link for a new directory opens the one that it creates, and creates no other", func(f *fixture) {
		f.organization("acme")
		l, link, err := f.link(store.PortalLink{NewDirectory: true})
		f.must(err)
		_, text, err := f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.must(err)
		principal := func() *commonv1.Principal {
			r, err := f.core.ResolveKey(f.Context(), text.Digest())
			f.must(err)
			return r.Principal
		}
		f.equal("what it opens at first", []any{principal().GetOneDirectory(), principal().GetDirectoryId()}, []any{true, ""})
		create := func() (store.Directory, error) {
			d, _, _, err := f.core.CreateDirectory(f.Context(), store.Directory{OrganizationID: "acme", DisplayName: "x"}, store.Creator{}, core.Replace{}, l.ID, requestid.Request{})
			return d, err
		}
		d, err := create()
		f.must(err)
		f.equal("what it opens then", []any{principal().GetOneDirectory(), principal().GetDirectoryId()}, []any{true, d.ID})
		_, err = create()
		f.refuses("another directory", err, fault.NotAllowed)
		links, err := f.core.PortalLinks(f.Context(), "acme", "", 1)
		f.must(err)
		f.equal("the link's directory", links[0].DirectoryID, d.ID)

		fixed, link, err := f.link(store.PortalLink{DirectoryID: d.ID})
		f.must(err)
		_, _, err = f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.must(err)
		_, _, _, err = f.core.CreateDirectory(f.Context(), store.Directory{OrganizationID: "acme", DisplayName: "x"}, store.Creator{}, core.Replace{}, fixed.ID, requestid.Request{})
		f.refuses("a directory by a link that opens one", err, fault.NotAllowed)
	}},
	{"a portal link that was revoked creates no directory, although the call began before", func(f *fixture) {
		f.organization("acme")
		l, link, err := f.link(store.PortalLink{NewDirectory: true})
		f.must(err)
		_, _, err = f.core.UsePortalLink(f.Context(), link.Digest(), "")
		f.must(err)
		_, err = f.core.RevokePortalLink(f.Context(), "acme", l.ID)
		f.must(err)
		_, _, _, err = f.core.CreateDirectory(f.Context(), store.Directory{OrganizationID: "acme", DisplayName: "x"}, store.Creator{}, core.Replace{}, l.ID, requestid.Request{})
		f.refuses("a directory", err, fault.Unauthenticated)
	}},
}
