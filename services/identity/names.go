package identity

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/wait"
)

const (
	// eraseNamesEvery is how often a process looks for deleted users. After failures, it waits longer, up to eraseNamesMost.
	eraseNamesEvery, eraseNamesMost = 2 * time.Second, time.Minute
	// usersAtOnce is how many deleted users the failedevents service accepts at once, and eraseNamesTimeout how long it may take.
	usersAtOnce, eraseNamesTimeout = 100, 30 * time.Second
)

// eraseNames lets the failedevents service erase the names of deleted users until the context ends. A deleted user is listed until that
// service has answered, so a stop of one of the two delays the erasure, and does not lose it.
func (s *Service) eraseNames(ctx context.Context) {
	failures := 0
	for wait.Sleep(ctx, wait.Backoff(eraseNamesEvery, eraseNamesMost, failures+1)) {
		err := s.eraseAllNames(ctx)
		if err == nil {
			failures = 0
			continue
		}
		if failures == 0 && ctx.Err() == nil { // log the first of consecutive failures only
			s.log.WarnContext(ctx, "erasing the names of deleted users in failed events failed and is tried again", "error", err)
		}
		failures++
	}
}

func (s *Service) eraseAllNames(ctx context.Context) error {
	for {
		deleted, err := s.store.DeletedUsers(ctx, usersAtOnce)
		if err != nil || len(deleted) == 0 {
			return err
		}
		request := &failedeventsv1.EraseNamesRequest{}
		for _, u := range deleted {
			request.Users = append(request.Users, &failedeventsv1.DeletedUser{
				OrganizationId: u.OrganizationID, UserId: u.ID, UserName: u.UserName, DeleteTime: timestamppb.New(u.Time),
			})
		}
		calling, cancel := context.WithTimeout(ctx, eraseNamesTimeout)
		_, err = s.names.EraseNames(calling, request)
		cancel()
		if err != nil {
			return err
		}
		if err := s.store.ForgetDeletedUsers(ctx, deleted); err != nil {
			return err
		}
	}
}
