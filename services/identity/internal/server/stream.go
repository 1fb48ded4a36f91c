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
	// maxDocument is the most bytes of a document that comes in parts.
	maxDocument = 64 << 20
	// documentRoom is how many bytes are reserved for a document before its first part.
	documentRoom = 64 << 10
)

// inFlight is how much memory, in bytes, the work on a document with this much room takes: the document, its previous copy
// when it last grew, and what is parsed of it at a time.
func inFlight(room int64) int64 { return room + room/2 + min(8<<20, 8*room) }

// MostInFlight is how much memory the largest document takes.
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
		return fault.New(fault.InvalidRequest, "the stream is empty")
	}
	if err != nil {
		return err
	}
	size := first.GetSize()
	if size > maxDocument {
		return fault.New(fault.Limit, "A %s's document may have %d bytes at most.", strings.ToLower(first.GetTarget().GetResourceType()), maxDocument)
	}
	reservation := s.documents.Open(strings.ToLower(first.GetTarget().GetDirectoryId()))
	defer reservation.Close()
	document, err := receive(stream, first.GetPart(), size, &reservation)
	if err != nil {
		return err
	}
	resource, result, err := s.write(ctx, first.GetTarget(), first.GetWrite(), document)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&identityv1.WriteResourceStreamResponse{Resource: resource, Result: result})
}

// receive joins the parts of a document of at most size bytes. It reserves memory for what has come, at most twice as much,
// and not for what is only announced.
func receive(stream grpc.ClientStreamingServer[identityv1.WriteResourceStreamRequest, identityv1.WriteResourceStreamResponse], first []byte, size int64, reservation *inflight.Reservation) ([]byte, error) {
	var document []byte
	for part, room := first, int64(0); ; {
		length := int64(len(document) + len(part))
		if length > size {
			return nil, fault.New(fault.InvalidRequest, "the document has more than the %d bytes that `size` says", size)
		}
		if length > room {
			before := inFlight(room)
			room = min(max(length, 2*room, documentRoom), size)
			if err := reservation.Reserve(inFlight(room) - before); err != nil {
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
