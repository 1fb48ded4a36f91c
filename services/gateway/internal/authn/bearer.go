// Package authn identifies the sender of a request from outside: a directory by its API key, the operator by one of its tokens, one of the
// vendor's services by its service credential, or a person by a session or an access token. A client cannot learn from it why a credential
// was refused.
package authn

import "strings"

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
