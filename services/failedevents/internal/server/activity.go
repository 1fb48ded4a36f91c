package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
)

const (
	day = 24 * time.Hour
	// mostPast is how long ago the first count may be.
	mostPast = 30 * day
	// clocks is how much the clocks of a client, of the gateways and of this service may differ.
	clocks = time.Hour
	// keepTallies is how long tallies are kept: until no request can ask for them, whose first period is a day.
	keepTallies = mostPast + clocks + day
	// mostHours limits the work for a page, and its size: it is the number of directories times the hours to count.
	mostHours = 20_000
	// aboveAll is above the ids of all directories.
	aboveAll = "~"
)

func (s *Server) ListActivity(ctx context.Context, r *failedeventsv1.ListActivityRequest) (*failedeventsv1.ListActivityResponse, error) {
	period := time.Hour
	if r.GetPeriod() == failedeventsv1.ActivityPeriod_ACTIVITY_PERIOD_DAY {
		period = day
	}
	now := s.now()
	start, err := countsFrom(r.GetStartTime(), now)
	if err != nil {
		return nil, err
	}
	start = start.Truncate(period)
	of := store.DirectoryRange{OrganizationID: r.GetOrganizationId(), Last: aboveAll}
	if id := strings.ToLower(r.GetDirectoryId()); id != "" {
		of.First, of.Last = id, id
	}
	list := []string{"activity", of.OrganizationID, of.First, period.String(), fmt.Sprint(r.GetStartTime().GetSeconds())}
	first, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	if r.GetPageToken() != "" {
		of.First = first[0]
	}
	end := now.Add(clocks)
	size := min(page.Size(r.GetPageSize()), max(1, mostHours/(int(end.Sub(start)/time.Hour)+1)))
	activity, err := s.store.Activity(ctx, of, size+1)
	if err != nil {
		return nil, err
	}
	response := &failedeventsv1.ListActivityResponse{}
	shown, more := page.Cut(activity, size)
	if more {
		response.NextPageToken = page.Token([]string{activity[size].DirectoryID}, list...)
	}
	if len(shown) == 0 {
		return response, nil
	}
	of.First, of.Last = shown[0].DirectoryID, shown[len(shown)-1].DirectoryID
	counts, err := s.store.Counts(ctx, of, start, end, period)
	if err != nil {
		return nil, err
	}
	for _, a := range shown {
		m := activityProto(of.OrganizationID, a)
		for len(counts) > 0 && counts[0].DirectoryID == a.DirectoryID {
			m.Counts = append(m.Counts, countProto(counts[0]))
			counts = counts[1:]
		}
		response.Activity = append(response.Activity, m)
	}
	return response, nil
}

// countsFrom returns the time from which messages are counted.
func countsFrom(requested *timestamppb.Timestamp, now time.Time) (time.Time, error) {
	switch {
	case requested == nil:
		return now.Add(-day), nil
	case requested.CheckValid() != nil:
		return time.Time{}, fault.Invalid("start_time", "must be a valid time")
	}
	start := requested.AsTime()
	if start.Before(now.Add(-mostPast - clocks)) {
		return time.Time{}, fault.Invalid("start_time", "must be at most 30 days ago, not %s", start.Format(time.RFC3339))
	}
	if start.After(now.Add(clocks)) {
		return time.Time{}, fault.Invalid("start_time", "must not be in the future, as %s is", start.Format(time.RFC3339))
	}
	return start, nil
}

func activityProto(organizationID string, a store.Activity) *failedeventsv1.DirectoryActivity {
	return &failedeventsv1.DirectoryActivity{
		OrganizationId: organizationID, DirectoryId: a.DirectoryID, LastMessageTime: timeProto(a.LastMessage),
		LastAcceptedTime: timeProto(a.LastAccepted), LastFailedTime: timeProto(a.LastFailed),
	}
}

func countProto(c store.PeriodCounts) *failedeventsv1.ActivityCount {
	return &failedeventsv1.ActivityCount{
		StartTime: timestamppb.New(c.Start), AcceptedCount: c.Accepted, FailedCount: c.Failed, RateLimitedCount: c.RateLimited,
	}
}

func timeProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// talliesFromProto stores ids in lower case, as eventFromProto does.
func talliesFromProto(tallies []*failedeventsv1.MessageTally) ([]store.Tally, error) {
	all := make([]store.Tally, 0, len(tallies))
	for i, t := range tallies {
		for _, f := range []struct {
			name string
			time *timestamppb.Timestamp
		}{
			{"hour_time", t.GetHourTime()}, {"last_message_time", t.GetLastMessageTime()},
			{"last_accepted_time", t.GetLastAcceptedTime()}, {"last_failed_time", t.GetLastFailedTime()},
		} {
			if f.time != nil && f.time.CheckValid() != nil {
				return nil, fault.Invalid(fmt.Sprintf("tallies[%d].%s", i, f.name), "must be a valid time")
			}
		}
		hour := t.GetHourTime().AsTime()
		if !hour.Equal(hour.Truncate(time.Hour)) {
			return nil, fault.Invalid(fmt.Sprintf("tallies[%d].hour_time", i), "must be the beginning of an hour, not %s", hour.Format(time.RFC3339Nano))
		}
		all = append(all, store.Tally{
			OrganizationID: t.GetOrganizationId(), DirectoryID: strings.ToLower(t.GetDirectoryId()), Hour: hour, ID: strings.ToLower(t.GetId()),
			Counts: store.Counts{Accepted: t.GetAcceptedCount(), Failed: t.GetFailedCount(), RateLimited: t.GetRateLimitedCount()},
			Times: store.Times{
				LastMessage: timeFromProto(t.GetLastMessageTime()), LastAccepted: timeFromProto(t.GetLastAcceptedTime()),
				LastFailed: timeFromProto(t.GetLastFailedTime()),
			},
		})
	}
	return all, nil
}

func timeFromProto(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime().Truncate(time.Microsecond)
}

// deleteAtOnce is how many tallies one transaction deletes.
const deleteAtOnce = 500

// DeleteOldTallies deletes the tallies that no request can ask for any more. Several processes may call it at the same time.
func (s *Server) DeleteOldTallies(ctx context.Context) error {
	for {
		deleted, err := s.store.DeleteTallies(ctx, s.now().Add(-keepTallies), deleteAtOnce)
		if err != nil || deleted < deleteAtOnce {
			return err
		}
	}
}
