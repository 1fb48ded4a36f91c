package authn

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// sendEvery is how often the directory service gets what was noted.
	sendEvery = 10 * time.Second
	// sendTimeout limits a call, also the last one, which delays the stop of the process.
	sendTimeout = 3 * time.Second
	// sendMost is how many uses, and refusals of directories, a call can contain.
	sendMost = 1000
	// maxUses is how many keys can have a use that is not sent yet, or that is from the current minute.
	maxUses = 100_000
	// maxRefused is how many directories can have refusals that are not sent yet: of those that have opened here, and of all others.
	maxRefused = 1000
	// maxOpened is how many directories that have opened here are known.
	maxOpened = 100_000
)

// Uses notes when and from where keys and credentials are used, and what directories refuse. It sends the notes to the directory service.
// It is only for people who look at it: notes are lost if the process dies, or if there are too many.
type Uses struct {
	client  directoryv1.UseServiceClient
	trusted []netip.Prefix
	now     func() time.Time
	dropped func(count int)
	log     *slog.Logger
	failing bool // only Run and the functions that it calls use it

	mu       sync.Mutex
	uses     map[keylease.Digest]use
	opened   map[uuid.UUID]struct{} // directories that a key has opened here
	refused  map[uuid.UUID]refusals // of directories in opened
	stranger map[uuid.UUID]refusals // of other directories, which maybe do not exist: somebody can invent any number of them
}

// use is the last use of a key.
type use struct {
	minute  int64 // since 1970
	address netip.Addr
	sent    bool
}

// refusals are the requests that a directory refused.
type refusals struct {
	count  int64
	last   time.Time
	reason directoryv1.RefusalReason
}

// NewUses creates Uses without notes. trusted are the proxies whose X-Forwarded-For is believed. dropped counts notes that are lost.
func NewUses(client directoryv1.UseServiceClient, trusted []netip.Prefix, now func() time.Time, dropped func(count int), log *slog.Logger) *Uses {
	return &Uses{
		client: client, trusted: trusted, now: now, dropped: dropped, log: log, uses: map[keylease.Digest]use{},
		opened: map[uuid.UUID]struct{}{}, refused: map[uuid.UUID]refusals{}, stranger: map[uuid.UUID]refusals{},
	}
}

// note notes that a key was used, with the id of the directory that it opens, or "". It looks at the first use of a minute only. A nil Uses
// notes nothing.
func (u *Uses) note(digest keylease.Digest, source Source, directoryID string) {
	if u == nil {
		return
	}
	minute := u.now().Unix() / 60
	u.mu.Lock()
	before, known := u.uses[digest]
	u.mu.Unlock()
	if known && before.minute == minute {
		return
	}
	address := source.Client(u.trusted)
	directory, isDirectory := directoryOf(directoryID)
	u.mu.Lock()
	defer u.mu.Unlock()
	if isDirectory {
		if len(u.opened) >= maxOpened {
			clear(u.opened)
		}
		u.opened[directory] = struct{}{}
	}
	if _, known = u.uses[digest]; !known && len(u.uses) >= maxUses {
		u.dropped(1)
		return
	}
	u.uses[digest] = use{minute: minute, address: address}
}

// refuse notes that a request to a directory was refused.
func (u *Uses) refuse(directoryID string, reason Refusal) {
	if u == nil {
		return
	}
	directory, ok := directoryOf(directoryID)
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.addRefusals(directory, refusals{count: 1, last: u.now(), reason: reasonOf(reason)})
}

// addRefusals adds refusals. The caller has locked mu.
func (u *Uses) addRefusals(directory uuid.UUID, r refusals) {
	by := u.stranger
	if _, ok := u.opened[directory]; ok {
		by = u.refused
	}
	before, known := by[directory]
	if !known && len(by) >= maxRefused {
		u.dropped(int(r.count))
		return
	}
	r.count += before.count
	if before.last.After(r.last) {
		r.last, r.reason = before.last, before.reason
	}
	by[directory] = r
}

