package feed_test

import (
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

func TestCursorsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []feed.Cursor{
		{}, {Epoch: "e"}, {Epoch: "e1b2", Sequence: 1}, {Epoch: "e", Transaction: 1<<64 - 1, Sequence: 1<<63 - 1},
	} {
		got, err := feed.Parse(c.String())
		if err != nil || got != c {
			t.Errorf("%+v is read as %+v, %v", c, got, err)
		}
	}
}

func TestATextThatIsNoCursorIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x", ".", "..", ".0.0", "e.0", "e.0.0.0", "e.-1.0", "e.0.-1", "e..1", "e.1.", "e.!.1", "e.1.!",
		"e.zzzzzzzzzzzzzzzz.0", "e.0.zzzzzzzzzzzzzzzz",
	} {
		if _, err := feed.Parse(text); !fault.Is(err, fault.CursorInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCursorsAreOrderedByTransactionThenSequence(t *testing.T) {
	t.Parallel()
	ordered := []feed.Cursor{{}, {Epoch: "e", Sequence: 1}, {Epoch: "e", Sequence: 10}, {Epoch: "e", Transaction: 1}, {Epoch: "e", Transaction: 2, Sequence: 1}}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.Before(b) != (i < j) {
				t.Errorf("%v before %v: %v", a, b, a.Before(b))
			}
		}
	}
}

func TestACursorOfAnotherEpochHasExpired(t *testing.T) {
	t.Parallel()
	for epoch, want := range map[string]bool{"e": true, "other": false} {
		err := feed.Cursor{Epoch: "e", Sequence: 1}.CheckEpoch(epoch)
		if (err == nil) != want || err != nil && !fault.Is(err, fault.CursorExpired) {
			t.Errorf("in a feed of epoch %s: %v", epoch, err)
		}
	}
	if err := (feed.Cursor{}).CheckEpoch("e"); err != nil {
		t.Errorf("the beginning: %v", err)
	}
}
