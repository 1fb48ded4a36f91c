package scim

import (
	"errors"
	"testing"
)

func TestAFilterIsNarrowedToEachType(t *testing.T) {
	t.Parallel()
	const none, all = "none", "all"
	for _, c := range []struct{ filter, user, group string }{
		{`displayName eq "x"`, `displayName eq "x"`, `displayName eq "x"`},
		{`userName eq "x"`, `userName eq "x"`, none},
		{`members pr`, none, `members pr`},
		{`userName ne "x"`, `userName ne "x"`, all},
		{`userName eq null`, `userName eq null`, all},
		{`userName eq "x" or displayName eq "x"`, `userName eq "x" or displayName eq "x"`, `displayName eq "x"`},
		{`userName eq "x" and displayName eq "x"`, `userName eq "x" and displayName eq "x"`, none},
		{`not (userName eq "x")`, `not (userName eq "x")`, all},
		{`not (displayName eq "x")`, `not (displayName eq "x")`, `not (displayName eq "x")`},
		{`meta.resourceType eq "User"`, all, none},
		{`META.resourcetype ne "User"`, none, all},
		{`meta.resourceType eq "user"`, none, none},
		{`meta.resourceType sw "U"`, `meta.resourceType sw "U"`, `meta.resourceType sw "U"`},
		{`meta.resourceType eq "Group" and displayName eq "x"`, none, `displayName eq "x"`},
		{`emails[type eq "work"]`, `emails[type eq "work"]`, none},
		{`not (emails[type eq "work"])`, `not (emails[type eq "work"])`, all},
		{
			`id eq "x" and (userName eq "x" or (displayName eq "x" and externalId pr))`,
			`id eq "x" and (userName eq "x" or displayName eq "x" and externalId pr)`,
			`id eq "x" and displayName eq "x" and externalId pr`,
		},
		{
			`(meta.resourceType eq "User") or (meta.resourceType eq "Group")`, all, all,
		},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"`, none},
	} {
		t.Run(c.filter, func(t *testing.T) {
			t.Parallel()
			f, err := ParseFilter(c.filter, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			narrowed, err := f.Across(UserType(), GroupType())
			if err != nil {
				t.Fatal(err)
			}
			got := map[*ResourceType]string{UserType(): none, GroupType(): none}
			for _, n := range narrowed {
				got[n.Type] = all
				if n.Filter != nil {
					got[n.Type] = n.Filter.String()
				}
			}
			if got[UserType()] != c.user || got[GroupType()] != c.group {
				t.Errorf("of users %s, of groups %s", got[UserType()], got[GroupType()])
			}
		})
	}
	for _, text := range []string{
		`nothing eq "x"`, `userName eq "x" or nothing[type eq "x"]`, `userName eq 1`, `meta.resourceType eq "Group" or active gt true`,
		`emails[nothing eq "x"]`, `displayName eq true`,
	} {
		f, err := ParseFilter(text, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var refused *Error
		if narrowed, err := f.Across(UserType(), GroupType()); !errors.As(err, &refused) || refused.Type != InvalidFilter {
			t.Errorf("%s: %v, %v", text, narrowed, err)
		}
	}
}
