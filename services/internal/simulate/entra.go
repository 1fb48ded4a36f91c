package simulate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// entra sends requests like Microsoft Entra ID's provisioning service: it finds a user by a filter, creates a missing one by
// POST, and otherwise reads it and sends the differences by PATCH. It sends references (managers, members) only when both
// resources exist, and creates groups without members, which it then adds by PATCH.
//
// Its dialect has two forms, and real customers have either: the default one (capitalised operations, booleans as strings,
// members removed by value), and the one of the flag aadOptscim062020 (lower-case operations, several values in one operation
// without a path, members removed by filter). The plan mixes them.
type entra struct{}

const (
	adGroup      = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group" // sent beside the core schema
	managerPath  = enterprise + ":manager"
	workMailPath = `emails[type eq "work"].value`
	mobilePath   = `phoneNumbers[type eq "mobile"].value`
)

// attributes is the mapping table, in the order of the operations.
func (entra) attributes(u userState) []attribute {
	return []attribute{
		{"userName", u.userName},
		{"active", u.active},
		{"displayName", u.display},
		{"title", u.title},
		{workMailPath, u.email},
		{"preferredLanguage", u.locale},
		{"name.givenName", u.given},
		{"name.familyName", u.family},
		{"name.formatted", u.given + " " + u.family},
		{mobilePath, u.phone},
		{"externalId", u.externalID},
		{enterprise + ":employeeNumber", u.employee},
		{enterprise + ":department", u.department},
	}
}

// connectionTest searches for a user that cannot exist, like the button in the portal.
func (entra) connectionTest(ctx context.Context, r *run) error {
	nobody := uuid(stream(r.plan.seed, Entra, "connection test", 0))
	return r.probe(ctx, entra{}.userQuery(equals("userName", nobody)), func(total float64) bool { return total == 0 })
}

func (entra) userFilters(p *plan, index int, want userState) []string {
	filters := []string{equals("userName", want.userName)}
	if len(p.userNames[index]) > 1 { // a renamed user is matched by a second attribute
		filters = append(filters, equals("externalId", want.externalID))
	}
	return filters
}

func (entra) userQuery(filter string) string { return "/Users?filter=" + query(filter) }

func (entra) groupQuery(filter string) string {
	return "/Groups?excludedAttributes=members&filter=" + query(filter)
}

func (entra) newUser(_ *run, _, _ int, u userState) document {
	d := document{
		"schemas":           []string{coreUser, enterprise},
		"meta":              document{"resourceType": "User"},
		"externalId":        u.externalID,
		"userName":          u.userName,
		"active":            u.active,
		"displayName":       u.display,
		"preferredLanguage": u.locale,
		"name": document{
			"formatted": u.given + " " + u.family, "givenName": u.given, "familyName": u.family,
		},
		enterprise: document{"employeeNumber": u.employee, "department": u.department},
	}
	d.set("title", u.title)
	d.set("emails", workEmail(u))
	d.set("phoneNumbers", mobilePhone(u))
	if u.appRole != "" {
		d["roles"] = []any{document{
			"primary": false, "type": "WindowsAzureActiveDirectoryRole", "value": u.appRole, "display": u.appRole,
		}}
	}
	return d
}

func (e entra) updateUser(
	ctx context.Context, r *run, cycle, index int, id string, doc document, want userState,
) error {
	changes := differences(doc, e.attributes(want))
	ops := e.plain(changes)
	if r.flagged(index, cycle) {
		ops = e.compliant(changes)
	}
	if cycle > 0 && r.plan.cycles[cycle-1].users[index].presence == present &&
		r.plan.cycles[cycle-1].users[index].appRole != want.appRole {
		ops = append(ops, e.addAppRole(r.plan, want.appRole))
	}
	if len(ops) == 0 {
		return nil
	}
	return r.write(ctx, http.MethodPatch, userPath(id), operations(ops...))
}

// addAppRole sends an assignment as the mapping function AppRoleAssignmentsComplex does in a PATCH, but not in a POST: as a
// JSON object inside a JSON string. It only adds.
func (entra) addAppRole(p *plan, role string) document {
	id := uuid(stream(p.seed, Entra, "app role "+role, 0))
	assignment := fmt.Sprintf(`{"id":"%s","value":"%s","displayName":"%s"}`, id, role, role)
	return document{"op": "Add", "path": "roles", "value": []document{{"value": assignment}}}
}

// flagged reports whether this change is sent as with the flag aadOptscim062020.
func (r *run) flagged(index, cycle int) bool { return r.plan.variant(2, "flag", index, cycle) == 1 }

// plain is the default form: one capitalised operation for each attribute, with all values as strings.
func (entra) plain(changes []change) []document {
	var ops []document
	for _, c := range changes {
		value := c.value
		if flag, ok := value.(bool); ok {
			value = map[bool]string{true: "True", false: "False"}[flag]
		}
		switch {
		case value == "":
			ops = append(ops, document{"op": "Remove", "path": c.path})
		case c.had:
			ops = append(ops, document{"op": "Replace", "path": c.path, "value": value})
		default:
			ops = append(ops, document{"op": "Add", "path": c.path, "value": value})
		}
	}
	return ops
}

