package server

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// parts is a stream of requests, from a client that has left.
type parts struct {
	grpc.ServerStream
	requests []*identityv1.WriteResourceStreamRequest
	received func() // called whenever a request is received
}

func (s *parts) Context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (s *parts) Recv() (*identityv1.WriteResourceStreamRequest, error) {
	if s.received != nil {
		s.received()
	}
	if len(s.requests) == 0 {
		return nil, io.EOF
	}
	request := s.requests[0]
	s.requests = s.requests[1:]
	return request, nil
}

func (s *parts) SendAndClose(*identityv1.WriteResourceStreamResponse) error { return nil }

// upload is a document of this many bytes, in parts of a tenth, with an announced size.
func upload(bytes int, size int64) *parts {
	target := &identityv1.Target{DirectoryId: "A"}
	s := &parts{requests: []*identityv1.WriteResourceStreamRequest{{Target: target, Size: size}}}
	for part := max(bytes/10, 1); bytes > 0; bytes -= part {
		s.requests = append(s.requests, &identityv1.WriteResourceStreamRequest{Target: target, Part: make([]byte, min(part, bytes))})
	}
	return s
}

func TestDocumentsInPartsKeepToTheirBudget(t *testing.T) {
	t.Parallel()
	const total, share = 200 << 20, 100 << 20
	for _, c := range []struct {
		name        string
		bytes       int
		size        int64
		own, others int64 // bytes that are reserved already, by the directory and by others
		want        fault.Reason
		budget      string
	}{
		// The write itself is empty: it is refused as such once it has found room.
		{"in the last room of its share", 1 << 20, 1 << 20, share - inFlight(1<<20), 0, fault.InvalidRequest, ""},
		{"over its share", 1 << 20, 1 << 20, share - inFlight(1<<20) + 1, 0, fault.Limit, inflight.ShareBudget},
		{"in the last room of all", 1 << 20, 1 << 20, 0, total - inFlight(1<<20), fault.InvalidRequest, ""},
		{"over all", 1 << 20, 1 << 20, 0, total - inFlight(1<<20) + 1, fault.Unavailable, inflight.TotalBudget},
		{"a small one in the last room", 1000, 1000, share - inFlight(1000), 0, fault.InvalidRequest, ""},
		{"a small one that announces much", 1000, maxDocument, share - inFlight(documentRoom), 0, fault.InvalidRequest, ""},
		{"one that says how large it is, and is larger", 1001, 1000, 0, 0, fault.InvalidRequest, ""},
		{"one that is too large", 1, maxDocument + 1, 0, 0, fault.Limit, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &Server{documents: inflight.New(total, share)}
			own, others := s.documents.Open("a"), s.documents.Open("b")
			own.Take(c.own)
			others.Take(c.others)
			err := s.WriteResourceStream(upload(c.bytes, c.size))
			var f *fault.Error
			if !errors.As(err, &f) || f.Reason != c.want || f.Metadata[inflight.BudgetKey] != c.budget || (f.RetryAfter > 0) != (c.budget != "") {
				t.Errorf("%v", err)
			}
			if reserved := s.documents.Bytes(); reserved != c.own+c.others {
				t.Errorf("%d bytes are not released", reserved-c.own-c.others)
			}
		})
	}
}

// Otherwise two uploads that announce 64 MiB and send nothing would reserve all the memory.
func TestADocumentReservesAsItComes(t *testing.T) {
	t.Parallel()
	b := inflight.New(1<<40, 1<<40)
	s := &Server{documents: b}
	for _, bytes := range []int{0, 1, documentRoom, 300_000, 5 << 20, maxDocument} {
		document := upload(bytes, maxDocument)
		came, most := int64(0), int64(0)
		document.received = func() {
			if most = max(most, b.Bytes()); most > inFlight(max(2*came, documentRoom)) {
				t.Errorf("%d bytes are reserved after %d have come", most, came)
			}
			if len(document.requests) > 0 {
				came += int64(len(document.requests[0].GetPart()))
			}
		}
		_ = s.WriteResourceStream(document)
		if most < inFlight(int64(bytes)) || b.Bytes() != 0 {
			t.Errorf("%d bytes were reserved for %d, and %d are still", most, bytes, b.Bytes())
		}
	}
}
