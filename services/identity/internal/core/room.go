package core

import "github.com/usher-scim/usher/services/internal/inflight"

const (
	// freeBytes is how many bytes of documents a list reads before it reserves memory: most lists read fewer.
	freeBytes = 256 << 10
	// stepBytes is how many bytes of documents a list reads at a time.
	stepBytes = 1 << 20
	// scanRoom is what a list that no index serves takes at least, once it goes beyond the free bytes: it takes a core, too. So
	// two of a directory go on at a time where its share is the least one, 14 MiB, and others are not kept waiting by more.
	scanRoom = 6 << 20
	// listCopies is how often a list has a document: as it is stored, and as it is shown or looked at.
	listCopies = 2
)

// MostInList is how much memory in flight the largest list takes, with pages and documents of so many bytes.
func MostInList(page, document int) int64 {
	return listCopies * (int64(page) + int64(document) + stepBytes + int64(document))
}

// room is the memory in flight that a list takes.
type room struct {
	hold inflight.Hold
	// Bytes of documents: of the page, and of the largest step that was looked at.
	page, step int64
	scans      bool // no index serves the list
	reserved   int64
}

// bytes is how much to read in the next step, of so much that is wanted.
func (r *room) bytes(wanted int) int {
	if r.reserved == 0 {
		return min(wanted, freeBytes)
	}
	return min(wanted, stepBytes)
}

// keep reserves for documents of the page, look for those of a step. The error says that the budget is used up.
func (r *room) keep(bytes int) error {
	r.page += int64(bytes)
	return r.reserve()
}

func (r *room) look(bytes int) error {
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
	if err := r.hold.Reserve(need - r.reserved); err != nil {
		return err
	}
	r.reserved = need
	return nil
}
