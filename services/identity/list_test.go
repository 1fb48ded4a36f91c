package identity_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/ids"
)

// list lists Users or Groups.
func (i *idp) list(kind string, q *identityv1.ListQuery) *identityv1.ListResult {
	i.Helper()
	if kind == "Users" {
		r, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.users, Query: q})
		must(i, err)
		return r.GetResult()
	}
	r, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.groups, Query: q})
	must(i, err)
	return r.GetResult()
}

// total is the number of matches of a filter.
func (i *idp) total(kind, filter string) int {
	i.Helper()
	r := i.list(kind, &identityv1.ListQuery{Filter: filter})
	equal(i, filter+": the page", len(r.GetResources()), r.GetTotalResults())
	return int(r.GetTotalResults())
}

func resourceIDs(r *identityv1.ListResult) []string {
	all := []string{}
	for _, resource := range r.GetResources() {
		all = append(all, resource.GetId())
	}
	return all
}

func TestAListIsPagedByStartIndexAndCount(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	var users, groups []string
	for n := range 7 {
		users = append(users, i.user(fmt.Sprintf(`{"userName":"user%d"}`, n)).GetId())
		groups = append(groups, i.group(fmt.Sprintf("group%d", n)).GetId())
	}
	for kind, all := range map[string][]string{"Users": users, "Groups": groups} {
		for _, filter := range []string{"", "id pr"} {
			for _, c := range []struct {
				name       string
				start      int64
				count      *int64
				wantStart  int
				wantOffset int
				wantLength int
			}{
				{"the defaults", 0, nil, 1, 0, 7},
				{"a first page", 1, proto.Int64(3), 1, 0, 3},
				{"a second page", 4, proto.Int64(3), 4, 3, 3},
				{"the last page", 7, proto.Int64(3), 7, 6, 1},
				{"beyond the end", 8, proto.Int64(3), 8, 7, 0},
				{"far beyond the end", 1 << 62, proto.Int64(3), 1 << 62, 7, 0},
				{"before the beginning", -5, proto.Int64(2), 1, 0, 2},
				{"only the total", 1, proto.Int64(0), 1, 0, 0},
				{"a negative count", 1, proto.Int64(-1), 1, 0, 0},
				{"too large a count", 2, proto.Int64(1 << 40), 2, 1, 6},
			} {
				r := i.list(kind, &identityv1.ListQuery{Filter: filter, StartIndex: c.start, Count: c.count})
				name := fmt.Sprintf("%s, filter %q, %s: ", kind, filter, c.name)
				equal(t, name+"total", r.GetTotalResults(), 7)
				equal(t, name+"startIndex", r.GetStartIndex(), c.wantStart)
				equal(t, name+"page", resourceIDs(r), all[c.wantOffset:c.wantOffset+c.wantLength])
			}
		}
	}
}

func TestAListContainsNothingOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, other := b.idp(), b.idp()
	other.group("eng", other.named("anna")...)
	for _, kind := range []string{"Users", "Groups"} {
		for _, filter := range []string{"", "id pr"} {
			equal(t, kind+filter, i.list(kind, &identityv1.ListQuery{Filter: filter}).GetTotalResults(), 0)
		}
	}
	equal(t, "by name", i.total("Users", `userName eq "anna"`), 0)
	equal(t, "groups by name", i.total("Groups", `displayName eq "eng"`), 0)
}

// modelUser is a user in a simple model of filters.
type modelUser struct {
	id, userName, externalID, title, email string
	active                                 bool
}

// byScan returns a filter with the same meaning that no index serves.
func byScan(filter string) string { return "(" + filter + ") or not (id pr)" }

