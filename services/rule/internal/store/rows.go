package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// The functions below map columns to fields, in the order in which every engine reads them, and build records from rows.

// TenantFields are organization_id, id, display_name, create_time, update_time.
func TenantFields(t *Tenant) []any {
	return []any{&t.OrganizationID, &t.ID, &t.DisplayName, dbtype.Time(&t.CreateTime), dbtype.Time(&t.UpdateTime)}
}

// RoleFields are id, display_name, scope, rank.
func RoleFields(r *Role) []any { return []any{&r.ID, &r.DisplayName, &r.Scope, &r.Rank} }

// RequestFields are digest, resource_id, create_time.
func RequestFields(r *requestid.Record) []any {
	return []any{dbtype.Digest(&r.Digest), &r.ResourceID, dbtype.Time(&r.CreateTime)}
}

// RuleFields are organization_id, id, display_name, enabled, match_kind, match_value, unresolved, revision, create_time, update_time.
func RuleFields(r *Rule) []any {
	return []any{
		&r.OrganizationID, &r.ID, &r.DisplayName, &r.Enabled, &r.Match.Kind, &r.Match.Value, &r.Unresolved, &r.Revision,
		dbtype.Time(&r.CreateTime), dbtype.Time(&r.UpdateTime),
	}
}

// RuleGrant is a grant of a rule.
type RuleGrant struct {
	RuleID string
	Grant  Grant
}

// RuleGrantFields are rule_id, tenant_id, role_id.
func RuleGrantFields(g *RuleGrant) []any { return []any{&g.RuleID, &g.Grant.TenantID, &g.Grant.RoleID} }

// RulePin is a pin of a rule.
type RulePin struct {
	RuleID string
	Pin    Pin
}

// RulePinFields are rule_id, directory_id, group_id, state, time.
func RulePinFields(p *RulePin) []any {
	return []any{&p.RuleID, &p.Pin.DirectoryID, &p.Pin.GroupID, &p.Pin.State, dbtype.Time(&p.Pin.Time)}
}

// AddParts adds grants and pins to their rules.
func AddParts(rules []Rule, grants []RuleGrant, pins []RulePin) {
	at := make(map[string]*Rule, len(rules))
	for i := range rules {
		at[rules[i].ID] = &rules[i]
	}
	for _, g := range grants {
		at[g.RuleID].Grants = append(at[g.RuleID].Grants, g.Grant)
	}
	for _, p := range pins {
		at[p.RuleID].Pins = append(at[p.RuleID].Pins, p.Pin)
	}
}

// SourceRow is a source with its holder.
type SourceRow struct {
	UserID string
	Holder Holder
	Source Source
}

// SourceFields are user_id, tenant_id, role_id, kind, rule_id, granted_by, create_time, retained, keep, kept_time.
func SourceFields(r *SourceRow) []any {
	s := &r.Source
	return []any{
		&r.UserID, &s.Grant.TenantID, &s.Grant.RoleID, &s.Kind, &s.RuleID, &s.GrantedBy, dbtype.Time(&s.CreateTime), &s.Retained,
		&s.Keep, dbtype.Time(&s.KeptTime),
	}
}

// SourceOfHolderFields are the source's fields, then active, suspended, unknown_as_of, rule_access of its holder.
func SourceOfHolderFields(r *SourceRow) []any {
	return append(SourceFields(r), &r.Holder.Active, &r.Holder.Suspended, dbtype.Time(&r.Holder.UnknownAsOf), &r.Holder.RuleAccess)
}

// HolderFields are user_id, active, directory_id, detached, digest, suspended, unknown_as_of, rule_access, and whether the holder
// is missing.
func HolderFields(h *Holder) []any {
	return []any{
		&h.UserID, &h.Active, &h.DirectoryID, &h.Detached, &h.Digest, &h.Suspended, dbtype.Time(&h.UnknownAsOf), &h.RuleAccess,
		&h.New,
	}
}

// WithSources returns holders by user, with their sources.
func WithSources(holders []Holder, sources []SourceRow) map[string]Holder {
	byUser := make(map[string][]Source, len(holders))
	for _, r := range sources {
		byUser[r.UserID] = append(byUser[r.UserID], r.Source)
	}
	all := make(map[string]Holder, len(holders))
	for _, h := range holders {
		h.Sources = byUser[h.UserID]
		all[h.UserID] = h
	}
	return all
}

// HolderOf returns one of the holders; a new one if it is missing.
func HolderOf(holders map[string]Holder, userID string) Holder {
	if h, exists := holders[userID]; exists {
		return h
	}
	return Holder{UserID: userID, New: true}
}

// AccessOf groups sources to access. Sources with the same grant must be adjacent.
func AccessOf(sources []SourceRow) (all []Access) {
	for _, r := range sources {
		all = AppendAccess(all, r.UserID, r.Holder, r.Source)
	}
	return all
}

// HoldersOf groups sources to holders. Sources of the same holder must be adjacent.
func HoldersOf(sources []SourceRow) (all []Holder) {
	for _, r := range sources {
		if n := len(all); n == 0 || all[n-1].UserID != r.UserID {
			r.Holder.UserID = r.UserID
			all = append(all, r.Holder)
		}
		last := &all[len(all)-1]
		last.Sources = append(last.Sources, r.Source)
	}
	return all
}

// SetAsideFields are user_id, mode, message_id, sync_id, traceparent, detail, attempts, as_of, create_time, retry_time.
func SetAsideFields(a *SetAside) []any {
	return []any{
		&a.UserID, &a.Mode, &a.MessageID, &a.SyncID, &a.Traceparent, &a.Detail, &a.Attempts,
		dbtype.Time(&a.AsOf), dbtype.Time(&a.CreateTime), dbtype.Time(&a.RetryTime),
	}
}

