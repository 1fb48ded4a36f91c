package failedevents_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestTheServiceRunsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "failedevents", failedevents.Migrate)
	w := newWorld(t, func(c *failedevents.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) })
	w.add(t, w.event(1), w.event(2), w.event(1))
	w.add(t, w.event(2), w.event(3))
	ctx := admin(t.Context(), "acme")
	acknowledged, err := w.events.AcknowledgeFailedEvent(ctx, &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: "acme", Id: id(2)})
	if err != nil || !acknowledged.GetFailedEvent().GetAcknowledgeTime().AsTime().Equal(w.now) {
		t.Errorf("acknowledged: %v, %v", acknowledged, err)
	}
	w.now = w.now.Add(time.Hour)
	again, err := w.events.AcknowledgeFailedEvent(ctx, &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: "acme", Id: id(2)})
	if err != nil || !proto.Equal(again, acknowledged) {
		t.Errorf("acknowledged again: %v, %v", again, err)
	}
	var open []string
	for token := ""; ; {
		r, err := w.events.ListFailedEvents(ctx, &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme", OpenOnly: true, PageSize: 1, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.GetFailedEvents() {
			open = append(open, e.GetId())
		}
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(open) != 2 || open[0] != id(3) || open[1] != id(1) {
		t.Errorf("open are %v", open)
	}
}
