package directory_test

import (
	"strings"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Nobody could sign in as such a person, so the operator has mistyped something, and the person could still sign in.
func TestAPersonWhoCannotExistIsNotBlocked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sessions := directoryv1.NewSessionServiceClient(b.channel.As(commonv1.Caller_CALLER_GATEWAY))
	for _, c := range [][2]string{
		{"Staff", "ann"}, {"staff ", "ann"}, {"", "ann"}, {strings.Repeat("x", 64), "ann"},
		{"staff", "ann\n"}, {"staff", "änn"}, {"staff", "a\x00b"}, {"staff", ""}, {"staff", strings.Repeat("x", 256)},
	} {
		_, err := sessions.BlockSubject(b.operator(), &directoryv1.BlockSubjectRequest{BlockedSubject: &directoryv1.BlockedSubject{Provider: c[0], Subject: c[1]}})
		refused(t, c[0]+"/"+c[1], err, fault.InvalidRequest)
	}
	_, err := sessions.BlockSubject(b.operator(), &directoryv1.BlockSubjectRequest{BlockedSubject: &directoryv1.BlockedSubject{Provider: "staff", Subject: "ann@example.com"}})
	must(t, err)
}
