package failedevents_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

const userID = "0198A000-0000-7000-8000-00000000000A"

// named returns a POST of ann, in conflict with another user.
func (w *world) named(n int, subject, conflictingID, conflicting string) *failedeventsv1.FailedEvent {
	e := w.event(n)
	e.ResourceId, e.Subject, e.ConflictingResourceId, e.ConflictingName = "", subject, conflictingID, conflicting
	return e
}

// eraseNames erases the names of ann, who was deleted some seconds from now.
func (w *world) eraseNames(t *testing.T, seconds int) {
	t.Helper()
	_, err := w.erase.EraseNames(t.Context(), &failedeventsv1.EraseNamesRequest{Users: []*failedeventsv1.DeletedUser{{
		OrganizationId: "acme", UserId: userID, UserName: "ann@example.com", DeleteTime: timestamppb.New(w.now.Add(time.Duration(seconds) * time.Second)),
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// names returns the subject and the conflicting name of an event.
func (w *world) names(t *testing.T, n int) [2]string {
	t.Helper()
	got, err := w.events.GetFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "acme", Id: id(n)})
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{got.GetFailedEvent().GetSubject(), got.GetFailedEvent().GetConflictingName()}
}

func TestNamesOfADeletedUserAreErasedOnBothEngines(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(t *testing.T) func(*failedevents.Config){
		"SQLite": func(*testing.T) func(*failedevents.Config) { return func(*failedevents.Config) {} },
		"PostgreSQL": func(t *testing.T) func(*failedevents.Config) {
			url := kit.Postgres(t, "failedevents", failedevents.Migrate)
			return func(c *failedevents.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, on(t))
			const ann = "0198a000-0000-7000-8000-00000000000a"
			w.add(t, w.named(1, "Ann@Example.com", "", "bob"), w.named(2, "carl", ann, "annika"), w.named(3, "carl", "", "ANN@example.com"),
				w.named(300, "ann@example.com", ann, "ann@example.com"))
			w.eraseNames(t, 10)
			w.eraseNames(t, 10)                                                                          // again, because the answer was lost
			w.add(t, w.named(4, "ann@example.com", ann, "x"), w.named(70, "ann@example.com", "", "bob")) // late, and by a clock that is ahead
			for n, want := range map[int][2]string{
				1: {"", "bob"}, 2: {"carl", ""}, 3: {"carl", ""}, 4: {"", ""}, 70: {"", "bob"},
				300: {"ann@example.com", "ann@example.com"}, // another ann
			} {
				if got := w.names(t, n); got != want {
					t.Errorf("event %d has the names %q", n, got)
				}
			}
		})
	}
}

// After a day, nobody remembers any more which names were erased.
func TestAFailedEventThatIsADayLateHasNoNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, subject := range []string{"", "ann", "ann"} {
		e := w.named(n, subject, "u", map[string]string{"ann": "bob"}[subject])
		e.FailTime = timestamppb.New(w.now.Add(-24*time.Hour + time.Duration(n-2)*time.Second))
		w.add(t, e)
	}
	list, err := w.events.ListFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme"})
	if err != nil || len(list.GetFailedEvents()) != 3 {
		t.Fatalf("%v: %v", list, err)
	}
	for i, want := range []string{"ann bob", " ", " "} {
		e := list.GetFailedEvents()[i]
		if got := e.GetSubject() + " " + e.GetConflictingName(); got != want || e.GetConflictingResourceId() != "u" {
			t.Errorf("event %d: %v", i, e)
		}
	}
	if n := w.sum(t, "usher_failedevents_late_names_dropped_total"); n != 1 {
		t.Errorf("%d were counted", n)
	}
}

func TestNamesAreErasedOnlyForIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := &failedeventsv1.EraseNamesRequest{Users: []*failedeventsv1.DeletedUser{{OrganizationId: "acme", UserId: userID, DeleteTime: timestamppb.New(w.now)}}}
	_, err := w.erase.EraseNames(admin(t.Context(), "acme"), request)
	expect(t, err, fault.NotAllowed)
	request.Users[0].DeleteTime = &timestamppb.Timestamp{Seconds: 1 << 60}
	_, err = w.erase.EraseNames(t.Context(), request)
	expect(t, err, fault.InvalidRequest)
}
