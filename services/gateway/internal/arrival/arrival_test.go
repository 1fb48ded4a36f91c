package arrival

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// connection notes the deadlines that it is given.
type connection struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (c *connection) SetReadDeadline(at time.Time) error {
	c.deadlines = append(c.deadlines, at)
	return nil
}

func TestOnlyABodyIsWaitedForAndNotForEver(t *testing.T) {
	t.Parallel()
	within := func(w http.ResponseWriter, r *http.Request) { Within(w, r, time.Minute) }
	for _, c := range []struct {
		name   string
		length int64
		do     func(http.ResponseWriter, *http.Request)
		most   time.Duration // 0: no deadline is set
		closes bool
	}{
		{"a body", 10, within, time.Minute, false},
		{"a body without a length", -1, within, time.Minute, false},
		{"no body", 0, within, 0, false},
		{"a body that is refused", 10, Refuse, grace, true},
		{"a body without a length that is refused", -1, Refuse, grace, true},
		{"a refusal of what has no body", 0, Refuse, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, before := &connection{ResponseRecorder: httptest.NewRecorder()}, time.Now()
			c.do(w, &http.Request{ContentLength: c.length})
			if closes := w.Header().Get("Connection") == "close"; closes != c.closes {
				t.Errorf("it closes: %v", closes)
			}
			if c.most == 0 {
				if len(w.deadlines) != 0 {
					t.Errorf("deadlines: %v", w.deadlines)
				}
				return
			}
			if len(w.deadlines) != 1 || w.deadlines[0].Before(before.Add(c.most)) || w.deadlines[0].After(time.Now().Add(c.most)) {
				t.Errorf("deadlines: %v", w.deadlines)
			}
		})
	}
}

func TestABodyThatArrivedLeavesNoDeadline(t *testing.T) {
	t.Parallel()
	w := &connection{ResponseRecorder: httptest.NewRecorder()}
	Within(w, &http.Request{ContentLength: 10}, time.Minute)
	Complete(w)
	if len(w.deadlines) != 2 || !w.deadlines[1].IsZero() {
		t.Errorf("deadlines: %v", w.deadlines)
	}
}
