package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder creates components that record their calls.
type recorder struct {
	mu    sync.Mutex
	noted []string
}

func (r *recorder) note(format string, values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = append(r.noted, fmt.Sprintf(format, values...))
}

func (r *recorder) component(name string, failing error) component {
	return component{
		name: name,
		run: func(ctx context.Context) error {
			<-ctx.Done()
			r.note("%s's work ends", name)
			return nil
		},
		drain:      func() { r.note("%s drains", name) },
		endStreams: func() { r.note("%s ends its streams", name) },
		close:      func(context.Context) error { r.note("%s closes", name); return failing },
	}
}

func TestComponentsStopInTheOppositeOrder(t *testing.T) {
	t.Parallel()
	a, r := &App{failed: make(chan error, 1), ready: &readiness{}}, &recorder{}
	a.add(r.component("one", errors.New("it is stuck")))
	a.work()
	a.add(r.component("two", nil))
	a.ready.set(true)
	if err := a.Stop(t.Context()); err == nil || err.Error() != "stopping one: it is stuck" {
		t.Errorf("it stops with %v", err)
	}
	want := []string{
		"one drains", "two drains", "one ends its streams", "two ends its streams", "two closes", "one's work ends", "one closes",
	}
	if !slices.Equal(r.noted, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(r.noted, "\n"), strings.Join(want, "\n"))
	}
}

func TestAComponentThatStopsByItselfIsNamed(t *testing.T) {
	t.Parallel()
	a := &App{failed: make(chan error, 1), ready: &readiness{}}
	a.add(component{
		name: "identity", run: func(context.Context) error { return errors.New("the disk is full") }, close: withoutContext(func() error { return nil }),
	})
	a.work()
	if err := <-a.Failed(); err.Error() != "identity: the disk is full" {
		t.Errorf("it failed with %v", err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
