package identity_test

import (
	"encoding/json"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/test/identitycontract"
)

// The fake identity in the rule service's tests passes the same tests.
func TestIdentityPassesTheContractOfTheRuleService(t *testing.T) {
	t.Parallel()
	for engine, on := range map[string]func(*testing.T) func(*identity.Config){
		"sqlite":   func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} },
		"postgres": onPostgres,
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			identitycontract.Run(t, func(t *testing.T) identitycontract.Identity {
				b := setup(t, on(t))
				return identitycontract.Identity{
					Conn: b.channel.As(commonv1.Caller_CALLER_RULE),
					NewDirectory: func(t *testing.T, organizationID string) identitycontract.IdP {
						return contractIdP{b.idpOf(organizationID), map[string]identitycontract.User{}}
					},
				}
			})
		})
	}
}

// contractIdP remembers the documents that it sent, of its own directory and of the directory that it replaces.
type contractIdP struct {
	*idp
	sent map[string]identitycontract.User
}

func (i contractIdP) DirectoryID() string { return i.target.GetDirectoryId() }

func userDocument(u identitycontract.User) []byte {
	roles := []map[string]string{}
	for _, role := range u.Roles {
		roles = append(roles, map[string]string{"value": role})
	}
	document, _ := json.Marshal(map[string]any{"userName": u.UserName, "displayName": u.DisplayName, "active": !u.Inactive, "roles": roles})
	return document // a map of strings always marshals
}

func (i contractIdP) AddUser(u identitycontract.User) (id string) {
	id = i.user(string(userDocument(u))).GetId()
	i.sent[id] = u
	return id
}

func (i contractIdP) SetUser(id string, u identitycontract.User) {
	_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: id}, userDocument(u))
	must(i, err)
	i.sent[id] = u
}

func (i contractIdP) remove(target *identityv1.Target, id string) {
	_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: target, Id: id})
	must(i, err)
}

func (i contractIdP) DeleteUser(id string)  { i.remove(i.users, id) }
func (i contractIdP) DeleteGroup(id string) { i.remove(i.groups, id) }

func (i contractIdP) AddGroup(displayName string, members ...string) (id string) {
	return i.group(displayName, members...).GetId()
}

func (i contractIdP) RenameGroup(id, displayName string) {
	i.patchGroup(id, operation("replace", "displayName", quote(displayName)))
}

func (i contractIdP) AddMember(groupID, memberID string) {
	i.patchGroup(groupID, operation("add", "members", memberValues([]string{memberID})))
}

func (i contractIdP) RemoveMember(groupID, memberID string) {
	i.patchGroup(groupID, operation("remove", "members[value eq "+quote(memberID)+"]", ""))
}

func (i contractIdP) Delete() { i.deleteDirectory() }

func (i contractIdP) Replace() identitycontract.IdP {
	return contractIdP{i.bundle.idpOf(i.target.GetOrganizationId(), replacing(i.idp)), i.sent}
}

func (i contractIdP) Adopt(id string) {
	if got := i.user(string(userDocument(i.sent[id]))).GetId(); got != id {
		i.Errorf("the user was created as %s", got)
	}
}
