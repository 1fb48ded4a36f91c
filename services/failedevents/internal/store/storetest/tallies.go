package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// hour returns the beginning of an hour, counted from midnight.
func hour(n int) time.Time { return time.Date(2026, 1, 2, n, 0, 0, 0, time.UTC) }

// tally returns a tally of acme whose last message was accepted, minutes after the beginning of the hour.
func tally(directory, id string, n, accepted, minutes int) store.Tally {
	at := hour(n).Add(time.Duration(minutes) * time.Minute)
	return store.Tally{
		OrganizationID: "acme", DirectoryID: directory, Hour: hour(n), ID: id, Counts: store.Counts{Accepted: int64(accepted)},
		Times: store.Times{LastMessage: at, LastAccepted: at},
	}
}

func recordTallies(t *testing.T, s store.Store, tallies ...store.Tally) {
	t.Helper()
	if err := s.RecordTallies(t.Context(), tallies); err != nil {
		t.Fatal(err)
	}
}

func all(organization string) store.DirectoryRange {
	return store.DirectoryRange{OrganizationID: organization, Last: "~"}
}

// counts adds up the counts of an organization by hour, as texts.
func counts(t *testing.T, s store.Store, of store.DirectoryRange, start, end time.Time, period time.Duration) []string {
	t.Helper()
	periods, err := s.Counts(t.Context(), of, start, end, period)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, p := range periods {
		texts = append(texts, fmt.Sprintf("%s %s: %d %d %d", p.DirectoryID, p.Start.UTC().Format("02 15:04"), p.Accepted, p.Failed, p.RateLimited))
	}
	return texts
}

func expectCounts(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	expect(t, "the counts", counts(t, s, all("acme"), hour(0), hour(72), time.Hour), append([]string{}, want...))
}

