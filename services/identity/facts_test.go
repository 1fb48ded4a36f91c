package identity_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// tryFacts streams facts of acme: the responses, and the error at the end of the stream.
func (b *bundle) tryFacts(r *identityv1.StreamUserFactsRequest) (answers [][]*identityv1.UserFacts, err error) {
	b.Helper()
	r.OrganizationId = "acme"
	stream, err := b.facts.StreamUserFacts(b.Context(), r)
	must(b, err)
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		if size := proto.Size(answer); size > 1<<20 {
			b.Errorf("an answer has %d bytes", size)
		}
		answers = append(answers, answer.GetUsers())
	}
}

// userFacts streams facts of acme, in the order of the ids.
func (b *bundle) userFacts(r *identityv1.StreamUserFactsRequest) []*identityv1.UserFacts {
	b.Helper()
	answers, err := b.tryFacts(r)
	must(b, err)
	all := slices.Concat(answers...)
	slices.SortFunc(all, func(a, b *identityv1.UserFacts) int { return strings.Compare(a.GetId(), b.GetId()) })
	return all
}

// onFile gives a bundle a SQLite file with a known path, and a function that executes statements on it.
func onFile(t *testing.T) (change func(*identity.Config), execute func(statement string, args ...any)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity.db")
	return func(c *identity.Config) { c.DatabasePath = path }, func(statement string, args ...any) {
		t.Helper()
		db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
		must(t, err)
		_, err = db.ExecContext(t.Context(), statement, args...)
		must(t, errors.Join(err, db.Close()))
	}
}

func TestTheFactsOfUsersAreStreamed(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			left, plain, extended := b.idp(), b.idp(), b.idp()
			const badge = "urn:example:Badge:3.0:User"
			definition, err := structpb.NewStruct(map[string]any{"id": badge, "attributes": []any{map[string]any{"name": "color"}}})
			must(t, err)
			operator := rpc.WithPrincipal(t.Context(), rpc.Operator("operator"))
			_, err = identityv1.NewSchemaServiceClient(b.gateway).PutSchema(operator, &identityv1.PutSchemaRequest{
				OrganizationId: "acme", DirectoryId: extended.target.GetDirectoryId(), Id: badge,
				Schema: &identityv1.Schema{ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Definition: definition},
			})
			must(t, err)
			const roles = `"roles":[{"value":"Designer"},{"value":"nobody asks for it"},{"value":"Developer"}]`
			gone := left.user(`{"userName":"gone","title":"Guide",` + roles + `}`)
			left.group("before", gone.GetId())
			anna := plain.user(`{"userName":"anna","title":"Guide",` + roles + `}`)
			idle := plain.user(`{"userName":"idle","title":"Guide","active":false,` + roles + `}`)
			bob := extended.user(`{"userName":"bob","` + badge + `":{"color":"red"}}`)
			inner := plain.group("inner", anna.GetId(), idle.GetId()).GetId()
			outer := plain.group("outer", inner).GetId()
			stranger := b.idpOf("other").user(`{"userName":"stranger"}`)
			left.deleteDirectory()

			request := &identityv1.StreamUserFactsRequest{
				Ids: []string{
					strings.ToUpper(bob.GetId()), idle.GetId(), anna.GetId(), gone.GetId(), stranger.GetId(), ids.New(), "no uuid", bob.GetId(),
				},
				RoleValues: []string{"Developer", "designer", "Designer", "Tester", "Developer"},
				Filters:    []string{`title eq "guide"`, badge + `:color eq "red"`, `title pr or ` + badge + `:color pr`},
			}
			status := func(i *idp, r *identityv1.Resource) *identityv1.UserFacts {
				return &identityv1.UserFacts{
					Id: r.GetId(), DirectoryId: i.target.GetDirectoryId(), Active: true, Revision: 1, UpdateTime: r.GetUpdateTime(),
				}
			}
			wantGone, wantAnna, wantIdle, wantBob := status(left, gone), status(plain, anna), status(plain, idle), status(extended, bob)
			wantGone.Detached, wantIdle.Active = true, false
			want := []*identityv1.UserFacts{wantGone, wantAnna, wantIdle, wantBob}
			request.StatusOnly = true
			equal(t, "the statuses", b.userFacts(request), want)
			request.StatusOnly = false
			wantAnna.GroupIds, wantAnna.RoleValues, wantAnna.MatchedFilters = []string{inner, outer}, []int32{0, 2, 4}, []int32{0}
			wantBob.MatchedFilters = []int32{1, 2}
			equal(t, "the facts", b.userFacts(request), want)
			equal(t, "facts of nobody", len(b.userFacts(&identityv1.StreamUserFactsRequest{})), 0)

			_, err = b.tryFacts(&identityv1.StreamUserFactsRequest{Ids: request.GetIds(), Filters: []string{"title is 7"}})
			refused(t, "matching by no filter", err, fault.InvalidFilter)
			_, err = b.tryFacts(&identityv1.StreamUserFactsRequest{Ids: make([]string, 1001)})
			refused(t, "too many ids", err, fault.InvalidRequest)
			_, err = b.tryFacts(&identityv1.StreamUserFactsRequest{RoleValues: make([]string, 1001)})
			refused(t, "too many role values", err, fault.InvalidRequest)
			stream, err := identityv1.NewFactsServiceClient(b.gateway).StreamUserFacts(operator, request)
			if err == nil {
				_, err = stream.Recv()
			}
			refused(t, "the gateway", err, fault.NotAllowed)
		})
	}
}

