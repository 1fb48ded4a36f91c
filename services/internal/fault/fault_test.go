package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestAFaultIsFoundInAnErrorThatWrapsIt(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	err := fmt.Errorf("reading: %w", fault.Wrap(cause, fault.NotFound, "there is no %s", "user"))
	for name, want := range map[string]bool{
		"its reason":                 fault.Is(err, fault.NotFound),
		"its cause":                  errors.Is(err, cause),
		"no other reason":            !fault.Is(err, fault.Conflict),
		"none in another error":      !fault.Is(cause, fault.NotFound),
		"none in nil":                !fault.Is(nil, fault.NotFound),
		"text: reason, words, cause": err.Error() == "reading: NOT_FOUND: there is no user: the cause",
	} {
		if !want {
			t.Errorf("%s is wrong for %v", name, err)
		}
	}
}

func TestAppendedRecordsAreStored(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Conflict, "%d%%", 7).With("a", "1").With("b", "2").Retry(time.Second)
	if e.Message != "7%" || fmt.Sprint(e.Metadata) != "map[a:1 b:2]" || e.RetryAfter != time.Second {
		t.Errorf("got %+v", e)
	}
	if m := fault.Missing("rule", "r1"); m.Reason != fault.NotFound || m.Metadata["resource"] != "rule" || !strings.Contains(m.Message, `"r1"`) {
		t.Errorf("got %+v", m)
	}
	i := fault.Invalid("rule.name", "must have %d characters", 5)
	if i.Reason != fault.InvalidRequest || i.Message != "rule.name: must have 5 characters" ||
		fmt.Sprint(i.Fields) != "[{rule.name must have 5 characters}]" {
		t.Errorf("got %+v", i)
	}
}

func TestEveryReasonHasAName(t *testing.T) {
	t.Parallel()
	for reason, want := range map[fault.Reason]string{fault.NotFederated: "ORGANIZATION_NOT_FEDERATED", fault.Uniqueness: "SCIM_UNIQUENESS", 0: "UNSPECIFIED", 999: "999"} {
		if got := fault.ReasonName(reason); got != want {
			t.Errorf("%d is named %s, want %s", reason, got, want)
		}
	}
}
