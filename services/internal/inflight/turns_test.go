package inflight

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestADirectoryOnlyWaitsForItsOwnTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2)
		var started []*Turn
		for range 2 {
			turn, err := turns.Wait(t.Context(), "busy")
			if err != nil {
				t.Fatal(err)
			}
			started = append(started, turn)
		}
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				turn, err := turns.Wait(t.Context(), "busy")
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				turn.End()
			}()
			synctest.Wait() // it waits before the next one arrives
		}
		if len(order) != 0 {
			t.Error("a third piece of work went on")
		}
		turn, err := turns.Wait(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		turn.End()
		started[0].End()
		synctest.Wait()
		if first, second := <-order, <-order; first != 0 || second != 1 {
			t.Errorf("their turns came in the order %d, %d", first, second)
		}
		started[1].End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
	})
}

func TestLittleLargeWorkRunsAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(8)
		wait := func() *Turn {
			turn, err := turns.Wait(t.Context(), "busy")
			if err != nil {
				t.Fatal(err)
			}
			return turn
		}
		var large []*Turn
		for range 2 {
			turn := wait()
			if err := turn.Grow(t.Context()); err != nil {
				t.Fatal(err)
			}
			large = append(large, turn)
		}
		third, grown := wait(), make(chan error)
		go func() { grown <- third.Grow(t.Context()) }()
		synctest.Wait()
		// Small work does not wait behind it.
		var small []*Turn
		for range 6 {
			small = append(small, wait())
		}
		large[0].End()
		synctest.Wait()
		if err := <-grown; err != nil {
			t.Errorf("its turn came with %v", err)
		}
		if err := small[0].Grow(t.Context()); !fault.Is(err, fault.Limit) {
			t.Errorf("a third large piece of work got %v", err)
		}
		for _, turn := range append(small, large[1], third) {
			turn.End()
		}
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
	})
}

func TestALargeBodyMakesItsWorkLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		body := func(bytes int) (*Turn, error) {
			turn, err := turns.Wait(t.Context(), "busy")
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, turn.Body(t.Context(), io.NopCloser(io.LimitReader(zeros{}, int64(bytes)))))
			return turn, err
		}
		turn, err := body(smallBody)
		if err != nil || turn.large {
			t.Errorf("a body of 64 KiB: large %v, %v", turn.large, err)
		}
		turn.End()
		turn, err = body(smallBody + 1)
		if err != nil || !turn.large {
			t.Errorf("a body of more: large %v, %v", turn.large, err)
		}
		turn.End()

		// A body that does not arrive keeps no turn for large work either.
		reader, writer := io.Pipe()
		if turn, err = turns.Wait(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, turn.Body(t.Context(), reader))
			ended <- err
		}()
		if _, err := writer.Write(make([]byte, smallBody+1)); err != nil {
			t.Fatal(err)
		}
		other, err := body(smallBody + 1)
		if err != nil {
			t.Errorf("another large body got %v", err)
		}
		_ = writer.Close() // the first reader still waits for the end of the pipe
		synctest.Wait()
		other.End()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		turn.End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
	})
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) { return len(into), nil }

func TestWorkThatWaitsForItsTurnTooLongIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		turn, err := turns.Wait(t.Context(), "busy")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = turns.Wait(t.Context(), "busy")
		var f *fault.Error
		if !errors.As(err, &f) || f.Reason != fault.Limit || f.Metadata[BudgetKey] != TurnsBudget || f.RetryAfter == 0 {
			t.Errorf("refused with %v", err)
		}
		if waited := time.Since(start); waited != longestWait {
			t.Errorf("it waited %s", waited)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := turns.Wait(canceled, "busy"); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left gets %v", err)
		}
		turn.End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
		if turn, err = turns.Wait(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
		turn.End()
	})
}

func TestABodyThatDoesNotArriveKeepsNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		slow, err := turns.Wait(t.Context(), "busy")
		if err != nil {
			t.Fatal(err)
		}
		reader, writer := io.Pipe()
		body, read := slow.Body(t.Context(), reader), make(chan string)
		go func() {
			defer close(read)
			var one [1]byte
			for {
				n, err := body.Read(one[:])
				if err != nil {
					return
				}
				read <- string(one[:n])
			}
		}()
		begin := time.Now()
		quick, err := turns.Wait(t.Context(), "busy")
		if err != nil || time.Since(begin) != promptly {
			t.Fatalf("others went on after %s: %v", time.Since(begin), err)
		}
		if _, err := writer.Write([]byte("a")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-read:
			t.Fatal("two pieces of work went on")
		default:
		}
		quick.End()
		if got := <-read; got != "a" {
			t.Errorf("read %q", got)
		}
		// It has its turn again, while its body arrives promptly.
		for range 10 {
			<-time.After(promptly / 2)
			if _, err := writer.Write([]byte("b")); err != nil {
				t.Fatal(err)
			}
			<-read
		}
		if slow.queue.goingOn.TryAcquire(1) {
			t.Error("it has no turn")
		}
		_ = writer.Close()
		<-read
		slow.End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
	})
}
