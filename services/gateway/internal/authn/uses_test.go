package authn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// recorded is a fake of the directory service: it keeps what it gets.
type recorded struct {
	directoryv1.UseServiceClient
	mu       sync.Mutex
	err      error
	requests []*directoryv1.RecordUsesRequest
}

func (r *recorded) RecordUses(_ context.Context, request *directoryv1.RecordUsesRequest, _ ...grpc.CallOption) (*directoryv1.RecordUsesResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	r.requests = append(r.requests, request)
	return &directoryv1.RecordUsesResponse{}, nil
}

func (r *recorded) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// took returns what was sent since the last call, as sorted words.
func (r *recorded) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var words []string
	for _, request := range r.requests {
		for _, u := range request.GetUses() {
			words = append(words, fmt.Sprintf("%d %s %s", u.GetKeyDigest()[0], u.GetUseTime().AsTime().Format("15:04:05"), u.GetAddress()))
		}
		for _, d := range request.GetRefusals() {
			words = append(words, fmt.Sprintf("%s %d %s", d.GetDirectoryId(), d.GetCount(), d.GetLastReason()))
		}
	}
	r.requests = nil
	slices.Sort(words)
	return words
}

func newUses(r *recorded, dropped *int) *Uses {
	return NewUses(r, nil, time.Now, func(n int) { *dropped += n }, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

const (
	directoryA = "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70"
	directoryB = "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b71"
)

func TestNotesAreSentOnceAMinuteAndAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, dropped := &recorded{}, 0
		u := newUses(sent, &dropped)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { u.Run(ctx) })
		pass := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		here, there := Source{Remote: "192.0.2.1:80"}, Source{Remote: "[2001:db8::1]:80"}
		want := func(what string, words ...string) {
			t.Helper()
			if got := sent.took(); !slices.Equal(got, words) {
				t.Errorf("%s: %q, want %q", what, got, words)
			}
		}
		u.note(keylease.Digest{1}, here, "")
		u.note(keylease.Digest{2}, there, directoryA)
		u.note(keylease.Digest{1}, there, "")
		u.refuse(strings.ToUpper(directoryA), Malformed)
		u.refuse(directoryA, OtherDirectory)
		u.refuse(directoryB, NoBearer)
		for _, none := range []string{"", "x", "{" + directoryA + "}", "urn:uuid:" + directoryA, strings.ReplaceAll(directoryA, "-", "")} {
			u.refuse(none, Unknown)
		}
		pass(sendEvery)
		want("the first", directoryA+" 2 REFUSAL_REASON_OTHER_DIRECTORY", directoryB+" 1 REFUSAL_REASON_NO_KEY",
			"1 00:00:00 192.0.2.1", "2 00:00:00 2001:db8::1")
		u.note(keylease.Digest{1}, there, "")
		pass(sendEvery)
		want("within the minute")
		pass(time.Minute - 2*sendEvery)
		u.note(keylease.Digest{1}, there, "")
		pass(sendEvery)
		want("in the next minute", "1 00:01:00 2001:db8::1")

		sent.fail(errors.New("directory is down"))
		u.note(keylease.Digest{3}, here, "")
		u.refuse(directoryB, Unknown)
		pass(sendEvery)
		u.refuse(directoryB, NoBearer)
		pass(sendEvery)
		want("while the directory service is down")
		sent.fail(nil)
		pass(sendEvery)
		want("afterwards", directoryB+" 2 REFUSAL_REASON_NO_KEY", "3 00:01:00 192.0.2.1")

		u.note(keylease.Digest{4}, here, "")
		cancel()
		running.Wait()
		want("at the end", "4 00:01:00 192.0.2.1")
		if dropped != 0 {
			t.Errorf("%d notes were dropped", dropped)
		}
	})
}

// Somebody who invents the ids of directories must not hide the refusals of directories that are in use.
func TestNotesAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, dropped := &recorded{}, 0
		u := newUses(sent, &dropped)
		u.note(keylease.Digest{1}, Source{}, directoryA)
		for range maxRefused + 10 {
			u.refuse(ids.New(), Unknown)
		}
		u.refuse(directoryA, Unknown)
		for i := range maxUses + 4 {
			u.note(keylease.Digest{9, byte(i), byte(i >> 8), byte(i >> 16)}, Source{}, "")
		}
		if want := 10 + 5; dropped != want {
			t.Errorf("%d notes were dropped, want %d", dropped, want)
		}
		u.send(t.Context())
		uses, refused := 0, 0
		for _, r := range sent.requests {
			if len(r.GetUses()) > sendMost || len(r.GetRefusals()) > sendMost {
				t.Errorf("a request with %d uses and %d refusals", len(r.GetUses()), len(r.GetRefusals()))
			}
			uses, refused = uses+len(r.GetUses()), refused+len(r.GetRefusals())
		}
		if uses != maxUses || refused != maxRefused+1 || !strings.Contains(strings.Join(sent.took(), "\n"), directoryA+" 1") {
			t.Errorf("%d uses and refusals of %d directories were sent", uses, refused)
		}
		<-time.After(time.Minute)
		u.send(t.Context())
		if len(u.uses) != 0 {
			t.Errorf("%d old notes are left", len(u.uses))
		}
	})
}

// It is not parallel, because it counts the allocations of the process.
func TestNotingAUseAllocatesNothing(t *testing.T) {
	without, with := testing.AllocsPerRun(100, authentication(t, false)), testing.AllocsPerRun(100, authentication(t, true))
	if with > without {
		t.Errorf("%v allocations, without notes %v", with, without)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	for name, noting := range map[string]bool{"noting": true, "not noting": false} {
		b.Run(name, func(b *testing.B) {
			authenticate := authentication(b, noting)
			b.ReportAllocs()
			for b.Loop() {
				authenticate()
			}
		})
	}
}

// authentication returns a function that authenticates an API key whose lease is cached.
func authentication(t testing.TB, noting bool) func() {
	t.Helper()
	directories := NewDirectories(keylease.New(func(context.Context, keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{OrganizationID: "acme", DirectoryID: directoryA, KeyID: "k", Until: time.Now().Add(time.Hour)}, nil
	}, time.Now), anyUnknown())
	if noting {
		directories = directories.Noting(newUses(&recorded{}, new(int)))
	}
	source, values := Source{Remote: "192.0.2.1:80"}, []string{"Bearer " + bearer.APIKey.New().Reveal()}
	return func() {
		if _, err := directories.Authenticate(t.Context(), source, values, directoryA); err != nil {
			t.Fatal(err)
		}
	}
}
