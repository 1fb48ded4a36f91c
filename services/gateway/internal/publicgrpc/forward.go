package publicgrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// describe creates the forwarding service for the public methods of a service, or returns nil if it has none. For gRPC, all of them are
// streams, because gRPC passes a stream to its handler before it reads the request.
func (a *API) describe(service protoreflect.ServiceDescriptor, conn grpc.ClientConnInterface) (*grpc.ServiceDesc, error) {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), Metadata: service.ParentFile().Path()}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		name := fmt.Sprintf("/%s/%s", service.FullName(), method.Name())
		if !rpc.Public(name) {
			continue
		}
		forward, err := newForwarder(name, method, conn, a.d.Limits)
		if err != nil {
			return nil, err
		}
		handler := forward.unary
		if method.IsStreamingServer() {
			handler = forward.stream
		}
		desc.Streams = append(desc.Streams, grpc.StreamDesc{
			StreamName: string(method.Name()), Handler: a.admitting(name, method.IsStreamingServer(), handler),
			ServerStreams: method.IsStreamingServer(),
		})
	}
	if len(desc.Streams) == 0 {
		return nil, nil //nolint:nilnil // no public methods, which is not an error
	}
	return desc, nil
}

// forwarder forwards calls of one method.
type forwarder struct {
	method  string
	conn    grpc.ClientConnInterface
	limits  Limits
	request protoreflect.MessageType
	reply   protoreflect.MessageType
}

func newForwarder(name string, method protoreflect.MethodDescriptor, conn grpc.ClientConnInterface, limits Limits) (*forwarder, error) {
	if method.IsStreamingClient() {
		return nil, fmt.Errorf("%s streams from the client, which the gateway cannot forward", name)
	}
	request, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return nil, fmt.Errorf("forwarding %s: %w", name, err)
	}
	reply, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, fmt.Errorf("forwarding %s: %w", name, err)
	}
	return &forwarder{method: name, conn: conn, limits: limits, request: request, reply: reply}, nil
}

func (f *forwarder) unary(from *entered) error {
	request, err := f.receive(from)
	if err != nil {
		return err
	}
	reply := f.reply.New().Interface()
	if err := f.conn.Invoke(from.Context(), f.method, request, reply); err != nil {
		return err
	}
	// The call has been made, so its answer is not refused.
	if size := int64(proto.Size(reply)); size > smallAnswer {
		from.reserved.Take(copies * size)
	}
	return from.SendMsg(reply)
}

func (f *forwarder) stream(from *entered) error {
	request, err := f.receive(from)
	if err != nil {
		return err
	}
	// The stream to the service ends with this call, no matter which side ends it.
	ctx, cancel := context.WithCancel(from.Context())
	defer cancel()
	to, err := f.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, f.method)
	if err != nil {
		return err
	}
	if err := errors.Join(to.SendMsg(request), to.CloseSend()); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	out := send(from, f.limits.Unread)
	for {
		reply := f.reply.New().Interface()
		if err := to.RecvMsg(reply); err != nil {
			unsent := out.end(ctx)
			if errors.Is(err, io.EOF) {
				return unsent
			}
			return err
		}
		if err := out.next(ctx, reply); err != nil {
			return err
		}
	}
}

// receive reads the request within the time limit for its arrival. It reserves the memory of the request before it decodes it.
func (f *forwarder) receive(from *entered) (proto.Message, error) {
	arriving := &encoded{}
	read := make(chan error, 1)
	// Only the end of the call ends the reading, so a caller that gives up does not wait for it.
	go func() { read <- from.RecvMsg(arriving) }()
	prompt := min(f.limits.Prompt, f.limits.Arrival)
	late := time.NewTimer(prompt)
	defer late.Stop()
	select {
	case err := <-read:
		return f.arrived(from, arriving, err)
	case <-late.C:
	}
	if err := from.reserved.Reserve(maxRequest); err != nil {
		return nil, err
	}
	late.Reset(f.limits.Arrival - prompt)
	select {
	case err := <-read:
		from.reserved.Release(maxRequest)
		return f.arrived(from, arriving, err)
	case <-late.C:
		return nil, fault.New(fault.Deadline, "the request did not arrive within %s", f.limits.Arrival)
	}
}

// arrived decodes a request, or returns the reason why it did not arrive.
func (f *forwarder) arrived(from *entered, request *encoded, err error) (proto.Message, error) {
	if err != nil {
		return nil, err
	}
	defer request.data.Free()
	data := request.data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer data.Free()
	if size := data.Len(); size > smallRequest {
		if err := from.reserved.Reserve(int64(size) + decodedBytes(f.request.Descriptor(), data.ReadOnlyData(), protowire.DefaultRecursionLimit)); err != nil {
			return nil, err
		}
	}
	message := f.request.New().Interface()
	if err := proto.Unmarshal(data.ReadOnlyData(), message); err != nil {
		return nil, fault.Wrap(err, fault.InvalidRequest, "the request cannot be read as %s", f.request.Descriptor().FullName())
	}
	if of, ok := message.(interface{ GetOrganizationId() string }); ok && ids.IsSlug(of.GetOrganizationId()) {
		from.organization = of.GetOrganizationId()
	}
	return message, nil
}

// encoded receives the undecoded request from RecvMsg. gRPC would decode the request before anybody could check how much memory this takes,
// and if it cannot be decoded, gRPC would report a fault of the server.
type encoded struct{ data mem.BufferSlice }

// requestCodec is the codec of protobuf, except that it leaves requests encoded.
type requestCodec struct{ encoding.CodecV2 }

func (c requestCodec) Unmarshal(data mem.BufferSlice, into any) error {
	if request, ok := into.(*encoded); ok {
		data.Ref()
		request.data = data
		return nil
	}
	return c.CodecV2.Unmarshal(data, into)
}

// sending sends responses to a client, one at a time: the next one after HTTP/2 has accepted the previous one.
type sending struct {
	unread   time.Duration
	messages chan proto.Message
	ended    chan error // receives the result of the sending
	late     *time.Timer
}

// send starts the sending. Call next until it fails, or end. Only the end of the call ends a send that waits for the client, so a caller
// that gives up does not wait for it.
func send(to grpc.ServerStream, unread time.Duration) *sending {
	s := &sending{unread: unread, messages: make(chan proto.Message), ended: make(chan error, 1), late: time.NewTimer(unread)}
	go func() {
		for message := range s.messages {
			if err := to.SendMsg(message); err != nil {
				s.ended <- err
				return
			}
		}
		s.ended <- nil
	}()
	return s
}

// next sends a response after the previous one was sent.
func (s *sending) next(ctx context.Context, message proto.Message) error {
	s.late.Reset(s.unread)
	var err error
	select {
	case s.messages <- message:
		return nil
	case err = <-s.ended:
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.late.C:
		err = s.tooLate()
	}
	s.late.Stop()
	close(s.messages)
	return err
}

// end waits until everything is sent.
func (s *sending) end(ctx context.Context) error {
	close(s.messages)
	s.late.Reset(s.unread)
	defer s.late.Stop()
	select {
	case err := <-s.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.late.C:
		return s.tooLate()
	}
}

func (s *sending) tooLate() error {
	return fault.New(fault.Deadline, "the client has read nothing for %s: open the stream again with the last cursor", s.unread)
}
