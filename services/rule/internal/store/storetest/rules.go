package storetest

import (
	"context"
	"reflect"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func rule(id string, grants ...store.Grant) store.Rule {
	return store.Rule{
		OrganizationID: acme, ID: id, DisplayName: "Rule " + id, Enabled: true, Match: store.Match{Kind: store.MatchGroup, Value: "Größe"},
		Grants: grants, Revision: 1, CreateTime: noon, UpdateTime: noon,
	}
}

func testRules(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	one := rule("r1", store.Grant{TenantID: "z", RoleID: "designer"}, store.Grant{RoleID: "organization-admin"})
	one.Pins = []store.Pin{
		{DirectoryID: "d1", GroupID: "g1", State: store.Pinned, Time: noon},
		{DirectoryID: "d2", GroupID: "g2", State: store.Waiting, Time: noon},
	}
	two := rule("r2", store.Grant{TenantID: "z", RoleID: "designer"})
	two.Match, two.Enabled, two.Unresolved = store.Match{Kind: store.MatchRoleValue, Value: "v"}, false, true
	same := func(t *testing.T, got, want store.Rule) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("the rule is\n%+v, not\n%+v", got, want)
		}
	}
	t.Run("a rule is kept whole", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutRule(ctx, two))
			must(t, tx.PutRule(ctx, one))
			same(t, get[store.Rule](t)(tx.Rule(ctx, "r1")), one)
			equal(t, "the count", get[int](t)(tx.CountRules(ctx)), 2)
			refused(t, second(tx.Rule(ctx, "none")), fault.NotFound)
			return nil
		})
		same(t, get[store.Rule](t)(s.Rule(ctx, acme, "r2")), two)
		refused(t, second(s.Rule(ctx, other, "r2")), fault.NotFound)
	})
	t.Run("they are listed by id, in pages and all", func(t *testing.T) {
		page := get[[]store.Rule](t)(s.Rules(ctx, acme, "", 1))
		equal(t, "the first page", len(page), 1)
		same(t, page[0], one)
		page = get[[]store.Rule](t)(s.Rules(ctx, acme, "r1", 9))
		equal(t, "the second page", len(page), 1)
		same(t, page[0], two)
		set := get[store.RuleSet](t)(s.RuleSet(ctx, acme))
		equal(t, "the set", len(set.Rules), 2)
		same(t, set.Rules[0], one)
		equal(t, "the set of nobody", len(get[store.RuleSet](t)(s.RuleSet(ctx, "nobody")).Rules), 0)
	})
	t.Run("every change starts a generation", func(t *testing.T) {
		last := get[store.RuleSet](t)(s.RuleSet(ctx, acme)).Generation
		grown := func(what string) {
			t.Helper()
			now := get[store.RuleSet](t)(s.RuleSet(ctx, acme)).Generation
			if now <= last {
				t.Fatalf("%s left the generation at %d", what, now)
			}
			last = now
		}
		one.Grants = one.Grants[:1]
		one.Revision = 2
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutRule(ctx, one) })
		grown("a change of a rule")
		same(t, get[store.Rule](t)(s.Rule(ctx, acme, "r1")), one)
		one.Pins, one.Unresolved = one.Pins[1:], true
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutPins(ctx, "r1", one.Pins, true) })
		grown("a change of pins")
		same(t, get[store.Rule](t)(s.Rule(ctx, acme, "r1")), one)
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.DeleteRule(ctx, "r2"))
			refused(t, tx.DeleteRule(ctx, "r2"), fault.NotFound)
			return nil
		})
		grown("a deletion")
	})
	t.Run("those that are unresolved are work", func(t *testing.T) {
		work := get[store.Work](t)(s.Work(ctx, acme, noon, 9))
		if len(work.Unresolved) != 1 || work.Unresolved[0] != "r1" {
			t.Fatalf("unresolved are %v", work.Unresolved)
		}
	})
}
