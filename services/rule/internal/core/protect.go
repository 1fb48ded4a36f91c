package core

import (
	"context"
	"sync"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// places stores how far protect has read the organizations' records.
type places struct {
	mu sync.Mutex
	by map[string]place
}

// place is a cursor of identity's feed, and the checkpoint at the time when protect reached it.
type place struct{ checkpoint, cursor string }

// get returns the cursor to continue from: the checkpoint, unless protect has read further from there.
func (p *places) get(organizationID, checkpoint string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.by[organizationID]; ok && at.checkpoint == checkpoint {
		return at.cursor
	}
	return checkpoint
}

func (p *places) set(organizationID string, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = map[string]place{}
	}
	p.by[organizationID] = at
}

func (p *places) forget(organizationID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, organizationID)
}

// protect reads ahead while the feed cannot be followed, for any reason. It removes access from the users of later records who are
// inactive or deleted, because that needs only their status. The checkpoint and all other users stay unchanged until the feed can be
// followed again.
func (s *step) protect(ctx context.Context) (again bool, err error) {
	checkpoint := s.work.Progress.Checkpoint
	from := s.protected.get(s.organizationID, checkpoint)
	page, err := shrinking(ctx, s.Core, s.config.BatchSize, func(ctx context.Context, limit int) (ChangePage, error) {
		return s.identity.Changes(ctx, s.organizationID, from, limit)
	})
	if fault.Is(err, fault.CursorExpired) {
		return false, nil // following continues from there
	}
	if err != nil {
		return false, err
	}
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Full, set, nil)
	b.causes = map[string]string{}
	var met []string
	for _, r := range page.Records {
		if r.UserID == "" {
			continue
		}
		if _, again := b.causes[r.UserID]; !again {
			met = append(met, r.UserID)
		}
		b.causes[r.UserID] = r.MessageID
		b.links = append(b.links, r.Traceparent)
	}
	status, err := s.statuses(ctx, s.organizationID, met)
	if err != nil {
		return false, err
	}
	for _, id := range met {
		if u, exists := status[id]; !exists || !u.Active {
			b.userIDs = append(b.userIDs, id)
		}
	}
	if len(b.userIDs) > 0 {
		if _, _, err := s.commit(ctx, b, status); err != nil {
			return false, err
		}
	}
	s.protected.set(s.organizationID, place{checkpoint: checkpoint, cursor: page.Next})
	return page.More, nil
}
