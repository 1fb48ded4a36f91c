package scimhttp

import (
	"mime"
	"strings"
)

// answerType is the media type of answers to a client that accepts these (RFC 7644 §3.8). SCIM's own unless the client
// names JSON and nothing that SCIM's is. Who accepts neither gets SCIM's, too: an identity provider that misstates what it
// reads can still read it, and would learn nothing from 406.
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
