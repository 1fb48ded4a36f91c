package scimhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/usher-scim/usher/services/internal/fault"
)

// bulkRequest is the body of a Bulk (RFC 7644 §3.7).
type bulkRequest struct {
	failOnErrors int // how many errors end it; 0: no limit
	operations   []*bulkOperation
}

// bulkOperation is one operation, as it was sent.
type bulkOperation struct {
	method, bulkID, version, path, query string
	data                                 []byte // as sent; nil: no data
	refused                              error  // why it cannot be executed, regardless of what is stored
}

// maxBulkID is the longest bulkId, because answers repeat it.
const maxBulkID = 200

// parseBulk parses the envelope. A fault of one operation affects only this operation.
func parseBulk(body []byte, maxOperations int) (bulkRequest, error) {
	var request bulkRequest
	if !utf8.Valid(body) {
		return request, invalidSyntax("The body is not valid UTF-8.")
	}
	members, err := objectMembers(body)
	if err != nil {
		return request, invalidSyntax("The body is not a JSON object that is a BulkRequest: " + err.Error() + ".")
	}
	if given, ok := members["failonerrors"]; ok && string(given) != "null" {
		if json.Unmarshal(given, &request.failOnErrors) != nil || request.failOnErrors < 1 {
			return request, invalidValue("failOnErrors must be a whole number above 0.")
		}
	}
	operations := elements(members["operations"], maxOperations+1)
	if len(operations) == 0 {
		return request, invalidSyntax("Operations must be an array with at least one operation.")
	}
	if len(operations) > maxOperations {
		return request, fault.New(fault.Limit, "The request has more operations than the limit of %d.", maxOperations)
	}
	for i, operation := range operations {
		parsed, err := parseBulkOperation(operation)
		if err != nil {
			return request, invalidSyntax(fmt.Sprintf("Operations[%d] is not an operation of a BulkRequest: %v.", i, err))
		}
		request.operations = append(request.operations, parsed)
	}
	return request, nil
}

func parseBulkOperation(text []byte) (*bulkOperation, error) {
	members, err := objectMembers(text)
	if err != nil {
		return nil, err
	}
	o := &bulkOperation{}
	for name, into := range map[string]*string{
		"method": &o.method, "bulkId": &o.bulkID, "version": &o.version, "path": &o.path,
	} {
		if given, ok := members[strings.ToLower(name)]; ok && json.Unmarshal(given, into) != nil {
			return nil, errors.New(name + " must be a string")
		}
	}
	if data := members["data"]; len(data) > 0 && string(data) != "null" {
		o.data = data
	}
	o.method = strings.ToUpper(o.method)
	o.path, o.query, _ = strings.Cut(o.path, "?")
	o.refused = o.check()
	return o, nil
}

// check checks an operation by itself, without the stored data.
func (o *bulkOperation) check() error {
	switch o.method {
	case "":
		return invalidSyntax("The operation has no method.")
	case http.MethodPost:
		if o.bulkID == "" {
			return invalidSyntax("A POST needs a bulkId.")
		}
		o.version = "" // a new resource has no version yet
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return invalidSyntax("method must be POST, PUT, PATCH or DELETE.")
	}
	switch {
	case utf8.RuneCountInString(o.bulkID) > maxBulkID:
		o.bulkID = ""
		return invalidValue(fmt.Sprintf("bulkId must have at most %d characters.", maxBulkID))
	case o.path == "":
		return invalidSyntax("The operation has no path.")
	case o.data == nil && o.method != http.MethodDelete:
		return invalidSyntax("A " + o.method + " needs data.")
	}
	return nil
}
