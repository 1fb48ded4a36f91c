package core

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/wait"
)

// memory is a store of resources of any type, with unique names and externalIds. It lacks what only users and groups have.
type memory struct {
	store.Store
	mu          sync.Mutex
	directories map[store.Scope]store.Directory
	resources   []store.Resource // by id
	changes     []store.Change
	written     wait.Signal
}

func newMemory() *memory { return &memory{directories: map[store.Scope]store.Directory{}} }

// find returns the resources that meet a condition, by id, within the bounds of a list.
func (m *memory) find(limit, bytes int, meets func(r store.Resource) bool) (found []store.Resource) {
	for _, r := range m.resources {
		if len(found) < limit && bytes > 0 && meets(r) {
			found = append(found, r)
			bytes -= len(r.Document)
		}
	}
	return found
}

const unbounded = 1 << 40

func in(scope store.Scope, t store.Type, meets func(r store.Resource) bool) func(store.Resource) bool {
	return func(r store.Resource) bool { return r.Scope == scope && r.Type == t && meets(r) }
}

func all(store.Resource) bool { return true }

func named(by store.Selector) func(store.Resource) bool {
	return func(r store.Resource) bool {
		switch criterion, value := by.Criterion(); criterion {
		case store.WithName:
			return r.NameFolded == value
		case store.WithExternalID:
			return r.ExternalID == value
		case store.Every:
			return true
		default:
			return r.ID == value
		}
	}
}

func (m *memory) ApplyDirectory(_ context.Context, d store.Directory, _ store.Place, _ store.Cause) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.directories[store.Scope{OrganizationID: d.OrganizationID, DirectoryID: d.ID}] = d
	return nil
}

func (m *memory) Directory(_ context.Context, scope store.Scope) (store.Directory, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.directories[scope]
	if !ok {
		return d, store.Missing("directory", scope.DirectoryID)
	}
	return d, nil
}

func (m *memory) Ancestors(ctx context.Context, scope store.Scope) (ids []string, err error) {
	d, err := m.Directory(ctx, scope)
	if err == nil && d.ReplacesID != "" {
		ids = append(ids, d.ReplacesID)
	}
	return ids, err
}

func (m *memory) Schemas(context.Context, store.Scope) ([]store.Schema, error) { return nil, nil }

func (m *memory) Get(_ context.Context, scope store.Scope, t store.Type, by store.Selector, _ bool) (store.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.find(1, unbounded, in(scope, t, named(by))) {
		return r, nil
	}
	return store.Resource{}, by.Missing(t)
}

func (m *memory) List(_ context.Context, scope store.Scope, t store.Type, after string, limit, bytes int) ([]store.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(limit, bytes, in(scope, t, func(r store.Resource) bool { return r.ID > after })), nil
}

func (m *memory) ByID(_ context.Context, scope store.Scope, t store.Type, ids []string, bytes int) ([]store.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(len(ids), bytes, in(scope, t, func(r store.Resource) bool { return slices.Contains(ids, r.ID) })), nil
}

func (m *memory) Page(_ context.Context, scope store.Scope, t store.Type, order store.Order, skip, limit int64, bytes int) ([]store.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sorted := m.find(unbounded, unbounded, in(scope, t, all))
	if order.ByName {
		slices.SortStableFunc(sorted, func(a, b store.Resource) int { return cmp.Compare(a.NameFolded, b.NameFolded) })
	}
	if order.Descending {
		slices.Reverse(sorted)
	}
	sorted = sorted[min(skip, int64(len(sorted))):]
	return (&memory{resources: sorted}).find(int(limit), bytes, all), nil
}

func (m *memory) Count(_ context.Context, scope store.Scope, t store.Type) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.find(unbounded, unbounded, in(scope, t, all)))), nil
}

