// Package version says which version of Usher runs, for people who compare it with the release notes.
package version

import (
	"runtime"
	"runtime/debug"
)

// unknown is what a build without a version calls itself, such as one outside a repository.
const unknown = "unknown"

// Info describes a build. A field that is not known is empty.
type Info struct {
	// Version is the tag of a release, or else a pseudo-version of Go that contains the time and the id of the commit, or else, as in a
	// workspace of Go, the beginning of this id. It ends with +dirty if somebody changed files after it. A build without any is "unknown".
	Version string `json:"version"`
	// Commit is the id of the commit, and CommitTime its time, as RFC 3339.
	Commit     string `json:"commit"`
	CommitTime string `json:"commitTime"`
	// Modified means that somebody changed files after the commit.
	Modified bool `json:"modified"`
	// Go is the version of Go that built it. Platform is the operating system and the processor.
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Of returns the version of this build, as Info.Version.
func Of() string { return Build().Version }

// Build describes this build.
func Build() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return of(info)
}

func of(info *debug.BuildInfo) Info {
	about := Info{Version: unknown, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		about.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			about.Commit = s.Value
		case "vcs.time":
			about.CommitTime = s.Value
		case "vcs.modified":
			about.Modified = s.Value == "true"
		}
	}
	if about.Version == unknown && about.Commit != "" {
		about.Version = about.Commit[:min(12, len(about.Commit))]
		if about.Modified {
			about.Version += "+dirty"
		}
	}
	return about
}
