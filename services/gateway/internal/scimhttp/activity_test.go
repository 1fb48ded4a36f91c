package scimhttp

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Each authenticated message counts once, by its outcome, in the hour of its arrival.
func TestMessagesAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond, c.MaxBodyBytes = 10, 1000 })
	start := w.now
	at := func(seconds int) { w.now = start.Add(time.Duration(seconds) * time.Second) }
	code := func(a *answer, want int) {
		t.Helper()
		if a.Code != want {
			t.Errorf("got %d, want %d: %s", a.Code, want, a.Body)
		}
	}
	code(w.do("POST", "/Users", "{}"), 201)
	w.identity.err = fault.New(fault.NotFound, "no")
	at(1)
	code(w.do("GET", "/Users/"+someID, ""), 404) // a look-up, and no failure
	at(2)
	code(w.do("PATCH", "/Users/"+someID, "{}"), 404)
	at(3)
	if got := statuses(w.bulk("", `{"method":"DELETE","path":"/Users/`+someID+`"}`, `{"method":"DELETE","path":"/Users/`+someID+`"}`)); got != "404 404" {
		t.Errorf("the Bulk got %s", got)
	}
	code(w.do("GET", "/Users", "", "Authorization", "Bearer "+w.revoked.Reveal()), 401) // not a message of the directory
	w.identity.err = nil
	at(4)
	for range 10 {
		code(w.do("GET", "/Users/"+someID, ""), 200)
	}
	code(w.do("GET", "/Users/"+someID, ""), 429)
	at(3600)
	code(w.do("POST", "/Users", "{}"), 201)

	w.activity.Write(w.now)
	hour := start.Truncate(time.Hour)
	want := map[int64]*failedeventsv1.MessageTally{
		hour.Unix(): {
			AcceptedCount: 12, FailedCount: 2, RateLimitedCount: 1, LastMessageTime: timestamppb.New(start.Add(4 * time.Second)),
			LastAcceptedTime: timestamppb.New(start.Add(4 * time.Second)), LastFailedTime: timestamppb.New(start.Add(3 * time.Second)),
		},
		hour.Add(time.Hour).Unix(): {
			AcceptedCount: 1, LastMessageTime: timestamppb.New(w.now), LastAcceptedTime: timestamppb.New(w.now),
		},
	}
	if len(w.tallies) != len(want) || w.tallies[0].GetId() == w.tallies[1].GetId() {
		t.Fatalf("got %v", w.tallies)
	}
	for _, got := range w.tallies {
		tally := want[got.GetHourTime().GetSeconds()]
		tally.Id, tally.OrganizationId, tally.DirectoryId, tally.HourTime = got.GetId(), organization, directory, got.GetHourTime()
		if !proto.Equal(got, tally) {
			t.Errorf("got %v, want %v", got, tally)
		}
	}
	if failed := len(w.events.all()); failed != 3 { // a message, and two operations of a Bulk
		t.Errorf("there are %d failed events", failed)
	}
}

// A message that waited for a turn in vain counts as rate limited.
func TestMessagesOverTheirShareCountAsRateLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reserved := w.handler.config.InFlight.Open(directory)
	defer reserved.Close()
	if err := reserved.Reserve(32 << 20); err != nil {
		t.Fatal(err)
	}
	if a := w.do("POST", "/Users", "{}"); a.Code != 429 {
		t.Errorf("got %d: %s", a.Code, a.Body)
	}
	w.activity.Write(w.now)
	if len(w.tallies) != 1 || w.tallies[0].GetRateLimitedCount() != 1 || w.tallies[0].GetAcceptedCount() != 0 || w.tallies[0].GetLastAcceptedTime() != nil {
		t.Errorf("got %v", w.tallies)
	}
}
