// Package storetest is the suite that every engine of the identity store passes. It has one file per subject.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// testCase is one behaviour, tested on an empty store.
type testCase struct {
	name string
	test func(f *fixture)
}

// Inside gives access to the tables of a store, around the contract.
type Inside struct {
	// Plant writes memberships of groups in groups to a store, without a check of any limit.
	Plant func(organizationID string, nested []store.Edge) error
	// Rows counts the rows of an organization, in each table with a column organization_id.
	Rows func(organizationID string) (map[string]int64, error)
}

// Run tests an engine. open returns empty stores of it, each with access to its tables.
func Run(t *testing.T, open func(t *testing.T) (store.Store, Inside)) {
	RunResources(t, store.User, "userName", open)
	RunResources(t, store.Group, "displayName", open)
	for subject, cases := range map[string][]testCase{
		"directories":    directoryCases,
		"users":          userCases,
		"groups":         groupCases,
		"members":        memberCases,
		"candidates":     candidateCases,
		"nesting":        nestingCases,
		"limits":         limitCases,
		"adoption":       adoptionCases,
		"feed":           feedCases,
		"facts":          factCases,
		"tenancy":        tenancyCases,
		"races":          raceCases,
		"message counts": countCases,
		"schemas":        schemaCases,
		"erasure":        erasureCases,
		"people":         peopleCases,
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			run(t, cases, open)
		})
	}
}

func run(t *testing.T, cases []testCase, open func(t *testing.T) (store.Store, Inside)) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, inside := open(t)
			c.test(&fixture{T: t, store: s, inside: inside})
		})
	}
}

// fixture is one store under test, with helpers to fill it. Ids are readable names.
type fixture struct {
	*testing.T
	store    store.Store
	inside   Inside
	revision int64
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC) }

// cause is the cause of the write number n. Writes are a second apart.
func cause(n int) store.Cause {
	return store.Cause{
		MessageID: fmt.Sprintf("message-%d", n), Traceparent: fmt.Sprintf("trace-%d", n),
		Time: start().Add(time.Duration(n) * time.Second),
	}
}

// directory applies an open directory of the organization acme.
func (f *fixture) directory(id string, change ...func(*store.Directory)) store.Scope {
	f.Helper()
	return f.directoryOf("acme", id, change...)
}

func (f *fixture) directoryOf(organization, id string, change ...func(*store.Directory)) store.Scope {
	f.Helper()
	d := store.Directory{OrganizationID: organization, ID: id}
	for _, c := range change {
		c(&d)
	}
	f.revision++
	f.must(f.store.ApplyDirectory(f.Context(), d, store.Place{Revision: f.revision}, cause(0)))
	return store.Scope{OrganizationID: organization, DirectoryID: id}
}

func closed(d *store.Directory)      { d.Closed = true }
func uniqueNames(d *store.Directory) { d.UniqueGroupNames = true }

func replacing(id string) func(*store.Directory) {
	return func(d *store.Directory) { d.ReplacesID = id }
}

// newUser is a user that is not stored yet.
func newUser(scope store.Scope, id string) store.Resource {
	return store.Resource{Type: store.User,
		Scope: scope, ID: id, Name: "Name-" + id, NameFolded: "name-" + id, DisplayName: "The " + id, Active: true,
		Document: []byte(`{"userName":"Name-` + id + `"}`),
	}
}

// user stores a user and returns it as it is read.
func (f *fixture) user(scope store.Scope, id string, change ...func(*store.Resource)) store.Resource {
	f.Helper()
	return f.resource(store.User, scope, id, change...)
}

func (f *fixture) users(scope store.Scope, ids ...string) {
	f.Helper()
	for _, id := range ids {
		f.user(scope, id)
	}
}

// manyUsers stores users concurrently, in no order.
func (f *fixture) manyUsers(scope store.Scope, ids ...string) {
	f.Helper()
	const writers = 16
	f.together(writers, func(w int) {
		for i := w; i < len(ids); i += writers {
			if _, err := f.store.Create(f.Context(), newUser(scope, ids[i]), nil, cause(0)); err != nil {
				f.Error(err)
			}
		}
	})
}

// together runs do(0) to do(n-1) at the same time, and waits for all of them.
func (f *fixture) together(n int, do func(i int)) {
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { do(i) })
	}
	running.Wait()
}

func (f *fixture) readUser(scope store.Scope, id string) store.Resource {
	f.Helper()
	return f.read(store.User, scope, id)
}

func newGroup(scope store.Scope, id string) store.Resource {
	return store.Resource{Type: store.Group,
		Scope: scope, ID: id, Name: "Group " + id, NameFolded: "group " + id,
		Document: []byte(`{"displayName":"Group ` + id + `"}`),
	}
}

// group stores a group with members and returns it as it is read.
func (f *fixture) group(scope store.Scope, id string, members ...string) store.Resource {
	f.Helper()
	_, err := f.store.Create(f.Context(), newGroup(scope, id), added(members...), cause(0))
	f.must(err)
	return f.readGroup(scope, id)
}

func (f *fixture) readGroup(scope store.Scope, id string) store.Resource {
	f.Helper()
	return f.read(store.Group, scope, id)
}

func added(ids ...string) []store.MemberEdit {
	return []store.MemberEdit{{Kind: scim.AddMembers, IDs: ids}}
}

func removed(ids ...string) []store.MemberEdit {
	return []store.MemberEdit{{Kind: scim.RemoveMembers, IDs: ids}}
}

func replaced(ids ...string) []store.MemberEdit {
	return []store.MemberEdit{{Kind: scim.ReplaceMembers, IDs: ids}}
}

