package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
)

// overGRPC returns the attacks on the public gRPC API, and on connections.
func (a *attackers) overGRPC() []attack {
	return []attack{
		{name: "endless health watches without a credential", pause: longPause, try: func(ctx context.Context, client, _ int) []string {
			return each(func(int) string {
				stream, err := grpc_health_v1.NewHealthClient(a.calls[client]).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
				if err == nil {
					_, err = stream.Recv()
				}
				if err == nil {
					a.gotIn("a watch of health without a credential was served")
				}
				return code(err)
			})
		}},
		{name: "calls that lack their last byte", pause: longPause, try: a.halfCalls},
		{name: "idle connections", pause: longPause, try: func(ctx context.Context, client, _ int) []string {
			switch client % 4 {
			case 0:
				return a.stalls(ctx, client, a.GRPC, "")
			case 1:
				return a.stalls(ctx, client, a.Admin, "")
			case 2:
				return a.stalls(ctx, client, a.SCIM, "")
			default: // the beginning of a head
				return a.stalls(ctx, client, a.SCIM, "GET / HTTP/1.1\r\nHost: ")
			}
		}},
		{name: "3,200 watches of access", pause: longPause, try: a.watches},
		{name: "service credentials that nobody knows", try: func(ctx context.Context, client, _ int) []string {
			answer := a.check(ctx, client, bearer.ServiceCredential.New().Reveal())
			a.mustBeOut(answer, "a service credential that was made up")
			return []string{answer}
		}},
	}
}

// each does something openEach times at once.
func each(do func(i int) string) []string {
	answers := make([]string, openEach)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = do(i) })
	}
	all.Wait()
	return answers
}

// code returns how a call ended. A call that lasted until the end of the attack stayed open.
func code(err error) string {
	switch c := status.Code(err); c {
	case codes.DeadlineExceeded, codes.Canceled: // the deadline of the client
		return kept
	default:
		return c.String()
	}
}

func (a *attackers) check(ctx context.Context, client int, credential string) string {
	_, err := rulev1.NewAccessServiceClient(a.calls[client]).CheckAccess(withToken(ctx, credential), &rulev1.CheckAccessRequest{
		OrganizationId: siegeOrganization, UserId: a.large[0], TenantId: generatorTenant, RoleId: generatorRoleID,
	})
	return code(err)
}

// watches opens watches with one credential. Meanwhile, the first client makes changes that they receive.
func (a *attackers) watches(ctx context.Context, client, n int) []string {
	access := rulev1.NewAccessServiceClient(a.calls[client])
	signed := withToken(ctx, a.Credential)
	if client == 0 {
		return each(func(i int) string {
			user, err := a.large[i], error(nil)
			if n%2 == 0 {
				_, err = access.GrantAccess(signed, &rulev1.GrantAccessRequest{
					OrganizationId: attackersOrganization, UserId: user, TenantId: generatorTenant, RoleId: generatorRoleID,
				})
			} else {
				_, err = access.RevokeAccess(signed, &rulev1.RevokeAccessRequest{
					OrganizationId: attackersOrganization, UserId: user, TenantId: generatorTenant, RoleId: generatorRoleID,
				})
			}
			return code(err)
		})
	}
	return each(func(int) string {
		stream, err := access.WatchAccess(signed, &rulev1.WatchAccessRequest{OrganizationId: attackersOrganization})
		for err == nil {
			_, err = stream.Recv()
		}
		return code(err)
	})
}

// The part of a call that arrives: its message claims to be much larger.
const (
	halfCalls    = 120 // on one connection, which may have 100 in flight
	halfCall     = 16 << 10
	halfAnnounce = 1 << 20
)

// halfCalls starts calls on its own connection that are never complete. Half of the clients have a credential. It returns how the calls
// end: the gRPC code, or the HTTP/2 reset.
func (a *attackers) halfCalls(ctx context.Context, client, _ int) (ends []string) {
	conn, err := raw(ctx, client, a.GRPC)
	if err != nil {
		return []string{what(ctx, err)}
	}
	defer conn.Close()
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
			return // the reader sees the error, too
		}
		if framer.WriteSettings() != nil {
			return
		}
		part := append(binary.BigEndian.AppendUint32([]byte{0}, halfAnnounce), make([]byte, halfCall)...)
		for i := range halfCalls {
			id := uint32(2*i + 1)
			if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: a.callHead(client%2 == 0), EndHeaders: true}) != nil ||
				framer.WriteData(id, false, part[:min(len(part), halfCall)]) != nil {
				return
			}
		}
	})
	for len(ends) < halfCalls {
		frame, err := framer.ReadFrame()
		if err != nil {
			for range halfCalls - len(ends) {
				ends = append(ends, what(ctx, err))
			}
			break
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range frame.RegularFields() {
				if field.Name == "grpc-status" {
					var c codes.Code
					_ = c.UnmarshalJSON([]byte(field.Value)) // an unknown code is 0
					ends = append(ends, c.String())
				}
			}
		case *http2.RSTStreamFrame:
			if frame.ErrCode == http2.ErrCodeRefusedStream {
				ends = append(ends, "refused stream")
			}
		}
	}
	_ = conn.Close() // ends the writing
	writing.Wait()
	return ends
}

// callHead returns the headers of a call.
func (a *attackers) callHead(signed bool) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: rulev1.AccessService_CheckAccess_FullMethodName},
		{Name: ":authority", Value: "usher"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
	if signed {
		fields = append(fields, hpack.HeaderField{Name: "authorization", Value: "Bearer " + a.Credential})
	}
	for _, field := range fields {
		_ = encoder.WriteField(field) // a buffer accepts everything
	}
	return block.Bytes()
}
