package storetest

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func testSetAside(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	aside := func(user string, due time.Time) store.SetAside {
		return store.SetAside{
			UserID: user, Mode: store.Full, MessageID: "m", SyncID: "s", Traceparent: "t", Detail: "why", Attempts: 2, AsOf: noon.Add(-time.Hour),
			CreateTime: noon, RetryTime: due,
		}
	}
	unknown := func(user string, access store.RuleAccess) store.Holder {
		return store.Holder{UserID: user, Active: true, UnknownAsOf: noon.Add(-time.Hour), RuleAccess: access,
			Sources: []store.Source{source(designer, "r1"), source(admin, "")}}
	}
	for n, user := range []string{"u1", "u2", "u3"} {
		put(t, s, acme, unknown(user, store.RuleAccess(n)))
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutSetAside(ctx, aside(user, noon.Add(time.Duration(n)*time.Minute)))
		})
	}
	put(t, s, acme, store.Holder{UserID: "u4", Active: true, Sources: []store.Source{source(designer, "r1")}})
	s = e.Reopen(t, s)
	t.Run("they are listed, counted and read", func(t *testing.T) {
		all := []store.SetAside{aside("u1", noon), aside("u2", noon.Add(time.Minute)), aside("u3", noon.Add(2*time.Minute))}
		if got := get[[]store.SetAside](t)(s.SetAside(ctx, acme, "", 9)); !slices.Equal(got, all) {
			t.Fatalf("listed are %+v", got)
		}
		if got := get[[]store.SetAside](t)(s.SetAside(ctx, acme, "u1", 1)); !slices.Equal(got, all[1:2]) {
			t.Fatalf("after the first comes %+v", got)
		}
		for _, c := range []struct {
			organization, user string
			count              int64
		}{{"", "", 3}, {acme, "", 3}, {acme, "u2", 1}, {acme, "u4", 0}, {other, "", 0}} {
			count, oldest, err := s.CountSetAside(ctx, c.organization, c.user)
			must(t, err)
			equal(t, "the count of "+c.organization+" "+c.user, count, c.count)
			equal(t, "that there is an oldest one", oldest.Equal(noon.Add(-time.Hour)), count > 0)
		}
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			got := get[map[string]store.SetAside](t)(tx.SetAsideUsers(ctx, []string{"u2", "u4", "none"}))
			if !reflect.DeepEqual(got, map[string]store.SetAside{"u2": all[1]}) {
				t.Fatalf("read are %+v", got)
			}
			return nil
		})
	})
	t.Run("those are work whose time has come, and those whom the settings do not reach yet", func(t *testing.T) {
		work := get[store.Work](t)(s.Work(ctx, acme, noon.Add(time.Minute), 9))
		if !slices.Equal(work.Due, []store.SetAside{aside("u1", noon), aside("u2", noon.Add(time.Minute))}) || !work.NextDue.Equal(noon) {
			t.Fatalf("due are %+v, next at %v", work.Due, work.NextDue)
		}
		if !slices.Equal(work.Unsettled, []string{"u2", "u3"}) {
			t.Fatalf("the settings say keep, and do not reach %v", work.Unsettled)
		}
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutSettings(ctx, store.Settings{WhenUnknown: store.SuspendUnknown})
		})
		equal(t, "the settings", get[store.Settings](t)(s.Settings(ctx, acme)), store.Settings{WhenUnknown: store.SuspendUnknown})
		equal(t, "another organization's settings", get[store.Settings](t)(s.Settings(ctx, other)), store.Settings{})
		work = get[store.Work](t)(s.Work(ctx, acme, noon, 9))
		equal(t, "the settings in the work", work.Settings.WhenUnknown, store.SuspendUnknown)
		if !slices.Equal(work.Unsettled, []string{"u1"}) {
			t.Fatalf("the settings say suspend, and do not reach %v", work.Unsettled)
		}
	})
	t.Run("access from rules counts unless it is suspended, manual access always", func(t *testing.T) {
		for user, want := range map[string]bool{"u1": true, "u2": false, "u3": false} {
			check := get[store.Check](t)(s.Check(ctx, acme, user, designer))
			equal(t, "what rules give "+user, check.Allowed, want)
			equal(t, "as of when it is known", check.UnknownAsOf.Equal(noon.Add(-time.Hour)), true)
			equal(t, "what a hand gave "+user, get[store.Check](t)(s.Check(ctx, acme, user, admin)).Allowed, true)
			for _, a := range get[[]store.Access](t)(s.Access(ctx, acme, store.AccessFilter{UserID: user}, store.AccessKey{}, 9)) {
				equal(t, "that it is effective in a list", a.Effective, want || a.Grant == admin)
				equal(t, "that it is unknown in a list", a.Unknown, true)
			}
		}
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			equal(t, "the count of designers", get[int](t)(tx.CountEffective(ctx, designer, 9)), 2)
			must(t, tx.DeleteSource(ctx, "u3", source(admin, "")))
			must(t, tx.PutSource(ctx, "u3", source(admin, "r1")))
			equal(t, "the count of admins", get[int](t)(tx.CountEffective(ctx, admin, 9)), 3)
			return nil
		})
	})
	t.Run("who is taken back is work no more", func(t *testing.T) {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.DeleteSetAside(ctx, []string{"u1", "u2", "u3", "none"}))
			for _, user := range []string{"u1", "u2", "u3"} {
				must(t, tx.PutHolder(ctx, store.Holder{UserID: user, Active: true}))
			}
			return nil
		})
		work := get[store.Work](t)(s.Work(ctx, acme, noon.Add(time.Hour), 9))
		if len(work.Due) > 0 || len(work.Unsettled) > 0 || !work.NextDue.IsZero() {
			t.Fatalf("left is %+v", work)
		}
		equal(t, "that access is known", get[store.Check](t)(s.Check(ctx, acme, "u2", designer)).UnknownAsOf.IsZero(), true)
	})
}

