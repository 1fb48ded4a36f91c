package kit

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// own is a server of one test, which the test controls.
type own struct {
	process
	t    testing.TB
	what string
	mu   *sync.Mutex // one command at a time
}

// start starts a server that ends with the test.
func start(t testing.TB, what, script string, args ...string) own {
	t.Helper()
	p, err := launch(script, args...)
	need(t, what, err)
	t.Cleanup(func() {
		if err := errors.Join(p.stdin.Close(), p.cmd.Wait()); err != nil {
			t.Errorf("ending %s: %v", what, err)
		}
	})
	return own{process: p, t: t, what: what, mu: &sync.Mutex{}}
}

// Stop kills the server, as a crash does: its connections break.
func (o own) Stop() { o.t.Helper(); o.order("kill") }

// Freeze suspends the server: it accepts connections and commands, but answers none before Thaw.
func (o own) Freeze() { o.t.Helper(); o.order("freeze") }

// Thaw resumes the server: it executes the commands that were sent meanwhile.
func (o own) Thaw() { o.t.Helper(); o.order("thaw") }

func (o own) order(word string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := fmt.Fprintln(o.stdin, word); err != nil {
		o.t.Fatalf("telling %s to %s: %v", o.what, word, err)
	}
	if line, err := o.stdout.ReadString('\n'); strings.TrimSpace(line) != "done" {
		o.t.Fatalf("telling %s to %s: %q, %v", o.what, word, line, err)
	}
}
