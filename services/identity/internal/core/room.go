package core

import "github.com/usher-scim/usher/services/internal/inflight"

const (
	// freeBytes is how many bytes of documents a list reads before it reserves memory. Most lists read less.
	freeBytes = 256 << 10
	// stepBytes is how many bytes of documents a list reads at a time.
	stepBytes = 1 << 20
	// scanRoom is the least memory that a list without an index reserves once it exceeds freeBytes, because it also occupies a
	// processor. With the smallest share, 14 MiB, two such lists of a directory run at a time, and do not delay others further.
	scanRoom = 6 << 20
	// listCopies is how many copies of a document a list has: as it is stored, and as it is shown or inspected.
	listCopies = 2
)

// MostInList returns how much memory the largest list reserves, in bytes, for a given page size and document size.
func MostInList(page, document int) int64 {
	return listCopies * (int64(page) + int64(document) + stepBytes + int64(document))
}

// room is the memory that a list has reserved.
type room struct {
	reservation inflight.Reservation
	// Bytes of documents: of the page, and of the largest inspected step.
	page, step int64
	scans      bool // no index serves the list
	reserved   int64
}

// bytes returns how much to read in the next step, when wanted bytes are still wanted.
func (r *room) bytes(wanted int) int {
	if r.reserved == 0 {
		return min(wanted, freeBytes)
	}
	return min(wanted, stepBytes)
}

// reservePage reserves memory for documents of the page, reserveStep for those of a step. They fail when the budget is used
// up.
func (r *room) reservePage(bytes int) error {
	r.page += int64(bytes)
	return r.reserve()
}

func (r *room) reserveStep(bytes int) error {
	r.step = max(r.step, int64(bytes))
	return r.reserve()
}

func (r *room) reserve() error {
	need := listCopies * (r.page + r.step)
	if need <= max(freeBytes, r.reserved) {
		return nil
	}
	if r.scans {
		need = max(need, scanRoom)
	}
	if err := r.reservation.Reserve(need - r.reserved); err != nil {
		return err
	}
	r.reserved = need
	return nil
}
