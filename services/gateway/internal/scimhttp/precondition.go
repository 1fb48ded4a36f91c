package scimhttp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
)

// maxVersions is how many versions identity compares at most.
const maxVersions = 20

// etag returns the entity tag of a version. It is weak, because a projection changes the bytes but not the version.
func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// entityTags is a list of entity tags (RFC 9110 §8.8.3), with those that are versions.
type entityTags struct {
	any      bool // `*`
	versions []int64
}

// matches reports whether the list contains a version.
func (t entityTags) matches(version int64) bool { return t.any || slices.Contains(t.versions, version) }

// parseEntityTags parses the values of If-Match or If-None-Match. ok is false if they are not a list of entity tags. Valid tags that Usher
// never issued match nothing and are left out.
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
		// Tags are compared as text: "007" is not "7".
		version, err := strconv.ParseInt(text, 10, 64)
		if err == nil && version > 0 && strconv.FormatInt(version, 10) == text {
			tags.versions = append(tags.versions, version)
		}
	}
	return tags, true
}

// parseIfMatch returns the versions that allow a write: the resource must have one of them. An empty list allows any version.
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

// noneMatch reports whether a reading client that sends these values of If-None-Match already has the version.
func noneMatch(values []string, version int64) bool {
	tags, ok := parseEntityTags(values)
	return len(values) > 0 && ok && tags.matches(version)
}
