package keylease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// store is a shared store with its own clock.
type store struct {
	mu    sync.Mutex
	found Found
	put   []Lease
	until time.Time
	gets  int
}

func (s *store) Get(context.Context, Digest) Found {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	return s.found
}

func (s *store) Set(_ context.Context, _ Digest, lease Lease, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put, s.until = append(s.put, lease), until
}

var byS = Signature{KeyID: "s"}

// signed is a Verify that accepts all signing keys except one.
func signed(_ context.Context, _ Digest, l Lease) bool { return l.Signature.KeyID != "forged" }

// good returns a lease of a key that opens a directory.
func good(until time.Time) Lease {
	return Lease{OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Until: until, Signature: byS}
}

func TestASharedLeaseIsUsedUntilTheFirstOfItsEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until, left time.Duration
		end         time.Duration // when directory is asked; 0: at once
	}{
		"its own end":                           {2 * time.Second, 3 * time.Second, 2 * time.Second},
		"the store's":                           {3 * time.Second, 2 * time.Second, 2 * time.Second},
		"the longest term, if the store errs":   {5 * time.Second, time.Hour, 5 * time.Second},
		"over by its own end":                   {0, time.Second, 0},
		"over by the store's":                   {time.Second, 0, 0},
		"as good as over by its own end":        {20 * time.Millisecond, time.Second, 0},
		"as good as over by the store's":        {time.Second, 20 * time.Millisecond, 0},
		"no time to live":                       {time.Second, -1, 0},
		"an end that cannot be":                 {5*time.Second + 1, time.Second, 0},
		"an end long ago, in a store that woke": {-time.Hour, 4 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			moved, asked := &clock{}, 0
			moved.advance(time.Hour)
			s := &store{found: Found{Lease: good(moved.now().Add(c.until)), Left: c.left}}
			cache := New(func(context.Context, Digest) (Lease, error) {
				asked++
				return Lease{}, errors.New("directory is down")
			}, moved.now, WithElapsed(moved.elapsed), WithShared(s, signed))
			lookup := func() {
				t.Helper()
				lease, err := cache.Lookup(t.Context(), Digest{1})
				if (err == nil) != (asked == 0) || err == nil && lease.KeyID != "k" {
					t.Errorf("%+v, %v; directory was asked %d times", lease, err, asked)
				}
			}
			if c.end > 0 {
				lookup()
				s.found = Found{}
				moved.advance(c.end - 1)
				lookup()
				if asked != 0 || s.gets != 1 {
					t.Errorf("before the end directory was asked %d times, and the store %d", asked, s.gets)
				}
				moved.advance(1)
			}
			lookup()
			if asked != 1 {
				t.Errorf("at the end directory was asked %d times", asked)
			}
		})
	}
}

func TestAnInvalidSharedLeaseIsAMiss(t *testing.T) {
	t.Parallel()
	moved := &clock{}
	moved.advance(time.Hour)
	for name, spoil := range map[string]func(*Lease){
		"no organization": func(l *Lease) { l.OrganizationID = "" },
		"no directory":    func(l *Lease) { l.DirectoryID = "" },
		"no key":          func(l *Lease) { l.KeyID = "" },
		"unknown":         func(l *Lease) { l.Unknown = true },
		"no end":          func(l *Lease) { l.Until = time.Time{} },
		"no signature":    func(l *Lease) { l.Signature = Signature{} },
		"a forged one":    func(l *Lease) { l.Signature.KeyID = "forged" },
	} {
		lease := good(moved.now().Add(time.Second))
		spoil(&lease)
		s := &store{found: Found{Lease: lease, Left: time.Second}}
		cache := New(func(context.Context, Digest) (Lease, error) {
			return Lease{KeyID: "from directory", Until: moved.now().Add(time.Second)}, nil
		}, moved.now, WithElapsed(moved.elapsed), WithShared(s, signed))
		if got, err := cache.Lookup(t.Context(), Digest{1}); err != nil || got.KeyID != "from directory" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A shared lease ends, by the store's clock, a term after a time before the question to directory, however long the answer and the
// Set took.
func TestDirectorysAnswerIsSharedUntilItsEnd(t *testing.T) {
	t.Parallel()
	storeTime := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	moved := &clock{}
	moved.advance(time.Hour)
	service := &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c", AllOrganizations: true}
	for name, c := range map[string]struct {
		answer Lease
		time   time.Time
		term   time.Duration // 0: nothing is stored
	}{
		"a key":           {good(moved.now().Add(4 * time.Second)), storeTime, 4 * time.Second},
		"a suspended one": {Lease{OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Suspended: true, Until: moved.now().Add(time.Second), Signature: byS}, storeTime, time.Second},
		"a credential":    {Lease{Principal: service, Until: moved.now().Add(time.Second), Signature: byS}, storeTime, time.Second},
		"one of no kind":  {Lease{Principal: &commonv1.Principal{}, Until: moved.now().Add(time.Second), Signature: byS}, storeTime, 0},
		"one that is a key too": {Lease{
			OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Principal: service, Until: moved.now().Add(time.Second), Signature: byS,
		}, storeTime, 0},
		"an unknown key":          {Lease{Unknown: true, Until: moved.now().Add(4 * time.Second), Signature: byS}, storeTime, 0},
		"a store without a clock": {good(moved.now().Add(4 * time.Second)), time.Time{}, 0},
		"one that is not signed":  {Lease{OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Until: moved.now().Add(time.Second)}, storeTime, 0},
		"an end that cannot be":   {good(moved.now().Add(time.Hour)), storeTime, 0},
	} {
		s, at := &store{found: Found{Time: c.time}}, &clock{}
		at.advance(time.Hour)
		cache := New(func(context.Context, Digest) (Lease, error) {
			at.advance(500 * time.Millisecond) // the answer takes a while
			return c.answer, nil
		}, at.now, WithElapsed(at.elapsed), WithShared(s, signed))
		if _, err := cache.Lookup(t.Context(), Digest{1}); err != nil {
			t.Fatal(err)
		}
		cache.Close()
		if put := len(s.put) == 1; put != (c.term > 0) || put && !s.until.Equal(c.time.Add(c.term)) {
			t.Errorf("%s: put %+v until %s", name, s.put, s.until)
		}
	}
}

func TestAnAnswerFromBeforeAnInvalidationIsNotShared(t *testing.T) {
	t.Parallel()
	moved := &clock{}
	moved.advance(time.Hour)
	s := &store{found: Found{Time: time.Unix(1, 0)}}
	var cache *Cache
	cache = New(func(context.Context, Digest) (Lease, error) {
		answer := good(moved.now().Add(time.Second))
		cache.Invalidate(Digest{1}) // directory revokes the key after it answered
		return answer, nil
	}, moved.now, WithElapsed(moved.elapsed), WithShared(s, signed))
	if _, err := cache.Lookup(t.Context(), Digest{1}); err != nil {
		t.Fatal(err)
	}
	cache.Close()
	if len(s.put) != 0 {
		t.Errorf("it was shared: %+v", s.put)
	}
}
