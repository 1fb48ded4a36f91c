package scimhttp

import (
	"mime"
	"strings"
)

// answerType returns the media type of an answer, for a client that accepts these types (RFC 7644 §3.8): SCIM's own, unless the client
// names JSON and no type that includes SCIM's. A client that accepts neither gets SCIM's type, too: an IdP that declares its types wrongly
// can still read it, and a 406 would not help it.
func answerType(accept []string) string {
	answer := mediaSCIM
	for one := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, _, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		switch media {
		case mediaSCIM, "*/*", "application/*":
			return mediaSCIM
		case mediaJSON:
			answer = mediaJSON
		}
	}
	return answer
}
