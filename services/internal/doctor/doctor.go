// Package doctor looks at an installation and says what is wrong with it. It is safe in production: a look only reads, holds no lock, and
// ends after some seconds. This package knows what a finding is, and runs the looks. The packages that know a thing, such as pgdb, look at
// it; package app knows which things a process has.
package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of the time that all of this takes.
const (
	// Within is the time that a look may take.
	Within = 5 * time.Second
	// overtime is the additional time in which a look must notice that its time has passed. A look that hangs, such as at a network disk, is
	// left alone then.
	overtime = time.Second
)

// mostFindings bounds the findings of one look. mostText bounds the bytes of a text: it may contain the text of an outside server.
const (
	mostFindings = 100
	mostText     = 1 << 10
)

// Level is how bad a finding is.
type Level string

// The levels, the worst one first.
const (
	// Error means that something does not work, or that data can get lost.
	Error Level = "error"
	// Warning means that something will not work soon, or not always, or is not safe.
	Warning Level = "warning"
	// Skipped means that nobody knows: the message says why the doctor could not look.
	Skipped Level = "skipped"
	// OK means that all is well.
	OK Level = "ok"
)

var levels = []Level{Error, Warning, Skipped, OK}

// Finding is the result of a check of one thing. It contains no secret.
type Finding struct {
	Level Level `json:"level"`
	// Check is the stable name of the check, such as database-version.
	Check string `json:"check"`
	// Subject is the thing, such as "identity database".
	Subject string `json:"subject"`
	// Message says what is wrong and why.
	Message string `json:"message"`
	// Command is a command that helps, or empty.
	Command string `json:"command"`
	// Page is a page of this repository that says more, or empty.
	Page string `json:"page"`
}

// Look looks at one thing, and reports what it finds.
type Look struct {
	// Check and Subject are those of the finding if the look does not end in time.
	Check, Subject string
	Do             func(ctx context.Context, r *Report)
}

// Report collects the findings of a look. It is safe for concurrent use.
type Report struct {
	mu       sync.Mutex
	closed   bool
	findings []Finding
}

// Add adds a finding. It has no effect after the time of the look.
func (r *Report) Add(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.findings) >= mostFindings {
		return
	}
	f.Subject, f.Message, f.Command = bounded(f.Subject), bounded(f.Message), bounded(f.Command)
	r.findings = append(r.findings, f)
}

// Findings returns the findings.
func (r *Report) Findings() []Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.findings)
}

// close ends the report and returns its findings.
func (r *Report) close() []Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.findings
}

// Run takes all looks at the same time, and returns the findings, the worst ones first. It returns after 6 seconds at most.
func Run(ctx context.Context, looks []Look) []Finding {
	ctx, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	found := make([][]Finding, len(looks))
	var looking sync.WaitGroup
	for i, look := range looks {
		looking.Go(func() { found[i] = take(ctx, look) })
	}
	looking.Wait()
	all := slices.Concat(found...)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)),
			cmp.Compare(a.Check, b.Check), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

// take takes one look. If it panics or does not end, that is a finding, beside those from before.
func take(ctx context.Context, look Look) []Finding {
	r := &Report{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Add(Finding{Level: Skipped, Check: look.Check, Subject: look.Subject,
					Message: fmt.Sprintf("this is a bug of the doctor: %v\n%s", p, debug.Stack())})
			}
		}()
		look.Do(ctx, r)
	}()
	select {
	case <-done:
		return r.close()
	case <-ctx.Done():
	}
	late := time.NewTimer(overtime)
	defer late.Stop()
	select {
	case <-done:
		return r.close()
	case <-late.C:
		return append(r.close(), Finding{Level: Error, Check: look.Check, Subject: look.Subject,
			Message: fmt.Sprintf("there is no answer after %s: the disk or the server hangs", Within)})
	}
}

// bounded cuts a text that is too long.
func bounded(text string) string {
	if len(text) <= mostText {
		return text
	}
	return text[:mostText] + "..."
}

// Count returns how many findings have each level.
func Count(findings []Finding) map[Level]int {
	n := map[Level]int{Error: 0, Warning: 0, Skipped: 0, OK: 0}
	for _, f := range findings {
		n[f.Level]++
	}
	return n
}

// JSON returns findings as programs read them: all of them, and how many have each level.
func JSON(findings []Finding) ([]byte, error) {
	text, err := json.MarshalIndent(struct {
		Counts   map[Level]int `json:"counts"`
		Findings []Finding     `json:"findings"`
	}{Count(findings), append([]Finding{}, findings...)}, "", "  ")
	return append(text, '\n'), err
}

// Quote returns a text as one argument of a shell. A command is copied to a terminal, and a name in it may be somebody else's.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// The pages about findings, relative to the repository.
const (
	PageDatabase     = "deploy/runbooks/database-cannot-be-used.md"
	PagePrivileges   = "deploy/runbooks/database-privileges.md"
	PageDurability   = "deploy/runbooks/database-durability.md"
	PagePooler       = "deploy/runbooks/database-pooler.md"
	PageHeldBack     = "deploy/runbooks/feed-held-back-by-a-transaction.md"
	PageLag          = "deploy/runbooks/rules-behind.md"
	PageRedis        = "deploy/runbooks/redis-cannot-be-used.md"
	PageCertificates = "deploy/runbooks/certificates.md"
	PageClock        = "deploy/runbooks/clocks-differ.md"
	PagePeer         = "deploy/runbooks/service-cannot-be-reached.md"
	PageSpool        = "deploy/runbooks/spool-fills.md"
	PageListeners    = "deploy/runbooks/listeners-without-tls.md"
	PageDisk         = "deploy/runbooks/data-folder.md"
)

// Pages lists all of them.
func Pages() []string {
	return []string{
		PageDatabase, PagePrivileges, PageDurability, PagePooler, PageHeldBack, PageLag, PageRedis, PageCertificates, PageClock, PagePeer,
		PageSpool, PageListeners, PageDisk,
	}
}
