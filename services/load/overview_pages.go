package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// page is a page of the console, or a part of one: the requests that it sends at the same time.
type page struct {
	name     string
	requests []request
}

// request is a GET request to the admin REST API, or a POST request: see posted.
type request struct{ name, path string }

// session is what somebody looks at, while an identity provider sends messages.
type session struct {
	pages []page
	// send sends the nth message.
	send func(ctx context.Context, n int) error
}

// pagesWithin are the targets of pages: how long the slowest request may take.
var pagesWithin = map[string]time.Duration{
	overviewPage.name: overviewWithin, rulesPage: rulesWithin, searchPage: peopleWithin, userPage: peopleWithin, groupPage: peopleWithin,
}

// view contains the measurements of a page.
type view struct {
	page
	setup, state string
	took         [][]time.Duration // of each request, in each round
	whole        []time.Duration   // of the slowest request in each round
	bytes        []int             // of each request's last answer
}

const organizationPath = "/api/v1/organizations/" + organization

// overviewPage sends the requests of the console's overview.
var overviewPage = page{"overview", []request{
	{"directories", organizationPath + "/directories?pageSize=50"},
	{"activity of 24 hours", organizationPath + "/activity?pageSize=400"},
	{"progress", organizationPath + "/directoryProgress?pageSize=1000"},
	{"open failed events by reason", organizationPath + "/failedEvents:count?openOnly=true"},
	{"access status", organizationPath + "/access:status"},
}}

// look returns a session on all pages. It compares what the overview shows with the filled data.
func (s *overviewStage) look(ctx context.Context, u *usher) (session, error) {
	if err := u.checkOverview(ctx); err != nil {
		return session{}, err
	}
	directory := organizationPath + "/directories/" + s.account.Directory
	of := "directoryId=" + s.account.Directory
	month := url.QueryEscape(time.Now().UTC().Add(-29 * 24 * time.Hour).Format("2006-01-02T00:00:00Z"))
	all := []page{
		overviewPage,
		{"the large directory", []request{
			{"directory", directory},
			{"activity of 24 hours", organizationPath + "/activity?" + of},
			{"activity of 30 days", organizationPath + "/activity?" + of + "&period=ACTIVITY_PERIOD_DAY&startTime=" + month},
			{"progress", directory + "/progress"},
			{"quirks", directory + "/quirks"},
			{"keys", directory + "/apiKeys"},
		}},
		{"failed events", []request{
			{"list", organizationPath + "/failedEvents?openOnly=true"},
			{"by reason", organizationPath + "/failedEvents:count?openOnly=true"},
			{"directories", organizationPath + "/directories?pageSize=1000&showDeleted=true"},
		}},
		{"failed events of a directory", []request{
			{"list", organizationPath + "/failedEvents?openOnly=true&" + of},
			{"by reason", organizationPath + "/failedEvents:count?openOnly=true&" + of},
		}},
		{"all failed events", []request{{"by reason", organizationPath + "/failedEvents:count"}}},
	}
	filters := []string{"openOnly=true", of, "reason=" + eventReasons[0], "startTime=" + month + "&endTime=" + url.QueryEscape(time.Now().UTC().Add(-14*24*time.Hour).Format(time.RFC3339))}
	for set := range 1 << len(filters) {
		var query []string
		for i, filter := range filters {
			if set&(1<<i) != 0 {
				query = append(query, filter)
			}
		}
		all = append(all, page{filteredPage, []request{{"list", organizationPath + "/failedEvents?" + strings.Join(query, "&")}}})
	}
	rules, err := u.rulePage(ctx)
	if err != nil {
		return session{}, err
	}
	all = append(append(all, rules), peoplePages()...)
	message := organizationPath + "/failedEvents?messageId=01900000-0000-7000-c000-000000000007"
	return session{append(all, page{filteredPage, []request{{"list", message}}}), u.change()}, nil
}

// filteredPage is the name of the pages that differ in their filter only. They are reported together.
const filteredPage = "failed events, each combination of filters"