func TestAnAnswerOfFactsHasAMebibyteAtMost(t *testing.T) {
	t.Parallel()
	const users, groups = 150, 195
	b := setup(t)
	i := b.idp()
	var names []string
	for n := range users {
		names = append(names, fmt.Sprint("user", n))
	}
	people := i.named(names...)
	inner := i.group("inner", people...).GetId()
	for n := range groups {
		i.group(fmt.Sprint("group", n), inner)
	}
	answers, err := b.tryFacts(&identityv1.StreamUserFactsRequest{Ids: people})
	must(t, err)
	if len(answers) != 2 {
		t.Errorf("there were %d answers", len(answers))
	}
	var met []string
	for _, u := range slices.Concat(answers...) {
		equal(t, "how many groups", len(u.GetGroupIds()), 1+groups)
		equal(t, "that they are in order", slices.IsSorted(u.GetGroupIds()), true)
		met = append(met, u.GetId())
	}
	slices.Sort(met)
	equal(t, "whose facts came", met, slices.Sorted(slices.Values(people)))
}

// largeUser is the document of a user with 1,000 roles of 950 characters.
func largeUser(userName string) string {
	var roles []string
	for n := range 1000 {
		roles = append(roles, fmt.Sprintf(`{"value":"%04d%s"}`, n, strings.Repeat("x", 946)))
	}
	return fmt.Sprintf(`{"userName":%q,"title":"Guide","roles":[%s]}`, userName, strings.Join(roles, ","))
}

func TestLargeUsersAreReadSomeAtATime(t *testing.T) {
	t.Parallel()
	const users = 5 // about 5 MiB
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			i := b.idp()
			var people []string
			for n := range users {
				people = append(people, i.user(largeUser(fmt.Sprint("user", n))).GetId())
			}
			group := i.group("all", people...).GetId()
			seventh := "0007" + strings.Repeat("x", 946)
			facts := b.userFacts(&identityv1.StreamUserFactsRequest{
				Ids: people, RoleValues: []string{"none", seventh}, Filters: []string{`title eq "none"`, `title eq "guide"`},
			})
			equal(t, "how many", len(facts), users)
			for _, u := range facts {
				equal(t, "its facts", []any{u.GetGroupIds(), u.GetRoleValues(), u.GetMatchedFilters(), u.GetBeyondLimit()},
					[]any{[]string{group}, []int32{1}, []int32{1}, ""})
			}

			// The public API shows the role values: it returns a few users at a time.
			var met []string
			for rest := people; len(rest) > 0; {
				r, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{
					OrganizationId: "acme", Ids: rest,
				})
				must(t, err)
				if size := proto.Size(r); size > 3<<20+users*40 || len(r.GetUsers()) == 0 {
					t.Fatalf("an answer has %d users, and %d bytes", len(r.GetUsers()), size)
				}
				for _, u := range r.GetUsers() {
					equal(t, "how many role values", len(u.GetRoleValues()), 1000)
					met = append(met, u.GetId())
				}
				equal(t, "how many users are told of", len(r.GetUsers())+len(r.GetRemainingIds()), len(rest))
				rest = r.GetRemainingIds()
			}
			slices.Sort(met)
			equal(t, "who was read", met, slices.Sorted(slices.Values(people)))
		})
	}
}

