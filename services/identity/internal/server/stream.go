package server

import (
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

const (
	// maxDocument is how large a document in parts may be.
	maxDocument = 64 << 20
	// documentRoom is how much room a document gets before it came.
	documentRoom = 64 << 10
)

// inFlight is how much memory the work on a document takes that has so much room: the document, what it had when it grew the
// last time, and what is parsed of it at a time.
func inFlight(room int64) int64 { return room + room/2 + min(8<<20, 8*room) }

// MostInFlight is how much of the memory in flight the largest document takes.
func MostInFlight() int64 { return inFlight(maxDocument) }

func (s *Server) ReadResourceStream(r *identityv1.ReadResourceStreamRequest, stream grpc.ServerStreamingServer[identityv1.ReadResourceStreamResponse]) error {
	c, err := call(stream.Context(), r.GetTarget(), r.GetProjection())
	if err != nil {
		return err
	}
	return s.core.Read(stream.Context(), c, r.GetTarget().GetResourceType(), r.GetId(), func(resource *identityv1.Resource) error {
		return stream.Send(&identityv1.ReadResourceStreamResponse{Resource: resource})
	}, func(part []byte) error {
		return stream.Send(&identityv1.ReadResourceStreamResponse{Part: part})
	})
}

func (s *Server) WriteResourceStream(stream grpc.ClientStreamingServer[identityv1.WriteResourceStreamRequest, identityv1.WriteResourceStreamResponse]) error {
	ctx := stream.Context()
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return fault.New(fault.InvalidRequest, "the stream holds no message")
	}
	if err != nil {
		return err
	}
	size := first.GetSize()
	if size > maxDocument {
		return fault.New(fault.Limit, "A %s's document may have %d bytes at most.", strings.ToLower(first.GetTarget().GetResourceType()), maxDocument)
	}
	hold := s.documents.Open(strings.ToLower(first.GetTarget().GetDirectoryId()))
	defer hold.Close()
	document, err := receive(stream, first.GetPart(), size, &hold)
	if err != nil {
		return err
	}
	resource, result, err := s.write(ctx, first.GetTarget(), first.GetWrite(), document)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&identityv1.WriteResourceStreamResponse{Resource: resource, Result: result})
}

// receive puts a document together that has no more than size bytes. It reserves memory for what has come, at most twice as
// much, and not for what is only announced.
func receive(stream grpc.ClientStreamingServer[identityv1.WriteResourceStreamRequest, identityv1.WriteResourceStreamResponse], first []byte, size int64, hold *inflight.Hold) ([]byte, error) {
	var document []byte
	for part, room := first, int64(0); ; {
		length := int64(len(document) + len(part))
		if length > size {
			return nil, fault.New(fault.InvalidRequest, "the document has more than the %d bytes that `size` says", size)
		}
		if length > room {
			before := inFlight(room)
			room = min(max(length, 2*room, documentRoom), size)
			if err := hold.Reserve(inFlight(room) - before); err != nil {
				return nil, err
			}
			document = append(make([]byte, 0, room), document...)
		}
		document = append(document, part...)
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return document, nil
		}
		if err != nil {
			return nil, err
		}
		part = next.GetPart()
	}
}
