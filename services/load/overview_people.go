package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// peopleGroups is the number of the first group of fillPeople, the large one. The groups of one user follow.
	peopleGroups    = 0xf00000
	largeGroupUsers = 250_000
	groupsOfOneUser = 300

	searchPage = "search for users"
	userPage   = "a user in 300 groups"
	groupPage  = "the largest group"
	// peopleWithin is how long the slowest request of these pages may take.
	peopleWithin = 300 * time.Millisecond
)

// fillPeople adds a large group, and groups of the first user.
func (s *overviewStage) fillPeople(ctx context.Context) (err error) {
	settings, err := pgx.ParseConfig(s.server.address(overviewDatabase))
	if err != nil {
		return err
	}
	settings.RuntimeParams["search_path"] = identitySpace
	conn, err := pgx.ConnectConfig(ctx, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for n := range 1 + groupsOfOneUser {
		group, members := filledGroupID(peopleGroups+n), 1
		if n == 0 {
			members = min(s.users, largeGroupUsers)
		}
		if _, err := conn.Exec(ctx, postgresFill.group, seedGroup, group); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, postgresFill.members, organization, group, 0, members); err != nil {
			return err
		}
	}
	return nil
}

// peoplePages are the console's pages of users and groups.
func peoplePages() []page {
	user, group := organizationPath+"/users/"+filledID(0), organizationPath+"/groups/"+filledGroupID(peopleGroups)
	search := func(query string) request {
		return request{fmt.Sprintf("%q", query), organizationPath + "/users:search?query=" + query}
	}
	return []page{
		{searchPage, []request{search("p"), search("person.12"), search("person.777@"), search("nobody"), search("")}},
		{userPage, []request{
			{"user", user}, {"access", organizationPath + "/access?pageSize=1000&userId=" + filledID(0)}, {"each rule explained", user + "/access:explain"},
			{"a role explained", user + "/access:explain?roleId=" + generatorRoleID}, {"groups", user + "/groups?pageSize=100"},
			{"all groups", user + "/groups?pageSize=1000"}, {"changes", organizationPath + "/accessChanges?userId=" + filledID(0)},
		}},
		{groupPage, []request{
			{"group", group}, {"members with names", group + "/members?names=true"}, {"groups in it", group + "/nestedGroups?nesting=NESTING_MEMBERS"},
			{"groups that contain it", group + "/nestedGroups?nesting=NESTING_CONTAINERS"},
		}},
	}
}