func testSuspensions(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	put(t, s, acme, store.Holder{UserID: "u1", Active: true, Sources: []store.Source{source(designer, "r1"), source(admin, "")}})
	put(t, s, other, store.Holder{UserID: "u1", Active: true, Sources: []store.Source{source(designer, "r1")}})
	suspension := func(user, reason string) store.Suspension {
		return store.Suspension{UserID: user, Reason: reason, SuspendedBy: "olga", CreateTime: noon}
	}
	suspend := func(user, reason string) (p store.Suspension) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			p, err = tx.Suspend(ctx, suspension(user, reason))
			return err
		})
		return p
	}
	allowed := func(organization, user string) bool {
		t.Helper()
		return get[store.Check](t)(s.Check(ctx, organization, user, designer)).Allowed
	}
	equal(t, "the suspension", suspend("u1", "leak"), suspension("u1", "leak"))
	equal(t, "the suspension that was there", suspend("u1", "again"), suspension("u1", "leak"))
	suspend("u9", "not known")
	s = e.Reopen(t, s)
	if got := get[[]store.Suspension](t)(s.Suspensions(ctx, acme, "", 9)); !slices.Equal(got, []store.Suspension{suspension("u1", "leak"), suspension("u9", "not known")}) {
		t.Fatalf("listed are %+v", got)
	}
	equal(t, "the suspension of a user", get[store.Suspension](t)(s.Suspension(ctx, acme, "u1")), suspension("u1", "leak"))
	equal(t, "the suspension of a user of another organization", get[store.Suspension](t)(s.Suspension(ctx, "other", "u1")), store.Suspension{})
	equal(t, "the second page", len(get[[]store.Suspension](t)(s.Suspensions(ctx, acme, "u1", 9))), 1)
	equal(t, "what the suspended user holds", allowed(acme, "u1"), false)
	equal(t, "what it holds elsewhere", allowed(other, "u1"), true)
	equal(t, "that a check says so", get[store.Check](t)(s.Check(ctx, acme, "u9", designer)).Suspended, true)
	for _, a := range get[[]store.Access](t)(s.Access(ctx, acme, store.AccessFilter{}, store.AccessKey{}, 9)) {
		if a.Effective || !a.Suspended {
			t.Fatalf("a list says %+v", a)
		}
	}
	// Writing or creating the holder does not end the suspension.
	put(t, s, acme, store.Holder{UserID: "u1", Active: true, Digest: "new", Sources: []store.Source{source(designer, "r2")}})
	put(t, s, acme, store.Holder{UserID: "u9", Active: true, Sources: []store.Source{source(designer, "r1")}})
	equal(t, "what it holds after a write", allowed(acme, "u1"), false)
	equal(t, "what a new holder holds", allowed(acme, "u9"), false)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		equal(t, "the effective designers", get[int](t)(tx.CountEffective(ctx, designer, 9)), 0)
		must(t, tx.DeleteHolder(ctx, "u9"))
		got := get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u1", "u9", "none"}))
		if len(got) != 2 || !got["u1"].Suspended || got["u1"].New || !reflect.DeepEqual(got["u9"], store.Holder{UserID: "u9", New: true, Suspended: true}) {
			t.Fatalf("read are %+v", got)
		}
		must(t, tx.Resume(ctx, "u1"))
		refused(t, tx.Resume(ctx, "u1"), fault.NotFound)
		return nil
	})
	equal(t, "what it holds after that", allowed(acme, "u1"), true)
	equal(t, "whose access is suspended", len(get[[]store.Suspension](t)(s.Suspensions(ctx, acme, "", 9))), 1)
}

