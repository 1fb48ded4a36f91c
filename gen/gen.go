// Package gen carries what is generated from the protos besides Go code.
package gen

import _ "embed"

// OpenAPI describes the admin REST API, as OpenAPI 3 in YAML.
//
//go:embed openapi/openapi.yaml
var OpenAPI []byte