// TestFiltersByIndexAndByScanAgreeWithANaiveModel evaluates each filter in two ways: as it is, so that an index may serve
// it, and with an added alternative that is never true.
func TestFiltersByIndexAndByScanAgreeWithANaiveModel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	b := setup(t)
	i := b.idp()
	var users []modelUser
	for n := range 40 {
		u := modelUser{userName: fmt.Sprintf("User%d", n), active: random.IntN(2) == 0}
		if random.IntN(3) > 0 {
			u.externalID = fmt.Sprintf("Ext%d", n)
		}
		u.title = []string{"", "Chef", "chef", "Guide"}[random.IntN(4)]
		u.email = []string{"", fmt.Sprintf("M%d@Example.com", n%7)}[random.IntN(2)]
		body := fmt.Sprintf(`{"userName":%q,"active":%t`, u.userName, u.active)
		for name, value := range map[string]string{"externalId": u.externalID, "title": u.title} {
			if value != "" {
				body += fmt.Sprintf(`,%q:%q`, name, value)
			}
		}
		if u.email != "" {
			body += fmt.Sprintf(`,"emails":[{"type":"work","value":%q}]`, u.email)
		}
		u.id = i.user(body + "}").GetId()
		users = append(users, u)
	}
	anyCase := func(s string) string { return []string{s, strings.ToUpper(s), strings.ToLower(s)}[random.IntN(3)] }
	for range 150 {
		u := users[random.IntN(len(users))]
		name, external, email := anyCase(u.userName), anyCase(u.externalID), anyCase(u.email)
		questions := []struct {
			filter  string
			matches func(modelUser) bool
		}{
			{fmt.Sprintf(`userName eq %q`, name), func(m modelUser) bool { return strings.EqualFold(m.userName, name) }},
			{fmt.Sprintf(`externalId eq %q`, external), func(m modelUser) bool { return m.externalID != "" && m.externalID == external }},
			{fmt.Sprintf(`id eq %q`, anyCase(u.id)), nil},
			{fmt.Sprintf(`emails.value eq %q`, email), func(m modelUser) bool { return m.email != "" && strings.EqualFold(m.email, email) }},
			{fmt.Sprintf(`emails[type eq "work"].value eq %q`, email), func(m modelUser) bool { return m.email != "" && strings.EqualFold(m.email, email) }},
			{fmt.Sprintf(`title eq %q and active eq true`, u.title), func(m modelUser) bool {
				return m.title != "" && strings.EqualFold(m.title, u.title) && m.active
			}},
			{fmt.Sprintf(`not (userName eq %q)`, name), func(m modelUser) bool { return !strings.EqualFold(m.userName, name) }},
			{`userName sw "uSER1" or active eq false`, func(m modelUser) bool { return strings.HasPrefix(m.userName, "User1") || !m.active }},
		}
		q := questions[random.IntN(len(questions))]
		asked := resourceIDs(i.list("Users", &identityv1.ListQuery{Filter: q.filter}))
		scanned := resourceIDs(i.list("Users", &identityv1.ListQuery{Filter: byScan(q.filter)}))
		equal(t, q.filter+": by index and by scan", asked, scanned)
		if q.matches == nil {
			continue
		}
		want := []string{}
		for _, m := range users {
			if q.matches(m) {
				want = append(want, m.id)
			}
		}
		equal(t, q.filter, asked, want)
	}
}

func TestGroupFiltersByIndexAndByScanAgree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	detached := old.named("detached")[0]
	inner := old.group("inner").GetId()
	old.group("eng", detached, inner)
	old.deleteDirectory()
	i := b.idp(replacing(old))
	users := i.named("anna", "bob")
	i.group("eng") // adopted with members that cannot be seen
	second, err := i.tryGroup(`{"displayName":"ENG","externalId":"Ext","members":` + memberValues(users) + `}`)
	must(t, err)
	i.group("outer", second.GetResource().GetId(), users[0])
	for _, c := range []struct {
		filter string
		want   int
	}{
		{`displayName eq "eNg"`, 2},
		{`displayName eq ""`, 0},
		{`externalId eq "Ext"`, 1},
		{`externalId eq "ext"`, 0},
		{`externalId eq ""`, 0},
		{`members eq "` + users[0] + `"`, 2},
		{`members.value eq "` + users[1] + `"`, 1},
		{`members[value eq "` + users[0] + `"]`, 2},
		{`members.value eq "` + strings.ToUpper(users[0]) + `"`, 0},
		{`members.value eq "` + second.GetResource().GetId() + `"`, 1},
		{`members.value eq "` + detached + `"`, 0},
		{`members.value eq "` + inner + `"`, 0},
		{`members.value eq "` + ids.New() + `"`, 0},
		{`members.value eq ""`, 0},
		{`members.display eq "anna"`, 2},
		{`members[type eq "Group"].display eq "eng"`, 1},
		{`id eq "` + second.GetResource().GetId() + `"`, 1},
		{`members pr`, 2},
		{`not (members pr)`, 1},
	} {
		asked := resourceIDs(i.list("Groups", &identityv1.ListQuery{Filter: c.filter}))
		scanned := resourceIDs(i.list("Groups", &identityv1.ListQuery{Filter: byScan(c.filter)}))
		equal(t, c.filter+": by index and by scan", asked, scanned)
		equal(t, c.filter, len(asked), c.want)
	}
}

func TestAScanOverManyPagesMeetsEverybodyOnce(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	var want []string
	for n := range 1101 {
		if u := i.user(fmt.Sprintf(`{"userName":"user%d","active":%t}`, n, n%2 == 0)); n%2 == 0 {
			want = append(want, u.GetId())
		}
	}
	slices.Sort(want)
	r := i.list("Users", &identityv1.ListQuery{Filter: "active eq true", Count: proto.Int64(1000)})
	equal(t, "all that match", resourceIDs(r), want)
	r = i.list("Users", &identityv1.ListQuery{})
	equal(t, "the default page", len(r.GetResources()), 200)
	equal(t, "the total", r.GetTotalResults(), 1101)
	r = i.list("Users", &identityv1.ListQuery{Count: proto.Int64(5000)})
	equal(t, "the largest page", len(r.GetResources()), 1000)
}

