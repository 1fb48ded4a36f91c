package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"v1.2.3": "v1.2.3", "(devel)": "unknown", "": "unknown"} {
		if got := of(&debug.BuildInfo{Main: debug.Module{Version: version}}); got != want {
			t.Errorf("the version of %q is %q, want %q", version, got, want)
		}
	}
	if Of() == "" {
		t.Error("this build has no version")
	}
}