// compliant is the form that Entra ID sends with its flag aadOptscim062020: one operation without a path for all single-valued attributes, with dotted and URN keys.
func (entra) compliant(changes []change) []document {
	var ops []document
	merged := document{}
	for _, c := range changes {
		switch {
		case c.value == "":
			ops = append(ops, document{"op": "remove", "path": c.path})
		case c.path == "active" || strings.Contains(c.path, "["):
			op := "replace"
			if !c.had {
				op = "add"
			}
			ops = append(ops, document{"op": op, "path": c.path, "value": c.value})
		default:
			merged[c.path] = c.value
		}
	}
	if len(merged) > 0 {
		ops = append(ops, document{"op": "replace", "value": merged})
	}
	return ops
}

func (entra) linksManagers() bool { return true }

func (entra) updateManager(ctx context.Context, r *run, cycle, index int, id, manager string) error {
	resp, err := r.client.send(ctx, http.MethodGet, userPath(id), nil, nil)
	switch {
	case err != nil:
		return err
	case resp.status == http.StatusNotFound:
		return errVanished
	case !resp.ok() || resp.body == nil:
		return r.client.refuse(resp)
	}
	had := resp.body.text(managerPath)
	op := document{"op": "Replace", "path": managerPath, "value": manager}
	switch {
	case had == manager:
		return nil
	case manager == "":
		op = document{"op": "Remove", "path": managerPath}
	case r.flagged(index, cycle):
		op = document{"op": "replace", "path": managerPath, "value": document{"value": manager}}
	case had == "":
		op["op"] = "Add"
	}
	return r.write(ctx, http.MethodPatch, userPath(id), operations(op))
}

func (entra) newGroup(_ *run, _, index int, want groupState) (document, map[int]string) {
	d := document{
		"schemas":     []string{coreGroup, adGroup},
		"meta":        document{"resourceType": "Group"},
		"externalId":  want.externalID,
		"displayName": want.name,
	}
	if index%2 == 1 { // both forms exist: an empty list, and no list
		d["members"] = []any{}
	}
	return d, map[int]string{}
}

func (e entra) updateGroup(
	ctx context.Context, r *run, cycle, g int, id string, want groupState, adopted bool,
) error {
	_, add, remove, incomplete := r.memberships(cycle, g)
	renamed := r.group(g).name != want.name
	if renamed || adopted || len(add)+len(remove) > 0 {
		if err := e.updateGroupItself(ctx, r, cycle, g, id, want); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(add, e.batch(r.plan, g, cycle, len(add))) {
		value := make([]document, 0, len(batch))
		for _, m := range batch {
			value = append(value, document{"value": m.id})
		}
		op := document{"op": "Add", "path": "members", "value": value}
		if err := r.write(ctx, http.MethodPatch, groupPath(id), operations(op)); err != nil {
			return err
		}
		r.joined(g, batch)
	}
	for batch := range slices.Chunk(remove, e.batch(r.plan, g, cycle, len(remove))) {
		body := e.removeByValue
		if r.flagged(g, cycle) {
			body = removeByFilter
		}
		if err := r.expel(ctx, g, id, batch, body); err != nil {
			return err
		}
	}
	if incomplete {
		return errGaveUp
	}
	return nil
}

// updateGroupItself reads a group without its members, and corrects its name and externalId.
func (e entra) updateGroupItself(ctx context.Context, r *run, cycle, g int, id string, want groupState) error {
	resp, err := r.client.send(ctx, http.MethodGet, groupPath(id)+"?excludedAttributes=members", nil, nil)
	switch {
	case err != nil:
		return err
	case resp.status == http.StatusNotFound:
		return errVanished
	case !resp.ok() || resp.body == nil:
		return r.client.refuse(resp)
	}
	changes := differences(resp.body, []attribute{{"displayName", want.name}, {"externalId", want.externalID}})
	if len(changes) > 0 {
		ops := e.plain(changes)
		if r.flagged(g, cycle) {
			ops = e.compliant(changes)
		}
		if err := r.write(ctx, http.MethodPatch, groupPath(id), operations(ops...)); err != nil {
			return err
		}
	}
	r.renamed(g, want.name)
	return nil
}

// batch is how many members are in one request: a few changes come one by one, or together; many come in hundreds.
func (entra) batch(p *plan, g, cycle, n int) int {
	if n <= 10 && p.variant(2, "batch", g, cycle) == 0 {
		return 1
	}
	return 100
}

// removeByValue is the default form, in which Entra names the members beside the path instead of in it.
func (entra) removeByValue(members []member) document {
	value := make([]document, 0, len(members))
	for _, m := range members {
		value = append(value, document{"value": m.id})
	}
	return operations(document{"op": "Remove", "path": "members", "value": value})
}

// removeByFilter is the form of RFC 7644 §3.5.2.2, with one operation for each member.
func removeByFilter(members []member) document {
	ops := make([]document, 0, len(members))
	for _, m := range members {
		ops = append(ops, document{"op": "remove", "path": "members[" + equals("value", m.id) + "]"})
	}
	return operations(ops...)
}
