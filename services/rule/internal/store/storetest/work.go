package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func testOwnership(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	until := noon.Add(10 * time.Second)
	acquire := func(owner string, now time.Time) (store.Lease, bool, time.Time) {
		t.Helper()
		lease, otherOwns, until, err := s.Acquire(ctx, acme, owner, now, now.Add(10*time.Second))
		must(t, err)
		return lease, otherOwns, until
	}
	owns := func(lease store.Lease) bool {
		t.Helper()
		err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error { return tx.Own(ctx, lease, time.Time{}) })
		if err != nil && !errors.Is(err, store.ErrLostOwnership) {
			t.Fatal(err)
		}
		return err == nil
	}
	first, otherOwns, _ := acquire("one", noon)
	if otherOwns || !owns(first) {
		t.Fatal("nobody owned it, and it could not be taken")
	}
	equal(t, "its end", first.Expire, until)
	if _, otherOwns, got := acquire("two", noon.Add(time.Second)); !otherOwns || !got.Equal(until) {
		t.Fatalf("two could acquire what one owns: owned %v until %v", otherOwns, got)
	}
	if _, otherOwns, _ := otherOf(t, s); otherOwns {
		t.Fatal("another organization was owned with it")
	}
	second, otherOwns, _ := acquire("two", until)
	if otherOwns || second.Token != first.Token+1 {
		t.Fatalf("after its end the organization was owned: %v, and the tokens went from %d to %d", otherOwns, first.Token, second.Token)
	}
	if owns(first) || !owns(second) {
		t.Fatal("the lease before still counts")
	}
	third, otherOwns, _ := acquire("two", until)
	if otherOwns || owns(second) || !owns(third) {
		t.Fatal("an owner could not take again what it owns")
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Own(ctx, third, until.Add(time.Hour)) })
	if _, otherOwns, got := acquire("one", until.Add(time.Minute)); !otherOwns || !got.Equal(until.Add(time.Hour)) {
		t.Fatalf("it was not extended: owned %v until %v", otherOwns, got)
	}
	must(t, s.Release(ctx, map[string]store.Lease{acme: second}))
	if _, otherOwns, _ := acquire("one", until); !otherOwns {
		t.Fatal("a lease from before could give it back")
	}
	must(t, s.Release(ctx, map[string]store.Lease{acme: third}))
	if _, otherOwns, _ := acquire("one", until); otherOwns {
		t.Fatal("it was not given back")
	}
}

func otherOf(t *testing.T, s store.Store) (store.Lease, bool, time.Time) {
	t.Helper()
	lease, otherOwns, until, err := s.Acquire(t.Context(), other, "two", noon, noon)
	must(t, err)
	return lease, otherOwns, until
}

func testCheckpoint(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	if work := get[store.Work](t)(s.Work(ctx, "nobody", noon, 9)); !reflect.DeepEqual(work, store.Work{}) {
		t.Fatalf("an unknown organization has work: %+v", work)
	}
	equal(t, "the first activity", get[string](t)(s.Activity(ctx)), "")
	must(t, s.SaveActivity(ctx, "c7", []string{acme, acme}))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		must(t, tx.SetCheckpoint(ctx, "c5"))
		must(t, tx.Requeue(ctx, []string{"u2", "u1", "u3"}))
		must(t, tx.Requeue(ctx, []string{"u2"}))
		return tx.SetRecovery(ctx, &store.Walk{PageToken: "p", After: "u"})
	})
	s = e.Reopen(t, s)
	equal(t, "the activity", get[string](t)(s.Activity(ctx)), "c7")
	work := get[store.Work](t)(s.Work(ctx, acme, noon, 2))
	equal(t, "the checkpoint", work.Progress.Checkpoint, "c5")
	if !slices.Equal(work.Requeued, []string{"u1", "u2"}) || work.Recovery == nil || *work.Recovery != (store.Walk{PageToken: "p", After: "u"}) {
		t.Fatalf("the work is %+v", work)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		must(t, tx.Unqueue(ctx, work.Requeued))
		return tx.SetRecovery(ctx, nil)
	})
	work = get[store.Work](t)(s.Work(ctx, acme, noon, 9))
	if !slices.Equal(work.Requeued, []string{"u3"}) || work.Recovery != nil {
		t.Fatalf("the work is %+v", work)
	}
}

func testExpansions(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	open := func() (all []string) {
		t.Helper()
		for _, e := range get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Expansions {
			all = append(all, e.GroupID+" "+e.From+" "+e.PageToken)
		}
		return all
	}
	is := func(want ...string) {
		t.Helper()
		if got := open(); !slices.Equal(got, want) {
			t.Fatalf("waiting are %q, not %q", got, want)
		}
	}
	first := func() store.Expansion {
		t.Helper()
		return get[store.Work](t)(s.Work(ctx, acme, noon, 1)).Expansions[0]
	}
	expand := func(group, from string) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.Expand(ctx, store.Expansion{GroupID: group, From: from, MessageID: "m", Traceparent: "t"})
		})
	}
	to := func(page string, done bool, within ...string) {
		t.Helper()
		e := first()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.ExpandWithin(ctx, e, within))
			return tx.ExpandedTo(ctx, e, page, done)
		})
	}
	expand("g9", "c1")
	expand("g1", "c2")
	expand("g9", "c3") // waits already
	is("g9 c1 ", "g1 c2 ")
	if e := first(); e.MessageID != "m" || e.Traceparent != "t" {
		t.Fatalf("the oldest is %+v", e)
	}
	to("p1", false, "g5", "g5", "g9") // a circle
	s = e.Reopen(t, s)
	is("g5 c1 ", "g9 c1 p1", "g1 c2 ")
	expand("g9", "c4") // g9 is being expanded: its first members were read too early for the new cause
	is("g5 c1 ", "g9 c1 p1", "g1 c2 ", "g9 c4 ")
	to("", true, "g1") // g1 waits, and now for an older cause as well
	is("g1 c1 ", "g9 c1 p1", "g9 c4 ")
	to("", true)
	to("", true, "g5", "g1") // both were begun after the cause
	is("g9 c4 ")
	to("", true, "g5", "g1") // and after this one
	is()
	expand("a", "c5")
	expand("z", "c5")
	to("", true, "m")
	to("", true)
	expand("a", "c6")
	is("z c5 ", "a c6 ")
	to("", true, "m") // m was begun after the cause
	is("a c6 ")
	to("", true, "m") // and before this one
	is("m c6 ")
	to("", true)
	is()
	expand("g1", "c5")
	to("", true, "g2")
	is("g2 c5 ")
	if got := get[store.Work](t)(s.Work(ctx, other, noon, 9)).Expansions; len(got) > 0 {
		t.Fatalf("another organization waits for %v", got)
	}
}

