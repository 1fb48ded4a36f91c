// Package gen carries what is generated from the protos besides Go code.
package gen

import _ "embed"

// OpenAPI describes the admin REST API, as OpenAPI 3.1 in JSON.
//
//go:embed openapi/openapi.json
var OpenAPI []byte
