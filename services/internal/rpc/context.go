package rpc

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/scope"
)

// The metadata of calls between services.
const (
	principalKey = "usher-principal-bin"
	messageIDKey = "usher-message-id"
	callerKey    = "usher-caller"
)

type (
	principalCtx struct{}
	messageIDCtx struct{}
	callerCtx    struct{}
)

// WithPrincipal returns a context whose calls are made for this principal.
func WithPrincipal(ctx context.Context, p *commonv1.Principal) context.Context {
	return context.WithValue(ctx, principalCtx{}, p)
}

// Operator returns the operator, with all scopes.
func Operator(subject string) *commonv1.Principal {
	const kind = commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR
	return &commonv1.Principal{Kind: kind, Subject: subject, Scopes: uint32(scope.Most(kind))}
}

// OrganizationAdmin returns an admin of an organization, with all scopes that an admin can have.
func OrganizationAdmin(organizationID, subject string) *commonv1.Principal {
	const kind = commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN
	return &commonv1.Principal{Kind: kind, OrganizationId: organizationID, Subject: subject, Scopes: uint32(scope.Most(kind))}
}

// PrincipalOf returns the principal that a call is made for. On a server, this is the principal that the client sent. Without one, it is
// the service itself (SYSTEM).
func PrincipalOf(ctx context.Context) *commonv1.Principal {
	if p, ok := ctx.Value(principalCtx{}).(*commonv1.Principal); ok {
		return p
	}
	return &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}
}

// WithMessageID returns a context whose calls belong to a message.
func WithMessageID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, messageIDCtx{}, id)
}

// MessageIDOf returns the ID of the message that a call belongs to, or an empty string.
func MessageIDOf(ctx context.Context) string {
	id, _ := ctx.Value(messageIDCtx{}).(string)
	return id
}

// CallerOf returns the service that made the call, as the connection authenticated it.
func CallerOf(ctx context.Context) commonv1.Caller {
	caller, _ := ctx.Value(callerCtx{}).(commonv1.Caller)
	return caller
}

// outgoing writes the principal, the message ID and the trace into the metadata of a call. It removes values that the calling code put there under
// these keys.
func outgoing(ctx context.Context) (context.Context, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	if md == nil {
		md = metadata.MD{}
	}
	principal, err := proto.Marshal(PrincipalOf(ctx))
	if err != nil {
		return nil, err
	}
	md.Set(principalKey, string(principal))
	md.Delete(messageIDKey)
	if id := MessageIDOf(ctx); id != "" {
		md.Set(messageIDKey, id)
	}
	md.Delete(callerKey)
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for _, key := range (propagation.TraceContext{}).Fields() {
		md.Delete(key)
		if value := carrier[key]; value != "" {
			md.Set(key, value)
		}
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}

// incoming reads the principal and the message ID that an authenticated caller sent.
func incoming(ctx context.Context, caller commonv1.Caller) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	ctx = context.WithValue(ctx, callerCtx{}, caller)
	switch values := md.Get(principalKey); len(values) {
	case 0: // the service calls on its own behalf
	case 1:
		principal := &commonv1.Principal{}
		if err := proto.Unmarshal([]byte(values[0]), principal); err != nil {
			return nil, err
		}
		ctx = WithPrincipal(ctx, principal)
	default:
		return nil, errors.New("the call names several principals")
	}
	if values := md.Get(messageIDKey); len(values) == 1 {
		ctx = WithMessageID(ctx, values[0])
	}
	return ctx, nil
}
