package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// of returns an event with a directory and a reason.
func of(id string, seconds int, directory, reason string) store.Event {
	e := at(id, seconds)
	e.DirectoryID, e.Reason = directory, reason
	return e
}

func countsReasons(t *testing.T, s store.Store) {
	theirs := of("a", 9, "d1", "T")
	theirs.OrganizationID = "other"
	record(t, s, of("a", 1, "d1", "X"), of("b", 2, "d2", "X"), of("c", 3, "d1", "X"), of("d", 4, "d1", "X"), of("e", 5, "d2", "Y"),
		of("f", 6, "d1", "Z"), theirs)
	for _, id := range []string{"d", "f"} {
		if _, err := s.Acknowledge(t.Context(), "acme", id, "admin", start()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name           string
		organization   string
		directory      string
		open           bool
		reasons, limit int
		want           []string // reason, count, second of the newest
	}{
		{"all", "acme", "", false, 10, 10, []string{"X 4 4", "Y 1 5", "Z 1 6"}},
		{"open", "acme", "", true, 10, 10, []string{"X 3 3", "Y 1 5"}},
		{"of a directory", "acme", "d1", false, 10, 10, []string{"X 3 4", "Z 1 6"}},
		{"open of a directory", "acme", "d1", true, 10, 10, []string{"X 2 3"}},
		{"at the limit", "acme", "", false, 10, 4, []string{"X 4 4", "Y 1 5", "Z 1 6"}},
		{"over the limit", "acme", "", false, 10, 3, []string{"X 3 4", "Y 1 5", "Z 1 6"}},
		{"of some reasons", "acme", "", false, 2, 10, []string{"X 4 4", "Y 1 5"}},
		{"of nothing", "nobody", "", false, 10, 10, []string{}},
	} {
		found, err := s.CountReasons(t.Context(), c.organization, c.directory, c.open, c.reasons, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, f := range found {
			got = append(got, fmt.Sprint(f.Reason, " ", f.Count, " ", f.Newest.Sub(start()).Seconds()))
		}
		expect(t, c.name, got, c.want)
	}
}

func acknowledgesAllOfAReason(t *testing.T, s store.Store) {
	theirs := of("a", 1, "d1", "X")
	theirs.OrganizationID = "other"
	record(t, s, of("a", 1, "d1", "X"), of("b", 2, "d1", "X"), of("c", 3, "d2", "X"), of("d", 4, "d1", "X"), of("e", 1, "d1", "Y"), theirs)
	if _, err := s.Acknowledge(t.Context(), "acme", "a", "first", start()); err != nil {
		t.Fatal(err)
	}
	step := func(directory string, seconds, limit, acknowledged int, more bool) {
		t.Helper()
		n, left, err := s.AcknowledgeSome(t.Context(), "acme", directory, "X", at("", seconds).Time, "second", start().Add(time.Hour), limit)
		if err != nil || n != acknowledged || left != more {
			t.Errorf("%d were acknowledged, and more are left: %v, %v", n, left, err)
		}
	}
	open := func(want ...string) {
		t.Helper()
		expect(t, "open are", list(t, s, "acme", store.Filter{OpenOnly: true}, store.Place{}, 10), want)
	}
	step("d2", 2, 10, 0, false)
	step("d1", 2, 10, 1, false) // just up to the time
	open("d", "c", "e")
	step("", 4, 1, 1, true)
	step("", 4, 1, 1, true)
	step("", 4, 1, 0, false)
	open("e")
	expect(t, "of others are open", list(t, s, "other", store.Filter{OpenOnly: true}, store.Place{}, 10), []string{"a"})
	for id, want := range map[string]string{"a": "first", "b": "second"} {
		e, err := s.Event(t.Context(), "acme", id)
		if err != nil || e.AcknowledgedBy != want {
			t.Errorf("%s was acknowledged by %q: %v", id, e.AcknowledgedBy, err)
		}
	}
}

func acknowledgesAllSideBySide(t *testing.T, s store.Store) {
	const many = 60
	for i := range many {
		record(t, s, of(fmt.Sprintf("e%02d", i), i, "d1", "X"))
	}
	var running sync.WaitGroup
	var sum atomic.Int64
	for range 4 {
		running.Go(func() {
			for more := true; more; {
				n, left, err := s.AcknowledgeSome(t.Context(), "acme", "", "X", at("", many).Time, "admin", start(), 7)
				if err != nil {
					t.Error(err)
				}
				sum.Add(int64(n))
				more = left
			}
		})
	}
	running.Wait()
	expect(t, "how many were acknowledged", sum.Load(), int64(many))
	expect(t, "open are", list(t, s, "acme", store.Filter{OpenOnly: true}, store.Place{}, 10), []string{})
}
