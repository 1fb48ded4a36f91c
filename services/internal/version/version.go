// Package version says which version of Usher runs, for people who compare it with the release notes.
package version

import "runtime/debug"

// unknown is what a build without a version calls itself, such as one outside a repository.
const unknown = "unknown"

// Of returns the version of this build: the tag of a release, or else a pseudo-version of Go that contains the time and the id of the
// commit, and ends with +dirty if somebody changed files after it. A build without either is "unknown".
func Of() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return of(info)
}

func of(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return unknown
}
