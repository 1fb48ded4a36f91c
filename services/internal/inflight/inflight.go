// Package inflight bounds the memory that work under way takes: in all, and for each directory, so that none can take it
// all. Work reserves as it grows, before it allocates. What does not fit is refused at once, since waiting would hold what
// the work has already.
package inflight

import (
	"runtime/debug"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// BudgetKey is the metadata of a refusal that says which budget is used up: ShareBudget or TotalBudget.
const BudgetKey = "budget"

// The budgets that a refusal may name. They are a closed set, and fit for a metric's label.
const (
	ShareBudget = "directory"
	TotalBudget = "total"
)

// retryAfter is when a refused client may try again: most work takes milliseconds.
const retryAfter = time.Second

// Budget is bytes that work may take. It is safe for concurrent use.
type Budget struct {
	total, share int64

	mu   sync.Mutex
	held int64
	by   map[string]int64 // by directory
}

// New makes a budget of total bytes, of which one directory may have share.
func New(total, share int64) *Budget {
	return &Budget{total: total, share: share, by: map[string]int64{}}
}

// Default is the size of a budget that nobody has configured: a part of GOMEMLIMIT, such as a half where part is 2, or 256
// MiB where there is no limit; and least in any case.
func Default(part, least int64) int64 {
	const withoutLimit = 256 << 20
	limit := debug.SetMemoryLimit(-1) // asks, and sets nothing
	if limit >= 1<<60 {               // there is none
		return max(withoutLimit, least)
	}
	return max(limit/part, least)
}

// Bytes is how much is reserved.
func (b *Budget) Bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Open begins a reservation for a directory. It holds nothing yet.
func (b *Budget) Open(directory string) Hold { return Hold{budget: b, directory: directory} }

// Hold is what one piece of work has reserved. It is not safe for concurrent use. The zero Hold is for work that is a part of
// other work, which holds all: it reserves nothing, and refuses nothing.
type Hold struct {
	budget    *Budget
	directory string
	bytes     int64
}

// Reserve adds bytes to what is held. The error is a fault.Limit where the directory has its share, and a fault.Unavailable
// where all is taken; then nothing was added.
func (h *Hold) Reserve(bytes int64) error { return h.add(bytes, true) }

// Take adds bytes whatever is held, for what can no longer be refused, such as the answer to what is written.
func (h *Hold) Take(bytes int64) { _ = h.add(bytes, false) } // without limits nothing is refused

func (h *Hold) add(bytes int64, limited bool) error {
	b := h.budget
	if b == nil || bytes <= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !limited:
	case b.by[h.directory]+bytes > b.share:
		return fault.New(fault.Limit, "The directory's requests under way take the memory that one directory may have, %d bytes. "+
			"Send fewer at a time, or smaller ones.", b.share).Retry(retryAfter).With(BudgetKey, ShareBudget)
	case b.held+bytes > b.total:
		return fault.New(fault.Unavailable, "The requests under way take all the memory that there is for them, %d bytes. "+
			"Try again.", b.total).Retry(retryAfter).With(BudgetKey, TotalBudget)
	}
	b.held += bytes
	b.by[h.directory] += bytes
	h.bytes += bytes
	return nil
}

// Close gives back all that is held. Closing twice is safe.
func (h *Hold) Close() {
	b := h.budget
	if b == nil || h.bytes == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= h.bytes
	if b.by[h.directory] -= h.bytes; b.by[h.directory] == 0 {
		delete(b.by, h.directory)
	}
	h.bytes = 0
}
