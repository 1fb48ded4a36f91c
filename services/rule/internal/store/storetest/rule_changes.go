package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

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