func (m *memory) Candidates(_ context.Context, scope store.Scope, t store.Type, c scim.Condition, limit int) (ids []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.find(limit, unbounded, in(scope, t, func(r store.Resource) bool {
		value := map[string]string{"id": r.ID, "externalId": r.ExternalID}[c.Attribute]
		if c.Attribute == "displayName" {
			value = r.NameFolded
		}
		if len(c.Values) > 0 {
			return slices.Contains(c.Values, value)
		}
		return value != "" && value >= c.Low && (c.High == "" || value <= c.High)
	})) {
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// write changes a resource of an open directory, and records it.
func (m *memory) write(scope store.Scope, r store.Resource, kind store.ChangeKind, cause store.Cause, do func() error) (w store.Written, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch d, ok := m.directories[scope]; {
	case !ok:
		return w, store.NotReady(scope.DirectoryID)
	case d.Closed:
		return w, store.Closed(scope.DirectoryID)
	}
	if err := do(); err != nil {
		return w, err
	}
	w = store.Written{Version: r.Version + 1, Cursor: feed.Cursor{Epoch: "memory", Sequence: int64(len(m.changes) + 1)}}
	if kind != store.Deleted {
		w.UpdateTime = cause.Time
	}
	m.changes = append(m.changes, store.Change{
		Scope: scope, Cursor: w.Cursor, Type: r.Type, ResourceID: r.ID, Revision: w.Version, Kind: kind,
		MessageID: cause.MessageID, Traceparent: cause.Traceparent, Time: cause.Time,
	})
	m.written.Notify()
	return w, nil
}

// remove removes a resource of a directory, and returns it.
func (m *memory) remove(scope store.Scope, t store.Type, id string) (old store.Resource, ok bool) {
	i := slices.IndexFunc(m.resources, in(scope, t, named(store.Selector{ID: id})))
	if i < 0 {
		return old, false
	}
	old = m.resources[i]
	m.resources = slices.Delete(m.resources, i, i+1)
	return old, true
}

// add adds a resource, unless its names are taken.
func (m *memory) add(r store.Resource) error {
	for attribute, by := range map[string]store.Selector{"displayName": {Name: r.NameFolded}, "externalId": {ExternalID: r.ExternalID}} {
		if _, value := by.Criterion(); value != "" && len(m.find(1, unbounded, in(r.Scope, r.Type, named(by)))) > 0 {
			return store.Taken(r.Type, attribute)
		}
	}
	i, _ := slices.BinarySearchFunc(m.resources, r.ID, func(r store.Resource, id string) int { return cmp.Compare(r.ID, id) })
	m.resources = slices.Insert(m.resources, i, r)
	return nil
}

func (m *memory) Create(_ context.Context, r store.Resource, _ []store.MemberEdit, cause store.Cause) (store.Written, error) {
	r.Version = 0
	return m.write(r.Scope, r, store.Created, cause, func() error {
		r.Version, r.CreateTime, r.UpdateTime, r.Groups = 1, cause.Time, cause.Time, nil
		return m.add(r)
	})
}

func (m *memory) Update(ctx context.Context, r store.Resource, _ []store.MemberEdit, cause store.Cause) (store.Written, error) {
	return m.move(ctx, r.Scope, r, store.Updated, cause)
}

func (m *memory) Adopt(ctx context.Context, from string, r store.Resource, _ []store.MemberEdit, cause store.Cause) (store.Written, error) {
	return m.move(ctx, store.Scope{OrganizationID: r.OrganizationID, DirectoryID: from}, r, store.Created, cause)
}

func (m *memory) move(_ context.Context, from store.Scope, r store.Resource, kind store.ChangeKind, cause store.Cause) (store.Written, error) {
	return m.write(r.Scope, r, kind, cause, func() error {
		old, ok := m.remove(from, r.Type, r.ID)
		if !ok {
			return store.ErrChanged
		}
		if old.Version != r.Version {
			return cmp.Or(m.add(old), store.ErrChanged)
		}
		r.Version, r.CreateTime, r.UpdateTime = r.Version+1, old.CreateTime, cause.Time
		if err := m.add(r); err != nil {
			return cmp.Or(m.add(old), err)
		}
		return nil
	})
}

func (m *memory) Detached(_ context.Context, r store.Resource, directoryIDs []string) (store.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, by := range []store.Selector{{ExternalID: r.ExternalID}, {Name: r.NameFolded}} {
		for _, id := range directoryIDs {
			scope := store.Scope{OrganizationID: r.OrganizationID, DirectoryID: id}
			if found := m.find(2, unbounded, in(scope, r.Type, named(by))); len(found) == 1 {
				return found[0], nil
			}
		}
	}
	return store.Resource{}, store.MissingBy(r.Type, "externalId or name")
}

func (m *memory) Delete(_ context.Context, scope store.Scope, t store.Type, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	r, err := m.Get(context.Background(), scope, t, store.Selector{ID: id}, false)
	if err != nil {
		return w, err
	}
	return m.write(scope, r, store.Deleted, cause, func() error {
		if len(versions) > 0 && !slices.Contains(versions, r.Version) {
			return store.ErrChanged
		}
		m.remove(scope, t, id)
		return nil
	})
}

func (m *memory) IDs(ctx context.Context, organizationID string, t store.Type, after string, limit int) (ids []string, err error) {
	found, err := m.Find(ctx, organizationID, t, store.Selector{All: true}, after, limit)
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	return ids, err
}

func (m *memory) Find(_ context.Context, organizationID string, t store.Type, by store.Selector, after string, limit int) ([]store.Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	meets := named(by)
	return m.summaries(m.find(limit, unbounded, func(r store.Resource) bool {
		return r.OrganizationID == organizationID && r.Type == t && r.ID > after && meets(r)
	})), nil
}

func (m *memory) Summaries(_ context.Context, organizationID string, t store.Type, ids []string) ([]store.Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.summaries(m.find(len(ids), unbounded, func(r store.Resource) bool {
		return r.OrganizationID == organizationID && r.Type == t && slices.Contains(ids, r.ID)
	})), nil
}

func (m *memory) summaries(found []store.Resource) (all []store.Facts) {
	for _, r := range found {
		all = append(all, store.Facts{Detached: m.directories[r.Scope].Closed, Resource: store.Resource{
			Scope: r.Scope, Type: r.Type, ID: r.ID, Name: r.Name, ExternalID: r.ExternalID, Active: r.Active, Version: r.Version, UpdateTime: r.UpdateTime,
		}})
	}
	return all
}

func (m *memory) end() feed.Cursor {
	return feed.Cursor{Epoch: "memory", Sequence: int64(len(m.changes))}
}

func (m *memory) Cursor(context.Context) (follow, newest feed.Cursor, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.end(), m.end(), nil
}

func (m *memory) Changes(_ context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, delayed time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.changes[after.Sequence:] {
		if c.OrganizationID == organizationID && len(changes) < limit {
			changes = append(changes, c)
		}
	}
	return changes, m.end(), delayed, nil
}

func (m *memory) Active(_ context.Context, after feed.Cursor) (active []string, next feed.Cursor, delayed time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.changes[after.Sequence:] {
		if !slices.Contains(active, c.OrganizationID) {
			active = append(active, c.OrganizationID)
		}
	}
	return active, m.end(), delayed, nil
}

func (m *memory) NewChanges() <-chan struct{} { return m.written.Wait() }