func matching(match func(scim.Member) bool) []store.MemberEdit {
	return []store.MemberEdit{{Kind: scim.RemoveMatching, Match: match}}
}

// edit changes the members of a group, whatever its version.
func (f *fixture) edit(scope store.Scope, groupID string, edits []store.MemberEdit) store.Written {
	f.Helper()
	w, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: groupID}, edits, cause(1))
	f.must(err)
	return w
}

// members are a group's members that its directory can see.
func (f *fixture) members(scope store.Scope, groupID string) []string {
	f.Helper()
	all, err := f.store.Members(f.Context(), scope, groupID, "", 1000)
	f.must(err)
	return memberIDs(all)
}

// allMembers are a group's members; carried ones have a star.
func (f *fixture) allMembers(organization, groupID string) []string {
	f.Helper()
	all, err := f.store.DirectMembers(f.Context(), organization, groupID, "", 1000)
	f.must(err)
	ids := []string{}
	for _, m := range all {
		if m.Carried {
			m.Value += "*"
		}
		ids = append(ids, m.Value)
	}
	return ids
}

func memberIDs(members []scim.Member) []string {
	ids := []string{}
	for _, m := range members {
		ids = append(ids, m.Value)
	}
	return ids
}

// membersOf is the resource for an update of only the members of a group. A version of 0 accepts any.
func membersOf(g store.Resource, version int64) store.Resource {
	g.Version, g.Document = version, nil
	return g
}

// member is a member that is a user.
func member(id string) store.Member {
	return store.Member{Member: scim.Member{Value: id, Type: "User"}}
}

// patience is how long the suite waits for an event.
const patience = 20 * time.Second

// cursor is after everything that was written so far.
func (f *fixture) cursor() feed.Cursor {
	f.Helper()
	_, newest, err := f.store.Cursor(f.Context())
	f.must(err)
	return newest
}

// shown waits until everything that was written so far is visible.
func (f *fixture) shown() {
	f.Helper()
	newest := f.cursor()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	for {
		written := f.store.NewChanges()
		_, next, _, err := f.store.Active(ctx, newest)
		f.must(err)
		_, end, _, err := f.store.Changes(ctx, "nobody", feed.Cursor{}, 1)
		f.must(err)
		if !end.Before(newest) {
			if next.Before(newest) {
				f.Errorf("Active goes back from %s to %s", newest, next)
			}
			return
		}
		select {
		case <-written:
		case <-ctx.Done():
			f.Fatalf("the records up to %s never became visible: the feed ends at %s", newest, end)
		}
	}
}

// changes are acme's change records after a cursor, up to everything that was written so far.
func (f *fixture) changes(after feed.Cursor) []store.Change {
	f.Helper()
	f.shown()
	changes, _, _, err := f.store.Changes(f.Context(), "acme", after, 10_000)
	f.must(err)
	return changes
}

// since describes those change records in words.
func (f *fixture) since(after feed.Cursor) []string {
	f.Helper()
	words := []string{}
	for _, c := range f.changes(after) {
		words = append(words, inWords(c))
	}
	return words
}

// wrote checks the result of a write: its cursor is after acme's last record.
func (f *fixture) wrote(got store.Written, version int64, update time.Time) {
	f.Helper()
	changes := f.changes(feed.Cursor{})
	f.equal("what was written", got, store.Written{Version: version, UpdateTime: update, Cursor: changes[len(changes)-1].Cursor})
}

// inWords describes a change record, such as "group eng@2: added user anna".
func inWords(c store.Change) string {
	what := map[store.ChangeKind]string{
		store.Created: "created", store.Updated: "updated", store.Deleted: "deleted",
		store.MemberAdded: "added", store.MemberRemoved: "removed",
	}[c.Kind]
	if c.Kind == store.DirectoryClosed {
		return fmt.Sprintf("directory %s@%d: closed", c.ResourceID, c.Revision)
	}
	text := fmt.Sprintf("%s %s@%d: %s", strings.ToLower(string(c.Type)), c.ResourceID, c.Revision, what)
	if c.MemberID != "" {
		text += " " + strings.ToLower(string(c.MemberType)) + " " + c.MemberID
	}
	return text
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// refuses checks the reason of an error.
func (f *fixture) refuses(what string, err error, want fault.Reason) {
	f.Helper()
	if !fault.Is(err, want) {
		f.Errorf("%s: got error %v, want %s", what, err, fault.ReasonName(want))
	}
}

// refusesAttribute checks for fault.Uniqueness that names the attribute.
func (f *fixture) refusesAttribute(what string, err error, attribute string) {
	f.Helper()
	f.refuses(what, err, fault.Uniqueness)
	var e *fault.Error
	if errors.As(err, &e) && e.Metadata["attribute"] != attribute {
		f.Errorf("%s: the error names the attribute %q, want %q", what, e.Metadata["attribute"], attribute)
	}
}

// changedSince checks that a write was refused because another write came first.
func (f *fixture) changedSince(what string, err error) {
	f.Helper()
	if !errors.Is(err, store.ErrChanged) {
		f.Errorf("%s: got error %v, want ErrChanged", what, err)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// writesNothing checks that fn adds no record to the feed of any organization.
func (f *fixture) writesNothing(fn func()) {
	f.Helper()
	before := f.cursor()
	fn()
	f.shown()
	active, _, _, err := f.store.Active(f.Context(), before)
	f.must(err)
	f.equal("who has new records", active, list())
	f.equal("acme's new records", f.since(before), list())
}

func sorted(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return words
}

func list(words ...string) string { return "[" + strings.Join(words, " ") + "]" }
