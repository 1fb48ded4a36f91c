package store

import (
	"math"
	"time"

	"github.com/usher-scim/usher/services/internal/sqldb"
)

// EventFields is where the columns of an event go, in the order in which every engine reads them: that of the table's.
func EventFields(e *Event) []any {
	return []any{
		&e.OrganizationID, &e.ID, &e.DirectoryID, &e.MessageID, &e.Source, sqldb.Time(&e.Time), &e.Operation, &e.ResourceID,
		&e.Status, &e.Reason, &e.SCIMType, &e.Detail, &e.Remedy, &e.TraceID, sqldb.Time(&e.AcknowledgeTime), &e.AcknowledgedBy,
	}
}

// Bounds are the microseconds and the id that those of every event after the place are below.
func (p Place) Bounds() (micros int64, id string) {
	if p == (Place{}) {
		return math.MaxInt64, ""
	}
	return p.Time.UnixMicro(), p.ID
}

// Erasure is one that Marked lists.
type Erasure struct {
	OrganizationID string
	Asked          time.Time
}

// ErasureFields are organization_id and erasing.
func ErasureFields(e *Erasure) []any { return []any{&e.OrganizationID, sqldb.Time(&e.Asked)} }

// AskedTimes gives the times by organization.
func AskedTimes(erasures []Erasure) map[string]time.Time {
	all := make(map[string]time.Time, len(erasures))
	for _, e := range erasures {
		all[e.OrganizationID] = e.Asked
	}
	return all
}