// replace replaces the large directory, and returns a session on the pages about what the replacement has not adopted.
func (s *overviewStage) replace(ctx context.Context, u *usher) (session, error) {
	if _, err := directoryv1.NewDirectoryServiceClient(u.public).DeleteDirectory(u.asOperator(ctx),
		&directoryv1.DeleteDirectoryRequest{OrganizationId: organization, Id: s.account.Directory}); err != nil {
		return session{}, err
	}
	a, err := u.addDirectory(ctx, "replacement", s.account.Directory)
	if err != nil {
		return session{}, err
	}
	u.connections.close()
	u.open(a)
	// A user who is in groups that were not adopted, at the end of the members.
	if err := u.post(ctx, "/Users", userBody(fmt.Sprint(u.users-1))); err != nil {
		return session{}, err
	}
	directory := organizationPath + "/directories/" + a.Directory
	adopt := func(ctx context.Context, n int) error { return u.post(ctx, "/Users", userBody(fmt.Sprint(n))) }
	return session{[]page{
		overviewPage,
		{"the replacement of the large directory", []request{
			{"not adopted", directory + "/unadopted?pageSize=100"},
			{"memberships to confirm", directory + "/carriedMembers?pageSize=100"},
		}},
	}, adopt}, nil
}

// checkOverview compares what the overview shows with the filled data.
func (u *usher) checkOverview(ctx context.Context) error {
	browser := u.browser()
	defer browser.close()
	var shown struct {
		Directories []struct{ UserCount string } // first the directories, then their progress
		Activity    []struct{ Counts []struct{ StartTime string } }
		Counts      []struct {
			Count   int
			AtLeast bool
		}
	}
	for _, r := range overviewPage.requests {
		body, err := browser.send(ctx, 0, http.MethodGet, r.path, "", http.StatusOK, true)
		if err != nil {
			return err
		}
		shown.Directories = nil
		if err := json.Unmarshal(body, &shown); err != nil {
			return err
		}
		most := 0
		for _, d := range shown.Directories {
			users, _ := strconv.Atoi(d.UserCount) // a directory has none
			most = max(most, users)
		}
		if n := len(shown.Directories); n != 0 && n != 1+smallDirectories || most != 0 && most < u.users {
			return fmt.Errorf("%s: %d directories with at most %d users", r.name, n, most)
		}
	}
	for _, a := range shown.Activity {
		if len(a.Counts) < 24 {
			return fmt.Errorf("a directory has counts of %d hours", len(a.Counts))
		}
	}
	for _, c := range shown.Counts {
		if !c.AtLeast {
			return fmt.Errorf("a reason has %d failed events", c.Count)
		}
	}
	if len(shown.Activity) != 1+smallDirectories || len(shown.Counts) != len(eventReasons) {
		return fmt.Errorf("the activity of %d directories, and %d reasons", len(shown.Activity), len(shown.Counts))
	}
	return nil
}

// browser returns connections to the admin REST API.
func (u *usher) browser() *connections {
	return connect(u.gateway().Admin, "Authorization: Bearer "+operatorToken+"\r\n")
}

// view opens the pages of a session, in rounds.
func (u *usher) view(ctx context.Context, s session) ([]view, error) {
	browser := u.browser()
	defer browser.close()
	views := make([]view, len(s.pages))
	for i, p := range s.pages {
		views[i] = view{page: p, took: make([][]time.Duration, len(p.requests)), bytes: make([]int, len(p.requests))}
	}
	sending, stop := context.WithCancel(ctx)
	var messages sync.WaitGroup
	var failed error
	messages.Go(func() { failed = sendSteadily(sending, s.send) })
	var err error
	for round := 0; round < u.rounds && err == nil; round++ {
		for i := range views {
			if err = views[i].open(ctx, browser); err != nil {
				break
			}
		}
	}
	stop()
	messages.Wait()
	return views, errors.Join(err, failed)
}

