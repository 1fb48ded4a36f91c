package publicgrpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// rude is a client that follows only the formats of HTTP/2 and gRPC, but not their rules.
type rude struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
	next   uint32
}

func beRude(t *testing.T, w watched) *rude {
	t.Helper()
	conn, err := w.dial(t.Context())
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(time.Minute))
	}
	if err == nil {
		_, err = io.WriteString(conn, http2.ClientPreface)
	}
	r := &rude{t: t, conn: conn, framer: http2.NewFramer(conn, conn), next: 1}
	r.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err == nil {
		err = r.framer.WriteSettings()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return r
}

// begin opens a call, and sends part of its message. It is safe to call it concurrently with outcomes.
func (r *rude) begin(method, token string, part []byte) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method},
		{Name: ":authority", Value: "usher"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
	if token != "" {
		fields = append(fields, hpack.HeaderField{Name: "authorization", Value: "Bearer " + token})
	}
	for _, field := range fields {
		if err := encoder.WriteField(field); err != nil {
			return err
		}
	}
	id := r.next
	r.next += 2
	err := r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true})
	if err == nil && len(part) > 0 {
		err = r.framer.WriteData(id, false, part)
	}
	return err
}

// outcomes reads how a number of calls end: with gRPC's code, or with a reset before it.
func (r *rude) outcomes(calls int) map[string]int {
	r.t.Helper()
	ends := map[uint32]string{}
	for len(ends) < calls {
		frame, err := r.framer.ReadFrame()
		if err != nil {
			r.t.Fatalf("after %d ends: %v", len(ends), err)
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range frame.RegularFields() {
				if field.Name == "grpc-status" {
					ends[id] = "status " + field.Value
				}
			}
		case *http2.RSTStreamFrame:
			if ends[id] == "" {
				ends[id] = frame.ErrCode.String()
			}
		}
	}
	counts := map[string]int{}
	for _, end := range ends {
		counts[end]++
	}
	return counts
}

// lacking returns a framed message without its last byte.
func lacking(t *testing.T, message proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data)))
	return append(framed, data[:len(data)-1]...)
}

const getOrganization = directoryv1.OrganizationService_GetOrganization_FullMethodName

func TestAThousandCallsWithoutTheirLastByte(t *testing.T) {
	t.Parallel()
	part := lacking(t, &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	for _, c := range []struct {
		name, token string
		ended       int // of a thousand calls at once
		refused     bool
	}{
		{"with a credential: there are streams for a hundred", "secret", 900, false},
		{"without a credential", "", 1000, true},
		{"with one that is not valid", "wrong", 1000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conns, client, w := serveWatched(t)
			r := beRude(t, w)
			var writing sync.WaitGroup
			writing.Go(func() {
				for range 1000 {
					if err := r.begin(getOrganization, c.token, part); err != nil {
						t.Error(err)
						return
					}
				}
			})
			got := r.outcomes(c.ended)
			writing.Wait()
			// A refused call makes room for another one; which calls are refused is up to chance.
			if got["status 16"]+got["REFUSED_STREAM"] != c.ended || (got["status 16"] >= maxStreams) != c.refused {
				t.Errorf("they ended: %v", got)
			}
			if len(conns["usher.directory.v1"].calls) != 0 {
				t.Error("one of them was forwarded")
			}
			if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()),
				&directoryv1.GetOrganizationRequest{OrganizationId: "acme"}); err != nil {
				t.Errorf("another client: %v", err)
			}
		})
	}
}

