package scimhttp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

const (
	// partBytes is how much of a large group's body is in memory here; the rest has been forwarded to identity, or has not arrived.
	partBytes = 256 << 10
	// partsInFlight is the memory that a group in parts reserves, in either direction: one part here, and the parts in transit.
	partsInFlight = 4 * partBytes
)

// writeInParts forwards the body of a group as it arrives.
func (h *Handler) writeInParts(ctx context.Context, m *message, o operation, change *identityv1.Write, limit int64) (*identityv1.WriteResourceStreamResponse, error) {
	body, err := o.body.open(limit)
	if err != nil {
		return nil, err
	}
	if !o.inBulk {
		if err := m.reserved.Reserve(partsInFlight); err != nil {
			return nil, err
		}
		ctx = context.WithoutCancel(ctx) // a large body may take a long time
	}
	patient := m.patient(ctx, h.config.RequestTimeout)
	defer patient.end()
	var stream grpc.ClientStreamingClient[identityv1.WriteResourceStreamRequest, identityv1.WriteResourceStreamResponse]
	err = patient.await(func() (err error) {
		stream, err = h.d.Resources.WriteResourceStream(patient.stream)
		return err
	})
	if err != nil {
		return nil, err
	}
	start := &identityv1.WriteResourceStreamRequest{Target: m.target(o.kind), Write: change, Size: o.body.length()}
	if start.Size < 0 {
		start.Size = limit
	}
	part, empty := make([]byte, partBytes), true
	for message := start; !o.body.read; {
		n, err := fill(part, body)
		if o.body.read = errors.Is(err, io.EOF); err != nil && !o.body.read {
			return nil, unreadable(err, limit)
		}
		if message == start && o.body.read {
			start.Size = int64(n) // this is the whole body: most bodies without a length are small, and must not wait for large ones
		}
		empty = empty && n == 0
		message.Part = part[:n]
		if err := patient.await(func() error { return stream.Send(message) }); errors.Is(err, io.EOF) {
			break // identity has answered before the end
		} else if err != nil {
			return nil, err
		}
		message = &identityv1.WriteResourceStreamRequest{Target: start.GetTarget()}
	}
	if empty {
		return nil, noBody()
	}
	// identity writes nothing before the stream is closed.
	release, err := h.before(patient.stream, m)
	defer release()
	if err != nil {
		return nil, err
	}
	var written *identityv1.WriteResourceStreamResponse
	err = patient.await(func() (err error) {
		written, err = stream.CloseAndRecv()
		return err
	})
	return written, err
}

// fill reads a part. io.EOF means that it is the last one. io.ReadFull would report the same for a body that was cut.
func fill(part []byte, body io.Reader) (n int, err error) {
	for n < len(part) && err == nil {
		var read int
		read, err = body.Read(part[n:])
		n += read
	}
	return n, err
}

// largeGroup is a group whose document arrives in parts.
type largeGroup struct {
	resource *identityv1.Resource
	parts    grpc.ServerStreamingClient[identityv1.ReadResourceStreamResponse]
	patient  *patience
}

// next waits for a part.
func (g *largeGroup) next() (r *identityv1.ReadResourceStreamResponse, err error) {
	err = g.patient.await(func() (err error) {
		r, err = g.parts.Recv()
		return err
	})
	return r, err
}

// open starts to read a large resource. When it returns, the resource's id and version are known. The reading ends with the message.
func (h *Handler) open(ctx context.Context, m *message, k kind, id string, p *identityv1.Projection) (*largeGroup, error) {
	if m.route.verb.reads() {
		if err := m.reserved.Reserve(partsInFlight); err != nil {
			return nil, err
		}
	} else {
		m.reserved.Take(partsInFlight) // it has been written
	}
	g := &largeGroup{patient: m.patient(context.WithoutCancel(ctx), h.config.RequestTimeout)}
	if err := g.patient.await(func() (err error) {
		g.parts, err = h.d.Resources.ReadResourceStream(g.patient.stream, &identityv1.ReadResourceStreamRequest{
			Target: m.target(k), Id: id, Projection: p,
		})
		return err
	}); err != nil {
		return nil, err
	}
	first, err := g.next()
	if errors.Is(err, io.EOF) {
		err = errors.New("identity ended a group before it began")
	}
	if err != nil {
		return nil, err
	}
	g.resource = first.GetResource()
	return g, nil
}

// errClientLeft says that an answer could not be sent to its end. There is nobody to report this to.
var errClientLeft = errors.New("the client left")

// copyTo writes the document.
func (g *largeGroup) copyTo(w io.Writer) error {
	defer g.patient.end()
	for {
		next, err := g.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(next.GetPart()); err != nil {
			return fmt.Errorf("%w: %w", errClientLeft, err)
		}
	}
}
