package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// asked is when an erasure was requested.
var asked = noon.Add(time.Hour)

// staying are the tables that may keep rows of an erased organization: they contain only ids.
var staying = map[string]bool{"organizations": true, "access_feed": true, "access_feed_trimmed": true}

func testErasing(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	fill(t, s, acme)
	fill(t, s, other)
	follow(t, s, acme, feed.Cursor{}, 3, 9) // readable records can be trimmed
	if n, err := s.TrimAccessFeed(ctx, noon.Add(time.Second), 2); err != nil || n != 2 {
		t.Fatalf("trimmed %d: %v", n, err)
	}
	before, others := e.Rows(t, s, acme), e.Rows(t, s, other)
	for table, n := range before {
		if n == 0 {
			t.Errorf("this test writes nothing into the table %s", table)
		}
	}
	lease, _, _, err := s.Acquire(ctx, acme, "one", noon, noon.Add(time.Hour))
	must(t, err)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		must(t, tx.SetCheckpoint(ctx, "c"))
		must(t, tx.SetProgress(ctx, noon, true))
		must(t, tx.SetRecovery(ctx, &store.Walk{PageToken: "p", After: "u"}))
		return tx.PutSettings(ctx, store.Settings{WhenUnknown: store.SuspendUnknown})
	})
	generation := get[store.RuleSet](t)(s.RuleSet(ctx, acme)).Generation

	eraseAll(t, s)
	for table, n := range e.Rows(t, s, acme) {
		if n > 0 && !staying[table] {
			t.Errorf("the table %s has %d rows of an organization that was erased", table, n)
		}
		if staying[table] && n < before[table] {
			t.Errorf("the table %s has %d rows left of %d", table, n, before[table])
		}
	}
	if after := e.Rows(t, s, other); !maps.Equal(after, others) {
		t.Errorf("of another organization there are %v, and were %v", after, others)
	}

	must(t, s.Unmark(ctx, acme, asked))
	if work := get[store.Work](t)(s.Work(ctx, acme, noon.Add(time.Hour), 9)); !reflect.DeepEqual(work, store.Work{}) {
		t.Errorf("the work of a new organization is %+v", work)
	}
	equal(t, "the progress", get[map[string]store.Progress](t)(s.Progress(ctx, []string{acme}))[acme], store.Progress{})
	set := get[store.RuleSet](t)(s.RuleSet(ctx, acme))
	if equal(t, "the count of rules", len(set.Rules), 0); set.Generation <= generation {
		t.Errorf("the generation is %d, and was %d: rules that were kept compiled would apply", set.Generation, generation)
	}
	err = s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error { return tx.Own(ctx, lease, time.Time{}) })
	if !errors.Is(err, store.ErrLostOwnership) {
		t.Errorf("with a lease from before: %v", err)
	}
	again, otherOwns, _, err := s.Acquire(ctx, acme, "two", noon, noon.Add(time.Hour))
	if err != nil || otherOwns || again.Token <= lease.Token {
		t.Errorf("the new lease is %+v, otherwise owned %v: %v", again, otherOwns, err)
	}
}

func testMarks(t *testing.T, e Engine) {
	ctx, s, whole := t.Context(), e.Open(t), t // reopened stores end with the whole test
	nothing := func(context.Context, store.Tx) error { return nil }
	_, _, _, err := s.Acquire(ctx, acme, "one", noon, noon.Add(time.Hour))
	must(t, err)
	t.Run("a failed step marks nothing", func(t *testing.T) {
		err := s.Erase(ctx, acme, asked, func(context.Context, store.Tx) error { return errStop })
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		equal(t, "the count of marks", len(get[map[string]time.Time](t)(s.Marked(ctx))), 0)
		update(t, s, nothing)
	})
	t.Run("who is marked is refused until the end of it", func(t *testing.T) {
		must(t, s.Erase(ctx, acme, asked, nothing))
		must(t, s.Erase(ctx, "unknown", asked, nothing))
		must(t, s.Erase(ctx, acme, asked, nothing))
		s = e.Reopen(whole, s)
		must(t, s.SaveActivity(ctx, "c", []string{acme}))
		refused(t, s.Update(ctx, acme, nothing), fault.Erasing)
		refused(t, second(s.Work(ctx, acme, noon, 9)), fault.Erasing)
		for _, owner := range []string{"one", "two"} {
			_, _, _, err := s.Acquire(ctx, acme, owner, noon.Add(2*time.Hour), noon.Add(3*time.Hour))
			refused(t, err, fault.Erasing)
		}
		progress := get[map[string]store.Progress](t)(s.Progress(ctx, []string{acme, other}))
		equal(t, "that it is said with the progress", progress[acme].Erasing, true)
		if marked := get[map[string]time.Time](t)(s.Marked(ctx)); !maps.EqualFunc(marked, map[string]time.Time{acme: asked, "unknown": asked}, time.Time.Equal) {
			t.Fatalf("marked are %v", marked)
		}
		must(t, s.Update(ctx, other, nothing))
	})
	t.Run("an end of another erasure ends nothing", func(t *testing.T) {
		must(t, s.Unmark(ctx, acme, asked.Add(-time.Second)))
		refused(t, s.Update(ctx, acme, nothing), fault.Erasing)
	})
	t.Run("after the end it is another organization, which the erasure does not touch", func(t *testing.T) {
		must(t, s.Unmark(ctx, acme, asked))
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateTenant(ctx, tenant(acme, "new")) })
		refused(t, s.Erase(ctx, acme, asked, nothing), fault.Conflict)
		update(t, s, nothing)
		must(t, s.Erase(ctx, acme, asked.Add(time.Minute), nothing))
		refused(t, s.Update(ctx, acme, nothing), fault.Erasing)
		must(t, s.Unmark(ctx, acme, asked))
		refused(t, s.Update(ctx, acme, nothing), fault.Erasing)
	})
}

