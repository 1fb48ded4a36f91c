package core

import (
	"context"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// lane is one of the queue's two. An organization whose last turn failed, or took long, waits in the slow one: it never waits in
// front of one that works.
type lane int

const (
	quickLane lane = iota
	slowLane
	lanes
)

// queue hands out organizations that may have work, first come first served in each lane, each to one worker at a time.
type queue struct {
	mu     sync.Mutex
	ready  [lanes][]string
	states map[string]queueState
	slow   map[string]bool        // organizations of the slow lane
	held   map[string]*time.Timer // organizations that another process owns until then
	later  map[string]*time.Timer // organizations that have work again at that time
	closed bool
	wake   [lanes]chan struct{} // each holds a token while something is ready
}

type queueState int

const (
	queued queueState = iota + 1
	running
	runningAgain // was added while it ran
)

func newQueue() *queue {
	q := &queue{states: map[string]queueState{}, slow: map[string]bool{}, held: map[string]*time.Timer{}, later: map[string]*time.Timer{}}
	for l := range q.wake {
		q.wake[l] = make(chan struct{}, 1)
	}
	return q
}

// add queues an organization, unless it is queued or another process owns it.
func (q *queue) add(organizationID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[organizationID] == nil {
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

// next waits for an organization of a lane; ok is false once ctx has ended. End its turn with done or doneUntil.
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

// done ends an organization's turn. again queues it behind the others; else it is queued after a delay, if that is positive, or
// when it is added. slow says in which lane.
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

// doneUntil ends an organization's turn, and queues it after a delay and not before: another process owns it.
func (q *queue) doneUntil(organizationID string, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.states, organizationID)
	q.wait(q.held, organizationID, delay)
}

// wait has an organization queued after a delay, in place of what it waited for before.
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

// close ends the waiting. Nothing is queued by time any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, timers := range []map[string]*time.Timer{q.held, q.later} {
		for id, timer := range timers {
			timer.Stop()
			delete(timers, id)
		}
	}
}
