package keylease

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/scope"
)

// Shared stores leases for all processes, only for speed. It may lose any lease, and gives up when it is slow. It keeps each lease
// until an end on its own clock, counted from a time before the question to directory. The lease's own end, which every reader
// checks, is a second guard. Either guard is enough to end a lease: in a store that was frozen, restored from an old copy or
// written to late, and between machines with different clocks. Others may write to the store as well: a lease counts only if
// directory has signed it.
type Shared interface {
	// Get reads a key's lease.
	Get(ctx context.Context, digest Digest) Found
	// Set stores a key's lease until a time on the store's own clock. It has no effect after that time.
	Set(ctx context.Context, digest Digest, lease Lease, until time.Time)
}

// Found is the result of Shared.Get.
type Found struct {
	// Lease is the stored lease, unchecked.
	Lease Lease
	// Left is how long Lease may be used, counted from before Get; not above 0 if there is none.
	Left time.Duration
	// Time is the time of Get on the store's own clock. It is zero if the store did not answer: then do not call Set.
	Time time.Time
}

// leastLeft is how long a shared lease must be valid at least: a lease that expires before its use would be found and expire again.
const leastLeft = 20 * time.Millisecond

// sound reports whether a lease may be shared: it is signed, its key opens exactly one thing, and its end is possible. If a reader's
// time of day is far behind, no lease is sound, and the reader asks directory.
func sound(l Lease, day time.Time) bool {
	directory := l.OrganizationID != "" && l.DirectoryID != "" && l.KeyID != ""
	none := l.OrganizationID == "" && l.DirectoryID == "" && l.KeyID == ""
	opens := directory && l.Principal == nil && !l.Blocked || none && scope.Most(l.Principal.GetKind()) != 0 && !l.Blocked ||
		none && l.Principal == nil && l.Blocked
	return l.Signature.KeyID != "" && !l.Unknown && opens && l.Until.After(day) && !l.Until.After(day.Add(MaxLease))
}
