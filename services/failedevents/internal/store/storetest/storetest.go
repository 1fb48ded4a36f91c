// Package storetest is the test suite that every engine of the failedevents store passes.
package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Run tests an engine. open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	cases := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"an event is read as it was recorded", readsWhatWasRecorded},
		{"recording an id again leaves the event as it is", recordsOnce},
		{"an id is unique within its organization only", organizationsAreApart},
		{"an event of another organization is not there", othersAreNotThere},
		{"a list is newest first, and by id where times are equal", listsNewestFirst},
		{"pages meet each event once while others are recorded", pagesWhileWriting},
		{"a list can be filtered", filters},
		{"the first acknowledgement stays", acknowledgesOnce},
		{"the first of many acknowledgements at once stays", acknowledgesOnceAtATime},
		{"many record the same events at once, in any order", recordsSideBySide},
		{"the first of two with one id in a batch stays", recordsTheFirst},
		{"recording nothing is nothing", func(t *testing.T, s store.Store) { record(t, s) }},
		{"an event of any time is recorded where nothing was erased", recordsAnyTime},
		{"events are counted by reason, up to a limit", countsReasons},
		{"all open events of a reason are acknowledged, in steps", acknowledgesAllOfAReason},
		{"many acknowledge all events of a reason at once", acknowledgesAllSideBySide},
		{"the names of a deleted user are erased, by id and by name", erasesNames},
		{"erased names are not recorded later", recordsNoErasedName},
		{"deleted users are forgotten after a time", trimsErasedNames},
		{"names are erased while events are recorded", erasesNamesBesideRecording},
		{"an erasure removes events in steps, and those that come late are dropped", erases},
		{"the next organization of an id is not touched", erasesOneOrganization},
		{"what is recorded while an organization is erased is erased too", erasesBesideRecording},
		{"a tally that is repeated or late changes nothing", keepsTheGreatestCounts},
		{"the tallies of gateways are added up by period", addsUpGateways},
		{"many record tallies at once, in any order", talliesSideBySide},
		{"old tallies are deleted in steps, and the times of the last messages stay", deletesOldTallies},
		{"an erasure removes tallies in steps, and those that come late are dropped", erasesTallies},
		{"tallies that are recorded while an organization is erased are erased too", erasesBesideTallies},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC) }

func record(t *testing.T, s store.Store, events ...store.Event) {
	t.Helper()
	if dropped, err := s.Record(t.Context(), events); err != nil || dropped > 0 {
		t.Fatalf("%d were dropped: %v", dropped, err)
	}
}

