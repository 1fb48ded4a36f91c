package rows

import (
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
)

// ActivityFields are the fields of an activity, in the order of list_activity.
func ActivityFields(a *store.Activity) []any {
	return []any{&a.DirectoryID, dbtype.Time(&a.LastMessage), dbtype.Time(&a.LastAccepted), dbtype.Time(&a.LastFailed)}
}

// PeriodCountsFields are the fields of a period, in the order of count_messages.
func PeriodCountsFields(c *store.PeriodCounts) []any {
	return []any{&c.DirectoryID, dbtype.Time(&c.Start), &c.Accepted, &c.Failed, &c.RateLimited}
}

// CountMessagesArgs are the arguments of count_messages.
func CountMessagesArgs(of store.DirectoryRange, start, end time.Time, period time.Duration) []any {
	return []any{of.OrganizationID, of.First, of.Last, dbtype.Micros(start), dbtype.Micros(end), period.Microseconds()}
}
