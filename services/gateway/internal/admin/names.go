package admin

import (
	"regexp"
	"strings"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// withNamesOfREST returns an error that names fields as REST clients know them: `rule.grants[0].roleId`, not `role_id`.
func withNamesOfREST(err error) error {
	f := rpc.Fault(err)
	if f == nil || len(f.Fields) == 0 {
		return err
	}
	named := *f
	named.Fields = make([]fault.Field, len(f.Fields))
	for i, field := range f.Fields {
		path := jsonPath(field.Path)
		named.Fields[i] = fault.Field{Path: path, Description: field.Description}
		if text, ok := strings.CutPrefix(named.Message, field.Path+": "); ok {
			named.Message = path + ": " + text
		}
	}
	return &named
}

// jsonPath converts a path of fields to JSON names.
func jsonPath(path string) string {
	return underscore.ReplaceAllStringFunc(path, func(of string) string { return strings.ToUpper(of[1:]) })
}

var underscore = regexp.MustCompile(`_[a-z0-9]`)
