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

func TestADirectoryWaitsForItsOwnTurnsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2)
		var held []*Turn
		for range 2 {
			turn, err := turns.Wait(t.Context(), "busy", Small)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, turn)
		}
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				turn, err := turns.Wait(t.Context(), "busy", Small)
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				turn.End()
			}()
			synctest.Wait() // it waits before the next one comes
		}
		if len(order) != 0 {
			t.Error("a third piece of work went on")
		}
		turn, err := turns.Wait(t.Context(), "other", Small)
		if err != nil {
			t.Fatal(err)
		}
		turn.End()
		held[0].End()
		synctest.Wait()
		if first, second := <-order, <-order; first != 0 || second != 1 {
			t.Errorf("their turns came in the order %d, %d", first, second)
		}
		held[1].End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
	})
}

func TestLittleLargeWorkGoesOnAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2*Large + Large - 1)
		for _, weight := range []int64{Large, Large, Small} {
			turn, err := turns.Wait(t.Context(), "busy", weight)
			if err != nil {
				t.Fatal(err)
			}
			defer turn.End()
		}
		if _, err := turns.Wait(t.Context(), "busy", Large); !fault.Is(err, fault.Limit) {
			t.Errorf("a third large piece of work got %v", err)
		}
		turn, err := turns.Wait(t.Context(), "busy", Small)
		if err != nil {
			t.Fatalf("small work got %v", err)
		}
		turn.End()

		few := NewTurns(Large - 1)
		if turn, err = few.Wait(t.Context(), "busy", Large); err != nil {
			t.Fatalf("work that weighs more than may go on got %v", err)
		}
		if _, err := few.Wait(t.Context(), "busy", Small); !fault.Is(err, fault.Limit) {
			t.Errorf("beside it, other work got %v", err)
		}
		turn.End()
	})
}

func TestWorkThatWaitsForItsTurnTooLongIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		turn, err := turns.Wait(t.Context(), "busy", Small)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = turns.Wait(t.Context(), "busy", Small)
		var f *fault.Error
		if !errors.As(err, &f) || f.Reason != fault.Limit || f.Metadata[BudgetKey] != TurnsBudget || f.RetryAfter == 0 {
			t.Errorf("refused with %v", err)
		}
		if waited := time.Since(start); waited != longestWait {
			t.Errorf("it waited %s", waited)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := turns.Wait(canceled, "busy", Small); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left gets %v", err)
		}
		turn.End()
		if len(turns.by) != 0 {
			t.Errorf("%d directories are remembered that do nothing", len(turns.by))
		}
		if turn, err = turns.Wait(t.Context(), "busy", Small); err != nil {
			t.Fatal(err)
		}
		turn.End()
	})
}

func TestABodyThatDoesNotComeKeepsNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		slow, err := turns.Wait(t.Context(), "busy", Small)
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
		quick, err := turns.Wait(t.Context(), "busy", Small)
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
		// It has its turn again, for as long as its body comes promptly.
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