// A page that would become too large ends early, and a walk still returns everything once.
func TestAPageEndsEarlyWhereResourcesAreLarge(t *testing.T) {
	t.Parallel()
	i := setup(t, func(c *identity.Config) { c.PageBytes = 1000 }).idp()
	var want []string
	for n := range 9 {
		want = append(want, i.group(fmt.Sprintf("group %d %s", n, strings.Repeat("x", 300))).GetId())
	}
	var got []string
	for range want {
		r := i.list("Groups", &identityv1.ListQuery{StartIndex: int64(len(got) + 1), Count: proto.Int64(9)})
		if n := len(r.GetResources()); r.GetTotalResults() != 9 || n > 3 || (n == 0 && len(got) < 9) {
			t.Fatalf("a page of %d of %d", n, r.GetTotalResults())
		}
		got = append(got, resourceIDs(r)...)
	}
	equal(i, "the groups that the walk met", got, want)
}

// Reads are also bounded by bytes: in every way to list, pages that end early and scans in small steps return the same
// resources, in the same order, as one large page.
func TestListsDoNotDependOnHowManyBytesAreReadAtATime(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(*testing.T) func(*identity.Config){
		"SQLite": func(t *testing.T) func(*identity.Config) {
			path := filepath.Join(t.TempDir(), "identity.db")
			return func(c *identity.Config) { c.DatabasePath = path }
		},
		"PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := engine(t)
			large := setup(t, database).idp()
			for n := range 30 {
				large.user(fmt.Sprintf(`{"userName":"%02d","title":"%d","nickName":"%s","emails":[{"value":"%d@x.example"}]}`, n*7%30, n%5, strings.Repeat("x", 50+200*(n%3)), n))
				large.group(fmt.Sprintf("group %02d %s", n*7%30, strings.Repeat("x", 50+200*(n%3))))
			}
			small := setup(t, database, func(c *identity.Config) { c.PageBytes = 1500 }).client("acme", large.target.GetDirectoryId())
			for _, query := range []*identityv1.ListQuery{
				{}, {SortBy: "userName"}, {SortBy: "id", SortOrder: "descending"}, {SortBy: "title"}, {SortBy: "title", SortOrder: "descending"},
				{Filter: `title eq "3" or title eq "2"`}, {Filter: `nickName co "xx"`, SortBy: "title"}, {Filter: `emails.value sw "1"`},
				{Filter: `emails.value sw "1"`, SortBy: "userName"}, {Filter: `userName gt "05"`},
			} {
				for _, kind := range []string{"Users", "Groups"} {
					if kind == "Groups" && (query.GetSortBy() != "" && query.GetSortBy() != "id" || query.GetFilter() != "") {
						continue
					}
					whole := large.list(kind, &identityv1.ListQuery{Filter: query.GetFilter(), SortBy: query.GetSortBy(), SortOrder: query.GetSortOrder(), Count: proto.Int64(100)})
					want := resourceIDs(whole)
					what := fmt.Sprintf("%s by %v", kind, query)
					var byIndex []string
					for len(byIndex) < len(want) {
						r := small.list(kind, &identityv1.ListQuery{
							Filter: query.GetFilter(), SortBy: query.GetSortBy(), SortOrder: query.GetSortOrder(), StartIndex: int64(len(byIndex) + 1), Count: proto.Int64(100),
						})
						equal(t, "the total of "+what, r.GetTotalResults(), len(want))
						if n := len(r.GetResources()); n == 0 || n > 15 {
							t.Fatalf("%s: a page by index has %d", what, n)
						}
						byIndex = append(byIndex, resourceIDs(r)...)
					}
					equal(t, what+" by index", byIndex, want)
					var byCursor []string
					pages := 0
					for cursor := ""; ; pages++ {
						r := small.list(kind, &identityv1.ListQuery{
							Filter: query.GetFilter(), SortBy: query.GetSortBy(), SortOrder: query.GetSortOrder(), Cursor: &cursor,
						})
						byCursor = append(byCursor, resourceIDs(r)...)
						if cursor = r.GetNextCursor(); cursor == "" {
							break
						}
					}
					equal(t, what+" by cursor", byCursor, want)
					if pages < len(want)/15 {
						t.Errorf("%s: %d pages by cursor", what, pages)
					}
				}
			}
		})
	}
}
