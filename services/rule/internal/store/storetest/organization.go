package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func tenant(organization, id string) store.Tenant {
	return store.Tenant{OrganizationID: organization, ID: id, DisplayName: "The " + id, CreateTime: noon, UpdateTime: noon}
}

// createRole adds a role, if there are fewer than limit others.
func createRole(ctx context.Context, s store.Store, role store.Role, limit int) error {
	return s.UpdateCatalogue(ctx, func(ctx context.Context, tx store.CatalogueTx) error {
		created, err := tx.CreateRole(ctx, role)
		if err == nil && !created {
			return fault.New(fault.AlreadyExists, "role %q already exists", role.ID)
		}
		count, err := tx.CountRoles(ctx)
		if err == nil && count > limit {
			return fault.New(fault.Limit, "there are %d roles", count)
		}
		return err
	})
}

func testUpdate(t *testing.T, e Engine) {
	ctx, s, whole := t.Context(), e.Open(t), t // reopened stores end with the whole test
	t.Run("one that fails keeps nothing", func(t *testing.T) {
		changed := s.Changed(acme)
		err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.CreateTenant(ctx, tenant(acme, "a")))
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Fatalf("got %v", err)
		}
		refused(t, second(s.Tenant(ctx, acme, "a")), fault.NotFound)
		select {
		case <-changed:
			t.Fatal("it woke who waits for a change")
		default:
		}
	})
	t.Run("one that succeeds makes the organization known and wakes who waits for it alone", func(t *testing.T) {
		changed, others := s.Changed(acme), s.Changed(other)
		update(t, s, func(context.Context, store.Tx) error { return nil })
		<-changed
		select {
		case <-others:
			t.Fatal("it woke who waits for another organization")
		default:
		}
		known := get[[]string](t)(s.Organizations(ctx, "", 10))
		if !slices.Equal(known, []string{acme}) {
			t.Fatalf("known are %v", known)
		}
	})
	t.Run("two of one organization never run at the same time", func(t *testing.T) {
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for range 5 {
					err := s.Update(ctx, "counted", func(ctx context.Context, tx store.Tx) error {
						n, err := tx.Generation(ctx)
						if err != nil {
							return err
						}
						if err := tx.PutPins(ctx, "none", nil, false); err != nil {
							return err
						}
						after, err := tx.Generation(ctx)
						if err == nil && after != n+1 {
							t.Errorf("the generation went from %d to %d", n, after)
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		equal(t, "the generation", get[store.RuleSet](t)(s.RuleSet(ctx, "counted")).Generation, 40)
	})
	t.Run("what was written is there after the end", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateTenant(ctx, tenant(acme, "kept")) })
		s = e.Reopen(whole, s)
		equal(t, "the tenant", get[store.Tenant](t)(s.Tenant(ctx, acme, "kept")), tenant(acme, "kept"))
	})
	t.Run("organizations come in pages", func(t *testing.T) {
		must(t, s.SaveActivity(ctx, "c", []string{"b", "a", acme}))
		equal(t, "the first page", len(get[[]string](t)(s.Organizations(ctx, "", 2))), 2)
		if rest := get[[]string](t)(s.Organizations(ctx, "acme", 9)); !slices.Equal(rest, []string{"b", "counted"}) {
			t.Fatalf("the rest is %v", rest)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func testTenants(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	for _, id := range []string{"c", "a", "b"} {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateTenant(ctx, tenant(acme, id)) })
	}
	must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error { return tx.CreateTenant(ctx, tenant(other, "a")) }))
	t.Run("an id is taken once in an organization", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			refused(t, tx.CreateTenant(ctx, tenant(acme, "a")), fault.AlreadyExists)
			return nil
		})
	})
	t.Run("they are listed by id", func(t *testing.T) {
		page := get[[]store.Tenant](t)(s.Tenants(ctx, acme, "a", 2))
		if len(page) != 2 || page[0] != tenant(acme, "b") || page[1].ID != "c" {
			t.Fatalf("the page is %v", page)
		}
	})
	t.Run("a display name changes", func(t *testing.T) {
		changed := tenant(acme, "b")
		changed.DisplayName = "Another"
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.UpdateTenant(ctx, changed))
			refused(t, tx.UpdateTenant(ctx, tenant(acme, "none")), fault.NotFound)
			equal(t, "the tenant", get[store.Tenant](t)(tx.Tenant(ctx, "b")), changed)
			refused(t, second(tx.Tenant(ctx, "none")), fault.NotFound)
			return nil
		})
	})
	t.Run("one that a rule or a source names stays", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutRule(ctx, rule("r1", store.Grant{TenantID: "a", RoleID: "designer"})))
			refused(t, tx.DeleteTenant(ctx, "a"), fault.TenantInUse)
			must(t, tx.DeleteRule(ctx, "r1"))
			must(t, tx.PutSource(ctx, "u", source(store.Grant{TenantID: "a", RoleID: "designer"}, "r1")))
			refused(t, tx.DeleteTenant(ctx, "a"), fault.TenantInUse)
			must(t, tx.DeleteHolder(ctx, "u"))
			must(t, tx.DeleteTenant(ctx, "a"))
			refused(t, tx.DeleteTenant(ctx, "a"), fault.NotFound)
			return nil
		})
		equal(t, "the other organization's", get[store.Tenant](t)(s.Tenant(ctx, other, "a")), tenant(other, "a"))
	})
}

