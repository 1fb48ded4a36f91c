package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Erased checks that nothing is left of an erased organization, in any table with rows of organizations. rows counts its rows by table,
// for all such tables in the database's own catalogue.
func Erased(t *testing.T, s store.Store, rows func(organizationID string) map[string]int) {
	t.Helper()
	theirs := whole("e1")
	theirs.OrganizationID = "other"
	record(t, s, whole("e1"), whole("e2"), theirs)
	theirTally := tally("d1", "t1", 1, 1, 0)
	theirTally.OrganizationID = "other"
	recordTallies(t, s, tally("d1", "t1", 1, 1, 0), theirTally)
	for _, organization := range []string{"acme", "other"} {
		eraseNames(t, s, organization, 10, store.DeletedUser{ID: "nobody", Until: start()})
	}
	erase(t, s, start(), start().Add(time.Hour), 10)
	erase(t, s, start(), start().Add(time.Hour), 10)
	for table, n := range rows("acme") {
		if table != "erased" && n > 0 {
			t.Errorf("the table %s has %d rows of an organization that was erased", table, n)
		}
		if table != "erased" && rows("other")[table] == 0 {
			t.Errorf("this test writes nothing into the table %s", table)
		}
	}
}

// erase does a step of an erasure of acme.
func erase(t *testing.T, s store.Store, asked, now time.Time, limit int) int {
	t.Helper()
	n, err := s.Erase(t.Context(), "acme", asked, now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func recordsAnyTime(t *testing.T, s store.Store) {
	for n, at := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-1, 0).UTC()} {
		e := whole(fmt.Sprint("e", n))
		e.Time = at
		record(t, s, e)
	}
}

func erases(t *testing.T, s store.Store) {
	theirs := whole("e1")
	theirs.OrganizationID = "other"
	record(t, s, theirs)
	for n := range 5 {
		record(t, s, at(fmt.Sprint("e", n), n))
	}
	asked := start().Add(time.Minute)
	for step, want := range []int{2, 2, 1, 0} {
		expect(t, "how many were removed", erase(t, s, asked, asked.Add(time.Duration(step)*time.Minute), 2), want)
	}
	erase(t, s, asked, asked, 2) // by a process whose clock is behind
	late, last, next := at("late", 0), at("last", 240), at("next", 241)
	dropped, err := s.Record(t.Context(), []store.Event{late, last, next, late})
	if err != nil || dropped != 3 {
		t.Errorf("%d were dropped: %v", dropped, err)
	}
	expect(t, "the list", list(t, s, "acme", store.Filter{}, store.Place{}, 10), []string{"next"})
	expect(t, "the other list", list(t, s, "other", store.Filter{}, store.Place{}, 10), []string{"e1"})
}

func erasesOneOrganization(t *testing.T, s store.Store) {
	asked, next := start().Add(time.Minute), start().Add(time.Hour)
	erase(t, s, asked, asked, 10)
	unmark := func(of time.Time) {
		t.Helper()
		if err := s.Unmark(t.Context(), "acme", of); err != nil {
			t.Fatal(err)
		}
	}
	marked := func() map[string]time.Time {
		t.Helper()
		all, err := s.Marked(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	unmark(start())
	if all := marked(); len(all) != 1 || !all["acme"].Equal(asked) {
		t.Errorf("marked are %v", all)
	}
	unmark(asked)
	expect(t, "how many are marked", len(marked()), 0)
	record(t, s, at("new", 61))
	if _, err := s.Erase(t.Context(), "acme", asked, next, 10); !fault.Is(err, fault.Conflict) {
		t.Errorf("the erasure of the one before: %v", err)
	}
	expect(t, "the list", list(t, s, "acme", store.Filter{}, store.Place{}, 10), []string{"new"})
	record(t, s, at("newer", 62))
	expect(t, "how many the next erasure removes", erase(t, s, next, next, 10), 2)
}

func erasesBesideRecording(t *testing.T, s store.Store) {
	asked := start().Add(time.Hour)
	const many = 40
	var running sync.WaitGroup
	running.Go(func() {
		for n := range many {
			if _, err := s.Record(t.Context(), []store.Event{at(fmt.Sprint("e", n), n), at(fmt.Sprint("f", n), n)}); err != nil {
				t.Error(err)
			}
		}
	})
	for left := 1; left > 0; {
		left = erase(t, s, asked, asked, 10)
	}
	// Everything that is recorded from here on is dropped.
	running.Wait()
	expect(t, "the list", list(t, s, "acme", store.Filter{}, store.Place{}, many), []string{})
}
