package version

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"v1.2.3": "v1.2.3", "(devel)": "unknown", "": "unknown"} {
		if got := of(&debug.BuildInfo{Main: debug.Module{Version: version}}).Version; got != want {
			t.Errorf("the version of %q is %q, want %q", version, got, want)
		}
	}
	if Of() == "" {
		t.Error("this build has no version")
	}
}

func TestABuildNamesItsCommit(t *testing.T) {
	t.Parallel()
	got := of(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}})
	want := Info{Version: "v1.2.3", Commit: "abc", CommitTime: "2026-01-02T03:04:05Z", Modified: true, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = of(&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}})
	if want := "0123456789ab+dirty"; got.Version != want {
		t.Errorf("without a version it is %q, want %q", got.Version, want)
	}
}
