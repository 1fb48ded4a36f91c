package keylease

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// keyServer is a fake of ResolveKey.
type keyServer struct {
	directoryv1.UnimplementedKeyLookupServiceServer
	answer *directoryv1.ResolveKeyResponse
	err    error
	tick   func()
}

func (k *keyServer) ResolveKey(ctx context.Context, _ *directoryv1.ResolveKeyRequest) (*directoryv1.ResolveKeyResponse, error) {
	k.tick()
	if rpc.PrincipalOf(ctx).GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM {
		return nil, fault.New(fault.Internal, "asked for somebody else")
	}
	return k.answer, k.err
}

func TestAnAnswerAboutAKeyIsALease(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	said := func(after time.Duration) *directoryv1.ResolveKeyResponse {
		return &directoryv1.ResolveKeyResponse{
			Opens: &directoryv1.ResolveKeyResponse_Directory{Directory: &directoryv1.OpenedDirectory{
				OrganizationId: "acme", DirectoryId: "d1", ApiKeyId: "k1", Suspended: true,
			}}, LeaseExpireTime: timestamppb.New(asked.Add(after)),
		}
	}
	service := &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme"}, Scopes: 2}
	system := &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}
	credential := &directoryv1.ResolveKeyResponse{
		Opens: &directoryv1.ResolveKeyResponse_Api{Api: &directoryv1.OpenedApi{Principal: service}}, LeaseExpireTime: timestamppb.New(asked.Add(2 * time.Second)),
	}
	restricted := func(ranges ...string) *directoryv1.ResolveKeyResponse {
		return &directoryv1.ResolveKeyResponse{
			Opens:           &directoryv1.ResolveKeyResponse_Api{Api: &directoryv1.OpenedApi{Principal: service, AddressRanges: ranges}},
			LeaseExpireTime: timestamppb.New(asked.Add(2 * time.Second)),
		}
	}
	whole := Lease{OrganizationID: "acme", DirectoryID: "d1", KeyID: "k1", Suspended: true}
	until := func(l Lease, after time.Duration) Lease { l.Until = asked.Add(after); return l }
	for _, c := range []struct {
		name   string
		server *keyServer
		want   Lease
		fails  bool
	}{
		{name: "as long as directory says", server: &keyServer{answer: said(2 * time.Second)}, want: until(whole, 2*time.Second)},
		{name: "no longer than 5 seconds from before asking", server: &keyServer{answer: said(time.Hour)}, want: until(whole, 5*time.Second)},
		{
			name: "an unknown key for a second", server: &keyServer{err: fault.New(fault.NotFound, "no")},
			want: until(Lease{Unknown: true}, time.Second),
		},
		{
			name: "an answer without an end", server: &keyServer{answer: &directoryv1.ResolveKeyResponse{}},
			want: Lease{Unknown: true, Until: time.Unix(0, 0).UTC()},
		},
		{
			name: "a service credential with its scope", server: &keyServer{answer: credential},
			want: until(Lease{Principal: service}, 2*time.Second),
		},
		{
			name: "a service credential with address ranges", want: until(Lease{Principal: service, AddressRanges: ranges("10.0.0.0/8", "192.0.2.7/32")}, 2*time.Second),
			server: &keyServer{answer: restricted("10.0.0.0/8", "192.0.2.7/32")},
		},
		{
			name: "address ranges of another form", want: until(Lease{Unknown: true}, 2*time.Second),
			server: &keyServer{answer: restricted("10.0.0.0-10.0.0.9")},
		},
		{
			name: "a principal that comes from no client", want: until(Lease{Unknown: true}, 2*time.Second), server: &keyServer{answer: &directoryv1.ResolveKeyResponse{
				Opens:           &directoryv1.ResolveKeyResponse_Api{Api: &directoryv1.OpenedApi{Principal: system}},
				LeaseExpireTime: timestamppb.New(asked.Add(2 * time.Second)),
			}},
		},
		{name: "directory is down", server: &keyServer{err: fault.New(fault.Unavailable, "down")}, fails: true},
		{name: "directory is broken", server: &keyServer{err: fault.New(fault.Internal, "broken")}, fails: true},
		{name: "no server has the RPC", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := asked
			channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider()})
			if err != nil {
				t.Fatal(err)
			}
			if c.server != nil {
				c.server.tick = func() { now = now.Add(time.Minute) } // the answer takes long
				directoryv1.RegisterKeyLookupServiceServer(channel, c.server)
			}
			cache := FromDirectory(channel.As(commonv1.Caller_CALLER_GATEWAY), nil, slog.New(slog.DiscardHandler), func() time.Time { return now })
			// The question is not asked for the principal of the request.
			ctx := rpc.WithPrincipal(t.Context(), &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE})
			lease, err := cache.load(ctx, bearer.APIKey.New().Digest())
			if (err != nil) != c.fails || !reflect.DeepEqual(lease, c.want) {
				t.Errorf("%+v, %v", lease, err)
			}
		})
	}
}

// answering is a directory service that answers every call, with or without an error.
type answering struct {
	grpc.ClientConnInterface
	err error
}

func (a *answering) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return a.err }

func TestFailuresToCheckKeysAreLoggedOnceWithTheCause(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	directory := &answering{}
	cache := FromDirectory(directory, nil, slog.New(slog.NewTextHandler(&said, nil)), time.Now)
	for _, c := range []struct {
		name string
		err  error
		logs string // empty means none
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
		_, _ = cache.load(t.Context(), bearer.APIKey.New().Digest()) // another test checks the result
		if lines := strings.Count(said.String(), "\n"); lines > 1 || (lines == 1) != (c.logs != "") || !strings.Contains(said.String(), c.logs) {
			t.Errorf("%s: it logs %q, want %q", c.name, said.String(), c.logs)
		}
	}
}
