package simulate

import (
	"context"
	"net/http"
	"slices"
	"strconv"
)

// okta sends requests like Okta's SCIM client: it finds a user by a filter, creates a missing one by POST, updates it by PUT
// of the whole profile, and activates or deactivates it by PATCH without a path. It never deletes users. It pushes whole
// groups, and then their members by PATCH or again the whole group by PUT.
type okta struct{}

const oktaPage = 100 // resources per page, as Okta requests them

func (okta) attributes(r *run, cycle int, u userState) []attribute {
	return []attribute{
		{"userName", u.userName},
		{"displayName", u.display},
		{"title", u.title},
		{workMailPath, u.email},
		{"locale", u.locale},
		{"name.givenName", u.given},
		{"name.familyName", u.family},
		{mobilePath, u.phone},
		{"externalId", u.externalID},
		{enterprise + ":employeeNumber", u.employee},
		{enterprise + ":department", u.department},
		{managerPath, okta{}.managerID(r, cycle, u)},
	}
}

// connectionTest sends what Okta sends for "Test Connector Configuration", and then lists the existing groups.
func (okta) connectionTest(ctx context.Context, r *run) error {
	any := func(float64) bool { return true }
	if err := r.probe(ctx, "/Users?startIndex=1&count=2", any); err != nil {
		return err
	}
	for start, total := 1, 1; start <= total; start += oktaPage {
		path := "/Groups?startIndex=" + strconv.Itoa(start) + "&count=" + strconv.Itoa(oktaPage)
		if err := r.probe(ctx, path, func(n float64) bool { total = int(n); return true }); err != nil {
			return err
		}
	}
	return nil
}

func (okta) userFilters(p *plan, index int, want userState) []string {
	filters := []string{equals("userName", want.userName)}
	for _, name := range p.userNames[index] {
		if name != want.userName {
			filters = append(filters, equals("userName", name))
		}
	}
	return filters
}

func (okta) userQuery(filter string) string {
	return "/Users?filter=" + query(filter) + "&startIndex=1&count=" + strconv.Itoa(oktaPage)
}

func (okta) groupQuery(filter string) string {
	return "/Groups?filter=" + query(filter) + "&startIndex=1&count=" + strconv.Itoa(oktaPage)
}

// managerID is free text in Okta's profile; some organizations store the manager's employee number there.
func (okta) managerID(r *run, cycle int, u userState) string {
	if u.manager == noManager {
		return ""
	}
	return r.plan.cycles[cycle].users[u.manager].employee
}

func (o okta) profile(r *run, cycle int, u userState) document {
	extension := document{"employeeNumber": u.employee, "department": u.department}
	if id := o.managerID(r, cycle, u); id != "" {
		extension["manager"] = document{"value": id, "displayName": r.plan.cycles[cycle].users[u.manager].display}
	}
	d := document{
		"schemas":     []string{coreUser, enterprise},
		"userName":    u.userName,
		"externalId":  u.externalID,
		"name":        document{"givenName": u.given, "familyName": u.family},
		"displayName": u.display,
		"locale":      u.locale,
		"active":      u.active,
		"groups":      []any{},
		enterprise:    extension,
	}
	d.set("title", u.title)
	d.set("emails", workEmail(u))
	d.set("phoneNumbers", mobilePhone(u))
	return d
}

func (o okta) newUser(r *run, cycle, _ int, u userState) document { return o.profile(r, cycle, u) }

func (o okta) updateUser(
	ctx context.Context, r *run, cycle, index int, id string, doc document, want userState,
) error {
	profile := len(differences(doc, o.attributes(r, cycle, want))) > 0
	active := len(differences(doc, []attribute{{"active", want.active}})) > 0
	reactivateByPut := want.active && r.plan.variant(2, "reactivate", index, cycle) == 0
	switch {
	case profile, active && reactivateByPut:
		body := o.profile(r, cycle, want)
		body["id"] = id
		body["meta"] = document{"resourceType": "User"}
		return r.write(ctx, http.MethodPut, userPath(id), body)
	case active:
		op := document{"op": "replace", "value": document{"active": want.active}}
		return r.write(ctx, http.MethodPatch, userPath(id), operations(op))
	}
	return nil
}

// Managers are part of the profile, so no later pass links them.
func (okta) linksManagers() bool { return false }

func (okta) updateManager(context.Context, *run, int, int, string, string) error { return nil }

func (o okta) newGroup(r *run, cycle, g int, want groupState) (document, map[int]string) {
	wanted, _, _, _ := r.memberships(cycle, g)
	have := make(map[int]string, len(wanted))
	for _, m := range wanted {
		have[m.index] = m.id
	}
	return document{"schemas": []string{coreGroup}, "displayName": want.name, "members": o.members(wanted)}, have
}

func (okta) members(members []member) []document {
	list := make([]document, 0, len(members))
	for _, m := range members {
		list = append(list, document{"value": m.id, "display": m.name})
	}
	return list
}

func (o okta) updateGroup(
	ctx context.Context, r *run, cycle, g int, id string, want groupState, adopted bool,
) error {
	if r.group(g).name != want.name {
		op := document{"op": "replace", "value": document{"id": id, "displayName": want.name}}
		if err := r.write(ctx, http.MethodPatch, groupPath(id), operations(op)); err != nil {
			return err
		}
		r.renamed(g, want.name)
	}
	wanted, add, remove, incomplete := r.memberships(cycle, g)
	whole := adopted || r.plan.variant(4, "put", g, cycle) == 0
	var err error
	switch {
	case whole && (adopted || len(add)+len(remove) > 0):
		err = o.putGroup(ctx, r, g, id, want, wanted, remove)
	default:
		err = o.patchMembers(ctx, r, g, id, add, remove)
	}
	if err == nil && incomplete {
		return errGaveUp
	}
	return err
}

func (o okta) putGroup(ctx context.Context, r *run, g int, id string, want groupState, wanted, remove []member) error {
	body := document{
		"schemas": []string{coreGroup}, "id": id, "displayName": want.name, "members": o.members(wanted),
	}
	if err := r.write(ctx, http.MethodPut, groupPath(id), body); err != nil {
		return err
	}
	r.joined(g, wanted)
	r.left(g, remove)
	return nil
}

func (o okta) patchMembers(ctx context.Context, r *run, g int, id string, add, remove []member) error {
	for batch := range slices.Chunk(remove, oktaPage) {
		if err := r.expel(ctx, g, id, batch, removeByFilter); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(add, oktaPage) {
		op := document{"op": "add", "path": "members", "value": o.members(batch)}
		if err := r.write(ctx, http.MethodPatch, groupPath(id), operations(op)); err != nil {
			return err
		}
		r.joined(g, batch)
	}
	return nil
}
