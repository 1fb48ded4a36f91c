package identitytest_test

import (
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/test/identitycontract"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// Identity itself passes the same tests.
func TestTheIdentityInMemoryIsLikeTheRealOne(t *testing.T) {
	t.Parallel()
	identitycontract.Run(t, func(t *testing.T) identitycontract.Identity {
		channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
		if err != nil {
			t.Fatal(err)
		}
		identity := identitytest.New()
		identity.Register(channel)
		return identitycontract.Identity{
			Conn: channel.As(commonv1.Caller_CALLER_RULE),
			NewDirectory: func(_ *testing.T, organizationID string) identitycontract.IdP {
				return idp{identity, organizationID, ids.New()}
			},
		}
	})
}

// idp changes the data of the identity in memory.
type idp struct {
	identity                    *identitytest.Identity
	organizationID, directoryID string
}

func (i idp) DirectoryID() string { return i.directoryID }

func (i idp) AddUser(u identitycontract.User) (id string) {
	id = i.identity.AddUserAs(i.organizationID, i.directoryID, attributes(u))
	return id
}

func attributes(from identitycontract.User) func(*identityv1.User) {
	return func(u *identityv1.User) {
		u.UserName, u.DisplayName, u.RoleValues, u.Active = from.UserName, from.DisplayName, from.Roles, !from.Inactive
	}
}

func (i idp) SetUser(id string, u identitycontract.User) { i.identity.SetUser(id, attributes(u)) }
func (i idp) DeleteUser(id string)                       { i.identity.DeleteUser(id) }

func (i idp) AddGroup(displayName string, members ...string) (id string) {
	return i.identity.AddGroup(i.organizationID, i.directoryID, displayName, members...)
}

func (i idp) RenameGroup(id, displayName string)    { i.identity.RenameGroup(id, displayName) }
func (i idp) DeleteGroup(id string)                 { i.identity.DeleteGroup(id) }
func (i idp) AddMember(groupID, memberID string)    { i.identity.AddMember(groupID, memberID) }
func (i idp) RemoveMember(groupID, memberID string) { i.identity.RemoveMember(groupID, memberID) }
func (i idp) Delete()                               { i.identity.Detach(i.organizationID, i.directoryID) }
func (i idp) Replace() identitycontract.IdP         { return idp{i.identity, i.organizationID, ids.New()} }
func (i idp) Adopt(id string)                       { i.identity.Adopt(id, i.directoryID) }
