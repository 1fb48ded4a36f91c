package failedevents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// tally returns a tally of an hour, counted back from the current one, in which all messages but failed ones were accepted.
func (w *world) tally(n, hoursAgo int, accepted, failed int64) *failedeventsv1.MessageTally {
	hour := w.now.Truncate(time.Hour).Add(-time.Duration(hoursAgo) * time.Hour)
	t := &failedeventsv1.MessageTally{
		Id: id(n), OrganizationId: "acme", DirectoryId: directory, HourTime: timestamppb.New(hour), AcceptedCount: accepted, FailedCount: failed,
		RateLimitedCount: 1, LastMessageTime: timestamppb.New(hour.Add(3 * time.Minute)),
	}
	if accepted > 0 {
		t.LastAcceptedTime = timestamppb.New(hour.Add(2 * time.Minute))
	}
	if failed > 0 {
		t.LastFailedTime = timestamppb.New(hour.Add(time.Minute))
	}
	return t
}

func (w *world) addTallies(t *testing.T, tallies ...*failedeventsv1.MessageTally) {
	t.Helper()
	if _, err := w.record.RecordFailedEvents(t.Context(), &failedeventsv1.RecordFailedEventsRequest{Tallies: tallies}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) listActivity(t *testing.T, ask *failedeventsv1.ListActivityRequest) *failedeventsv1.ListActivityResponse {
	t.Helper()
	ask.OrganizationId = "acme"
	r, err := w.activity.ListActivity(admin(t.Context(), "acme"), ask)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// texts returns the counts of a directory.
func texts(a *failedeventsv1.DirectoryActivity) string {
	var all []string
	for _, c := range a.GetCounts() {
		all = append(all, fmt.Sprintf("%s %d %d %d", c.GetStartTime().AsTime().Format("02 15:04"), c.GetAcceptedCount(), c.GetFailedCount(), c.GetRateLimitedCount()))
	}
	return strings.Join(all, ", ")
}

func TestActivityAddsUpTallies(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // on the second of January at 03:04
	upper := w.tally(1, 0, 7, 1)
	upper.Id, upper.DirectoryId = strings.ToUpper(upper.Id), strings.ToUpper(upper.DirectoryId)
	w.addTallies(t, w.tally(1, 0, 5, 0), upper, w.tally(1, 0, 6, 1), w.tally(2, 0, 1, 0), w.tally(3, 4, 0, 2), w.tally(4, 24, 1, 0), w.tally(5, 25, 1, 0))
	list := w.listActivity(t, &failedeventsv1.ListActivityRequest{})
	if len(list.GetActivity()) != 1 || list.GetNextPageToken() != "" {
		t.Fatalf("got %v", list)
	}
	got := list.GetActivity()[0]
	if text, want := texts(got), "01 03:00 1 0 1, 01 23:00 0 2 1, 02 03:00 8 1 2"; text != want {
		t.Errorf("the last day has %s, want %s", text, want)
	}
	got.Counts = nil
	hour := w.now.Truncate(time.Hour)
	if want := (&failedeventsv1.DirectoryActivity{
		OrganizationId: "acme", DirectoryId: directory, LastMessageTime: timestamppb.New(hour.Add(3 * time.Minute)),
		LastAcceptedTime: timestamppb.New(hour.Add(2 * time.Minute)), LastFailedTime: timestamppb.New(hour.Add(time.Minute)),
	}); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	days := w.listActivity(t, &failedeventsv1.ListActivityRequest{
		Period: failedeventsv1.ActivityPeriod_ACTIVITY_PERIOD_DAY, StartTime: timestamppb.New(w.now.Add(-30 * 24 * time.Hour)), DirectoryId: strings.ToUpper(directory),
	})
	if text, want := texts(days.GetActivity()[0]), "01 00:00 2 2 3, 02 00:00 8 1 2"; text != want {
		t.Errorf("the days have %s, want %s", text, want)
	}
	if none := w.listActivity(t, &failedeventsv1.ListActivityRequest{DirectoryId: id(99)}); len(none.GetActivity()) != 0 {
		t.Errorf("a silent directory has %v", none)
	}
}

func TestPagesOfActivityAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tallies []*failedeventsv1.MessageTally
	for n := range 30 {
		tally := w.tally(1, 0, 1, 0)
		tally.DirectoryId = id(100 + n)
		tallies = append(tallies, tally)
	}
	w.addTallies(t, tallies...)
	ask := &failedeventsv1.ListActivityRequest{StartTime: timestamppb.New(w.now.Add(-30 * 24 * time.Hour)), PageSize: 1000}
	var pages []int
	seen := map[string]bool{}
	for {
		page := w.listActivity(t, ask)
		pages = append(pages, len(page.GetActivity()))
		for _, a := range page.GetActivity() {
			seen[a.GetDirectoryId()] = true
		}
		if ask.PageToken = page.GetNextPageToken(); ask.GetPageToken() == "" {
			break
		}
		other := proto.CloneOf(ask)
		other.Period = failedeventsv1.ActivityPeriod_ACTIVITY_PERIOD_DAY
		_, err := w.activity.ListActivity(admin(t.Context(), "acme"), other)
		expect(t, err, fault.PageToken)
	}
	if got := fmt.Sprint(pages); got != "[27 3]" || len(seen) != 30 { // 27 times 722 hours are less than 20,000
		t.Errorf("pages of %s with %d directories", got, len(seen))
	}
}

func TestRefusalsOfActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, ask := range map[string]*failedeventsv1.ListActivityRequest{
		"must be at most 30 days ago": {StartTime: timestamppb.New(w.now.Add(-30*24*time.Hour - 2*time.Hour))},
		"must not be in the future":   {StartTime: timestamppb.New(w.now.Add(2 * time.Hour))},
		"must be a valid time":        {StartTime: &timestamppb.Timestamp{Seconds: 1 << 60}},
	} {
		ask.OrganizationId = "acme"
		_, err := w.activity.ListActivity(admin(t.Context(), "acme"), ask)
		expect(t, err, fault.InvalidRequest)
		if err == nil || !strings.Contains(err.Error(), "start_time: "+name) {
			t.Errorf("%v does not say that start_time %s", err, name)
		}
	}
	wrong := map[string]func(*failedeventsv1.MessageTally){
		"tallies[1].hour_time: must be the beginning of an hour": func(m *failedeventsv1.MessageTally) { m.HourTime = m.GetLastMessageTime() },
		"tallies[1].last_failed_time: must be a valid time":      func(m *failedeventsv1.MessageTally) { m.LastFailedTime = &timestamppb.Timestamp{Nanos: -1} },
		"tallies[1].accepted_count":                              func(m *failedeventsv1.MessageTally) { m.AcceptedCount = -1 },
	}
	for text, change := range wrong {
		tally := w.tally(2, 0, 1, 1)
		change(tally)
		_, err := w.record.RecordFailedEvents(t.Context(), &failedeventsv1.RecordFailedEventsRequest{Tallies: []*failedeventsv1.MessageTally{w.tally(1, 0, 1, 1), tally}})
		expect(t, err, fault.InvalidRequest)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %s", err, text)
		}
	}
	if list := w.listActivity(t, &failedeventsv1.ListActivityRequest{}); len(list.GetActivity()) != 0 {
		t.Errorf("refused tallies count: %v", list)
	}
}

func TestOldTalliesAreDeleted(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "failedevents", failedevents.Migrate)
	on := func(c *failedevents.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
	w, before := newWorld(t, on), newWorld(t, on)
	before.now = w.now.Add(-32 * 24 * time.Hour) // it still shows what the other one deletes
	shown := func() string {
		return texts(before.listActivity(t, &failedeventsv1.ListActivityRequest{}).GetActivity()[0])
	}
	w.addTallies(t, before.tally(1, 0, 5, 0), w.tally(3, 0, 7, 0))
	if shown() != "01 03:00 5 0 1" {
		t.Errorf("there is %q", shown())
	}
	w.run(t)
	wait(t, "the old tally is gone", func() bool { return shown() == "" })
	ask := &failedeventsv1.ListActivityRequest{StartTime: timestamppb.New(w.now.Add(-30 * 24 * time.Hour))}
	if got := texts(w.listActivity(t, ask).GetActivity()[0]); got != "02 03:00 7 0 1" {
		t.Errorf("there is %q", got)
	}
}
