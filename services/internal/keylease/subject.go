package keylease

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// SubjectDigest returns the digest under which a person of an identity provider is looked up.
func SubjectDigest(provider, subject string) Digest {
	return sha256.Sum256([]byte("usher subject\x00" + provider + "\x00" + subject))
}

// identifier matches a subject that cannot be an e-mail address or a name with spaces.
var identifier = regexp.MustCompile(`^[A-Za-z0-9._|:-]+$`)

// Subject returns the subject of the principal of a person, which logs contain. An identity provider may use an e-mail address as a subject;
// then a digest stands for it.
func Subject(provider, subject string) string {
	if !identifier.MatchString(subject) {
		digest := sha256.Sum256([]byte(subject))
		subject = "sha256-" + hex.EncodeToString(digest[:16])
	}
	return provider + "/" + subject
}