// SetAsideByUser returns the users who are set aside by id.
func SetAsideByUser(users []SetAside) map[string]SetAside {
	all := make(map[string]SetAside, len(users))
	for _, a := range users {
		all[a.UserID] = a
	}
	return all
}

// SuspensionFields are user_id, reason, suspended_by, create_time.
func SuspensionFields(p *Suspension) []any {
	return []any{&p.UserID, &p.Reason, &p.SuspendedBy, dbtype.Time(&p.CreateTime)}
}

// SyncFields are organization_id, id, state, page_token, after_user, users_done, access_added, access_removed, users_set_aside,
// set_aside_ids, users_total, pace_users, pace_micros, started_by, traceparent, create_time, update_time, end_time.
func SyncFields(s *Sync) []any {
	return []any{
		&s.OrganizationID, &s.ID, &s.State, &s.Walk.PageToken, &s.Walk.After, &s.UsersDone, &s.Added, &s.Removed, &s.SetAside,
		&s.SetAsideIDs, &s.UsersTotal, &s.Pace.Users, &s.Pace.Micros, &s.StartedBy, &s.Traceparent, dbtype.Time(&s.CreateTime), dbtype.Time(&s.UpdateTime), dbtype.Time(&s.EndTime),
	}
}

// ReportFields are organization_id, id, kind, user_id, message_id, trace_id, detail, time.
func ReportFields(r *Report) []any {
	return []any{&r.OrganizationID, &r.ID, &r.Kind, &r.UserID, &r.MessageID, &r.TraceID, &r.Detail, dbtype.Time(&r.Time)}
}

// ExpansionFields are id, root, group_id, page_token, from_cursor, message_id, traceparent.
func ExpansionFields(e *Expansion) []any {
	return []any{&e.ID, &e.Root, &e.GroupID, &e.PageToken, &e.From, &e.MessageID, &e.Traceparent}
}

// ChangeFields are sequence, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time. They leave the cursor out.
func ChangeFields(c *Change) []any {
	return []any{
		&c.Revision, &c.UserID, &c.Grant.TenantID, &c.Grant.RoleID, &c.Kind, &c.MessageID, &c.SyncID, &c.Traceparent,
		dbtype.Time(&c.Time),
	}
}

// ProgressRow is an organization with its progress.
type ProgressRow struct {
	OrganizationID string
	Progress       Progress
}

// ProgressFields are organization_id, checkpoint, as_of, behind, and whether the organization is being erased.
func ProgressFields(r *ProgressRow) []any {
	return []any{&r.OrganizationID, &r.Progress.Checkpoint, dbtype.Time(&r.Progress.AsOf), &r.Progress.Behind, &r.Progress.Erasing}
}

// ProgressByOrganization returns progress by organization.
func ProgressByOrganization(rows []ProgressRow) map[string]Progress {
	all := make(map[string]Progress, len(rows))
	for _, r := range rows {
		all[r.OrganizationID] = r.Progress
	}
	return all
}

// WorkRow is the part of Work that the organization's row contains.
type WorkRow struct {
	Progress   Progress
	Settings   Settings
	Recovering bool
	Walk       Walk
	NextDue    time.Time
}

// WorkFields are checkpoint, as_of, behind, whether the organization is being erased, when_unknown, recovering, recovery_token,
// recovery_after, and the first retry_time of the users who are set aside.
func WorkFields(r *WorkRow) []any {
	p := &r.Progress
	return []any{
		&p.Checkpoint, dbtype.Time(&p.AsOf), &p.Behind, &p.Erasing, &r.Settings.WhenUnknown, &r.Recovering, &r.Walk.PageToken,
		&r.Walk.After, dbtype.Time(&r.NextDue),
	}
}

// Work returns a Work with the row's values.
func (r WorkRow) Work() Work {
	w := Work{Progress: r.Progress, Settings: r.Settings, NextDue: r.NextDue}
	if r.Recovering {
		w.Recovery = &r.Walk
	}
	return w
}

// MarkRow is an organization that is being erased.
type MarkRow struct {
	OrganizationID string
	Asked          time.Time
}

// MarkFields are organization_id, erasing.
func MarkFields(r *MarkRow) []any { return []any{&r.OrganizationID, dbtype.Time(&r.Asked)} }

// AskedByOrganization returns when each erasure was requested.
func AskedByOrganization(rows []MarkRow) map[string]time.Time {
	all := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		all[r.OrganizationID] = r.Asked
	}
	return all
}

// RuleChangeFields are rule_id, and the time of the oldest change.
func RuleChangeFields(c *RuleChange) []any { return []any{&c.RuleID, dbtype.Time(&c.Time)} }

// LoadRow is an organization with what waits there.
type LoadRow struct {
	OrganizationID string
	Load           Load
}

// LoadFields are organization_id, the number of users who are set aside, their oldest as_of, the number of rules that wait, and whether a
// rule sync runs.
func LoadFields(r *LoadRow) []any {
	l := &r.Load
	return []any{&r.OrganizationID, &l.SetAside, dbtype.Time(&l.OldestAsOf), &l.RulesWaiting, &l.SyncRunning}
}

// LoadsByOrganization returns what waits, by organization.
func LoadsByOrganization(rows []LoadRow) map[string]Load {
	all := make(map[string]Load, len(rows))
	for _, r := range rows {
		all[r.OrganizationID] = r.Load
	}
	return all
}