func list(t *testing.T, s store.Store, organization string, f store.Filter, after store.Place, limit int) []string {
	t.Helper()
	events, err := s.Events(t.Context(), organization, f, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}

func whole(id string) store.Event {
	return store.Event{
		OrganizationID: "acme", ID: id, DirectoryID: "d1", MessageID: "m1", Source: 1, Time: start(),
		Operation: "PATCH /Users/{id}", ResourceID: "u1", Status: 409, Reason: "SCIM_UNIQUENESS", SCIMType: "uniqueness",
		Detail: "Another user has it.", Remedy: "Change it.", AdminAction: "Nothing.", TraceID: "abc",
		Subject: "Ann@example.com", ConflictingResourceID: "u2", ConflictingName: "ann@example.com",
	}
}

func readsWhatWasRecorded(t *testing.T, s store.Store) {
	record(t, s, whole("e1"))
	got, err := s.Event(t.Context(), "acme", "e1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "the event", got, whole("e1"))
}

func recordsOnce(t *testing.T, s store.Store) {
	record(t, s, whole("e1"))
	if _, err := s.Acknowledge(t.Context(), "acme", "e1", "admin", start()); err != nil {
		t.Fatal(err)
	}
	again := whole("e1")
	again.Detail = "something else"
	record(t, s, again, whole("e2"))
	got, err := s.Event(t.Context(), "acme", "e1")
	if err != nil {
		t.Fatal(err)
	}
	want := whole("e1")
	want.AcknowledgeTime, want.AcknowledgedBy = start(), "admin"
	expect(t, "the event", got, want)
	expect(t, "the list", list(t, s, "acme", store.Filter{}, store.Place{}, 10), []string{"e2", "e1"})
}

func organizationsAreApart(t *testing.T, s store.Store) {
	theirs := whole("e1")
	theirs.OrganizationID, theirs.Detail = "other", "theirs"
	record(t, s, whole("e1"), theirs)
	for _, want := range []store.Event{whole("e1"), theirs} {
		got, err := s.Event(t.Context(), want.OrganizationID, "e1")
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "the event", got, want)
		expect(t, "the list", list(t, s, want.OrganizationID, store.Filter{}, store.Place{}, 10), []string{"e1"})
	}
}

func othersAreNotThere(t *testing.T, s store.Store) {
	record(t, s, whole("e1"))
	if _, err := s.Event(t.Context(), "other", "e1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("reading: %v", err)
	}
	if _, err := s.Event(t.Context(), "acme", "e1\x00"); !fault.Is(err, fault.NotFound) {
		t.Errorf("reading one whose id can't be: %v", err)
	}
	if _, err := s.Acknowledge(t.Context(), "other", "e1", "admin", start()); !fault.Is(err, fault.NotFound) {
		t.Errorf("acknowledging: %v", err)
	}
	expect(t, "the list", list(t, s, "other", store.Filter{}, store.Place{}, 10), []string{})
}

func at(id string, seconds int) store.Event {
	e := whole(id)
	e.Time = start().Add(time.Duration(seconds) * time.Second)
	return e
}

func listsNewestFirst(t *testing.T, s store.Store) {
	record(t, s, at("b", 1), at("a", 1), at("c", 0), at("d", 2))
	expect(t, "the list", list(t, s, "acme", store.Filter{}, store.Place{}, 10), []string{"d", "b", "a", "c"})
	expect(t, "a part", list(t, s, "acme", store.Filter{}, store.Place{}, 2), []string{"d", "b"})
}

func pagesWhileWriting(t *testing.T, s store.Store) {
	var want, got []string
	for i := range 9 {
		id := fmt.Sprintf("e%d", 8-i)
		record(t, s, at(id, (8-i)/3)) // three share a time
		want = append(want, id)
	}
	var place store.Place
	for page := 0; ; page++ {
		events, err := s.Events(t.Context(), "acme", store.Filter{}, place, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			got = append(got, e.ID)
			place = store.Place{Time: e.Time, ID: e.ID}
		}
		record(t, s, at(fmt.Sprintf("new%d", page), 100+page))
	}
	expect(t, "all pages", got, want)
}

func filters(t *testing.T, s store.Store) {
	change := func(e store.Event, directory, message, reason string) store.Event {
		e.DirectoryID, e.MessageID, e.Reason = directory, message, reason
		return e
	}
	record(t, s, change(at("a", 1), "d1", "m1", "X"), change(at("b", 2), "d1", "m2", "Y"), change(at("c", 3), "d2", "m3", "X"),
		change(at("d", 4), "", "m1", "X"))
	if _, err := s.Acknowledge(t.Context(), "acme", "b", "admin", start()); err != nil {
		t.Fatal(err)
	}
	second := func(n int) time.Time { return at("", n).Time }
	for _, c := range []struct {
		name   string
		filter store.Filter
		after  store.Place
		want   []string
	}{
		{"none", store.Filter{}, store.Place{}, []string{"d", "c", "b", "a"}},
		{"directory", store.Filter{DirectoryID: "d1"}, store.Place{}, []string{"b", "a"}},
		{"message", store.Filter{MessageID: "m1"}, store.Place{}, []string{"d", "a"}},
		{"open", store.Filter{OpenOnly: true}, store.Place{}, []string{"d", "c", "a"}},
		{"open of a directory", store.Filter{DirectoryID: "d1", OpenOnly: true}, store.Place{}, []string{"a"}},
		{"directory and message", store.Filter{DirectoryID: "d1", MessageID: "m2"}, store.Place{}, []string{"b"}},
		{"nothing matches", store.Filter{DirectoryID: "d2", MessageID: "m1"}, store.Place{}, []string{}},
		{"open, after a place", store.Filter{OpenOnly: true}, store.Place{Time: second(3), ID: "c"}, []string{"a"}},
		{"reason", store.Filter{Reason: "X"}, store.Place{}, []string{"d", "c", "a"}},
		{"a part of a reason", store.Filter{Reason: "x"}, store.Place{}, []string{}},
		{"reason of a directory", store.Filter{Reason: "Y", DirectoryID: "d1"}, store.Place{}, []string{"b"}},
		{"open of a reason", store.Filter{Reason: "Y", OpenOnly: true}, store.Place{}, []string{}},
		{"open of a reason and a directory", store.Filter{Reason: "X", OpenOnly: true, DirectoryID: "d1"}, store.Place{}, []string{"a"}},
		{"reason of a message", store.Filter{Reason: "X", MessageID: "m1"}, store.Place{}, []string{"d", "a"}},
		{"from a time", store.Filter{Start: second(2)}, store.Place{}, []string{"d", "c", "b"}},
		{"before a time", store.Filter{End: second(2)}, store.Place{}, []string{"a"}},
		{"between times", store.Filter{Start: second(2), End: second(4)}, store.Place{}, []string{"c", "b"}},
		{"between times, after a place", store.Filter{Start: second(2), End: second(4)}, store.Place{Time: second(3), ID: "c"}, []string{"b"}},
		{"times and everything else", store.Filter{Start: second(1), End: second(2), Reason: "X", DirectoryID: "d1", OpenOnly: true}, store.Place{}, []string{"a"}},
		{"times and a message", store.Filter{Start: second(2), MessageID: "m1"}, store.Place{}, []string{"d"}},
	} {
		expect(t, c.name, list(t, s, "acme", c.filter, c.after, 10), c.want)
	}
}

func acknowledgesOnce(t *testing.T, s store.Store) {
	record(t, s, whole("e1"))
	want := whole("e1")
	want.AcknowledgeTime, want.AcknowledgedBy = start().Add(time.Hour), "first"
	for i, by := range []string{"first", "second"} {
		got, err := s.Acknowledge(t.Context(), "acme", "e1", by, start().Add(time.Duration(i+1)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, by, got, want)
	}
	got, err := s.Event(t.Context(), "acme", "e1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "the stored event", got, want)
}

func acknowledgesOnceAtATime(t *testing.T, s store.Store) {
	const many = 8
	record(t, s, whole("e1"))
	var running sync.WaitGroup
	answers := make([]store.Event, many)
	for i := range many {
		running.Go(func() {
			var err error
			answers[i], err = s.Acknowledge(t.Context(), "acme", "e1", fmt.Sprint("admin-", i), start().Add(time.Duration(i+1)*time.Hour))
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	want, err := s.Event(t.Context(), "acme", "e1")
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range answers {
		expect(t, "what each was told", got, want)
	}
}

func recordsSideBySide(t *testing.T, s store.Store) {
	const many, recorders, rounds = 40, 6, 5
	var running sync.WaitGroup
	for r := range recorders {
		running.Go(func() {
			for round := range rounds {
				var events []store.Event
				for i := range many {
					if r%2 == 0 {
						i = many - 1 - i
					}
					events = append(events, at(fmt.Sprintf("e%d-%02d", round, i), i))
				}
				if _, err := s.Record(t.Context(), events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	expect(t, "how many there are", len(list(t, s, "acme", store.Filter{}, store.Place{}, 1000)), many*rounds)
}

func recordsTheFirst(t *testing.T, s store.Store) {
	second := whole("e1")
	second.Detail = "second"
	record(t, s, whole("e1"), second)
	got, err := s.Event(t.Context(), "acme", "e1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "the event", got, whole("e1"))
}
