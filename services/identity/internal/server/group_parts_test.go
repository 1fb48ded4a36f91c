package server

import (
	"context"
	"io"
	"testing"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// oneMessage is a stream of one message, from a client that has left.
type oneMessage struct {
	grpc.ServerStream
	message *identityv1.WriteGroupRequest
}

func (s *oneMessage) Context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (s *oneMessage) Recv() (*identityv1.WriteGroupRequest, error) {
	message := s.message
	if s.message = nil; message == nil {
		return nil, io.EOF
	}
	return message, nil
}

func (s *oneMessage) SendAndClose(*identityv1.WriteGroupResponse) error { return nil }

func TestASmallDocumentWaitsForNoLargeOnes(t *testing.T) {
	t.Parallel()
	s := &Server{documents: semaphore.NewWeighted(0)} // large ones have all the room
	for size, want := range map[int64]fault.Reason{
		1000:      fault.InvalidRequest, // of the message itself: it has no kind
		small:     fault.InvalidRequest,
		small + 1: fault.Unavailable,
	} {
		err := s.WriteGroup(&oneMessage{message: &identityv1.WriteGroupRequest{Size: size}})
		if !fault.Is(err, want) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
