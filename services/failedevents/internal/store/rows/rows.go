// Package rows contains what the engines of the failedevents store share: the list of statements with their arguments, the choice of
// the statement that lists events, and the columns of rows.
package rows

import (
	"math"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

// Statements are the texts of the statements that every engine has.
type Statements struct {
	GetEvent, AcknowledgeEvent                           string
	BeginErasure, EraseEvents, ListErasures, EndErasure  string
	EraseTallies, EraseActivity                          string
	ListActivity, CountMessages, DeleteTallies           string
	list, listOpen, listOfDirectory, listOpenOfDirectory string
	listOfMessage                                        string
}

// Load reads the statements from an engine's folder. It panics under the same conditions as sqlfile.
func Load(folder *sqlfile.Statements) *Statements {
	return &Statements{
		GetEvent:            folder.Load("get_event", "organization_id", "id"),
		AcknowledgeEvent:    folder.Load("acknowledge_event", "now", "by", "organization_id", "id"),
		BeginErasure:        folder.Load("begin_erasure", "organization_id", "now", "asked"),
		EraseEvents:         folder.Load("erase_events", "organization_id", "limit"),
		ListErasures:        folder.Load("list_erasures"),
		EndErasure:          folder.Load("end_erasure", "organization_id", "asked"),
		EraseTallies:        folder.Load("erase_tallies", "organization_id", "limit"),
		EraseActivity:       folder.Load("erase_activity", "organization_id", "limit"),
		ListActivity:        folder.Load("list_activity", "organization_id", "first", "last", "limit"),
		CountMessages:       folder.Load("count_messages", "organization_id", "first", "last", "start", "end", "period"),
		DeleteTallies:       folder.Load("delete_tallies", "before", "limit"),
		list:                folder.Load("list_events", "organization_id", "time", "id", "limit"),
		listOpen:            folder.Load("list_open_events", "organization_id", "time", "id", "limit"),
		listOfDirectory:     folder.Load("list_events_of_directory", "organization_id", "directory_id", "time", "id", "limit"),
		listOpenOfDirectory: folder.Load("list_open_events_of_directory", "organization_id", "directory_id", "time", "id", "limit"),
		listOfMessage: folder.Load("list_events_of_message",
			"organization_id", "message_id", "directory_id", "open_only", "time", "id", "limit"),
	}
}

// ListEvents chooses a statement, and so a plan, for each kind of list.
func (s *Statements) ListEvents(organizationID string, filter store.Filter, after store.Place, limit int) (statement string, args []any) {
	micros, id := int64(math.MaxInt64), "" // above all events
	if after != (store.Place{}) {
		micros, id = after.Time.UnixMicro(), after.ID
	}
	switch {
	case filter.MessageID != "":
		return s.listOfMessage, []any{organizationID, filter.MessageID, filter.DirectoryID, filter.OpenOnly, micros, id, limit}
	case filter.DirectoryID != "" && filter.OpenOnly:
		return s.listOpenOfDirectory, []any{organizationID, filter.DirectoryID, micros, id, limit}
	case filter.DirectoryID != "":
		return s.listOfDirectory, []any{organizationID, filter.DirectoryID, micros, id, limit}
	case filter.OpenOnly:
		return s.listOpen, []any{organizationID, micros, id, limit}
	default:
		return s.list, []any{organizationID, micros, id, limit}
	}
}

// EventFields are the fields of an event, in the order of the table's columns.
func EventFields(e *store.Event) []any {
	return []any{
		&e.OrganizationID, &e.ID, &e.DirectoryID, &e.MessageID, &e.Source, dbtype.Time(&e.Time), &e.Operation, &e.ResourceID,
		&e.Status, &e.Reason, &e.SCIMType, &e.Detail, &e.Remedy, &e.TraceID, dbtype.Time(&e.AcknowledgeTime), &e.AcknowledgedBy,
	}
}

// Erasure is a row of Store.Marked.
type Erasure struct {
	OrganizationID string
	Asked          time.Time
}

// ErasureFields are organization_id and erasing.
func ErasureFields(e *Erasure) []any { return []any{&e.OrganizationID, dbtype.Time(&e.Asked)} }

// AskedTimes returns the times by organization.
func AskedTimes(erasures []Erasure) map[string]time.Time {
	all := make(map[string]time.Time, len(erasures))
	for _, e := range erasures {
		all[e.OrganizationID] = e.Asked
	}
	return all
}
