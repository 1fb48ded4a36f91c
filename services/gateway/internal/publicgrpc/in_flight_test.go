package publicgrpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// overBudget returns how many refusals of a budget were counted.
func (w watched) overBudget(t *testing.T, budget string) (counted int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != metrics.OverBudget {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				if by, _ := point.Attributes.Value("budget"); by.AsString() == budget {
					counted += point.Value
				}
			}
		}
	}
	return counted
}

// emptied waits until nothing is reserved any more: a call releases its reservation shortly after its answer has arrived.
func emptied(t *testing.T, b *inflight.Budget) {
	t.Helper()
	for late := time.Now().Add(time.Minute); b.Bytes() != 0; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("%d bytes are still reserved", b.Bytes())
		}
	}
}

func TestCallsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const total, share = 8 << 20, 4 << 20
	small := &directoryv1.GetOrganizationRequest{OrganizationId: "acme"}
	large := &directoryv1.GetOrganizationRequest{OrganizationId: strings.Repeat("a", 100_000)}
	encoded, err := proto.Marshal(large)
	if err != nil {
		t.Fatal(err)
	}
	largeBytes := callBytes + int64(len(encoded)) + decodedBytes(large.ProtoReflect().Descriptor(), encoded, protowire.DefaultRecursionLimit)
	for _, c := range []struct {
		name        string
		request     *directoryv1.GetOrganizationRequest
		own, others int64 // bytes that the credential, and others, have already reserved
		code        codes.Code
		budget      string
	}{
		{"a call in the last room of its share", small, share - callBytes, 0, codes.OK, ""},
		{"a call over its share", small, share - callBytes + 1, 0, codes.ResourceExhausted, "credential"},
		{"a call in the last room of all", small, 0, total - callBytes, codes.OK, ""},
		{"a call over all", small, 0, total - callBytes + 1, codes.Unavailable, "total"},
		{"a large request in the last room of its share", large, share - largeBytes, 0, codes.OK, ""},
		{"a large request over its share", large, share - largeBytes + 1, 0, codes.ResourceExhausted, "credential"},
		{"a large request over all", large, 0, total - largeBytes + 1, codes.Unavailable, "total"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			budget := inflight.New(total, share)
			conns, client, w := serveInFlight(t, patient(), budget)
			own, others := budget.OpenCredential("c1"), budget.OpenCredential("others")
			own.Take(c.own)
			others.Take(c.others)
			organizations := directoryv1.NewOrganizationServiceClient(client)
			_, err := organizations.GetOrganization(w.vendor(t.Context()), c.request)
			if status.Code(err) != c.code {
				t.Fatalf("%v", err)
			}
			if forwarded := len(conns["usher.directory.v1"].calls) > 0; forwarded != (err == nil) {
				t.Errorf("it was forwarded: %v", forwarded)
			}
			if err != nil {
				f := rpc.Fault(err)
				limit := map[string]string{"credential": "4194304 bytes", "total": "8388608 bytes"}[c.budget]
				if f.RetryAfter != time.Second || !strings.Contains(f.Message, limit) || w.overBudget(t, c.budget) != 1 {
					t.Errorf("after %s: %s; counted %d times", f.RetryAfter, f.Message, w.overBudget(t, c.budget))
				}
			}
			if c.budget == "credential" { // the operator has its own share
				if _, err := organizations.GetOrganization(operator(t.Context()), small); err != nil {
					t.Errorf("another credential: %v", err)
				}
			}
			own.Close()
			others.Close()
			emptied(t, budget)
			if _, err := organizations.GetOrganization(w.vendor(t.Context()), large); err != nil {
				t.Errorf("once there is room: %v", err)
			}
			emptied(t, budget)
		})
	}
}

// gRPC does not show how much of a request has arrived before it is complete, so a slow request counts as the largest.
func TestSlowRequestsReserveTheLargest(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Prompt = time.Millisecond
	budget := inflight.New(64<<20, 10*(callBytes+maxRequest))
	_, client, w := serveInFlight(t, limits, budget)
	r := beRude(t, w)
	part := lacking(t, &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	for range 50 {
		if err := r.begin(getOrganization, w.keys.credential.Reveal(), part); err != nil {
			t.Fatal(err)
		}
	}
	// The memory that the fifty need before they are slow may take that of one of the ten.
	if got := r.outcomes(40); got["status 8"] != 40 {
		t.Errorf("they ended: %v", got)
	}
	if reserved, counted := budget.Bytes(), w.overBudget(t, "credential"); reserved > 10*(callBytes+maxRequest) || reserved < 9*maxRequest || counted > 41 {
		t.Errorf("the others have reserved %d bytes, and %d are counted", reserved, counted)
	}
	if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()),
		&directoryv1.GetOrganizationRequest{OrganizationId: "acme"}); err != nil {
		t.Errorf("another credential: %v", err)
	}
	_ = r.conn.Close()
	emptied(t, budget)
}