func testSyncs(t *testing.T, e Engine) {
	ctx, s, whole := t.Context(), e.Open(t), t // reopened stores end with the whole test
	sync := func(n int) store.Sync {
		return store.Sync{OrganizationID: acme, ID: fmt.Sprintf("s%d", n), State: store.SyncRunning, StartedBy: "olga", Traceparent: "t",
			CreateTime: noon, UpdateTime: noon}
	}
	create := func(n, keep int) error {
		return s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error { return tx.CreateSync(ctx, sync(n), keep) })
	}
	must(t, create(1, 9))
	t.Run("one runs at a time in an organization", func(t *testing.T) {
		err := create(2, 9)
		refused(t, err, fault.SyncRunning)
		var f *fault.Error
		if !errors.As(err, &f) || f.Metadata["sync_id"] != "s1" {
			t.Fatalf("the refusal is %+v", f)
		}
		must(t, s.Update(ctx, other, func(ctx context.Context, tx store.Tx) error {
			running := sync(1)
			running.OrganizationID = other
			return tx.CreateSync(ctx, running, 9)
		}))
		equal(t, "how many run", get[int](t)(s.RunningSyncs(ctx)), 2)
	})
	t.Run("its progress is kept, and is work while it runs", func(t *testing.T) {
		under := sync(1)
		under.Walk, under.UsersDone, under.Added, under.Removed, under.SetAside = store.Walk{PageToken: "p", After: "u"}, 5, 2, 1, 3
		under.SetAsideIDs, under.UsersTotal, under.Pace = "u1 u2 u3", 9, store.Pace{Users: 4, Micros: 7}
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutSync(ctx, under) })
		s = e.Reopen(whole, s)
		equal(t, "the work", *get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Sync, under)
		under.State, under.EndTime = store.SyncDone, noon.Add(time.Minute)
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			must(t, tx.PutSync(ctx, under))
			equal(t, "the sync", get[store.Sync](t)(tx.Sync(ctx, "s1")), under)
			refused(t, second(tx.Sync(ctx, "none")), fault.NotFound)
			return nil
		})
		equal(t, "the sync", get[store.Sync](t)(s.Sync(ctx, acme, "s1")), under)
		refused(t, second(s.Sync(ctx, acme, "none")), fault.NotFound)
		if get[store.Work](t)(s.Work(ctx, acme, noon, 9)).Sync != nil {
			t.Fatal("one that has ended is work")
		}
	})
	t.Run("they are listed newest first, and old ones are forgotten", func(t *testing.T) {
		for n := 2; n <= 5; n++ {
			must(t, create(n, 2))
			ended := sync(n)
			ended.State = store.SyncCancelled
			update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutSync(ctx, ended) })
		}
		must(t, create(6, 2))
		var ids []string
		for _, one := range get[[]store.Sync](t)(s.Syncs(ctx, acme, "", 9)) {
			ids = append(ids, one.ID)
		}
		if !slices.Equal(ids, []string{"s6", "s5", "s4"}) {
			t.Fatalf("listed %v", ids)
		}
		page := get[[]store.Sync](t)(s.Syncs(ctx, acme, "s6", 1))
		if len(page) != 1 || page[0].ID != "s5" {
			t.Fatalf("the second page is %v", page)
		}
	})
}

func testReports(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	report := func(organization, id string) store.Report {
		return store.Report{OrganizationID: organization, ID: id, Kind: store.ReportSetAside, UserID: "u", MessageID: "m", TraceID: "t", Detail: "d", Time: noon}
	}
	add := func(organization, id string) (room bool) {
		t.Helper()
		must(t, s.Update(ctx, organization, func(ctx context.Context, tx store.Tx) (err error) {
			room, err = tx.AddReport(ctx, report(organization, id), 2)
			return err
		}))
		return room
	}
	if !add(acme, "a3") || !add(acme, "a1") || add(acme, "a4") || !add(other, "a2") {
		t.Fatal("there is room for two of each organization")
	}
	s = e.Reopen(t, s)
	if got := get[[]store.Report](t)(s.Reports(ctx, 2)); !slices.Equal(got, []store.Report{report(acme, "a1"), report(other, "a2")}) {
		t.Fatalf("the oldest are %v", got)
	}
	must(t, s.DeleteReports(ctx, []store.Report{report(acme, "a1"), report(other, "a2")}))
	if got := get[[]store.Report](t)(s.Reports(ctx, 9)); !slices.Equal(got, []store.Report{report(acme, "a3")}) {
		t.Fatalf("left are %v", got)
	}
}
