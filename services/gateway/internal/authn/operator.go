package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync/atomic"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Operator recognizes the operator by any of its tokens. The tokens can change at any time.
type Operator struct {
	tokens atomic.Pointer[[]*operatorToken]
}

// operatorToken is one token, from the time when it becomes valid until it is removed.
type operatorToken struct {
	operatortoken.Token
	principal *commonv1.Principal // shared by all requests, which only read it
	valid     context.Context     //nolint:containedctx // it lasts as long as the token, and not as a call
	remove    context.CancelFunc
}

// NewOperator creates an Operator with these tokens. Without tokens, it recognizes nobody.
func NewOperator(tokens ...operatortoken.Token) *Operator {
	o := &Operator{}
	o.tokens.Store(&[]*operatorToken{})
	o.Set(tokens)
	return o
}

// Set replaces the tokens. When it returns, a removed token is refused everywhere, and the contexts that are bound to it end. Calls must not
// overlap.
func (o *Operator) Set(tokens []operatortoken.Token) {
	before := map[operatortoken.Token]*operatorToken{}
	for _, t := range *o.tokens.Load() {
		before[t.Token] = t
	}
	now := make([]*operatorToken, len(tokens))
	for i, token := range tokens {
		if now[i] = before[token]; now[i] == nil {
			now[i] = newOperatorToken(token)
		}
		delete(before, token)
	}
	o.tokens.Store(&now)
	for _, removed := range before {
		removed.remove()
	}
}

func newOperatorToken(token operatortoken.Token) *operatorToken {
	t := &operatorToken{Token: token, principal: rpc.Operator(token.Subject)}
	t.valid, t.remove = context.WithCancel(context.Background())
	return t
}

// Count returns the number of tokens.
func (o *Operator) Count() int64 { return int64(len(*o.tokens.Load())) }

// authenticate returns the token that a request sends, or nil if it is not one of the operator's.
func (o *Operator) authenticate(token string) (found *operatorToken) {
	var text [operatortoken.Longest]byte // on the stack, where a conversion would allocate
	if len(token) > len(text) {
		return nil
	}
	// Digests have one length, so a comparison reveals nothing about the length of a token.
	digest := sha256.Sum256(text[:copy(text[:], token)])
	for _, t := range *o.tokens.Load() { // all, so that the time does not tell which one it is
		if subtle.ConstantTimeCompare(digest[:], t.Digest[:]) == 1 {
			found = t
		}
	}
	return found
}

// Subject returns the subject of the operator with a token, and whether it is one of the operator's tokens.
func (o *Operator) Subject(token string) (subject string, ok bool) {
	t := o.authenticate(token)
	if t == nil {
		return "", false
	}
	return t.principal.GetSubject(), true
}

// check returns an error if the token was removed.
func (t *operatorToken) check() error {
	if t.valid.Err() != nil {
		return fault.New(fault.Unauthenticated, "the credential is not valid any more")
	}
	return nil
}

// bind returns a context that ends when the token is removed.
func (t *operatorToken) bind(ctx context.Context) (bound context.Context, stop func()) {
	bound, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(t.valid, func() { cancel(endedBy{t.check()}) })
	return bound, func() {
		forget()
		cancel(nil)
	}
}