// directoryOf parses the id of a directory.
func directoryOf(id string) (uuid.UUID, bool) {
	const length = 36 // of the one form that ids of directories have
	parsed, err := uuid.Parse(id)
	return parsed, err == nil && len(id) == length
}

// Run sends the notes until its context ends, and then a last time.
func (u *Uses) Run(ctx context.Context) {
	ticker := time.NewTicker(sendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			u.send(ctx)
		case <-ctx.Done():
			u.send(context.WithoutCancel(ctx))
			return
		}
	}
}

// send sends all notes. After the first failure it puts the rest back, for the next time.
func (u *Uses) send(ctx context.Context) {
	ctx, cancel := context.WithTimeout(rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), sendTimeout)
	defer cancel()
	requests := u.take()
	for i, request := range requests {
		_, err := u.client.RecordUses(ctx, request)
		if failing := err != nil; failing != u.failing {
			u.failing = failing
			if failing {
				u.log.WarnContext(ctx, "the last uses of credentials cannot be stored; they are sent again", slog.String("error", err.Error()))
			}
		}
		if err != nil {
			u.putBack(requests[i:])
			return
		}
	}
}

// take returns the notes that are not sent yet, and notes that they are.
func (u *Uses) take() (requests []*directoryv1.RecordUsesRequest) {
	minute := u.now().Unix() / 60
	u.mu.Lock()
	defer u.mu.Unlock()
	request := func(full func(*directoryv1.RecordUsesRequest) bool) *directoryv1.RecordUsesRequest {
		if last := len(requests) - 1; last >= 0 && !full(requests[last]) {
			return requests[last]
		}
		requests = append(requests, &directoryv1.RecordUsesRequest{})
		return requests[len(requests)-1]
	}
	for digest, used := range u.uses {
		if used.sent {
			if used.minute < minute {
				delete(u.uses, digest)
			}
			continue
		}
		r := request(func(r *directoryv1.RecordUsesRequest) bool { return len(r.GetUses()) >= sendMost })
		sent := &directoryv1.KeyUse{KeyDigest: digest[:], UseTime: timestamppb.New(time.Unix(used.minute*60, 0))}
		if used.address.IsValid() {
			sent.Address = used.address.String()
		}
		r.Uses = append(r.Uses, sent)
		used.sent = true
		u.uses[digest] = used
	}
	for _, by := range []map[uuid.UUID]refusals{u.refused, u.stranger} {
		for directory, refused := range by {
			r := request(func(r *directoryv1.RecordUsesRequest) bool { return len(r.GetRefusals()) >= sendMost })
			r.Refusals = append(r.Refusals, &directoryv1.DirectoryRefusals{
				DirectoryId: directory.String(), Count: refused.count, LastTime: timestamppb.New(refused.last), LastReason: refused.reason,
			})
		}
		clear(by)
	}
	return requests
}

// putBack undoes take for requests that were not sent.
func (u *Uses) putBack(requests []*directoryv1.RecordUsesRequest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, request := range requests {
		for _, unsent := range request.GetUses() {
			digest := keylease.Digest(unsent.GetKeyDigest())
			if used, ok := u.uses[digest]; ok {
				used.sent = false
				u.uses[digest] = used
			}
		}
		for _, unsent := range request.GetRefusals() {
			if directory, ok := directoryOf(unsent.GetDirectoryId()); ok {
				u.addRefusals(directory, refusals{unsent.GetCount(), unsent.GetLastTime().AsTime(), unsent.GetLastReason()})
			}
		}
	}
}

// reasonOf returns the refusal of a directory as in the contract.
func reasonOf(r Refusal) directoryv1.RefusalReason {
	switch r {
	case NoBearer:
		return directoryv1.RefusalReason_REFUSAL_REASON_NO_KEY
	case Malformed:
		return directoryv1.RefusalReason_REFUSAL_REASON_MALFORMED_KEY
	case OtherDirectory:
		return directoryv1.RefusalReason_REFUSAL_REASON_OTHER_DIRECTORY
	default:
		return directoryv1.RefusalReason_REFUSAL_REASON_UNKNOWN_KEY
	}
}
