package server

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
)

const (
	// maxDocument is how large a document in parts may be.
	maxDocument = 64 << 20
	// documentsInFlight bounds the bytes of all documents in parts that are held at a time, but for small ones.
	documentsInFlight = 2 * maxDocument
	// small is the largest document that is not counted: most are far smaller, and must not wait for large ones. Any gets that
	// much room before it came.
	small = 1 << 20
)

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
	if size > small {
		if err := s.documents.Acquire(ctx, size); err != nil {
			return fault.New(fault.Unavailable, "as many large documents are held as there is room for").Retry(time.Second)
		}
		defer s.documents.Release(size)
	}
	document, err := receive(stream, first.GetPart(), size)
	if err != nil {
		return err
	}
	resource, outcome, err := s.writeGroup(ctx, first, document)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&identityv1.WriteGroupResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)})
}

// receive puts a document together that has no more than size bytes.
func receive(stream grpc.ClientStreamingServer[identityv1.WriteGroupRequest, identityv1.WriteGroupResponse], first []byte, size int64) ([]byte, error) {
	document := make([]byte, 0, min(size, small))
	for part := first; ; {
		length := len(document) + len(part)
		if int64(length) > size {
			return nil, fault.New(fault.InvalidRequest, "the document has more than the %d bytes that `size` says", size)
		}
		if length > cap(document) {
			// It is as large as it says: growing step by step would hold it twice.
			document = append(make([]byte, 0, size), document...)
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