func TestARequestThatDoesNotArriveEnds(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Arrival = 20 * time.Millisecond
	conns, client, w := serveWithin(t, limits)
	r := beRude(t, w)
	for _, method := range []string{getOrganization, rulev1.AccessService_WatchAccess_FullMethodName} {
		if err := r.begin(method, "secret", lacking(t, &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.outcomes(2); got["status 4"] != 2 {
		t.Errorf("they ended: %v", got)
	}
	// An ordinary client reads this.
	stream, err := client.NewStream(operator(t.Context()), &grpc.StreamDesc{ClientStreams: true}, getOrganization)
	if err != nil {
		t.Fatal(err)
	}
	err = stream.RecvMsg(&directoryv1.GetOrganizationResponse{})
	if !fault.Is(rpc.Fault(err), fault.Deadline) || !strings.Contains(err.Error(), "did not arrive within 20ms") {
		t.Errorf("%v", err)
	}
	if len(conns["usher.directory.v1"].calls)+len(conns["usher.rule.v1"].calls) != 0 {
		t.Error("one of them was forwarded")
	}
}

func TestARequestHasALargestSize(t *testing.T) {
	t.Parallel()
	conns, client := serve(t)
	of := func(size int) error {
		request := &directoryv1.GetOrganizationRequest{OrganizationId: strings.Repeat("a", size)}
		request.OrganizationId = request.OrganizationId[:2*size-proto.Size(request)]
		_, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()), request)
		return err
	}
	if err := of(maxRequest); err != nil || len(conns["usher.directory.v1"].calls) != 1 {
		t.Errorf("the largest: %v", err)
	}
	err := of(maxRequest + 1)
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "(1048577 vs. 1048576)") {
		t.Errorf("over it: %v", err)
	}
	if len(conns["usher.directory.v1"].calls) != 1 {
		t.Error("it was forwarded")
	}
}

