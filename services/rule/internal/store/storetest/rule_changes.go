package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

func testLoads(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	aside := func(user string, asOf time.Time) store.SetAside {
		return store.SetAside{UserID: user, Mode: store.Full, Detail: "why", AsOf: asOf, CreateTime: noon, RetryTime: noon}
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		must(t, tx.PutRule(ctx, rule("r1", designer)))
		must(t, tx.PutRule(ctx, rule("r2", designer)))
		must(t, tx.NoteRuleChange(ctx, "r2", noon, 9))
		must(t, tx.NoteRuleChange(ctx, "r2", noon.Add(time.Hour), 9))
		must(t, tx.NoteRuleChange(ctx, "deleted", noon, 9))
		must(t, tx.PutHolder(ctx, store.Holder{UserID: "u1", Active: true, UnknownAsOf: noon}))
		must(t, tx.PutHolder(ctx, store.Holder{UserID: "u2", Active: true, UnknownAsOf: noon.Add(-time.Hour)}))
		must(t, tx.PutSetAside(ctx, aside("u1", noon)))
		must(t, tx.PutSetAside(ctx, aside("u2", noon.Add(-time.Hour))))
		must(t, tx.PutSource(ctx, "u2", source(designer, "r1")))
		return tx.CreateSync(ctx, store.Sync{OrganizationID: acme, ID: "s", State: store.SyncRunning, CreateTime: noon, UpdateTime: noon}, 9)
	})
	must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error { return tx.NoteRuleChange(ctx, "r1", noon, 9) }))
	changes := get[[]store.RuleChange](t)(s.RuleChanges(ctx, acme))
	equal(t, "the number of changed rules", len(changes), 1)
	equal(t, "the changed rule", changes[0], store.RuleChange{RuleID: "r2", Time: noon})
	equal(t, "the number of changed rules of the other", len(get[[]store.RuleChange](t)(s.RuleChanges(ctx, other))), 0)
	loads := get[map[string]store.Load](t)(s.Loads(ctx, []string{acme, other, "none"}))
	equal(t, "what waits in acme", loads[acme], store.Load{SetAside: 2, OldestAsOf: noon.Add(-time.Hour), RulesWaiting: 2, SyncRunning: true})
	equal(t, "what waits in the other", loads[other], store.Load{RulesWaiting: 1})
	equal(t, "what waits in none", loads["none"], store.Load{})

	h, why, err := s.Holder(ctx, acme, "u2")
	must(t, err)
	if h.New || !h.Active || len(h.Sources) != 1 || h.Sources[0].RuleID != "r1" || !h.UnknownAsOf.Equal(noon.Add(-time.Hour)) {
		t.Fatalf("the holder is %+v", h)
	}
	equal(t, "why the user is set aside", why, aside("u2", noon.Add(-time.Hour)))
	h, why, err = s.Holder(ctx, other, "u2")
	must(t, err)
	if !h.New || len(h.Sources) > 0 || why != (store.SetAside{}) {
		t.Fatalf("the other organization has %+v, %+v", h, why)
	}
}

func testRuleChanges(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	note := func(rule string, minute int) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.NoteRuleChange(ctx, rule, at(minute), 3) })
	}
	wait := func(what string, count, minute int) {
		t.Helper()
		n, oldest, err := s.CountRuleChanges(ctx, acme)
		must(t, err)
		want := time.Time{}
		if count > 0 {
			want = at(minute)
		}
		equal(t, "the number of rules that wait "+what, n, count)
		equal(t, "the oldest change "+what, oldest, want)
	}
	syncs := 0
	begin := func() store.Sync {
		t.Helper()
		syncs++
		sync := store.Sync{OrganizationID: acme, ID: fmt.Sprintf("s%d", syncs), State: store.SyncRunning, CreateTime: noon, UpdateTime: noon}
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateSync(ctx, sync, 9) })
		return sync
	}
	end := func(sync store.Sync, state store.SyncState) {
		t.Helper()
		sync.State = state
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			if state == store.SyncDone {
				must(t, tx.ForgetRuleChanges(ctx))
			}
			return tx.PutSync(ctx, sync)
		})
	}
	wait("at first", 0, 0)
	note("r1", 1)
	note("r1", 2)
	note("r2", 3)
	wait("before the first sync", 2, 1)
	sync := begin()
	wait("while it runs", 2, 1)
	note("r2", 4)
	note("r2", 5)
	note("r3", 6)
	wait("with other changes", 3, 1)
	end(sync, store.SyncDone)
	wait("after it", 2, 4)
	note("r2", 7)
	wait("after another change", 2, 4)

	sync = begin()
	note("r2", 8)
	note("r1", 9)
	end(sync, store.SyncCancelled)
	wait("after a cancelled one", 3, 4)
	note("r4", 10)
	wait("beyond the limit", 3, 4)
	sync = begin()
	end(sync, store.SyncDone)
	wait("after all", 0, 0)
	note("r4", 11)
	wait("again", 1, 11)
	if n, _, err := s.CountRuleChanges(ctx, other); err != nil || n != 0 {
		t.Errorf("of another organization %d wait: %v", n, err)
	}
}
