package operatortoken

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
)

// every is how often a Follower reads the files. Unlike notifications of changes, this works with symbolic links and on every file system.
const every = 2 * time.Second

// Follower reads the files again while Usher runs. A token is valid as long as its file contains it. If a file is missing or bad, its old
// token is not valid any more, and the other tokens stay valid.
type Follower struct {
	setting secret.Text
	files   []File
	d       Dependencies

	tokens []Token
	said   []string // the failure of each file that was logged last; empty if there is none
}

// Dependencies are what a Follower uses.
type Dependencies struct {
	// Set gets the valid tokens when they have changed. Before the first call, there are none.
	Set func([]Token)
	// Failed is called for each failed reading of a file, unless the file is missing.
	Failed func()
	Log    *slog.Logger
}

// Follow reads all files once. Call Run to read them again.
func Follow(ctx context.Context, setting secret.Text, files []File, d Dependencies) *Follower {
	f := &Follower{setting: setting, files: files, d: d, said: make([]string, len(files))}
	f.read(ctx)
	return f
}

// Run reads the files every 2 seconds, and at once when it receives a signal, until its context ends. signals may be nil.
func (f *Follower) Run(ctx context.Context, signals <-chan os.Signal) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case signal := <-signals:
			f.d.Log.InfoContext(ctx, "the operator's tokens are read again", slog.String("signal", signal.String()))
		}
		f.read(ctx)
	}
}

func (f *Follower) read(ctx context.Context) {
	tokens, failures := ReadAll(f.setting, f.files)
	for i, err := range failures {
		f.report(ctx, i, err)
	}
	if slices.Equal(tokens, f.tokens) {
		return
	}
	f.tokens = tokens
	f.d.Set(tokens)
	var subjects []string
	for _, token := range tokens {
		subjects = append(subjects, token.Subject)
	}
	if len(tokens) == 0 {
		f.d.Log.WarnContext(ctx, "nobody can sign in as the operator: there is no valid token")
		return
	}
	f.d.Log.InfoContext(ctx, "these operator tokens are valid now", slog.Any("tokens", subjects))
}

// report counts the failed reading of a file. It logs a failure only when it begins or changes.
func (f *Follower) report(ctx context.Context, file int, err error) {
	missing, text := errors.Is(err, fs.ErrNotExist), ""
	if err != nil {
		text = err.Error()
	}
	if err != nil && !missing {
		f.d.Failed()
	}
	if text == f.said[file] {
		return
	}
	f.said[file] = text
	level, message := slog.LevelError, "a file with an operator's token is refused, and its token is not valid"
	switch {
	case err == nil:
		level, message = slog.LevelInfo, "a file with an operator's token is accepted again"
	case missing:
		level, message = slog.LevelWarn, "a file with an operator's token is missing, and its token is not valid"
	}
	f.d.Log.LogAttrs(ctx, level, message, slog.String("file", f.files[file].Path), slog.String("error", text))
}
