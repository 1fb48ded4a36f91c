package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/eventname"
)

const (
	// clockDifference is how much the clock of a gateway may be ahead of that of the identity service. A name in a failed event that
	// happened so soon after a deletion is erased, too.
	clockDifference = time.Minute
	// NamesLate is how late a failed event may arrive with names.
	NamesLate = 24 * time.Hour
	// usersErased is of how many users a transaction erases names, and namesErased how many names of one kind and user: 400 rows at most,
	// so that nobody waits for long.
	usersErased, namesErased = 5, 20
)

// EraseNames erases the names of each organization's users in transactions of their own.
func (s *Server) EraseNames(ctx context.Context, r *failedeventsv1.EraseNamesRequest) (*failedeventsv1.EraseNamesResponse, error) {
	users := map[string][]store.DeletedUser{}
	for i, u := range r.GetUsers() {
		if err := validTime(fmt.Sprintf("users[%d].delete_time", i), u.GetDeleteTime()); err != nil {
			return nil, err
		}
		organization := u.GetOrganizationId()
		users[organization] = append(users[organization], store.DeletedUser{
			ID: strings.ToLower(u.GetUserId()), NameKey: store.NameKey(organization, printable(eventname.Cut(u.GetUserName()))),
			Until: u.GetDeleteTime().AsTime().Add(clockDifference).Truncate(time.Microsecond),
		})
	}
	for organization, users := range users {
		for some := range slices.Chunk(users, usersErased) {
			for erased := 1; erased > 0; {
				var err error
				if erased, err = s.store.EraseNames(ctx, organization, some, namesErased); err != nil {
					return nil, err
				}
			}
		}
	}
	return &failedeventsv1.EraseNamesResponse{}, nil
}
