package store

import (
	"maps"
	"slices"
	"sync"
)

// Signals wake callers that wait for an organization's changes. All engines use it. The zero value is ready.
type Signals struct {
	mu sync.Mutex
	by map[string]chan struct{}
}

// Wait returns a channel that closes at the organization's next Notify.
func (s *Signals) Wait(organizationID string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.by[organizationID]
	if ch == nil {
		ch = make(chan struct{})
		if s.by == nil {
			s.by = map[string]chan struct{}{}
		}
		s.by[organizationID] = ch
	}
	return ch
}

// Notify wakes all callers that wait for the organization.
func (s *Signals) Notify(organizationID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch := s.by[organizationID]; ch != nil {
		close(ch)
		delete(s.by, organizationID)
	}
}

// Waiting lists the organizations that somebody may wait for.
func (s *Signals) Waiting() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.by))
}