func testFirstSources(t *testing.T, e Engine) {
	ctx, s := t.Context(), e.Open(t)
	one := store.Holder{UserID: "u1", Active: true, Suspended: true, Sources: []store.Source{source(admin, "r1"), source(designer, "r1"), source(designer, "")}}
	two := store.Holder{UserID: "u2", Active: true, UnknownAsOf: noon, RuleAccess: store.RuleAccessSpared, Sources: []store.Source{source(designer, "r1"), source(designer, "r2")}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return second(tx.Suspend(ctx, store.Suspension{UserID: "u1", CreateTime: noon}))
	})
	put(t, s, acme, one)
	put(t, s, acme, two)
	put(t, s, acme, store.Holder{UserID: "u0"})
	put(t, s, other, store.Holder{UserID: "u0", Sources: []store.Source{source(admin, "r1")}})
	must(t, s.Erase(ctx, acme, asked, func(ctx context.Context, tx store.Tx) error {
		two.Sources = two.Sources[:1]
		if got := get[[]store.Holder](t)(tx.FirstSources(ctx, 4)); !reflect.DeepEqual(got, []store.Holder{one, two}) {
			t.Errorf("read %+v", got)
		}
		return nil
	}))
}

// eraseAll erases acme in small steps.
func eraseAll(t *testing.T, s store.Store) {
	t.Helper()
	const some = 7
	for left := true; left; {
		must(t, s.Erase(t.Context(), acme, asked, func(ctx context.Context, tx store.Tx) error {
			holders := get[[]store.Holder](t)(tx.FirstSources(ctx, some))
			for _, h := range holders {
				for _, from := range h.Sources {
					must(t, tx.DeleteSource(ctx, h.UserID, from))
				}
			}
			n := 0
			if len(holders) == 0 {
				n = get[int](t)(tx.EraseRows(ctx, some))
			}
			if n > some {
				t.Fatalf("one step removed %d rows", n)
			}
			left = len(holders)+n > 0
			return nil
		}))
	}
}

// fill writes some of all kinds of data of an organization.
func fill(t *testing.T, s store.Store, organization string) {
	t.Helper()
	must(t, s.Update(t.Context(), organization, func(ctx context.Context, tx store.Tx) error {
		for n := range 3 {
			id := fmt.Sprint(n)
			must(t, tx.CreateTenant(ctx, tenant(organization, id)))
			r := rule(id, designer, admin)
			r.Pins = []store.Pin{{DirectoryID: "d", GroupID: "g", State: store.Pinned, Time: noon}}
			must(t, tx.PutRule(ctx, r))
			must(t, tx.NoteRuleChange(ctx, id, noon, 9))
			must(t, tx.PutSource(ctx, id, source(designer, id)))
			must(t, tx.PutSource(ctx, id, source(designer, "")))
			must(t, tx.PutHolder(ctx, store.Holder{UserID: id, Active: true, UnknownAsOf: noon}))
			must(t, second(tx.Suspend(ctx, store.Suspension{UserID: id, Reason: "why", SuspendedBy: "olga", CreateTime: noon})))
			must(t, tx.PutSetAside(ctx, store.SetAside{UserID: id, Mode: store.Full, Detail: "why", AsOf: noon, CreateTime: noon, RetryTime: noon}))
			must(t, tx.CloseDirectory(ctx, id))
			must(t, tx.Expand(ctx, store.Expansion{GroupID: id}))
			must(t, tx.Requeue(ctx, []string{id}))
			must(t, second(tx.AddReport(ctx, store.Report{OrganizationID: organization, ID: id, Kind: store.ReportRetained, UserID: id, Time: noon}, 9)))
			sync := store.Sync{OrganizationID: organization, ID: id, State: store.SyncRunning, StartedBy: "olga", CreateTime: noon, UpdateTime: noon}
			must(t, tx.CreateSync(ctx, sync, 9))
			if sync.State = store.SyncDone; n < 2 {
				must(t, tx.PutSync(ctx, sync))
			}
			must(t, tx.PutRequestRecord(ctx, requestid.Record{Request: requestid.Request{Key: requestid.Key{Principal: "p", RequestType: "m", ID: id}}, CreateTime: noon}, noon))
			must(t, tx.AppendChanges(ctx, []store.Change{change(id, store.Added, noon)}))
		}
		return nil
	}))
}
