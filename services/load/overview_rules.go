package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

const (
	// listedRules is how many rules the page of rules shows.
	listedRules = 200
	// rulesOfCount is how many rules the page counts with one request.
	rulesOfCount = 20
	rulesPage    = "200 rules"
	// rulesWithin is how long the slowest request of the page of rules may take.
	rulesWithin = time.Second
)

// createListedRules adds rules to those of createRules: one matches the large group, and the others match role values, filters and missing
// groups.
func (s *overviewStage) createListedRules(ctx context.Context, u *usher) error {
	ctx = u.asOperator(ctx)
	for n := overviewRules; n < listedRules; n++ {
		r := &rulev1.Rule{Enabled: proto.Bool(true), Grants: []*rulev1.Grant{{TenantId: generatorTenant, RoleId: generatorRoleID}}}
		switch {
		case n == overviewRules:
			r.Match = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: filledGroupID(smallGroups)}}
		case n < smallGroups:
			r.Match = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: filledGroupID(n)}}
		case n%3 == 0:
			r.Match = &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: fmt.Sprint("role ", n)}}
		case n%3 == 1:
			r.Match = &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: fmt.Sprintf(`userName sw "%d"`, n)}}
		default:
			r.Match = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: fmt.Sprint("missing ", n)}}
		}
		if _, err := rulev1.NewRuleServiceClient(u.public).CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: organization, Rule: r}); err != nil {
			return err
		}
	}
	return nil
}

// rulePage returns the page of rules.
func (u *usher) rulePage(ctx context.Context) (page, error) {
	const rules = organizationPath + "/rules"
	p := page{rulesPage, []request{{"list", rules + "?pageSize=1000"}, {"problems", rules + ":problems"}}}
	browser := u.browser()
	defer browser.close()
	body, err := browser.send(ctx, 0, http.MethodGet, p.requests[0].path, "", http.StatusOK, true)
	if err != nil {
		return p, err
	}
	var list struct{ Rules []struct{ ID string } }
	if err := json.Unmarshal(body, &list); err != nil {
		return p, err
	}
	if len(list.Rules) != listedRules {
		return p, fmt.Errorf("there are %d rules, not %d", len(list.Rules), listedRules)
	}
	for at := 0; at < listedRules; at += rulesOfCount {
		var ids []string
		for _, r := range list.Rules[at : at+rulesOfCount] {
			ids = append(ids, `"`+r.ID+`"`)
		}
		p.requests = append(p.requests, request{
			fmt.Sprintf("matches of the rules %d to %d", at+1, at+rulesOfCount), posted(rules+":countMatches", `{"ids":[`+strings.Join(ids, ",")+`]}`),
		})
	}
	return p, nil
}

// posted returns the path of a request that is a POST with a body of JSON.
func posted(path, body string) string { return path + "\n" + body }

// parts returns what a request sends.
func (r request) parts() (method, path, body string) {
	path, body, post := strings.Cut(r.path, "\n")
	if post {
		return http.MethodPost, path, body
	}
	return http.MethodGet, path, ""
}
