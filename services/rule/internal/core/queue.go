package core

import (
	"context"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// lane is one of the queue's two lanes. If an organization's last turn failed or was slow, it waits in the slow lane. There it never delays
// healthy organizations.
type lane int

const (
	quickLane lane = iota
	slowLane
	lanes
)

// queue gives organizations that may have work to workers: first in, first out in each lane, and each to one worker at a time.
type queue struct {
	mu     sync.Mutex
	ready  [lanes][]string
	states map[string]queueState
	slow   map[string]bool        // organizations of the slow lane
	owned  map[string]*time.Timer // organizations that another process owns, until its timer fires
	later  map[string]*time.Timer // organizations that have work again when the timer fires
	closed bool
	wake   [lanes]chan struct{} // each contains a token while an organization is ready
}

type queueState int

const (
	queued queueState = iota + 1
	running
	runningAgain // was added while it ran
)

func newQueue() *queue {
	q := &queue{states: map[string]queueState{}, slow: map[string]bool{}, owned: map[string]*time.Timer{}, later: map[string]*time.Timer{}}
	for l := range q.wake {
		q.wake[l] = make(chan struct{}, 1)
	}
	return q
}

// add enqueues an organization, unless it is already enqueued or another process owns it.
func (q *queue) add(organizationID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.owned[organizationID] == nil {
		q.enqueue(organizationID)
	}
}

func (q *queue) enqueue(organizationID string) {
	switch q.states[organizationID] {
	case queued, runningAgain:
	case running:
		q.states[organizationID] = runningAgain
	default:
		q.states[organizationID] = queued
		l := quickLane
		if q.slow[organizationID] {
			l = slowLane
		}
		q.ready[l] = append(q.ready[l], organizationID)
		wait.Poke(q.wake[l])
	}
}

// next waits for an organization of a lane. ok is false after ctx has ended. End its turn with done or doneUntil.
func (q *queue) next(ctx context.Context, l lane) (organizationID string, ok bool) {
	for {
		select {
		case <-ctx.Done():
			return "", false
		case <-q.wake[l]:
		}
		if id, ok := q.take(l); ok {
			return id, true
		}
	}
}

func (q *queue) take(l lane) (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready[l]) == 0 {
		return "", false
	}
	id := q.ready[l][0]
	if q.ready[l] = q.ready[l][1:]; len(q.ready[l]) > 0 {
		wait.Poke(q.wake[l])
	}
	q.states[id] = running
	return id, true
}

// done ends an organization's turn. If again is true, it enqueues the organization behind the others. Else it enqueues it after delay,
// if delay is positive, or at the next add. slow chooses the lane.
func (q *queue) done(organizationID string, slow, again bool, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again = again || q.states[organizationID] == runningAgain
	delete(q.states, organizationID)
	if q.slow[organizationID] = slow; !slow {
		delete(q.slow, organizationID)
	}
	q.wait(q.later, organizationID, delay)
	if again {
		q.enqueue(organizationID)
	}
}

// doneUntil ends the turn of an organization that another process owns. It enqueues the organization after delay, and not earlier.
func (q *queue) doneUntil(organizationID string, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.states, organizationID)
	q.wait(q.owned, organizationID, delay)
}

// wait enqueues an organization after delay. It replaces an earlier wait.
func (q *queue) wait(timers map[string]*time.Timer, organizationID string, delay time.Duration) {
	if timer := timers[organizationID]; timer != nil {
		timer.Stop()
		delete(timers, organizationID)
	}
	if q.closed || delay <= 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if timers[organizationID] != timer {
			return // it was stopped too late
		}
		delete(timers, organizationID)
		if !q.closed {
			q.enqueue(organizationID)
		}
	})
	timers[organizationID] = timer
}

// close stops the timers: they enqueue nothing any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, timers := range []map[string]*time.Timer{q.owned, q.later} {
		for id, timer := range timers {
			timer.Stop()
			delete(timers, id)
		}
	}
}
