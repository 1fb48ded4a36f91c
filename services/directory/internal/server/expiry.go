package server

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
)

// expiry reads the expire_time of the request's field with this name; the zero time for none.
func expiry(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, fault.Invalid(field+".expire_time", "must be a time up to the year 9999")
	}
	return t.AsTime().Truncate(time.Microsecond), nil
}

// expiryState returns whether somebody should replace a key or a credential soon.
func expiryState(expire, revoke, now time.Time) directoryv1.ExpiryState {
	switch left := expire.Sub(now); {
	case expire.IsZero() || !revoke.IsZero() || left > core.EarlyWarning:
		return directoryv1.ExpiryState_EXPIRY_STATE_NONE
	case left <= 0:
		return directoryv1.ExpiryState_EXPIRY_STATE_EXPIRED
	case left <= core.LateWarning:
		return directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_7_DAYS
	default:
		return directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_30_DAYS
	}
}
