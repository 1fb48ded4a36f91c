// Package inflight bounds what work under way takes: its memory, in all and for each directory or credential, so that none
// can take it all; and how much of one directory goes on at a time. Work reserves memory as it grows, before it allocates. What does not fit is refused at once, since waiting would hold what
// the work has already.
package inflight

import (
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// BudgetKey is the metadata of a refusal that says which budget is used up: ShareBudget, CredentialBudget,
// TotalBudget or TurnsBudget.
const BudgetKey = "budget"

// The budgets that a refusal may name. They are a closed set, and fit for a metric's label.
const (
	ShareBudget      = "directory"
	CredentialBudget = "credential"
	TotalBudget      = "total"
	TurnsBudget      = "turns"
)

// retryAfter is when a refused client may try again: most work takes milliseconds.
const retryAfter = time.Second

// Budget is bytes that work may take. It is safe for concurrent use.
type Budget struct {
	total, share int64

	mu   sync.Mutex
	held int64
	by   map[owner]int64
}

// owner is who has a share.
type owner struct {
	budget string // which is its: ShareBudget or CredentialBudget
	id     string
}

// New makes a budget of total bytes, of which one directory or credential may have share.
func New(total, share int64) *Budget {
	return &Budget{total: total, share: share, by: map[owner]int64{}}
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
func (b *Budget) Open(directory string) Hold {
	return Hold{budget: b, owner: owner{ShareBudget, directory}}
}

// OpenCredential begins a reservation for who calls with a credential. It holds nothing yet.
func (b *Budget) OpenCredential(id string) Hold {
	return Hold{budget: b, owner: owner{CredentialBudget, id}}
}

// Hold is what one piece of work has reserved. It is not safe for concurrent use. The zero Hold is for work that is a part of
// other work, which holds all: it reserves nothing, and refuses nothing.
type Hold struct {
	budget *Budget
	owner  owner
	bytes  int64
}

// Reserve adds bytes to what is held. The error is a fault.Limit where the owner has its share, and a fault.Unavailable
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
	case b.by[h.owner]+bytes > b.share:
		return fault.New(fault.Limit, "The %[1]s's requests under way take the memory that one %[1]s may have, %[2]d bytes. "+
			"Send fewer at a time, or smaller ones.", h.owner.budget, b.share).Retry(retryAfter).With(BudgetKey, h.owner.budget)
	case b.held+bytes > b.total:
		return fault.New(fault.Unavailable, "The requests under way take all the memory that there is for them, %d bytes. "+
			"Try again.", b.total).Retry(retryAfter).With(BudgetKey, TotalBudget)
	}
	b.held += bytes
	b.by[h.owner] += bytes
	h.bytes += bytes
	return nil
}

// ReadAll reads a message of most bytes, or fewer, and reserves memory as they come: so much for each byte of room beyond the
// first, which the caller has reserved. What is only announced reserves nothing. An error is Reserve's or the reader's.
func (h *Hold) ReadAll(from io.Reader, most, first, forEach int64) ([]byte, error) {
	const end = 1 // room to see the end
	read := make([]byte, 0, min(most+end, first))
	for {
		if len(read) == cap(read) {
			room := 2 * int64(cap(read))
			if int64(cap(read)) < most+end {
				room = min(room, most+end)
			}
			if err := h.Reserve(forEach * (room - int64(cap(read)))); err != nil {
				return nil, err
			}
			read = append(make([]byte, 0, room), read...)
		}
		n, err := from.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Close gives back all that is held. Closing twice is safe.
func (h *Hold) Close() { h.Release(h.bytes) }

// Release gives back bytes of what is held, or all if it is less.
func (h *Hold) Release(bytes int64) {
	b, bytes := h.budget, min(bytes, h.bytes)
	if b == nil || bytes <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= bytes
	if b.by[h.owner] -= bytes; b.by[h.owner] == 0 {
		delete(b.by, h.owner)
	}
	h.bytes -= bytes
}
