package scimhttp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// maxVersions is how many versions identity compares with.
const maxVersions = 20

// etag is the entity tag of a version. It is weak: a projection changes the bytes and not the version.
func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// entityTags is a list of entity tags (RFC 9110 §8.8.3), as far as they are versions.
type entityTags struct {
	any      bool // `*`
	versions []int64
}

// matches says whether the list has a version.
func (t entityTags) matches(version int64) bool { return t.any || slices.Contains(t.versions, version) }

// parseEntityTags reads the values of If-Match or If-None-Match; false when they are not a list of entity tags. Tags
// that are well-formed and were never given out match nothing and are left out.
func parseEntityTags(values []string) (tags entityTags, ok bool) {
	rest := strings.Trim(strings.Join(values, ","), " \t")
	if rest == "*" {
		return entityTags{any: true}, true
	}
	for rest != "" {
		if rest[0] == ',' || rest[0] == ' ' || rest[0] == '\t' {
			rest = rest[1:]
			continue
		}
		rest, _ = strings.CutPrefix(rest, "W/")
		opaque, found := strings.CutPrefix(rest, `"`)
		end := strings.IndexByte(opaque, '"')
		if !found || end < 0 {
			return entityTags{}, false
		}
		text := opaque[:end]
		rest = strings.TrimLeft(opaque[end+1:], " \t")
		if rest != "" && rest[0] != ',' {
			return entityTags{}, false
		}
		// Tags compare as text: "007" is not "7".
		version, err := strconv.ParseInt(text, 10, 64)
		if err == nil && version > 0 && strconv.FormatInt(version, 10) == text {
			tags.versions = append(tags.versions, version)
		}
	}
	return tags, true
}

// parseIfMatch gives the versions one of which a resource must have for a write; none for any.
func parseIfMatch(values []string) ([]int64, error) {
	if len(values) == 0 {
		return nil, nil
	}
	tags, ok := parseEntityTags(values)
	switch {
	case ok && tags.any:
		return nil, nil
	case !ok || len(tags.versions) == 0:
		return nil, fault.New(fault.Conflict, "If-Match names no version that the resource ever had: send an ETag as it was received, such as W/\"3\".")
	case len(tags.versions) > maxVersions:
		return nil, invalidValue("If-Match can name " + strconv.Itoa(maxVersions) + " versions at most.")
	}
	return tags.versions, nil
}

// noneMatch says whether a client that reads, and sends these values of If-None-Match, has the version already.
func noneMatch(values []string, version int64) bool {
	tags, ok := parseEntityTags(values)
	return len(values) > 0 && ok && tags.matches(version)
}
