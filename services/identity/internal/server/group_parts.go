package server

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
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

// ReadGroup implements the RPC.
func (s *Server) ReadGroup(r *identityv1.ReadGroupRequest, stream grpc.ServerStreamingServer[identityv1.ReadGroupResponse]) error {
	c, err := call(stream.Context(), r.GetTarget(), r.GetProjection())
	if err != nil {
		return err
	}
	return s.core.ReadGroup(stream.Context(), c, r.GetId(), func(resource core.Resource) error {
		return stream.Send(&identityv1.ReadGroupResponse{Resource: resourceMessage(resource)})
	}, func(part []byte) error {
		return stream.Send(&identityv1.ReadGroupResponse{Part: part})
	})
}

// WriteGroup implements the RPC.
func (s *Server) WriteGroup(stream grpc.ClientStreamingServer[identityv1.WriteGroupRequest, identityv1.WriteGroupResponse]) error {
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
		return fault.New(fault.Limit, "A group's document may have %d bytes at most.", maxDocument)
	}
	hold := s.documents.Open(strings.ToLower(first.GetTarget().GetDirectoryId()))
	defer hold.Close()
	document, err := receive(stream, first.GetPart(), size, &hold)
	if err != nil {
		return err
	}
	resource, outcome, err := s.writeGroup(ctx, first, document)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&identityv1.WriteGroupResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)})
}

// receive puts a document together that has no more than size bytes. It reserves memory for what has come, at most twice as
// much, and not for what is only announced.
func receive(stream grpc.ClientStreamingServer[identityv1.WriteGroupRequest, identityv1.WriteGroupResponse], first []byte, size int64, hold *inflight.Hold) ([]byte, error) {
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

func (s *Server) writeGroup(ctx context.Context, r *identityv1.WriteGroupRequest, document []byte) (resource core.Resource, outcome core.Outcome, err error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return resource, outcome, err
	}
	switch r.GetKind() {
	case identityv1.WriteGroupRequest_KIND_CREATE:
		return s.core.CreateGroup(ctx, c, document)
	case identityv1.WriteGroupRequest_KIND_REPLACE:
		return s.core.ReplaceGroup(ctx, c, r.GetId(), document, r.GetIfMatch())
	case identityv1.WriteGroupRequest_KIND_PATCH:
		return s.core.PatchGroup(ctx, c, r.GetId(), document, r.GetIfMatch(), !r.GetOmitResource())
	default:
		return resource, outcome, fault.New(fault.InvalidRequest, "kind says nothing")
	}
}