func testProgress(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	equal(t, "the progress of nobody", len(get[map[string]store.Progress](t)(s.Progress(ctx, []string{acme, other}))), 0)
	equal(t, "a check of nobody", get[store.Check](t)(s.Check(ctx, acme, "u", designer)), store.Check{})
	set := func(asOf time.Time, behind bool) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.SetCheckpoint(ctx, "c1"))
			return tx.SetProgress(ctx, asOf, behind)
		})
	}
	is := func(asOf time.Time, behind bool) {
		t.Helper()
		want := store.Progress{Checkpoint: "c1", AsOf: asOf, Behind: behind}
		equal(t, "the progress", get[map[string]store.Progress](t)(s.Progress(ctx, []string{other, acme, acme}))[acme], want)
		equal(t, "the progress of the work", get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Progress, want)
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			equal(t, "the progress in a transaction", get[store.Progress](t)(tx.Progress(ctx)), want)
			return nil
		})
	}
	set(noon, true)
	is(noon, true)
	set(noon.Add(-time.Minute), false)
	is(noon, false)
	set(noon.Add(time.Minute), false)
	s = e.Reopen(t, s)
	is(noon.Add(time.Minute), false)
}

func testDetached(t *testing.T, e Engine) {
	s := e.Open(t)
	put(t, s, acme, store.Holder{UserID: "u1", Active: true, DirectoryID: "d1"})
	put(t, s, acme, store.Holder{UserID: "u2", Active: true, DirectoryID: "d2"})
	put(t, s, acme, store.Holder{UserID: "u3", Active: true, DirectoryID: "d2", Detached: true})
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CloseDirectory(ctx, "d1") })
	}
	must(t, s.Update(t.Context(), other, func(ctx context.Context, tx store.Tx) error { return tx.CloseDirectory(ctx, "d2") }))
	s = e.Reopen(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		got := get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u1", "u2", "u3"}))
		if !got["u1"].Detached || got["u2"].Detached || !got["u3"].Detached || got["u2"].DirectoryID != "d2" {
			t.Fatalf("read are %+v", got)
		}
		must(t, tx.ForgetClosedDirectories(ctx))
		got = get[map[string]store.Holder](t)(tx.Holders(ctx, []string{"u1", "u3"}))
		if got["u1"].Detached || !got["u3"].Detached {
			t.Fatalf("after that are %+v", got)
		}
		return nil
	})
}
