package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The names of the operations.
const (
	createUser       = "create a user"
	createAlone      = "create a user, one client"
	createByBulk     = "create users by Bulk of 1,000, one client"
	getUser          = "get a user by id"
	filterUsers      = "filter `userName eq`"
	filterEmails     = "filter `emails.value eq`"
	filterWorkEmails = "filter `emails[type eq \"work\"].value eq`"
	patchUser        = "PATCH one attribute"
	pageOfUsers      = "page of 100 users"
	memberOfMany     = "a member in or out, of 50 groups"
)

func memberOf(members int) string {
	return "a member in or out, of one group of " + thousands(float64(members))
}

func readGroup(members int) string { return "get a group of " + thousands(float64(members)) }

// speedNames are the operations that are measured beside Hop and DB.
func speedNames(users int) []string {
	return []string{
		createUser, getUser, filterUsers, patchUser, pageOfUsers, memberOfMany, memberOf(smallGroup), memberOf(largeGroup(users)), createAlone, createByBulk,
	}
}

// growthNames are the operations that are measured with few and with many users.
var growthNames = []string{createUser, getUser, filterUsers, filterEmails, filterWorkEmails, patchUser, pageOfUsers}

// groupNames are the operations that are measured on groups of several sizes, with many users.
func groupNames(users int) []string {
	return []string{memberOf(smallGroup), memberOf(mediumGroup(users)), memberOf(largeGroup(users)), readGroup(largeGroup(users))}
}

// wanted returns the names that are to be measured.
func (c options) wanted(names ...string) (all []string) {
	for _, name := range names {
		if strings.Contains(name, c.only) {
			all = append(all, name)
		}
	}
	return all
}

// named returns the operations that have one of the names.
func named(names []string, all []*operation) []*operation {
	return slices.DeleteFunc(all, func(o *operation) bool { return !slices.Contains(names, o.name) })
}

// scatter spreads requests over all users.
func scatter(n, users int) int { return n * 7919 % users }

// any returns the number of a user that a client requests.
func (u *usher) any(client, n int) int { return scatter(client+n*u.clients, u.users) }

// filterOf returns the query that finds a user.
func filterOf(name string, user int) string {
	attribute := map[string]string{filterUsers: "userName", filterEmails: "emails.value", filterWorkEmails: `emails[type eq "work"].value`}[name]
	return "filter=" + url.QueryEscape(fmt.Sprintf(`%s eq "person.%d@example.com"`, attribute, user))
}

func patch(operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":` + operation + `}]}`
}

// newUser returns the body of a new user each time.
func (u *usher) newUser() string { return userBody(fmt.Sprintf("new-%d", u.created.Add(1))) }

// operations returns the operations of a filled Usher.
func (u *usher) operations() []*operation {
	user := func(client, n int) string { return "/Users/" + filledID(u.any(client, n)) }
	users := func(int, int) string { return "/Users" }
	newUser := func(int, int) string { return u.newUser() }
	nothing := func(int, int) string { return "" }
	filter := func(name string) *operation {
		return u.operation(u.options, name, http.MethodGet, http.StatusOK,
			func(client, n int) string { return "/Users?" + filterOf(name, u.any(client, n)) }, nothing)
	}
	member := func(name string, group func(client, n int) int) *operation {
		return u.operation(u.options, name, http.MethodPatch, http.StatusNoContent,
			func(client, n int) string { return "/Groups/" + filledGroupID(group(client, n)) },
			func(client, n int) string {
				id := filledID(u.users - 1 - client*spare - n/2%spare)
				op := `"add","path":"members","value":[{"value":"` + id + `"}]`
				if n%2 == 1 {
					op = `"remove","path":"members[value eq \"` + id + `\"]"`
				}
				return patch(op)
			})
	}
	one := func(group int) func(int, int) int { return func(int, int) int { return group } }
	return []*operation{
		u.operation(u.options, createUser, http.MethodPost, http.StatusCreated, users, newUser),
		u.operation(u.options, getUser, http.MethodGet, http.StatusOK, user, nothing),
		filter(filterUsers),
		filter(filterEmails),
		filter(filterWorkEmails),
		u.operation(u.options, patchUser, http.MethodPatch, http.StatusOK, user, func(client, n int) string {
			return patch(fmt.Sprintf(`"replace","path":"title","value":"title %d-%d"`, client, n))
		}),
		u.operation(u.options, pageOfUsers, http.MethodGet, http.StatusOK,
			func(int, int) string { return fmt.Sprintf("/Users?startIndex=1&count=%d", hopPage) }, nothing),
		member(memberOfMany, func(client, n int) int { return (client + n/2*u.clients) % smallGroups }),
		member(memberOf(smallGroup), one(0)),
		member(memberOf(mediumGroup(u.users)), one(smallGroups+1)),
		member(memberOf(largeGroup(u.users)), one(smallGroups)),
		u.operation(u.alone(), createAlone, http.MethodPost, http.StatusCreated, users, newUser),
		u.writing(&operation{name: createByBulk, take: times(bulkSize, u.alone().byClients(u.createByBulk))}),
	}
}

// operation returns an operation in which the clients of c send a message repeatedly.
func (u *usher) operation(c options, name, method string, want int, path, body func(client, n int) string) *operation {
	o := &operation{name: name, take: c.byClients(func(ctx context.Context, client, n int) error {
		_, err := u.send(ctx, client, method, path(client, n), body(client, n), want, false)
		return err
	})}
	if method == http.MethodGet {
		return u.reading(o)
	}
	return u.writing(o)
}

func (u *usher) reading(o *operation) *operation {
	o.who, o.cpu = u.who, u.cpu
	return o
}

// writing marks an operation after which rules must be applied.
func (u *usher) writing(o *operation) *operation {
	o.rest = u.settle
	return u.reading(o)
}

// bulkSize is how many operations a Bulk contains: the greatest allowed number.
const bulkSize = 1000

func (u *usher) createByBulk(ctx context.Context, client, _ int) error {
	creates := make([]string, bulkSize)
	for i := range creates {
		creates[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"%d","data":%s}`, i, u.newUser())
	}
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(creates, ",") + `]}`
	answer, err := u.send(ctx, client, http.MethodPost, "/Bulk", body, http.StatusOK, true)
	if created := bytes.Count(answer, []byte(`"status":"201"`)); err == nil && created != bulkSize {
		err = fmt.Errorf("a Bulk created %d users, not %d", created, bulkSize)
	}
	return err
}

func megabytesOf(body []byte) float64 { return float64(len(body)) / 1e6 }
