package keylease

import (
	"context"
	"time"
)

// Shared keeps leases where other processes find them, for speed alone: it may lose any, and what it cannot do in little
// time it leaves. It keeps each lease until its end on a clock of its own, anchored at a time before directory was asked.
// With the lease's own end, which whoever reads it checks, there are two guards, and either alone keeps a lease from
// living on: in a store that was frozen, restored from an old copy or written to late, and between machines whose clocks
// differ. Others may write to it as well: a lease counts only if directory has signed it.
type Shared interface {
	// Get looks a key up.
	Get(ctx context.Context, digest Digest) Found
	// Put keeps a key's lease until a time on the store's own clock. One that comes late, by that clock, has no effect.
	Put(ctx context.Context, digest Digest, lease Lease, until time.Time)
}

// Found is what Shared answers.
type Found struct {
	// Lease is what it has on the key, unchecked.
	Lease Lease
	// Left is for how long Lease may be used, counted from before Get; not above 0 when there is none.
	Left time.Duration
	// Time is the time of Get on the store's own clock; zero when it did not answer, and should not be bothered with a Put.
	Time time.Time
}

// leastLeft is how much a lease that is shared must have left: one that is over before it is used would be found again, and
// be over again.
const leastLeft = 20 * time.Millisecond

// sound says whether a lease is one that may be shared: signed, of a key that opens one thing, with an end that can be. A reader
// whose time of day is far behind finds none sound, and asks directory.
func sound(l Lease, day time.Time) bool {
	opens := l.OrganizationID != "" && l.DirectoryID != "" && l.KeyID != ""
	if l.Credential != nil {
		scoped := l.Credential.All != (len(l.Credential.Organizations) > 0)
		opens = l.OrganizationID == "" && l.DirectoryID == "" && l.KeyID == "" && l.Credential.ID != "" && scoped
	}
	return l.Signature.KeyID != "" && !l.Unknown && opens && l.Until.After(day) && !l.Until.After(day.Add(MaxLease))
}