func TestHeadersHaveALargestSize(t *testing.T) {
	t.Parallel()
	_, client := serve(t)
	with := func(size int) error {
		_, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(
			metadata.AppendToOutgoingContext(operator(t.Context()), "x", strings.Repeat("x", size)),
			&directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
		return err
	}
	if err := with(maxHeaderBytes - 1024); err != nil {
		t.Errorf("below: %v", err)
	}
	if err := with(maxHeaderBytes); err == nil || !strings.Contains(err.Error(), "16384") {
		t.Errorf("above: %v", err)
	}
	if err := with(0); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestAnUndecodableRequestIsTheClientsFault(t *testing.T) {
	t.Parallel()
	_, client := serve(t)
	send := func(ctx context.Context) error {
		return client.Invoke(ctx, getOrganization, "", &directoryv1.GetOrganizationResponse{}, grpc.ForceCodec(bytesCodec{}))
	}
	if err := send(operator(t.Context())); rpc.Fault(err).Reason != fault.InvalidRequest {
		t.Errorf("the operator gets %v", err)
	}
	if err := send(t.Context()); rpc.Fault(err).Reason != fault.Unauthenticated {
		t.Errorf("an unauthenticated client gets %v", err)
	}
}

// bytesCodec sends bytes that are not a protobuf message.
type bytesCodec struct{}

func (bytesCodec) Name() string                    { return "proto" }
func (bytesCodec) Marshal(any) ([]byte, error)     { return []byte{10, 9, 'x'}, nil } // it announces nine bytes
func (bytesCodec) Unmarshal(d []byte, m any) error { return proto.Unmarshal(d, m.(proto.Message)) }

func TestThereAreNoHealthWatches(t *testing.T) {
	t.Parallel()
	_, client, w := serveWatched(t)
	for name, ctx := range map[string]context.Context{"without a credential": t.Context(), "with one": w.vendor(t.Context())} {
		for range 1000 {
			watch, err := grpc_health_v1.NewHealthClient(client).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
			if err == nil {
				_, err = watch.Recv()
			}
			if status.Code(err) != codes.Unimplemented {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func TestAHealthCheckIsNotRead(t *testing.T) {
	t.Parallel()
	_, _, w := serveWatched(t)
	r := beRude(t, w)
	for range 50 {
		if err := r.begin(grpc_health_v1.Health_Check_FullMethodName, "", []byte{0, 0, 15, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.outcomes(50); got["status 0"] != 50 {
		t.Errorf("they ended: %v", got)
	}
}

func TestAConnectionWithoutCallsIsClosed(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Idle = 20 * time.Millisecond
	conns, client, w := serveWithin(t, limits)
	conns["usher.rule.v1"].stream = []proto.Message{&rulev1.WatchAccessResponse{Cursor: "a"}}
	conns["usher.rule.v1"].hang = make(chan struct{}, 1)
	watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(operator(t.Context()), &rulev1.WatchAccessRequest{OrganizationId: "acme"})
	if err == nil {
		_, err = watch.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	for range 20 {
		r := beRude(t, w)
		open.Go(func() {
			var frame http2.Frame
			var err error
			for err == nil {
				frame, err = r.framer.ReadFrame()
				if ping, ok := frame.(*http2.PingFrame); ok && err == nil {
					err = r.framer.WritePing(true, ping.Data)
				}
			}
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				t.Error("it stayed open")
			}
		})
	}
	open.Wait()
	if err := watch.Context().Err(); err != nil {
		t.Errorf("a connection with a watch: %v", err)
	}
}

func TestAWatchThatIsNotReadEnds(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Unread = 20 * time.Millisecond
	conns, client, _ := serveWithin(t, limits)
	rule := conns["usher.rule.v1"]
	for range 200 {
		rule.stream = append(rule.stream, &rulev1.WatchAccessResponse{Cursor: strings.Repeat("c", 64<<10)})
	}
	rule.left = make(chan struct{})
	watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(operator(t.Context()), &rulev1.WatchAccessRequest{OrganizationId: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	<-rule.left // the service has noticed that its client left
	got := 0
	for ; err == nil; got++ {
		_, err = watch.Recv()
	}
	if rpc.Fault(err).Reason != fault.Deadline || !strings.Contains(err.Error(), "read nothing for 20ms") || got > 150 {
		t.Errorf("after %d messages: %v", got, err)
	}
}

// ends reads until the connection is closed, and returns the frames before. It answers pings if answering is set.
func (r *rude) ends(answering bool) (told []string) {
	r.t.Helper()
	for {
		frame, err := r.framer.ReadFrame()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			r.t.Fatal("it stayed open")
		}
		if err != nil {
			return told
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			if answering && !frame.IsAck() {
				_ = r.framer.WritePing(true, frame.Data) // it may be closed already
			}
		case *http2.GoAwayFrame:
			told = append(told, frame.ErrCode.String()+" "+string(frame.DebugData()))
		}
	}
}

func TestAnOldConnectionIsCut(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Age = 20 * time.Millisecond
	_, client, w := serveWithin(t, limits)
	if told := beRude(t, w).ends(true); len(told) == 0 || told[0] != "NO_ERROR max_age" {
		t.Errorf("it was told %q", told)
	}
	// A client that follows the rule notices nothing.
	for range 3 {
		if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()),
			&directoryv1.GetOrganizationRequest{OrganizationId: "acme"}, grpc.WaitForReady(true)); err != nil {
			t.Error(err)
		}
	}
}

func TestAClientThatDoesNotAnswerPingsIsCutOff(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Quiet, limits.Pong = time.Second, 20*time.Millisecond // gRPC's minimum is a second
	conns, client, w := serveWithin(t, limits)
	conns["usher.rule.v1"].stream = []proto.Message{&rulev1.WatchAccessResponse{Cursor: "a"}}
	conns["usher.rule.v1"].hang = make(chan struct{}, 1)
	watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(operator(t.Context()), &rulev1.WatchAccessRequest{OrganizationId: "acme"})
	if err == nil {
		_, err = watch.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := beRude(t, w)
	if err := r.begin(getOrganization, "secret", lacking(t, &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})); err != nil {
		t.Fatal(err)
	}
	if told := r.ends(false); len(told) != 0 {
		t.Errorf("it was told %q", told)
	}
	if err := watch.Context().Err(); err != nil {
		t.Errorf("a watch whose client answers: %v", err)
	}
}

func TestAClientThatPingsTooOftenIsCutOff(t *testing.T) {
	t.Parallel()
	_, client, w := serveWatched(t)
	r := beRude(t, w)
	var pinging sync.WaitGroup
	pinging.Go(func() {
		for range 100 {
			if r.framer.WritePing(false, [8]byte{1}) != nil {
				return // it is disconnected
			}
		}
	})
	defer pinging.Wait()
	for answered := 0; ; {
		frame, err := r.framer.ReadFrame()
		if err != nil {
			t.Fatalf("it is not told why, after %d answers: %v", answered, err)
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			answered++
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeEnhanceYourCalm || answered > 5 {
				t.Errorf("after %d answers it is told %v", answered, frame.ErrCode)
			}
			if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()),
				&directoryv1.GetOrganizationRequest{OrganizationId: "acme"}); err != nil {
				t.Errorf("another client: %v", err)
			}
			return
		}
	}
}
