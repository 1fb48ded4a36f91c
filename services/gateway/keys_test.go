package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/bearer"
)

// answering is a directory service that answers every call with an error, or well.
type answering struct {
	grpc.ClientConnInterface
	err error
}

func (a *answering) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return a.err }

func TestKeysThatCannotBeCheckedAreLoggedOnceWithTheCause(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	directory := &answering{}
	load := gateway.LoadKeys(directory, slog.New(slog.NewTextHandler(&said, nil)), time.Now, false)
	for _, c := range []struct {
		name string
		err  error
		logs string // nothing, if empty
	}{
		{"an answer", nil, ""},
		{"no such key", status.Error(codes.NotFound, "no"), ""},
		{"an outage begins", status.Error(codes.Unavailable, "connection refused"), "connection refused"},
		{"it goes on", status.Error(codes.DeadlineExceeded, "too late"), ""},
		{"it ends", status.Error(codes.NotFound, "no"), "can be checked again"},
		{"all is well", nil, ""},
	} {
		said.Reset()
		directory.err = c.err
		_, _ = load(t.Context(), bearer.APIKey.New().Digest()) // what it gives is another test's
		if lines := strings.Count(said.String(), "\n"); lines > 1 || (lines == 1) != (c.logs != "") || !strings.Contains(said.String(), c.logs) {
			t.Errorf("%s: it logs %q, want %q", c.name, said.String(), c.logs)
		}
	}
}
