package core

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// The gateway reads the scimType from the end of the reason's name.
func TestEveryViolationKeepsItsType(t *testing.T) {
	t.Parallel()
	for _, violation := range []scim.ErrorType{
		scim.InvalidFilter, scim.TooMany, scim.Uniqueness, scim.Mutability, scim.InvalidSyntax, scim.InvalidPath, scim.NoTarget,
		scim.InvalidValue, scim.InvalidVers,
	} {
		var f *fault.Error
		if !errors.As(refused(&scim.Error{Type: violation, Detail: "x"}), &f) || f.Message != "x" {
			t.Fatalf("%s: %v", violation, f)
		}
		name := strings.ReplaceAll(fault.ReasonName(f.Reason), "_", "")
		if want := "SCIM" + strings.ToUpper(string(violation)); !strings.HasPrefix(name, want) {
			t.Errorf("%s: the reason is %s", violation, name)
		}
	}
}
