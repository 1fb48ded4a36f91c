package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// across lists resources of all types.
func (i *idp) across(q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error) {
	r, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.target, Query: q, Projection: p})
	return r.GetResult(), err
}

// filled returns a directory with some users and groups, and their ids in the order of a list.
func filled(b *bundle, users, groups int) (i *idp, all []string) {
	b.Helper()
	i = b.idp()
	for n := range users {
		all = append(all, i.user(fmt.Sprintf(`{"userName":"u%d"}`, n)).GetId())
	}
	for n := range groups {
		all = append(all, i.group(fmt.Sprintf("g%d", n)).GetId())
	}
	return i, all
}

func TestASearchOfTheRootIsOneListByIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, has := range [][2]int{{5, 4}, {0, 4}, {5, 0}, {}} {
		i, all := filled(b, has[0], has[1])
		for count := range int64(12) {
			for start := int64(-1); start < 12; start++ {
				page, err := i.across(&identityv1.ListQuery{StartIndex: start, Count: &count}, nil)
				must(t, err)
				first := max(start, 1)
				from := min(int(first)-1, len(all))
				want := all[from:min(from+int(count), len(all))]
				if page.TotalResults == nil || page.GetTotalResults() != int64(len(all)) || page.GetStartIndex() != first ||
					!slices.Equal(resourceIDs(page), want) {
					t.Fatalf("%v from %d, %d: %v", has, start, count, page)
				}
			}
		}
	}
}

// A page that ends early because its users are large still has the total of users and groups, and has no groups.
func TestAPageOfLargeUsersHasNoGroups(t *testing.T) {
	t.Parallel()
	i, all := filled(setup(t, func(c *identity.Config) { c.PageBytes = 1000 }), 20, 2)
	page, err := i.across(&identityv1.ListQuery{}, nil)
	must(t, err)
	found := resourceIDs(page)
	equal(t, "the total", page.GetTotalResults(), len(all))
	if len(found) == 0 || len(found) >= 20 || !slices.Equal(found, all[:len(found)]) {
		t.Errorf("the page has %v", found)
	}
}

func TestASearchOfTheRootGoesByCursor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, has := range [][2]int{{5, 4}, {0, 4}, {4, 0}, {}} {
		i, all := filled(b, has[0], has[1])
		var met []string
		for cursor, pages := new(string), 0; ; pages++ {
			page, err := i.across(&identityv1.ListQuery{Cursor: cursor, Count: proto.Int64(2)}, nil)
			must(t, err)
			met = append(met, resourceIDs(page)...)
			if next := page.GetNextCursor(); next == "" {
				break
			} else {
				cursor = &next
			}
			if pages > 10 {
				t.Fatal("it does not end")
			}
		}
		equal(t, fmt.Sprint(has), met, all)
	}
}

// A list of all types keeps the count of its first page, also where the next type begins (RFC 9865 §2.1).
func TestASearchOfTheRootKeepsItsCount(t *testing.T) {
	t.Parallel()
	i, _ := filled(setup(t), 3, 3)
	var sizes []int
	page, err := i.across(&identityv1.ListQuery{Cursor: new(string), Count: proto.Int64(2)}, nil)
	for {
		must(t, err)
		sizes = append(sizes, len(page.GetResources()))
		cursor := page.GetNextCursor()
		if cursor == "" || len(sizes) > 10 {
			break
		}
		for _, count := range []int64{1, 3, 0, -2} {
			_, err := i.across(&identityv1.ListQuery{Cursor: &cursor, Count: &count}, nil)
			refused(t, fmt.Sprint("a count of ", count), err, fault.InvalidCount)
		}
		page, err = i.across(&identityv1.ListQuery{Cursor: &cursor}, nil)
	}
	equal(t, "the sizes of the pages", sizes, []int{2, 1, 2, 1})
	for _, cursor := range []string{"u", "g", "u2", "gx.", "x2.1", ".", "u99999999999999.", "2.u", "x"} {
		_, err := i.across(&identityv1.ListQuery{Cursor: &cursor}, nil)
		refused(t, cursor, err, fault.InvalidCursor)
	}
}

func TestAQueryOfTheRootAsksEachTypeForItsPart(t *testing.T) {
	t.Parallel()
	i, all := filled(setup(t), 3, 3)
	empty := ""
	for _, c := range []struct {
		filter, sortBy string
		cursor         *string
		want           []string
	}{
		{`meta.resourceType eq "User"`, "userName", nil, all[:3]},
		{`meta.resourceType eq "Group" and displayName eq "g1"`, "", &empty, all[4:5]},
		{`userName eq "u1" or displayName eq "g2"`, "", nil, []string{all[1], all[5]}},
		{`displayName eq "g2" or externalId eq "x"`, "", &empty, nil}, // of users first
		{`userName eq "x" and members pr`, "", nil, nil},
		{`userName eq "x" and members pr`, "", &empty, nil},
	} {
		name := fmt.Sprint(c.filter, " by cursor: ", c.cursor != nil)
		page, err := i.across(&identityv1.ListQuery{Filter: c.filter, SortBy: c.sortBy, Cursor: c.cursor}, &identityv1.Projection{Attributes: []string{"id"}})
		must(t, err)
		equal(t, name, resourceIDs(page), append([]string{}, c.want...))
		for _, resource := range page.GetResources() {
			if d := document(t, resource); d["id"] == nil || d["meta"] != nil {
				t.Errorf("%s shows %v", name, d)
			}
		}
	}
	_, err := i.across(&identityv1.ListQuery{SortBy: "id"}, nil)
	if f := refused(t, "an order of both", err, fault.InvalidValue); !strings.HasPrefix(f.Message, "sortBy cannot order users and groups together") {
		t.Error(f)
	}
	_, err = i.across(&identityv1.ListQuery{Filter: `nobody eq "x"`}, nil)
	refused(t, "an attribute that no type has", err, fault.InvalidFilter)
}
