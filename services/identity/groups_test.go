package identity_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

func TestAGroupIsReadAsItWasCreated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna")
	g := i.group("eng", users...)
	d := document(t, g)
	equal(t, "displayName", d["displayName"], "eng")
	member := d["members"].([]any)[0].(map[string]any)
	equal(t, "the member", []any{member["value"], member["display"], member["type"], member["$ref"]},
		[]any{users[0], "anna", "User", i.target.GetBaseUrl() + "/Users/" + users[0]})
	equal(t, "as read", string(i.getGroup(g.GetId()).GetDocument()), string(g.GetDocument()))
}

func TestReplacingAGroupReplacesItsMembers(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	users := i.named("anna", "bob", "carl")
	g := i.group("eng", users[:2]...)
	for _, c := range []struct {
		name, body string
		version    int64
		members    []string
	}{
		{"other members", groupDocument("eng", users[1:]...), 2, users[1:]},
		{"another name", groupDocument("ops", users[1:]...), 3, users[1:]},
		{"nothing new", groupDocument("ops", users[1:]...), 3, users[1:]},
		{"no members", `{"displayName":"ops"}`, 4, []string{}},
	} {
		r, err := i.write(i.groups, &identityv1.Write{Operation: replace, Id: g.GetId()}, []byte(c.body))
		must(t, err)
		equal(t, c.name+": version", r.GetResource().GetVersion(), c.version)
		equal(t, c.name+": members", values(document(t, r.GetResource()), "members"), c.members)
	}
}

func TestGroupsHonourIfMatchAlsoForMembers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna", "bob")
	id := i.group("eng", users[0]).GetId()
	i.patchGroup(id, operation("add", "members", memberValues(users[1:])))
	before := b.end()
	patch := &identityv1.WriteResourceRequest{
		Target:   i.groups,
		Write:    &identityv1.Write{Operation: patch, Id: id, IfMatch: []int64{1}},
		Document: patchOp(operation("remove", "members", "")),
	}
	_, err := i.resources.WriteResource(i.ctx(), patch)
	refused(t, "patching an old version", err, fault.Conflict)
	_, err = i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.groups, Id: id, IfMatch: []int64{1}})
	refused(t, "deleting an old version", err, fault.Conflict)
	equal(t, "the feed's end", b.end(), before)
	patch.Write.IfMatch = []int64{1, 2}
	_, err = i.resources.WriteResource(i.ctx(), patch)
	must(t, err)
	equal(t, "the members", i.members(id), []string{})
}

func TestAGroupPatchThatChangesNothingWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna", "bob")
	g := i.group("eng", users[0])
	before := b.end()
	r := i.patchGroup(g.GetId(), operation("add", "members", memberValues(users[:1])), operation("replace", "displayName", `"eng"`),
		operation("remove", fmt.Sprintf(`members[value eq %q]`, users[1]), ""))
	equal(t, "version", r.GetResource().GetVersion(), 1)
	equal(t, "update time", r.GetResource().GetUpdateTime().AsTime(), g.GetUpdateTime().AsTime())
	equal(t, "cursor", r.GetResult().GetChangeCursor(), "")
	equal(t, "the feed's end", b.end(), before)
}

func TestParallelPatchesEachAddingAMemberLoseNone(t *testing.T) {
	t.Parallel()
	const patches = 64
	for name, omit := range map[string]bool{"with the group in the answer": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setup(t).idp()
			var names []string
			for n := range patches {
				names = append(names, fmt.Sprint("user", n))
			}
			users := i.named(names...)
			id := i.group("eng").GetId()
			var wg sync.WaitGroup
			for _, user := range users {
				wg.Go(func() {
					r, err := i.write(i.groups, &identityv1.Write{Operation: patch, Id: id, OmitResource: omit}, patchOp(operation("add", "members", memberValues([]string{user}))))
					if err != nil {
						t.Error(err)
					}
					if !omit && !slices.Contains(values(document(t, r.GetResource()), "members"), user) {
						t.Error("an answer lacks the member that its patch added")
					}
				})
			}
			wg.Wait()
			slices.Sort(users)
			equal(t, "the members", i.members(id), users)
			equal(t, "the version", i.getGroup(id).GetVersion(), 1+patches)
		})
	}
}

