// Package inflight limits the resources of work in flight: its memory, in all and for each directory, organization or credential, so that none
// can use it all; and how much work of one directory goes on at a time. Work reserves memory as it grows, before it allocates. A reservation that does
// not fit is refused at once: while it waited, the work would keep its earlier reservations.
package inflight

import (
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// BudgetKey is the metadata of a refusal that says which budget is used up: one of those below.
const BudgetKey = "budget"

// The budgets that a refusal may name. They are a closed set, so they can be labels of a metric.
const (
	ShareBudget        = "directory"
	OrganizationBudget = "organization"
	CredentialBudget   = "credential"
	TotalBudget        = "total"
	TurnsBudget        = "turns"
)

// retryAfter is when a refused client may try again. Most work takes milliseconds.
const retryAfter = time.Second

// Budget is a number of bytes that work can reserve. It is safe for concurrent use.
type Budget struct {
	total, share int64

	mu       sync.Mutex
	reserved int64
	by       map[account]int64
}

// account has a share of a budget.
type account struct {
	budget string // the name of its budget: ShareBudget, OrganizationBudget or CredentialBudget
	id     string
}

// New creates a budget of total bytes, of which one directory, organization or credential may reserve share.
func New(total, share int64) *Budget {
	return &Budget{total: total, share: share, by: map[account]int64{}}
}

// Default returns the size of a budget without a setting: GOMEMLIMIT divided by part, or 256 MiB if there is no limit; but never less than
// least.
func Default(part, least int64) int64 {
	const withoutLimit = 256 << 20
	limit := debug.SetMemoryLimit(-1) // a negative number only reads the limit
	if limit >= 1<<60 {               // there is no limit
		return max(withoutLimit, least)
	}
	return max(limit/part, least)
}

// Bytes returns how many bytes are reserved.
func (b *Budget) Bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reserved
}

// Open creates a reservation for a directory. It is empty.
func (b *Budget) Open(directory string) Reservation {
	return Reservation{budget: b, account: account{ShareBudget, directory}}
}

// OpenOrganization creates a reservation for work on all directories of an organization. It is empty.
func (b *Budget) OpenOrganization(id string) Reservation {
	return Reservation{budget: b, account: account{OrganizationBudget, id}}
}

// OpenCredential creates a reservation for a client with a credential. It is empty.
func (b *Budget) OpenCredential(id string) Reservation {
	return Reservation{budget: b, account: account{CredentialBudget, id}}
}

// Reservation is the memory that one piece of work has reserved. It is not safe for concurrent use. The zero Reservation is for work that
// is part of other work, which reserves everything: it reserves nothing, and refuses nothing.
type Reservation struct {
	budget  *Budget
	account account
	bytes   int64
}

// Reserve adds bytes to the reservation. The error is a fault.Limit if the share is used up, and a fault.Unavailable if the whole budget
// is; then nothing was added.
func (r *Reservation) Reserve(bytes int64) error { return r.add(bytes, true) }

// Take adds bytes without checking the limits. It is for work that can no longer be refused, such as the answer to a completed write.
func (r *Reservation) Take(bytes int64) { _ = r.add(bytes, false) } // without limits, nothing is refused

func (r *Reservation) add(bytes int64, limited bool) error {
	b := r.budget
	if b == nil || bytes <= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !limited:
	case b.by[r.account]+bytes > b.share:
		return fault.New(fault.Limit, "The requests under way of this %[1]s use all the memory that one %[1]s may have, %[2]d bytes. "+
			"Send fewer at a time, or smaller ones.", r.account.budget, b.share).Retry(retryAfter).With(BudgetKey, r.account.budget)
	case b.reserved+bytes > b.total:
		return fault.New(fault.Unavailable, "The requests under way use all the memory for requests, %d bytes. "+
			"Try again.", b.total).Retry(retryAfter).With(BudgetKey, TotalBudget)
	}
	b.reserved += bytes
	b.by[r.account] += bytes
	r.bytes += bytes
	return nil
}

// ReadAll reads a body of at most `most` bytes, and reserves memory as the bytes arrive: forEach for each byte of its buffer beyond the
// first ones, which the caller has reserved. An announced length reserves nothing. An error is that of Reserve or of the reader.
func (r *Reservation) ReadAll(from io.Reader, most, first, forEach int64) ([]byte, error) {
	const end = 1 // room to see the end
	read := make([]byte, 0, min(most+end, first))
	for {
		if len(read) == cap(read) {
			room := 2 * int64(cap(read))
			if int64(cap(read)) < most+end {
				room = min(room, most+end)
			}
			if err := r.Reserve(forEach * (room - int64(cap(read)))); err != nil {
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

// Close releases the whole reservation. It is safe to close twice.
func (r *Reservation) Close() { r.Release(r.bytes) }

// Release releases bytes of the reservation, or all of it if it is smaller.
func (r *Reservation) Release(bytes int64) {
	b, bytes := r.budget, min(bytes, r.bytes)
	if b == nil || bytes <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved -= bytes
	if b.by[r.account] -= bytes; b.by[r.account] == 0 {
		delete(b.by, r.account)
	}
	r.bytes -= bytes
}
