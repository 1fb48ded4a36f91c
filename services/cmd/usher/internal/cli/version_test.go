package cli

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/usher-scim/usher/services/internal/version"
)

func TestTheVersion(t *testing.T) {
	t.Parallel()
	out, _, code := said(t, "version")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	want(t, out, `version +`+version.Of(), `commit +`, `commit time +`, `Go +go1\.`, `platform +`+runtime.GOOS)
	out, _, _ = said(t, "version", "-o", "json")
	var build version.Info
	if err := json.Unmarshal([]byte(out), &build); err != nil || build != version.Build() {
		t.Errorf("got %s, %v", out, err)
	}
	// One source says both.
	short, _, _ := said(t, "--version")
	want(t, short, "usher version "+build.Version)
	if _, _, code := said(t, "version", "-o", "xml"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
