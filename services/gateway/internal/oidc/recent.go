package oidc

import "sync"

// recent stores the latest values by key: the last half of its size at least, and its size at most.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	size       int
	newer, old map[K]V
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, newer: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.locked(key)
}

func (r *recent[K, V]) locked(key K) (V, bool) {
	if value, found := r.newer[key]; found {
		return value, true
	}
	value, found := r.old[key]
	return value, found
}

func (r *recent[K, V]) put(key K, value V) {
	r.replace(key, value, func(V) bool { return true })
}

// replace stores a value, unless there is one that may not be replaced. It reports whether it did.
func (r *recent[K, V]) replace(key K, value V, may func(V) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if present, found := r.locked(key); found && !may(present) {
		return false
	}
	if len(r.newer) >= r.size/2 {
		r.newer, r.old = map[K]V{}, r.newer
	}
	r.newer[key] = value
	return true
}