func TestASlowRequestThatHasArrivedReservesItsOwnSize(t *testing.T) {
	t.Parallel()
	limits := patient()
	limits.Prompt = time.Millisecond
	budget := inflight.New(64<<20, 32<<20)
	conns, client, w := serveInFlight(t, limits, budget)
	conns["usher.rule.v1"].hang = make(chan struct{})
	ctx, cancel := context.WithCancel(w.vendor(t.Context()))
	defer cancel()
	watch, err := client.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, rulev1.AccessService_WatchAccess_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(time.Minute); budget.Bytes() != callBytes+maxRequest; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("while it does not arrive, it has reserved %d bytes", budget.Bytes())
		}
	}
	if err := errors.Join(watch.SendMsg(&rulev1.WatchAccessRequest{OrganizationId: "acme"}), watch.CloseSend()); err != nil {
		t.Fatal(err)
	}
	<-conns["usher.rule.v1"].hang
	if reserved := budget.Bytes(); reserved != callBytes {
		t.Errorf("after it has arrived, it has reserved %d bytes", reserved)
	}
	cancel()
	emptied(t, budget)
}

func TestALargeAnswerIsNotRefused(t *testing.T) {
	t.Parallel()
	budget := inflight.New(64<<20, callBytes)
	conns, client, w := serveInFlight(t, patient(), budget)
	conns["usher.directory.v1"].answer = &directoryv1.GetOrganizationResponse{Organization: &directoryv1.Organization{Id: strings.Repeat("a", 100_000)}}
	answer, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(w.vendor(t.Context()),
		&directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if err != nil || len(answer.GetOrganization().GetId()) != 100_000 {
		t.Fatal(err)
	}
	emptied(t, budget)
}

// It measures the allocations of the process, so it does not run in parallel.
func TestDecodingAllocatesNoMoreThanIsReserved(t *testing.T) {
	const size = 16 << 10
	shapes := 0
	try := func(name string, request protoreflect.MessageDescriptor, data []byte) {
		shapes++
		into := message(t, request.FullName())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = proto.Unmarshal(data, into) // a refused request takes memory, too
		runtime.ReadMemStats(&after)
		took, reserved := int64(after.TotalAlloc-before.TotalAlloc), callBytes+decodedBytes(request, data, protowire.DefaultRecursionLimit)
		if took > reserved {
			t.Errorf("%s: %d bytes take %d, and %d are reserved", name, len(data), took, reserved)
		}
	}
	var walk func(request, at protoreflect.MessageDescriptor, name string, within func([]byte) []byte, deepest int)
	walk = func(request, at protoreflect.MessageDescriptor, name string, within func([]byte) []byte, deepest int) {
		of := func(name string, value []byte) { try(name, request, within(bytes.Repeat(value, size/len(value)))) }
		of(name+", values that nobody knows", protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
		of(name+", long values that nobody knows", protowire.AppendBytes(protowire.AppendTag(nil, 999, protowire.BytesType), make([]byte, 1000)))
		for i := range at.Fields().Len() {
			field := at.Fields().Get(i)
			tag := protowire.AppendTag(nil, field.Number(), protowire.BytesType)
			named := fmt.Sprintf("%s.%s", name, field.Name())
			of(named, protowire.AppendBytes(tag, nil))
			of(named+" of one byte", protowire.AppendBytes(tag, []byte{'a'}))
			if field.IsMap() {
				entries := []byte{}
				for key := range 5000 {
					entries = protowire.AppendBytes(append(entries, tag...),
						protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), fmt.Sprintf("%03x", key)))
				}
				of(named+" of many keys", entries)
			}
			if field.Message() != nil && deepest > 0 {
				for j := range field.Message().Fields().Len() {
					inner := field.Message().Fields().Get(j)
					part := protowire.AppendBytes(protowire.AppendTag(nil, inner.Number(), protowire.BytesType), bytes.Repeat([]byte{'a'}, 60))
					of(fmt.Sprintf("%s.%s in parts", named, inner.Name()), protowire.AppendBytes(tag, part))
				}
				walk(request, field.Message(), named, func(value []byte) []byte { return within(protowire.AppendBytes(tag, value)) }, deepest-1)
			}
		}
	}
	seen := map[protoreflect.FullName]bool{}
	methods(t, func(_, name string, method protoreflect.MethodDescriptor) {
		if request := method.Input().FullName(); rpc.Public(name) && !seen[request] {
			seen[request] = true
			walk(method.Input(), method.Input(), string(method.Input().Name()), func(data []byte) []byte { return data }, 2)
		}
	})
	if shapes < 500 {
		t.Errorf("there are %d shapes: the walk misses some", shapes)
	}
}
