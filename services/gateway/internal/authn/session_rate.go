package authn

import (
	"errors"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// ErrSessionRate is the cause of the fault.Limit that a session gets which sends too many requests.
var ErrSessionRate = errors.New("the session sent too many requests")

// SessionRate limits the requests of each session: a page that asks again and again must not take the place of others. Each gateway counts
// for itself.
type SessionRate struct {
	mu       sync.Mutex
	now      func() time.Time
	sessions buckets[keylease.Digest]
}

// NewSessionRate admits perSecond requests a second of each session on average, and ten times as many at once.
func NewSessionRate(perSecond float64, now func() time.Time) *SessionRate {
	return &SessionRate{now: now, sessions: newBuckets[keylease.Digest](perSecond)}
}

// take counts a request of a session. A nil SessionRate admits all.
func (s *SessionRate) take(session keylease.Digest) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	one := s.sessions.of(session, now)
	if wait := one.wait(now, s.sessions.perSecond); wait > 0 {
		return fault.Wrap(ErrSessionRate, fault.Limit, "This session sent too many requests: it can send %v a second.", s.sessions.perSecond).Retry(wait)
	}
	one.taken++
	return nil
}
