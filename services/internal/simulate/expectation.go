package simulate

import (
	"cmp"
	"slices"
)

// Expectation is the expected state of a server: its whole state if the simulated directory is the only one. Everything is
// sorted by bytes, so equal states have equal JSON.
type Expectation struct {
	IdP    IdP             `json:"idp"`
	Users  []ExpectedUser  `json:"users"`  // by userName
	Groups []ExpectedGroup `json:"groups"` // by displayName
	// Tenant is the tenant in which the default rules give roles.
	Tenant string `json:"tenant"`
	// Roles are the roles that the default rules give in Tenant: userName to role names. It leaves out users without a role.
	Roles map[string][]string `json:"roles"`
}

// ExpectedUser is one active or inactive user at the server.
type ExpectedUser struct {
	UserName    string `json:"userName"`
	ExternalID  string `json:"externalId"`
	Active      bool   `json:"active"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email,omitempty"` // of type work; empty means none
}

// ExpectedGroup is one group at the server. Inactive users are members, too.
type ExpectedGroup struct {
	DisplayName string   `json:"displayName"`
	Members     []string `json:"members"` // userNames
}

func (p *plan) expectation(cycle int) *Expectation {
	s := p.cycles[cycle]
	e := &Expectation{
		IdP: p.idp, Tenant: ruleTenant,
		Users: []ExpectedUser{}, Groups: []ExpectedGroup{}, Roles: map[string][]string{},
	}
	for _, u := range s.users {
		if u.presence == present {
			e.Users = append(e.Users, ExpectedUser{
				UserName: u.userName, ExternalID: u.externalID, Active: u.active, DisplayName: u.display, Email: u.email,
			})
		}
	}
	for i, g := range s.groups {
		if g.presence != present {
			continue
		}
		members := make([]string, 0, len(g.members))
		for _, m := range g.members {
			name := s.users[m].userName
			members = append(members, name)
			if i < len(ruleGroups) && s.users[m].active {
				e.Roles[name] = append(e.Roles[name], ruleGroups[i].role)
			}
		}
		slices.Sort(members)
		e.Groups = append(e.Groups, ExpectedGroup{DisplayName: g.name, Members: members})
	}
	for _, roles := range e.Roles {
		slices.Sort(roles)
	}
	slices.SortFunc(e.Users, func(a, b ExpectedUser) int { return cmp.Compare(a.UserName, b.UserName) })
	slices.SortFunc(e.Groups, func(a, b ExpectedGroup) int { return cmp.Compare(a.DisplayName, b.DisplayName) })
	return e
}