// TestARandomMixOfGroupChangesEqualsAModel changes several groups from several clients. Each client has its own users, so
// the common result is known in advance.
func TestARandomMixOfGroupChangesEqualsAModel(t *testing.T) {
	t.Parallel()
	const groups, clients, each, changes = 3, 4, 5, 60
	b := setup(t)
	i := b.idp()
	groupIDs := make([]string, groups)
	for g := range groupIDs {
		groupIDs[g] = i.group(fmt.Sprint("group", g)).GetId()
	}
	before := b.end()
	model := make([]map[string]bool, groups)
	for g := range model {
		model[g] = map[string]bool{}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range clients {
		var names []string
		for u := range each {
			names = append(names, fmt.Sprintf("user%d-%d", c, u))
		}
		users := i.named(names...)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			for n := range changes {
				g, user := random.IntN(groups), users[random.IntN(each)]
				var operations []string
				in := false
				switch random.IntN(4) {
				case 0:
					operations, in = []string{operation("add", "members", memberValues([]string{user}))}, true
				case 1:
					operations = []string{operation("remove", fmt.Sprintf(`members[value eq %q]`, user), "")}
				case 2:
					operations = []string{
						operation("add", "members", memberValues([]string{user})), operation("remove", "members", memberValues([]string{user})),
					}
				default:
					operations, in = []string{
						operation("replace", "displayName", fmt.Sprintf(`"name %d of %d"`, n, c)), operation("add", "members", memberValues([]string{user})),
					}, true
				}
				if _, err := i.tryPatchGroup(groupIDs[g], operations...); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if in {
					model[g][user] = true
				} else {
					delete(model[g], user)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for g, id := range groupIDs {
		equal(t, fmt.Sprint("members of group ", g), i.members(id), slices.Sorted(maps.Keys(model[g])))
	}
	equal(t, "what the feed tells of members", fromFeed(b.since(before)), inModel(groupIDs, model))
}

// fromFeed replays the records of members.
func fromFeed(changes []*identityv1.Change) []string {
	in := map[string]bool{}
	for _, c := range changes {
		switch key := c.GetResourceId() + "/" + c.GetMemberId(); c.GetKind() {
		case identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED:
			in[key] = true
		case identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED:
			delete(in, key)
		}
	}
	return slices.Sorted(maps.Keys(in))
}

func inModel(groupIDs []string, model []map[string]bool) []string {
	in := []string{}
	for g, id := range groupIDs {
		for user := range model[g] {
			in = append(in, id+"/"+user)
		}
	}
	slices.Sort(in)
	return in
}

func TestAGroupIsNoMemberOfItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	inner := i.group("inner").GetId()
	outer := i.group("outer", inner).GetId()
	before := b.end()
	for _, id := range []string{inner, outer} {
		_, err := i.tryPatchGroup(inner, operation("add", "members", memberValues([]string{id})))
		refused(t, "closing a ring", err, fault.InvalidValue)
	}
	equal(t, "the feed's end", b.end(), before)
}

func TestDisplayNamesAreUniqueWhereTheDirectorySaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	free, unique := b.idp(), b.idp(uniqueGroupNames)
	free.group("Eng")
	free.group("eng")
	unique.group("Eng")
	_, err := unique.tryGroup(`{"displayName":"eNG"}`)
	f := refused(t, "creating a second", err, fault.Uniqueness)
	equal(t, "the attribute", f.Metadata["attribute"], "displayName")
}

func TestADeletedGroupsMembersAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna", "bob")
	id := i.group("eng", users...).GetId()
	before := b.end()
	r, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.groups, Id: id})
	must(t, err)
	equal(t, "the cursor", r.GetResult().GetChangeCursor(), b.end())
	var left []string
	for _, c := range b.since(before) {
		equal(t, "the resource", c.GetResourceId(), id)
		if c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED {
			equal(t, "the member's type", c.GetMemberType(), identityv1.ResourceType_RESOURCE_TYPE_USER)
			left = append(left, c.GetMemberId())
		}
	}
	slices.Sort(left)
	equal(t, "who left", left, users)
}
