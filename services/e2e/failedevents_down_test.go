package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

// failedevents is down while some hundred messages fail at two gateways, which are killed again and again. Once it is
// there, so is each event, once, under the message ID that the IdP was told.
// Invariant 8.
func TestFailedEventsOutlastTheirServiceAndTheirGateways(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoGateways(t, time.Second))
	here := d.newDirectory(nil)
	here.user("taken")
	both := []*directory{here, here.at(d.gateway(1))}
	d.processes["failedevents"].kill()

	var mu sync.Mutex
	answered := map[string]int{} // statuses by message ID
	unanswered := 0
	for round := range 3 {
		var sending sync.WaitGroup
		for _, to := range both {
			gateway := d.processes[replica("gateway", 0)]
			if to != here {
				gateway = d.processes[replica("gateway", 1)]
			}
			for client := range 4 {
				sending.Go(func() {
					for i := range 20 {
						// The two gateways are killed at different points.
						if client == 0 && i == 5+5*round {
							gateway.restart()
						}
						body, want := `{"userName":"TAKEN"}`, http.StatusConflict
						if i%2 == 1 {
							body, want = `{"userName":`, http.StatusBadRequest
						}
						a, err := to.try(t.Context(), "POST", "/Users", body)
						mu.Lock()
						switch {
						case err != nil:
							unanswered++
						case a.status == want:
							answered[a.messageID] = a.status
						default:
							t.Errorf("got %d: %s", a.status, a.raw)
						}
						mu.Unlock()
					}
				})
			}
		}
		sending.Wait()
	}
	if len(answered)+unanswered != 480 || len(answered) < 200 {
		t.Fatalf("%d messages were answered and %d were not", len(answered), unanswered)
	}
	// A gateway that starts tries at once, and not after the wait that it has come to by now.
	d.processes["gateway"].kill()
	d.processes["gateway-2"].kill()
	for _, name := range []string{"failedevents", "gateway", "gateway-2"} {
		if err := d.processes[name].start(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	eventually(t, "all events are there", func() bool {
		seen = map[string]bool{}
		list, err := d.events().ListFailedEvents(d.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo, PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.GetFailedEvents() {
			if seen[e.GetMessageId()] {
				t.Errorf("two events of one message: %v", e)
			}
			seen[e.GetMessageId()] = true
			if status, ok := answered[e.GetMessageId()]; ok && status != int(e.GetStatus()) {
				t.Errorf("the IdP was told %d of %v", status, e)
			}
		}
		for id := range answered {
			if !seen[id] {
				return false
			}
		}
		return true
	})
	t.Logf("%d messages were answered, %d were not; %d events", len(answered), unanswered, len(seen))
	// An event is kept before its message is answered.
	if len(seen) > len(answered)+unanswered {
		t.Errorf("%d events of %d messages", len(seen), len(answered)+unanswered)
	}
	countsOutlastFailedEvents(t, d)
}

// countsOutlastFailedEvents sends messages through two gateways while failedevents is down, and restarts the gateways. Then each message
// counts once.
func countsOutlastFailedEvents(t *testing.T, d *deployment) {
	t.Helper()
	restart := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := errors.Join(d.processes[name].terminate(), d.processes[name].start()); err != nil {
				t.Fatal(err)
			}
		}
	}
	here := d.newDirectory(nil)
	there := here.at(d.gateway(1))
	here.user("before")
	d.processes["failedevents"].kill()
	for i := range 3 {
		here.user(fmt.Sprint("here-", i))
		there.user(fmt.Sprint("there-", i))
	}
	there.send("POST", "/Users", `{"userName":`, http.StatusBadRequest)
	restart("gateway")
	here.user("after")
	if err := d.processes["failedevents"].start(); err != nil {
		t.Fatal(err)
	}
	restart("gateway", "gateway-2") // they try at once, and not after a wait
	client := failedeventsv1.NewActivityServiceClient(d.conn)
	var got *failedeventsv1.ListActivityResponse
	count := func() (accepted, failed int64) {
		var err error
		if got, err = client.ListActivity(d.ctx(), &failedeventsv1.ListActivityRequest{OrganizationId: demo, DirectoryId: here.id}); err != nil {
			t.Fatal(err)
		}
		for _, a := range got.GetActivity() {
			for _, c := range a.GetCounts() {
				accepted, failed = accepted+c.GetAcceptedCount(), failed+c.GetFailedCount()
			}
		}
		return accepted, failed
	}
	eventually(t, "each message is counted", func() bool {
		accepted, failed := count()
		return accepted >= 8 && failed >= 1
	})
	if accepted, failed := count(); accepted != 8 || failed != 1 {
		t.Errorf("%d accepted and %d failed messages", accepted, failed)
	}
	if a := got.GetActivity()[0]; !a.GetLastMessageTime().AsTime().Equal(a.GetLastAcceptedTime().AsTime()) ||
		!a.GetLastFailedTime().AsTime().Before(a.GetLastAcceptedTime().AsTime()) || a.GetLastFailedTime() == nil {
		t.Errorf("the last messages were at %v", a)
	}
}