func activity(t *testing.T, s store.Store, of store.DirectoryRange, limit int) []store.Activity {
	t.Helper()
	list, err := s.Activity(t.Context(), of, limit)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func keepsTheGreatestCounts(t *testing.T, s store.Store) {
	first, second := tally("d1", "t1", 3, 5, 10), tally("d1", "t1", 3, 7, 20)
	second.Failed, second.RateLimited = 2, 1
	second.LastFailed = second.LastMessage
	for _, next := range [][]store.Tally{{first}, {second}, {first}, {second, first, second}, {second, first}, {first}, {}} {
		recordTallies(t, s, next...)
	}
	expectCounts(t, s, "d1 02 03:00: 7 2 1")
	expect(t, "the activity", activity(t, s, all("acme"), 10), []store.Activity{{DirectoryID: "d1", Times: second.Times}})
}

func addsUpGateways(t *testing.T, s store.Store) {
	failing := tally("d1", "t3", 4, 0, 1)
	failing.Failed, failing.LastAccepted, failing.LastFailed = 3, time.Time{}, failing.LastMessage
	recordTallies(t, s, tally("d1", "t1", 3, 5, 10), tally("d1", "t2", 3, 1, 50), failing, tally("d1", "t1", 27, 1, 0), tally("d2", "t1", 3, 9, 0))
	expectCounts(t, s, "d1 02 03:00: 6 0 0", "d1 02 04:00: 0 3 0", "d1 03 03:00: 1 0 0", "d2 02 03:00: 9 0 0")
	expect(t, "days", counts(t, s, all("acme"), hour(0), hour(72), 24*time.Hour),
		[]string{"d1 02 00:00: 6 3 0", "d1 03 00:00: 1 0 0", "d2 02 00:00: 9 0 0"})
	expect(t, "some hours", counts(t, s, all("acme"), hour(4), hour(27), time.Hour), []string{"d1 02 04:00: 0 3 0", "d1 03 03:00: 1 0 0"})
	one := store.DirectoryRange{OrganizationID: "acme", First: "d2", Last: "d2"}
	expect(t, "one directory", counts(t, s, one, hour(0), hour(72), time.Hour), []string{"d2 02 03:00: 9 0 0"})
	expect(t, "another organization", counts(t, s, all("other"), hour(0), hour(72), time.Hour), []string{})
	list := activity(t, s, all("acme"), 10)
	expect(t, "how many are active", len(list), 2)
	expect(t, "the last failure", list[0].LastFailed, failing.LastMessage)
	expect(t, "a directory without failures", list[1].LastFailed, time.Time{})
	expect(t, "a part", activity(t, s, all("acme"), 1), list[:1])
	expect(t, "the activity of one", activity(t, s, one, 10), list[1:])
	expect(t, "the activity of another organization", len(activity(t, s, all("other"), 10)), 0)
}

func talliesSideBySide(t *testing.T, s store.Store) {
	const directories, recorders, rounds = 20, 6, 5
	var running sync.WaitGroup
	for r := range recorders {
		running.Go(func() {
			for round := range rounds {
				var tallies []store.Tally
				for i := range directories {
					if r%2 == 0 {
						i = directories - 1 - i
					}
					tallies = append(tallies, tally(fmt.Sprintf("d%02d", i), fmt.Sprint("t", r%3), 3, round+1, round))
				}
				if err := s.RecordTallies(t.Context(), tallies); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	var want []string
	for i := range directories {
		want = append(want, fmt.Sprintf("d%02d 02 03:00: %d 0 0", i, 3*rounds))
	}
	expectCounts(t, s, want...)
}

func deletesOldTallies(t *testing.T, s store.Store) {
	theirs := tally("d9", "t1", 1, 1, 0)
	theirs.OrganizationID = "other"
	recordTallies(t, s, tally("d1", "t1", 1, 1, 0), tally("d1", "t2", 1, 1, 0), tally("d2", "t1", 2, 1, 0), tally("d1", "t1", 3, 4, 0), theirs)
	for _, want := range []int{3, 1, 0} {
		deleted, err := s.DeleteTallies(t.Context(), hour(3), 3)
		if err != nil || deleted != want {
			t.Errorf("%d were deleted, want %d: %v", deleted, want, err)
		}
	}
	expectCounts(t, s, "d1 02 03:00: 4 0 0")
	expect(t, "how many are active", len(activity(t, s, all("acme"), 10)), 2)
}

func erasesTallies(t *testing.T, s store.Store) {
	theirs := tally("d9", "t1", 1, 1, 0)
	theirs.OrganizationID = "other"
	recordTallies(t, s, tally("d1", "t1", 1, 1, 0), tally("d1", "t2", 1, 1, 0), tally("d1", "t1", 2, 1, 0), theirs)
	for _, want := range []int{3, 1, 0} { // two tallies and the activity, then the last tally
		expect(t, "how many were removed", erase(t, s, hour(3), hour(3), 2), want)
	}
	recordTallies(t, s, tally("d1", "t1", 2, 5, 59), tally("d1", "t3", 3, 5, 0), tally("d2", "t4", 3, 6, 1))
	expect(t, "how many are active", len(activity(t, s, all("acme"), 10)), 1)
	recordTallies(t, s, tally("d1", "t5", 3, 1, 2)) // it shows what is stored of its directory
	expectCounts(t, s, "d1 02 03:00: 1 0 0", "d2 02 03:00: 6 0 0")
	expect(t, "the other organization", counts(t, s, all("other"), hour(0), hour(72), time.Hour), []string{"d9 02 01:00: 1 0 0"})
}

func erasesBesideTallies(t *testing.T, s store.Store) {
	var running sync.WaitGroup
	running.Go(func() {
		for n := range 40 {
			if err := s.RecordTallies(t.Context(), []store.Tally{tally(fmt.Sprint("d", n), "t1", 3, 1, 0), tally("d", "t1", 3, n, 0)}); err != nil {
				t.Error(err)
			}
		}
	})
	for left := 1; left > 0; {
		left = erase(t, s, hour(4), hour(4), 10)
	}
	running.Wait()
	expectCounts(t, s)
	expect(t, "how many are active", len(activity(t, s, all("acme"), 100)), 0)
}