func TestAUserBeyondALimitFailsNobodyElse(t *testing.T) {
	t.Parallel()
	change, execute := onFile(t)
	b := setup(t, change, func(c *identity.Config) { c.FactsLimit = 30_000 })
	i := b.idp()
	people := i.named("deep", "wide", "fine", "crowded", "everywhere")
	slices.Sort(people)
	deep, wide, fine, crowded, everywhere := people[0], people[1], people[2], people[3], people[4]
	group := i.group("eng", fine).GetId()
	const plant = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO members (organization_id, group_id, member_id, member_group, carried) `
	execute(plant+`SELECT 'acme', 'c' || i, CASE i WHEN 1 THEN ? ELSE 'c' || (i - 1) END, i > 1, 0 FROM n`, 33, deep)
	execute(plant+`SELECT 'acme', CASE i WHEN 1 THEN 'w' ELSE 'w' || i END, CASE i WHEN 1 THEN ? ELSE 'w' END, i > 1, 0 FROM n`, 1002, wide)
	execute(plant+`SELECT 'acme', 'x' || i, ?, 0, 0 FROM n`, 25_001, crowded)
	execute(plant+`SELECT 'acme', 'y' || i, ?, 0, 0 FROM n`, 30_001, everywhere)

	facts := b.userFacts(&identityv1.StreamUserFactsRequest{Ids: people[:4], RoleValues: []string{"x"}})
	equal(t, "how many", len(facts), 4)
	for n, want := range []string{
		`group "c1" is in a chain of more than 32 groups`, `group "w" is in more than 1000 groups, directly or through others`, "",
		`the user is in more than 25000 groups, directly or through others`,
	} {
		equal(t, "the limit", facts[n].GetBeyondLimit(), want)
	}
	equal(t, "groups", []any{facts[0].GetGroupIds(), facts[1].GetGroupIds(), facts[2].GetGroupIds(), facts[3].GetGroupIds()},
		[]any{[]string{}, []string{}, []string{group}, []string{}})

	_, err := b.tryFacts(&identityv1.StreamUserFactsRequest{Ids: people})
	refused(t, "asking for too many memberships", err, fault.Limit)
	alone := b.userFacts(&identityv1.StreamUserFactsRequest{Ids: []string{everywhere, strings.ToUpper(everywhere)}})
	equal(t, "the limit of one alone", alone[0].GetBeyondLimit(), "the user and the groups above it have more than 30000 memberships")
	statuses := b.userFacts(&identityv1.StreamUserFactsRequest{Ids: people, StatusOnly: true})
	equal(t, "how many statuses", len(statuses), 5)
	for _, u := range statuses {
		equal(t, "a status", []any{u.GetActive(), u.GetBeyondLimit()}, []any{true, ""})
	}
	_, err = i.write(i.users, &identityv1.Write{Operation: patch, Id: everywhere, OmitResource: true}, patchOp(operation("replace", "active", "false")))
	must(t, err)
	inactive := b.userFacts(&identityv1.StreamUserFactsRequest{Ids: people})
	equal(t, "who is inactive", []any{inactive[4].GetActive(), inactive[4].GetBeyondLimit()}, []any{false, ""})

	// The public API has no field for limits: it returns what is stored.
	r, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: people[:3]})
	must(t, err)
	for n, u := range r.GetUsers() {
		equal(t, "how many groups", len(u.GetGroupIds()), []int{33, 1002, 1}[n])
	}
	r, err = b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: people})
	must(t, err)
	if len(r.GetUsers()) == 0 {
		t.Error("no user was read")
	}
	equal(t, "who remains", slices.Concat(idsOf(r.GetUsers()), r.GetRemainingIds()), people)
	_, err = b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: []string{everywhere}})
	refused(t, "reading a user in too many groups", err, fault.Limit)
}

func TestGroupsAreNestedOnlySoDeep(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			i := setup(t, change).idp()
			first := i.group("group 1").GetId()
			top := first
			for n := 2; n <= 32; n++ {
				top = i.group(fmt.Sprint("group ", n), top).GetId()
			}
			_, err := i.tryGroup(groupDocument("group 33", top))
			f := refused(t, "creating one more", err, fault.InvalidValue)
			equal(t, "what it says", f.Message, fmt.Sprintf("members: group %q would be in a chain of more than 32 groups, which is the limit", first))
			lone := i.group("lone").GetId()
			_, err = i.tryPatchGroup(lone, operation("add", "members", memberValues([]string{top})))
			refused(t, "adding one more by PATCH", err, fault.InvalidValue)
			_, err = i.write(i.groups, &identityv1.Write{Operation: replace, Id: lone}, []byte(groupDocument("lone", top)))
			refused(t, "adding one more by PUT", err, fault.InvalidValue)
		})
	}
}