func testRoles(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	t.Run("the catalogue has the default roles by scope and rank", func(t *testing.T) {
		want := []store.Role{
			{ID: "participant", DisplayName: "Participant", Scope: store.ScopeTenant, Rank: 10},
			{ID: "designer", DisplayName: "Designer", Scope: store.ScopeTenant, Rank: 20},
			{ID: "developer", DisplayName: "Developer", Scope: store.ScopeTenant, Rank: 30},
			{ID: "automation-admin", DisplayName: "Automation Admin", Scope: store.ScopeTenant, Rank: 40},
			{ID: "global-admin", DisplayName: "Global Admin", Scope: store.ScopeTenant, Rank: 50},
			{ID: "organization-admin", DisplayName: "Organization Admin", Scope: store.ScopeOrganization, Rank: 100},
		}
		if got := get[[]store.Role](t)(s.Roles(ctx)); !slices.Equal(got, want) {
			t.Fatalf("the catalogue is %v", got)
		}
	})
	auditor := store.Role{ID: "auditor", DisplayName: "Auditor", Scope: store.ScopeOrganization, Rank: 5}
	t.Run("a role is added once, while there is room", func(t *testing.T) {
		refused(t, createRole(ctx, s, auditor, 6), fault.Limit)
		must(t, createRole(ctx, s, auditor, 7))
		refused(t, createRole(ctx, s, auditor, 7), fault.AlreadyExists)
		equal(t, "the role", get[store.Role](t)(s.Role(ctx, "auditor")), auditor)
		refused(t, second(s.Role(ctx, "none")), fault.NotFound)
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			equal(t, "the role", get[store.Role](t)(tx.Role(ctx, "auditor")), auditor)
			refused(t, second(tx.Role(ctx, "none")), fault.NotFound)
			return nil
		})
	})
	t.Run("one that any organization's rule or source names stays", func(t *testing.T) {
		grant := store.Grant{RoleID: "auditor"}
		must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error { return tx.PutRule(ctx, rule("r1", grant)) }))
		refused(t, s.DeleteRole(ctx, "auditor"), fault.RoleInUse)
		must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.DeleteRule(ctx, "r1"))
			return tx.PutSource(ctx, "u", source(grant, "r1"))
		}))
		refused(t, s.DeleteRole(ctx, "auditor"), fault.RoleInUse)
		must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error { return tx.DeleteSource(ctx, "u", source(grant, "r1")) }))
		must(t, s.DeleteRole(ctx, "auditor"))
		refused(t, s.DeleteRole(ctx, "auditor"), fault.NotFound)
	})
}
