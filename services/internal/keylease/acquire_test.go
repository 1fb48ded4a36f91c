package keylease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestARevocationWaitsForTheUsersOfTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		valid := true
		cache := New(func(context.Context, Digest) (Lease, error) {
			return Lease{Unknown: !valid, Until: time.Now().Add(time.Second)}, nil
		}, time.Now)
		hold := func(digest Digest) (unknown bool, release func()) {
			t.Helper()
			lease, release, err := cache.Acquire(t.Context(), digest)
			if err != nil {
				t.Fatal(err)
			}
			return lease.Unknown, release
		}
		_, first := hold(Digest{1})
		_, second := hold(Digest{1})
		_, other := hold(Digest{2})
		defer other()
		valid = false
		done := make(chan error, 1)
		go func() { done <- cache.Revoke(t.Context(), Digest{1}, Digest{3}) }()
		waits := func(whom string) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("it did not wait for %s: %v", whom, err)
			default:
			}
		}
		waits("two")
		first()
		waits("one")
		// Later users find the key revoked, so nobody waits for them.
		unknown, late := hold(Digest{1})
		if !unknown {
			t.Error("the key opens something after it was revoked")
		}
		second()
		synctest.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		late()

		_, third := hold(Digest{2})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := cache.Revoke(ctx, Digest{2}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a revocation that cannot wait any longer says %v", err)
		}
		third()
		cache.Close()
	})
}

func TestWorkThatRevokesItsOwnKeyDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := New(func(context.Context, Digest) (Lease, error) { return Lease{Until: time.Now().Add(time.Second)}, nil }, time.Now)
		acquire := func() func() {
			_, release, err := cache.Acquire(t.Context(), Digest{1})
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		alone := acquire()
		own := UsingAs(t.Context(), Using(t.Context(), Digest{1}))
		if err := cache.Revoke(own, Digest{1}); err != nil {
			t.Error(err)
		}
		later := acquire()
		alone()

		other, done := acquire(), make(chan error, 1)
		go func() { done <- cache.Revoke(own, Digest{1}) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("it did not wait for the other user: %v", err)
		default:
		}
		other()
		if err := <-done; err != nil {
			t.Error(err)
		}
		later()
		cache.Close()
	})
}