// open sends the requests of the page at the same time, each on a connection of its own, as a browser does.
func (v *view) open(ctx context.Context, browser *connections) error {
	var requests sync.WaitGroup
	took, errs := make([]time.Duration, len(v.requests)), make([]error, len(v.requests))
	start := time.Now()
	for i, r := range v.requests {
		requests.Go(func() {
			var body []byte
			method, path, sent := r.parts()
			body, errs[i] = browser.send(ctx, i, method, path, sent, http.StatusOK, true)
			took[i], v.bytes[i] = time.Since(start), len(body)
		})
	}
	requests.Wait()
	for i := range took {
		v.took[i] = append(v.took[i], took[i])
	}
	v.whole = append(v.whole, slices.Max(took))
	return errors.Join(errs...)
}

// sendSteadily sends messages at a steady rate, until the context ends.
func sendSteadily(ctx context.Context, send func(ctx context.Context, n int) error) error {
	tick := time.NewTicker(time.Second / messagesPerSecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := send(context.WithoutCancel(ctx), n); err != nil { // a message that was begun is ended
			return err
		}
	}
}

// change returns a function that changes a user, creates two, and tries to create one that exists, in turns.
func (u *usher) change() func(ctx context.Context, n int) error {
	begun := time.Now().UnixNano() // nobody else sends the same names
	return func(ctx context.Context, n int) (err error) {
		switch n % 4 {
		case 0:
			_, err = u.send(ctx, 0, http.MethodPatch, "/Users/"+filledID(scatter(n, u.users)),
				patch(fmt.Sprintf(`"replace","path":"title","value":"title %d"`, n)), http.StatusOK, false)
		case 1:
			_, err = u.send(ctx, 0, http.MethodPost, "/Users", userBody(fmt.Sprint(scatter(n, u.users))), http.StatusConflict, false)
		default:
			err = u.post(ctx, "/Users", userBody(fmt.Sprintf("new-%d-%d", begun, n)))
		}
		return err
	}
}

// writeViews prints a table for each setup and state. The error tells where the overview takes too long.
func (c options) writeViews(out io.Writer, all []view) error {
	var b strings.Builder
	var late []error
	fmt.Fprintf(&b, "%s/%s, %d cores, %s users, %d rounds, %d messages a second\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		thousands(float64(c.users)), c.rounds, messagesPerSecond)
	row := func(name, request string, took []time.Duration, bytes int, within time.Duration) {
		sorted := slices.Sorted(slices.Values(took))
		slowest := quantile(sorted, 1)
		target := ""
		if within > 0 {
			target = fmt.Sprintf(", target %s%s", milliseconds(within), verdict(slowest < within))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s%s | %.1f |\n", name, request, milliseconds(quantile(sorted, 0.5)),
			milliseconds(quantile(sorted, 0.95)), milliseconds(slowest), target, float64(bytes)/1000)
	}
	title := ""
	for _, v := range mergeViews(all) {
		if next := v.setup + ", " + v.state; next != title {
			title = next
			fmt.Fprintf(&b, "\n**%s**\n\n| page | request | median ms | p95 ms | most ms | KB |\n| --- | --- | ---: | ---: | ---: | ---: |\n", title)
		}
		if len(v.requests) > 1 {
			within := pagesWithin[v.name]
			sum := 0
			for _, n := range v.bytes {
				sum += n
			}
			row(v.name, "the slowest", v.whole, sum, within)
			if within > 0 && slices.Max(v.whole) >= within {
				late = append(late, fmt.Errorf("%s: the page %s takes up to %s, %s or more", title, v.name, slices.Max(v.whole).Round(time.Millisecond), within))
			}
		}
		for i, r := range v.requests {
			row(v.name, r.name, v.took[i], v.bytes[i], 0)
		}
	}
	_, err := io.WriteString(out, b.String())
	return errors.Join(append(late, err)...)
}

// mergeViews makes one view of those that follow each other and have the same name.
func mergeViews(all []view) (merged []view) {
	for _, v := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].name == v.name && merged[last].setup == v.setup && merged[last].state == v.state {
			for i := range v.took {
				merged[last].took[i] = append(merged[last].took[i], v.took[i]...)
				merged[last].bytes[i] = max(merged[last].bytes[i], v.bytes[i])
			}
			continue
		}
		merged = append(merged, v)
	}
	return merged
}
