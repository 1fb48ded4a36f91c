package rule_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func filter(text string) *rulev1.Rule {
	return &rulev1.Rule{Match: &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: text}}}
}

func (b *bundle) named(user, name string) {
	b.identity.SetUser(user, func(u *identityv1.User) { u.DisplayName = name })
}

func TestAFilterGivesRolesToMatchingUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rule := b.rule(filter(`displayName sw "Dr. "`), "developer")
	anna, bob := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.named(anna, "dr. Anna")
	b.caughtUp()
	b.holds(anna, "developer")
	b.holds(bob)
	b.rule(filter(`not (displayName pr)`), "designer")
	b.caughtUp()
	b.holds(bob) // nobody is touched by a rule before the next message
	b.named(anna, "Anna")
	b.identity.SetRoles(bob, "x")
	b.caughtUp()
	b.holds(anna)
	b.holds(bob, "designer")
	b.identity.SetActive(bob, false)
	b.caughtUp()
	b.holds(bob)
	b.named(anna, "Dr. Anna")
	b.caughtUp()
	b.holds(anna, "developer")
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: rule}))
	b.sync()
	b.holds(anna)
}

// The result of a filter is a fact like others: the recovery finds users that changed while records were lost.
func TestARecoveryFindsChangedFilterResults(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(i *identitytest.Identity){
		"restored": func(i *identitytest.Identity) { i.Restore() }, "trimmed": func(i *identitytest.Identity) { i.Trim() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.rule(filter(`displayName eq "Anna"`), "developer")
			anna, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
			b.caughtUp()
			b.rule(filter(`not (displayName pr)`), "designer")
			b.stop()
			b.named(anna, "Anna")
			lose(b.identity)
			b.start()
			b.caughtUp()
			b.holds(anna, "developer")
			b.holds(other) // has not changed: the new rule does not touch it
		})
	}
}

// A restored identity reaches revisions again that the rule service has seen, with other changes.
func TestTheSameRevisionAfterARestoreIsAnotherFact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(filter(`displayName eq "Anna"`), "developer")
	anna := b.identity.AddUser(acme, b.dir)
	b.named(anna, "Anna")
	b.caughtUp()
	b.holds(anna, "developer")
	b.stop()
	b.identity.Restore()
	b.identity.SetUser(anna, func(u *identityv1.User) {
		u.DisplayName = "Bob"
		u.Revision-- // it was restored from before it was called Anna
	})
	b.start()
	b.caughtUp()
	b.holds(anna)
}

func TestFiltersThatCannotMatchAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, text := range map[string]string{
		"no filter": `displayName is 7`, "an attribute that users have not": `shoeSize eq 43`, "too long": `displayName eq "` + strings.Repeat("x", 1000) + `"`,
		"nothing": "",
	} {
		r := filter(text)
		r.Grants = grants("developer")
		_, err := b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: r})
		if f := rpc.Fault(err); f == nil || f.Reason != fault.InvalidRequest || len(f.Fields) != 1 || f.Fields[0].Path != "rule.filter.filter" {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.identity.Before(func(rpc string) error {
		if rpc == "CheckUserFilter" {
			return identitytest.Unavailable()
		}
		return nil
	})
	r := filter(`title pr`)
	r.Grants = grants("developer")
	_, err := b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: r})
	b.refused(fault.Unavailable, nil, err)
}

// An update of all fields also sends the unchanged filter. The extension that it uses may be gone.
func TestAnUnchangedFilterIsNotCheckedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.rule(filter(`title pr`), "developer")
	b.identity.Before(func(rpc string) error {
		if rpc == "CheckUserFilter" {
			return fault.New(fault.InvalidFilter, "users have no title any more")
		}
		return nil
	})
	r := filter(`title pr`)
	r.DisplayName, r.Grants = proto.String("Titled"), grants("designer")
	updated, err := b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: id, Rule: r})
	if b.must(updated, err); updated.GetRule().GetDisplayName() != "Titled" || !updated.GetRule().GetEnabled() {
		t.Errorf("the rule is %v", updated.GetRule())
	}
	r.Match = filter(`title pr and active eq true`).GetMatch()
	_, err = b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: id, Rule: r})
	b.refused(fault.InvalidRequest, nil, err)
}

// A filter can contain names. Neither the name that Usher gives the rule nor its etag tells them to those who may not read the filter.
func TestARuleTellsItsFilterOnlyToThoseWhoMayReadIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.rule(filter(`userName eq "ada.lovelace"`), "developer")
	for _, may := range []struct {
		scopes scope.Set
		read   bool
	}{
		{scope.Of(commonv1.Scope_SCOPE_READ_ACCESS), false},
		{scope.Of(commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_PEOPLE), true},
		{scope.Of(commonv1.Scope_SCOPE_MANAGE_RULES), true},
	} {
		got, err := b.rules.GetRule(rpc.WithPrincipal(t.Context(), &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, OrganizationIds: []string{acme}, Scopes: uint32(may.scopes),
		}), &rulev1.GetRuleRequest{OrganizationId: acme, Id: id})
		b.must(got, err)
		if strings.Contains(got.String(), "ada.lovelace") != may.read || (got.GetRule().GetEtag() != "") != may.read {
			t.Errorf("with %s: %v", may.scopes, got)
		}
	}
}
