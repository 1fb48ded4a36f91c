// Package authn identifies the sender of a request from outside: a directory by its API key, the operator by the bootstrap token, or one of
// the vendor's services by its service credential. A client cannot learn from it why a credential was refused.
package authn

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// bearerToken reads the one Authorization value of a request (RFC 6750 §2.1). scheme is false if there is not exactly one value, or it has
// another scheme.
func bearerToken(authorization []string) (token string, scheme bool) {
	if len(authorization) != 1 {
		return "", false
	}
	name, token, _ := strings.Cut(strings.TrimSpace(authorization[0]), " ")
	if !strings.EqualFold(name, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// Operator recognizes the operator.
type Operator struct {
	digest [sha256.Size]byte
	known  bool
}

// NewOperator creates an Operator from the bootstrap token. Without a token, it recognizes nobody.
func NewOperator(token string) Operator {
	return Operator{digest: sha256.Sum256([]byte(token)), known: token != ""}
}

// Authenticate returns the principal of a request, from all its Authorization values. ok is false if they are not the operator's.
func (o Operator) Authenticate(authorization []string) (*commonv1.Principal, bool) {
	token, ok := bearerToken(authorization)
	// Digests have one length, so a comparison reveals nothing about the length of the token.
	digest := sha256.Sum256([]byte(token))
	same := subtle.ConstantTimeCompare(digest[:], o.digest[:]) == 1
	if !ok || !o.known || !same {
		return nil, false
	}
	return rpc.Operator("operator"), true
}
