package operatortoken

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// following is a Follower in a synctest bubble, and what it reported.
type following struct {
	t       *testing.T
	signals chan os.Signal

	mu     sync.Mutex
	valid  string // the subjects
	sets   int
	failed int
	logs   bytes.Buffer
}

// Write takes a line of the log.
func (f *following) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs.Write(line)
}

func (f *following) counts() (sets, failed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sets, f.failed
}

func follow(t *testing.T, setting secret.Text, paths ...string) *following {
	t.Helper()
	files, err := Named(paths)
	if err != nil {
		t.Fatal(err)
	}
	f := &following{t: t, signals: make(chan os.Signal, 1)}
	follower := Follow(t.Context(), setting, files, Dependencies{
		Set: func(tokens []Token) {
			var subjects []string
			for _, token := range tokens {
				subjects = append(subjects, token.Subject)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.valid = strings.Join(subjects, " ")
			f.sets++
		},
		Failed: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failed++
		},
		Log: slog.New(slog.NewTextHandler(f, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { follower.Run(ctx, f.signals); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return f
}

// within5s lets 5 seconds pass. Then these subjects must have valid tokens, and the new part of the log must have these texts.
func (f *following) within5s(subjects string, logged ...string) {
	f.t.Helper()
	<-time.After(5 * time.Second)
	synctest.Wait()
	f.want(subjects, logged...)
}

func (f *following) want(subjects string, logged ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.valid != subjects {
		f.t.Errorf("valid are %q, not %q", f.valid, subjects)
	}
	text := f.logs.String()
	f.logs.Reset()
	for _, want := range logged {
		if !strings.Contains(text, want) {
			f.t.Errorf("%q is not in the log:\n%s", want, text)
		}
	}
	if len(logged) == 0 && text != "" || strings.Contains(text, "hunter2") {
		f.t.Errorf("it logs:\n%s", text)
	}
}

func TestAChangeIsNoticedWithin5Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		oldFile, newFile := write(t, filepath.Join(folder, "old"), oldToken, 0o600), filepath.Join(folder, "new")
		f := follow(t, "", oldFile, newFile)
		f.want("operator/old", "level=WARN", newFile, "is missing")
		f.within5s("operator/old")

		// A file comes into its place by a rename, as an editor or a script does it.
		if err := os.Rename(write(t, newFile+".tmp", newToken, 0o600), newFile); err != nil {
			t.Fatal(err)
		}
		f.within5s("operator/old operator/new", "accepted again", newFile, "operator/new")
		if err := os.Remove(oldFile); err != nil {
			t.Fatal(err)
		}
		f.within5s("operator/new", "is missing")
		before, _ := f.counts()
		write(t, newFile, newToken+"\n\n", 0o600) // the same token
		f.within5s("operator/new")
		if sets, failed := f.counts(); sets != before || failed != 0 {
			t.Errorf("%d changes, and %d failures", sets-before, failed)
		}
		// Another token in the same file replaces the old one.
		write(t, newFile, oldToken, 0o600)
		f.within5s("operator/new", "are valid now")
		if sets, _ := f.counts(); sets != before+1 {
			t.Errorf("%d changes", sets-before)
		}
	})
}

// The token of a bad file does not stay valid, and the others do.
func TestABadFileLosesItsToken(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"others can read it": func(path string) error { return os.Chmod(path, 0o644) },
		"it is empty":        func(path string) error { return os.Truncate(path, 0) },
		"its token is short": func(path string) error { return os.WriteFile(path, []byte("hunter2"), 0o600) },
		"it is a folder": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
		"its token is that of another file": func(path string) error { return os.WriteFile(path, []byte(newToken), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				folder := t.TempDir()
				good, bad := write(t, filepath.Join(folder, "good"), newToken, 0o600), write(t, filepath.Join(folder, "bad"), oldToken, 0o600)
				f := follow(t, "", good, bad)
				f.want("operator/good operator/bad", "are valid now")
				if err := spoil(bad); err != nil {
					t.Fatal(err)
				}
				f.within5s("operator/good", "level=ERROR", bad, "are valid now")
				// The failure is counted with each reading, and logged once.
				_, before := f.counts()
				f.within5s("operator/good")
				if _, failed := f.counts(); before == 0 || failed <= before {
					t.Errorf("%d failures, then %d", before, failed)
				}
				if err := os.RemoveAll(bad); err != nil {
					t.Fatal(err)
				}
				write(t, bad, oldToken, 0o600)
				f.within5s("operator/good operator/bad", "accepted again")
			})
		})
	}
}

func TestWithoutAnyTokenNobodyIsTheOperator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := write(t, filepath.Join(t.TempDir(), "only"), oldToken, 0o600)
		f := follow(t, "", file)
		f.want("operator/only", "are valid now")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		f.within5s("", "nobody can sign in as the operator")
		write(t, file, newToken, 0o600)
		f.within5s("operator/only", "accepted again")
	})
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, secret.Text(oldToken), filepath.Join(t.TempDir(), "missing"))
		f.within5s("operator", "is missing")
	})
}

// Kubernetes changes a mounted secret by a new folder, to which it turns a symbolic link.
func TestFilesBehindASymbolicLinkAreFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mount := t.TempDir()
		turnTo := func(version, text string) {
			if err := os.Mkdir(filepath.Join(mount, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(mount, version, "token"), text, 0o400)
			if err := os.Rename(symlink(t, version, filepath.Join(mount, "..tmp")), filepath.Join(mount, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		turnTo("..1", oldToken)
		f := follow(t, "", symlink(t, "..data/token", filepath.Join(mount, "token")))
		f.want("operator/token", "are valid now")
		turnTo("..2", newToken)
		f.within5s("operator/token", "are valid now")
		if sets, failed := f.counts(); sets != 2 || failed != 0 {
			t.Errorf("%d changes, %d failures", sets, failed)
		}
	})
}

func TestASignalCausesAReadingAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := write(t, filepath.Join(t.TempDir(), "token"), oldToken, 0o600)
		f := follow(t, "", file)
		f.want("operator/token", "are valid now")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.want("operator/token")
		start := time.Now()
		f.signals <- syscall.SIGHUP
		synctest.Wait()
		f.want("", "signal=hangup", "is missing")
		if passed := time.Since(start); passed != 0 {
			t.Errorf("it took %s", passed)
		}
	})
}
