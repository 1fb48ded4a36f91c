// Package rows contains what the engines of the failedevents store share: the list of statements with their arguments, the choice of
// the statement that lists events, and the columns of rows.
package rows

import (
	"math"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

// Statements are the texts of the statements that every engine has.
type Statements struct {
	GetEvent, AcknowledgeEvent                               string
	BeginErasure, EraseEvents, ListErasures, EndErasure      string
	PutErasedName, EraseErasedNames, TrimErasedNames         string
	EraseSubjectsByID, EraseSubjectsByName                   string
	EraseConflictingNamesByID, EraseConflictingNamesByName   string
	EraseTallies, EraseActivity                              string
	ListActivity, CountMessages, DeleteTallies               string
	list, listOpen, listOfDirectory, listOpenOfDirectory     variants
	listOfMessage                                            string
	count, countOpen, countOfDirectory, countOpenOfDirectory string
	acknowledge, acknowledgeOfDirectory                      string
}

// variants are a statement that lists events, and the one that lists those of a reason.
type variants struct{ all, ofReason string }

// Load reads the statements from an engine's folder. It panics under the same conditions as sqlfile.
func Load(folder *sqlfile.Statements) *Statements {
	list := func(name string, filter ...string) variants {
		load := func(name string, arguments []string) string {
			return folder.Load(name, slices.Concat([]string{"organization_id"}, arguments, []string{"time", "id", "start", "limit"})...)
		}
		ofReason := name + "_of_reason"
		if len(filter) > 0 {
			ofReason = name + "_and_reason"
		}
		return variants{load(name, filter), load(ofReason, append(slices.Clone(filter), "reason"))}
	}
	count := func(name string, filter ...string) string {
		return folder.Load(name, append([]string{"organization_id", "reasons", "limit"}, filter...)...)
	}
	acknowledge := func(name string, filter ...string) string {
		return folder.Load(name, append([]string{"now", "by", "organization_id", "reason", "end", "limit"}, filter...)...)
	}
	eraseNames := func(name string) string { return folder.Load(name, "organization_id", "key", "until", "limit") }
	return &Statements{
		GetEvent:                    folder.Load("get_event", "organization_id", "id"),
		AcknowledgeEvent:            folder.Load("acknowledge_event", "now", "by", "organization_id", "id"),
		BeginErasure:                folder.Load("begin_erasure", "organization_id", "now", "asked"),
		EraseEvents:                 folder.Load("erase_events", "organization_id", "limit"),
		ListErasures:                folder.Load("list_erasures"),
		EndErasure:                  folder.Load("end_erasure", "organization_id", "asked"),
		PutErasedName:               folder.Load("put_erased_name", "organization_id", "key", "until"),
		EraseErasedNames:            folder.Load("erase_erased_names", "organization_id", "limit"),
		TrimErasedNames:             folder.Load("trim_erased_names", "before", "limit"),
		EraseSubjectsByID:           eraseNames("erase_subjects_by_id"),
		EraseSubjectsByName:         eraseNames("erase_subjects_by_name"),
		EraseConflictingNamesByID:   eraseNames("erase_conflicting_names_by_id"),
		EraseConflictingNamesByName: eraseNames("erase_conflicting_names_by_name"),
		EraseTallies:                folder.Load("erase_tallies", "organization_id", "limit"),
		EraseActivity:               folder.Load("erase_activity", "organization_id", "limit"),
		ListActivity:                folder.Load("list_activity", "organization_id", "first", "last", "limit"),
		CountMessages:               folder.Load("count_messages", "organization_id", "first", "last", "start", "end", "period"),
		DeleteTallies:               folder.Load("delete_tallies", "before", "limit"),
		list:                        list("list_events"),
		listOpen:                    list("list_open_events"),
		listOfDirectory:             list("list_events_of_directory", "directory_id"),
		listOpenOfDirectory:         list("list_open_events_of_directory", "directory_id"),
		listOfMessage: folder.Load("list_events_of_message",
			"organization_id", "message_id", "directory_id", "reason", "open_only", "time", "id", "start", "limit"),
		count:                  count("count_events"),
		countOpen:              count("count_open_events"),
		countOfDirectory:       count("count_events_of_directory", "directory_id"),
		countOpenOfDirectory:   count("count_open_events_of_directory", "directory_id"),
		acknowledge:            acknowledge("acknowledge_events"),
		acknowledgeOfDirectory: acknowledge("acknowledge_events_of_directory", "directory_id"),
	}
}

// ListEvents chooses a statement, and so a plan, for each kind of list.
func (s *Statements) ListEvents(organizationID string, filter store.Filter, after store.Place, limit int) (statement string, args []any) {
	micros, id := int64(math.MaxInt64), "" // above all events
	if !filter.End.IsZero() {
		micros = filter.End.UnixMicro() // and the empty id: below all events of that time
	}
	if at := after.Time.UnixMicro(); after != (store.Place{}) && at < micros {
		micros, id = at, after.ID
	}
	start := int64(math.MinInt64)
	if !filter.Start.IsZero() {
		start = filter.Start.UnixMicro()
	}
	place := []any{micros, id, start, limit}
	if filter.MessageID != "" {
		return s.listOfMessage, append([]any{organizationID, filter.MessageID, filter.DirectoryID, filter.Reason, filter.OpenOnly}, place...)
	}
	of := s.list
	args = []any{organizationID}
	switch {
	case filter.DirectoryID != "" && filter.OpenOnly:
		of = s.listOpenOfDirectory
	case filter.DirectoryID != "":
		of = s.listOfDirectory
	case filter.OpenOnly:
		of = s.listOpen
	}
	if filter.DirectoryID != "" {
		args = append(args, filter.DirectoryID)
	}
	if filter.Reason == "" {
		return of.all, append(args, place...)
	}
	return of.ofReason, append(append(args, filter.Reason), place...)
}

// CountReasons chooses the statement of Store.CountReasons.
func (s *Statements) CountReasons(organizationID, directoryID string, openOnly bool, reasons, limit int) (statement string, args []any) {
	args = []any{organizationID, reasons, limit}
	if directoryID != "" {
		args = append(args, directoryID)
	}
	switch {
	case directoryID != "" && openOnly:
		return s.countOpenOfDirectory, args
	case directoryID != "":
		return s.countOfDirectory, args
	case openOnly:
		return s.countOpen, args
	}
	return s.count, args
}

// AcknowledgeSome chooses the statement of Store.AcknowledgeSome.
func (s *Statements) AcknowledgeSome(organizationID, directoryID, reason string, until time.Time, by string, now time.Time, limit int) (statement string, args []any) {
	args = []any{dbtype.Time(&now), by, organizationID, reason, dbtype.Time(&until), limit}
	if directoryID != "" {
		return s.acknowledgeOfDirectory, append(args, directoryID)
	}
	return s.acknowledge, args
}

// Statement is a statement with its arguments.
type Statement struct {
	Text string
	Args []any
}

// EraseNames returns the statements of Store.EraseNames: those that note the deleted users, and those that erase names.
func (s *Statements) EraseNames(organizationID string, users []store.DeletedUser, limit int) (note, erase []Statement) {
	of := func(key string, until time.Time, statements ...string) {
		if key == "" {
			return
		}
		note = append(note, Statement{s.PutErasedName, []any{organizationID, key, dbtype.Time(&until)}})
		for _, statement := range statements {
			erase = append(erase, Statement{statement, []any{organizationID, key, dbtype.Time(&until), limit}})
		}
	}
	for _, u := range users {
		of(u.ID, u.Until, s.EraseSubjectsByID, s.EraseConflictingNamesByID)
		of(u.NameKey, u.Until, s.EraseSubjectsByName, s.EraseConflictingNamesByName)
	}
	return note, erase
}

// ReasonCountFields are the fields of a count, in the order of its statement's columns.
func ReasonCountFields(c *store.ReasonCount) []any {
	return []any{&c.Reason, &c.Count, dbtype.Time(&c.Newest)}
}

// EventFields are the fields of an event, in the order of the table's columns.
func EventFields(e *store.Event) []any {
	return []any{
		&e.OrganizationID, &e.ID, &e.DirectoryID, &e.MessageID, &e.Source, dbtype.Time(&e.Time), &e.Operation, &e.ResourceID,
		&e.Status, &e.Reason, &e.SCIMType, &e.Detail, &e.Remedy, &e.AdminAction, &e.TraceID,
		dbtype.Time(&e.AcknowledgeTime), &e.AcknowledgedBy, &e.Subject, &e.ConflictingResourceID, &e.ConflictingName,
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
