package core

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// queue hands out organizations that may have work, first come first served, each to one worker at a time.
type queue struct {
	retry, maxRetry time.Duration

	mu       sync.Mutex
	ready    []string
	states   map[string]queueState
	timers   map[string]*time.Timer // organizations that wait for their time
	failures map[string]int
	closed   bool
	wake     chan struct{} // holds a token while something is ready
}

type queueState int

const (
	queued queueState = iota + 1
	running
	runningAgain // was added while it ran
)

func newQueue(retry, maxRetry time.Duration) *queue {
	return &queue{
		retry: retry, maxRetry: maxRetry, states: map[string]queueState{}, timers: map[string]*time.Timer{},
		failures: map[string]int{}, wake: make(chan struct{}, 1),
	}
}

// add queues an organization, unless it is queued or waits for its time.
func (q *queue) add(organizationID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timers[organizationID] == nil {
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
		q.ready = append(q.ready, organizationID)
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next waits for an organization; ok is false once ctx has ended. Call done with it.
func (q *queue) next(ctx context.Context) (organizationID string, ok bool) {
	for {
		select {
		case <-ctx.Done():
			return "", false
		case <-q.wake:
		}
		if id, ok := q.take(); ok {
			return id, true
		}
	}
}

func (q *queue) take() (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 {
		return "", false
	}
	id := q.ready[0]
	if q.ready = q.ready[1:]; len(q.ready) > 0 {
		q.signal()
	}
	q.states[id] = running
	return id, true
}

// done ends an organization's turn; again queues it behind the others.
func (q *queue) done(organizationID string, again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again = again || q.states[organizationID] == runningAgain
	delete(q.states, organizationID)
	delete(q.failures, organizationID)
	if again {
		q.enqueue(organizationID)
	}
}

// failed ends an organization's turn and queues it after a while, longer with each failure in a row.
func (q *queue) failed(organizationID string) (failures int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failures[organizationID]++
	failures = q.failures[organizationID]
	q.wait(organizationID, backoff(q.retry, q.maxRetry, failures))
	return failures
}

// doneUntil ends an organization's turn and queues it after a delay.
func (q *queue) doneUntil(organizationID string, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wait(organizationID, delay)
}

func (q *queue) wait(organizationID string, delay time.Duration) {
	delete(q.states, organizationID)
	if q.closed {
		return
	}
	q.timers[organizationID] = time.AfterFunc(delay, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.timers, organizationID)
		if !q.closed {
			q.enqueue(organizationID)
		}
	})
}

// close ends the waiting. Nothing is queued by time any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for id, timer := range q.timers {
		timer.Stop()
		delete(q.timers, id)
	}
}

// backoff is how long to wait after so many failures in a row: doubling, with jitter, so that many who failed together do
// not come back together.
func backoff(first, most time.Duration, failures int) time.Duration {
	delay := most
	if shift := failures - 1; shift < 20 && first<<shift < most {
		delay = first << shift
	}
	return delay/2 + rand.N(delay/2+1)
}
