package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

const (
	userSchema  = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	groupSchema = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
	patchSchema = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	enterprise  = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	nobody      = "01980000-0000-7000-8000-000000000000"
)

// badRequest is a message that must fail, and how. In its texts {ann}, {bob}, {crew}, {inner} and {eve} are ids: of two
// users, of two groups of which inner is in crew, and of another directory's user.
type badRequest struct {
	name               string
	method, path, body string
	status             int
	scimType           string
	names              string            // what the detail has that no other row's has
	strict             bool              // of a directory in strict mode
	headers            map[string]string // besides the usual ones
}

// aUser is a body with more than it needs.
func aUser(more string) string { return `{` + userSchema + `,"userName":"x",` + more + `}` }

func aGroup(more string) string { return `{` + groupSchema + `,"displayName":"x",` + more + `}` }

// ops is a PATCH of these operations.
func ops(operations ...string) string {
	return `{` + patchSchema + `,"Operations":[` + strings.Join(operations, ",") + `]}`
}

// set is an operation that replaces the value of a path.
func set(path, value string) string {
	return fmt.Sprintf(`{"op":"replace","path":%s,"value":%s}`, jsonText(path), value)
}

// with is a header.
func with(name, value string) map[string]string { return map[string]string{name: value} }

// largest is the body of a user with photos that is as large as one may be when it is stored, and so many bytes more. It is
// smaller than what is stored, which has schemas.
func largest(more int) string {
	const begin = `"userName":"large","photos":[`
	photo := strings.Repeat("x", 250_000)
	photos := fmt.Sprintf(`{"value":"a%[1]s"},{"value":"b%[1]s"},{"value":"c%[1]s"},{"value":"d%[1]s"},`, photo)
	rest := 1<<20 + more - len(`{`+userSchema+`,`+begin+photos+`{"value":""}]}`)
	return `{` + begin + photos + `{"value":"` + strings.Repeat("y", rest) + `"}]}`
}

// badJSON are bodies that are no JSON, or none that SCIM may be.
var badJSON = []badRequest{
	{"a body that breaks off", "POST", "/Users", `{"userName":`, 400, "invalidSyntax", "ends where a value is expected (at byte 12)", false, nil},
	{"an array for a resource", "POST", "/Users", `["x"]`, 400, "invalidSyntax", "a JSON object, not an array", false, nil},
	{"no body", "POST", "/Users", ``, 400, "invalidSyntax", "no body", false, nil},
	{"text after the body", "POST", "/Users", `{} x`, 400, "invalidSyntax", "text after the end of the JSON value (at byte 3)", false, nil},
	{"a comma before the end", "POST", "/Users", `{"title":"x",}`, 400, "invalidSyntax", "a key in double quotes is expected here (at byte 13)", false, nil},
	{"a key without a colon", "POST", "/Users", `{"title" "x"}`, 400, "invalidSyntax", `after the key "title" (at byte 9)`, false, nil},
	{"two keys without a comma", "POST", "/Users", `{"title":"x" "locale":"y"}`, 400, "invalidSyntax", "the end of the object is expected here (at byte 13)", false, nil},
	{"two values without a comma", "POST", "/Users", `{"emails":[{} {}]}`, 400, "invalidSyntax", "the end of the array is expected here (at byte 14)", false, nil},
	{"a string that is not closed", "POST", "/Users", `{"title":"x`, 400, "invalidSyntax", "no closing quote (at byte 11)", false, nil},
	{"a line break in a string", "POST", "/Users", "{\"title\":\"x\ny\"}", 400, "invalidSyntax", "control character in a string must be escaped (at byte 11)", false, nil},
	{"an escape that JSON does not define", "POST", "/Users", `{"title":"\x41"}`, 400, "invalidSyntax", "an escape that JSON does not define (at byte 11)", false, nil},
	{"an escape of two digits", "POST", "/Users", `{"title":"\u41"}`, 400, "invalidSyntax", "four hexadecimal digits (at byte 12)", false, nil},
	{"the first half of a surrogate pair", "POST", "/Users", `{"title":"\ud83d"}`, 400, "invalidSyntax", "half a surrogate pair (at byte 16)", false, nil},
	{"the second half of a surrogate pair", "POST", "/Users", `{"nickName":"\ude00"}`, 400, "invalidSyntax", "half a surrogate pair (at byte 19)", false, nil},
	{"a NUL in a string", "POST", "/Users", aUser(`"title":"a\u0000b"`), 400, "invalidValue", "U+0000", false, nil},
	{"a NUL between tokens", "POST", "/Users", "{\x00}", 400, "invalidSyntax", "is expected here (at byte 1)", false, nil},
	{"bytes that are no UTF-8", "POST", "/Users", "{\"userName\":\"a\xff\"}", 400, "invalidSyntax", "not valid UTF-8", false, nil},
	{"a byte order mark", "POST", "/Users", "\xef\xbb\xbf{}", 400, "invalidSyntax", "a value is expected here (at byte 0)", false, nil},
	{"a number without a digit after its point", "POST", "/Users", `{"title":1.}`, 400, "invalidSyntax", "after its point", false, nil},
	{"a number without an exponent", "POST", "/Users", `{"title":1e}`, 400, "invalidSyntax", "in its exponent", false, nil},
	{"a word that JSON has not", "POST", "/Users", `{"title":NaN}`, 400, "invalidSyntax", "a value is expected here (at byte 9)", false, nil},
	{"a key twice", "POST", "/Users", `{"userName":"x","userName":"y"}`, 400, "invalidSyntax", `"userName" is repeated`, false, nil},
	{"keys that differ by case", "POST", "/Users", `{"userName":"x","UserName":"y"}`, 400, "invalidSyntax", `"userName" and "UserName" differ only by case`, false, nil},
	{"a key twice in a value", "POST", "/Users", aUser(`"emails":[{"value":"a","value":"b"}]`), 400, "invalidSyntax", `emails.value: The key "value" is repeated`, false, nil},
	{"objects too deep", "POST", "/Users", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 400, "invalidSyntax", "nest deeper than 32", false, nil},
	{"arrays too deep", "PATCH", "/Users/{ann}", ops(set("title", strings.Repeat("[", 5000)+strings.Repeat("]", 5000))), 400, "invalidSyntax", "Operation 1: value: The body is not valid JSON: arrays and objects nest deeper than 32", false, nil},
	{"a string too long", "POST", "/Users", aUser(`"title":"` + strings.Repeat("x", 256<<10+1) + `"`), 400, "invalidValue", "title: A string is longer than 262144 bytes", false, nil},
	{"a number too long", "POST", "/Users", aUser(`"title":` + strings.Repeat("1", 256<<10+1)), 400, "invalidValue", "title: A number is longer than 262144 bytes", false, nil},
	{"too many values", "POST", "/Users", aUser(`"emails":[` + strings.Repeat(`{},`, 1000) + `{}]`), 400, "invalidValue", "emails has more than 1000 values", false, nil},
	{"too many values of what nobody knows", "POST", "/Users", aUser(`"x":[` + strings.Repeat(`0,`, 20_000) + `0]`), 400, "invalidValue", "x: There are more than 20000 values", false, nil},
	{"too many values beside members", "POST", "/Groups", aGroup(`"members":[],"y":{"z":[` + strings.Repeat(`[],`, 20_000) + `[]]}`), 400, "invalidValue", "y.z: There are more than 20000 values", false, nil},
	{"too many values of an operation", "PATCH", "/Users/{ann}", ops(set("emails", `[`+strings.Repeat(`{},`, 20_000)+`{}]`)), 400, "invalidValue", "Operation 1: There are more than 20000 values", false, nil},
	{"a user too large to store", "POST", "/Users", largest(1), 400, "invalidValue", "User would have 1048577 bytes when it is stored, and the limit is 1048576", false, nil},
	{"a user too large to put", "PUT", "/Users/{ann}", largest(2), 400, "invalidValue", "User would have 1048578 bytes when it is stored, and the limit is 1048576", false, nil},
	{"a body over the limit", "POST", "/Users", `{"userName":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", "1048576 bytes", false, nil},
}

// badResources are bodies whose values can't be.
var badResources = []badRequest{
	{"an object for a string", "POST", "/Users", aUser(`"title":{}`), 400, "invalidValue", "title must be a string, not an object", false, nil},
	{"an object for a userName", "POST", "/Users", `{` + userSchema + `,"userName":{"value":"x"}}`, 400, "invalidValue", "userName must be a string, not an object", false, nil},
	{"a boolean for a userName", "POST", "/Users", `{` + userSchema + `,"userName":true}`, 400, "invalidValue", "userName must be a string, not a boolean", false, nil},
	{"a number for a userName", "POST", "/Users", `{` + userSchema + `,"userName":7}`, 400, "invalidValue", "userName must be a string, not a number", false, nil},
	{"a userName in an array", "PATCH", "/Users/{ann}", ops(set("userName", `["x"]`)), 400, "invalidValue", "Operation 1: userName must be a string, not an array", false, nil},
	{"nothing in an array for a string", "PATCH", "/Users/{ann}", ops(set("title", `[]`)), 400, "invalidValue", "Operation 1: title must be a string, not an array", false, nil},
	{"the text of an object for e-mails", "PATCH", "/Users/{ann}", ops(set(`emails`, `["{\"value\":\"b\"}"]`)), 400, "invalidValue", "Operation 1: Each value of emails must be an object, not a string", true, nil},
	{"two values for one", "POST", "/Users", `{` + userSchema + `,"userName":["x","y"]}`, 400, "invalidValue", "userName must be a string, not an array", false, nil},
	{"a word for a boolean", "POST", "/Users", aUser(`"active":"maybe"`), 400, "invalidValue", "active must be true or false, not a string", false, nil},
	{"a number for a boolean", "POST", "/Users", aUser(`"active":1`), 400, "invalidValue", "active must be true or false, not a number", false, nil},
	{"a string for an object", "POST", "/Users", aUser(`"name":"Ann"`), 400, "invalidValue", "name must be an object, not a string", false, nil},
	{"a boolean in an object", "POST", "/Users", aUser(`"name":{"givenName":true}`), 400, "invalidValue", "name.givenName must be a string, not a boolean", false, nil},
	{"a number for an e-mail", "POST", "/Users", aUser(`"emails":[7]`), 400, "invalidValue", "Each value of emails must be an object, not a number", false, nil},
	{"a number for primary", "POST", "/Users", aUser(`"emails":[{"value":"a","primary":1}]`), 400, "invalidValue", "emails.primary must be true or false", false, nil},
	{"an object for an e-mail's value", "POST", "/Users", aUser(`"emails":[{"value":{}}]`), 400, "invalidValue", "emails.value must be a string", false, nil},
	{"an extension that is no object", "POST", "/Users", aUser(`"` + enterprise + `":"x"`), 400, "invalidValue", enterprise + " must be an object, not a string", false, nil},
	{"an object for an extension's string", "POST", "/Users", aUser(`"` + enterprise + `":{"department":{}}`), 400, "invalidValue", enterprise + ":department must be a string", false, nil},
	{"no userName", "POST", "/Users", `{` + userSchema + `}`, 400, "invalidValue", "userName is required", false, nil},
	{"a blank userName", "PATCH", "/Users/{ann}", ops(set("userName", `"  "`)), 400, "invalidValue", "Operation 1: userName is required", false, nil},
	{"a group without a displayName", "POST", "/Groups", `{` + groupSchema + `}`, 400, "invalidValue", "displayName is required", false, nil},
	{"a userName too long to look up", "POST", "/Users", `{` + userSchema + `,"userName":"` + strings.Repeat("x", 1025) + `"}`, 400, "invalidValue", "userName is longer than 1024 bytes", false, nil},
	{"a userName that is taken", "POST", "/Users", `{` + userSchema + `,"userName":"ANN"}`, 409, "uniqueness", "userName", false, nil},
	{"an externalId that is taken", "POST", "/Users", aUser(`"externalId":"ext-ann"`), 409, "uniqueness", "externalId", false, nil},
	{"a displayName that is taken", "POST", "/Groups", `{` + groupSchema + `,"displayName":"crew"}`, 409, "uniqueness", "displayName", false, nil},
	{"schemas that are no array", "POST", "/Users", `{"schemas":7,"userName":"x"}`, 400, "invalidSyntax", "schemas must be an array of URNs, not a number", false, nil},
	{"a schema that is no text", "POST", "/Users", `{"schemas":[7],"userName":"x"}`, 400, "invalidSyntax", "schemas must contain URNs, not a number", false, nil},
	{"a group where users are", "POST", "/Users", `{` + groupSchema + `,"userName":"x"}`, 400, "invalidValue", "schemas names a Group", false, nil},
	{"no schemas", "POST", "/Users", `{"userName":"x"}`, 400, "invalidSyntax", "schemas must name urn:ietf:params:scim:schemas:core:2.0:User", true, nil},
	{"an extension that schemas do not name", "POST", "/Users", aUser(`"` + enterprise + `":{"department":"x"}`), 400, "invalidSyntax", "schemas must name " + enterprise, true, nil},
	{"an attribute that SCIM does not have", "POST", "/Users", aUser(`"shoeSize":43`), 400, "invalidSyntax", `no attribute "shoeSize"`, true, nil},
	{"a schema that SCIM does not have", "POST", "/Users", `{"schemas":["urn:shoes"],"userName":"x"}`, 400, "invalidSyntax", `no schema "urn:shoes"`, true, nil},
	{"one value for an array", "POST", "/Users", aUser(`"emails":{"value":"a"}`), 400, "invalidValue", "emails must be an array", true, nil},
	{"two primary values", "POST", "/Users", aUser(`"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]`), 400, "invalidValue", "one value of emails can be primary", true, nil},
	{"a certificate that is not base64", "POST", "/Users", aUser(`"x509Certificates":[{"value":"-----"}]`), 400, "invalidValue", "x509Certificates.value must be base64", true, nil},
	{"a string for a boolean", "POST", "/Users", aUser(`"roles":[{"value":"a","primary":"True"}]`), 400, "invalidValue", "roles.primary must be true or false, not a string", true, nil},
}

// badMembers are groups that can't be.
var badMembers = []badRequest{
	{"a member that is not there", "POST", "/Groups", aGroup(`"members":[{"value":"` + nobody + `"}]`), 400, "invalidValue", nobody, false, nil},
	{"a member of another directory", "PUT", "/Groups/{crew}", aGroup(`"members":[{"value":"{eve}"}]`), 400, "invalidValue", "{eve}", false, nil},
	{"the second of two members is not there", "PATCH", "/Groups/{crew}", ops(`{"op":"add","path":"members","value":[{"value":"{ann}"},{"value":"no-one"}]}`), 400, "invalidValue", "no-one", false, nil},
	{"a group in itself", "PATCH", "/Groups/{inner}", ops(`{"op":"add","path":"members","value":[{"value":"{inner}"}]}`), 400, "invalidValue", `group "{inner}" contains this group, which can't be a member of itself`, false, nil},
	{"a group in one that it holds", "PATCH", "/Groups/{inner}", ops(`{"op":"add","path":"members","value":[{"value":"{crew}"}]}`), 400, "invalidValue", `group "{crew}" contains this group, which can't be a member of itself`, false, nil},
	{"a member without a value", "PUT", "/Groups/{crew}", aGroup(`"members":[{"display":"Ann"}]`), 400, "invalidValue", `needs a "value"`, false, nil},
	{"a member that is neither user nor group", "PUT", "/Groups/{crew}", aGroup(`"members":[{"value":"{ann}","type":"Robot"}]`), 400, "invalidValue", "type of a member must be User or Group", true, nil},
	{"a number for a member", "PUT", "/Groups/{crew}", aGroup(`"members":[7]`), 400, "invalidValue", "members", false, nil},
	{"changing who a member is", "PATCH", "/Groups/{crew}", ops(set(`members[value eq "{ann}"].value`, `"{bob}"`)), 400, "mutability", "members.value can't be changed", false, nil},
	{"adding members by a filter", "PATCH", "/Groups/{crew}", ops(`{"op":"add","path":"members[value eq \"{bob}\"]","value":{"value":"{bob}"}}`), 400, "invalidPath", "without a filter", false, nil},
}

// manyMembers are more than one part of a group's body holds, and a comma after the last one.
var manyMembers = strings.Repeat(`{"value":"{ann}"},`, 40_000)

// badLargeGroups come in parts, of which the last one is bad.
var badLargeGroups = []badRequest{
	{"a large group that breaks off", "POST", "/Groups", `{"displayName":"x","members":[` + manyMembers, 400, "invalidSyntax", "The body is not valid JSON", false, nil},
	{"a large group whose last member is not there", "POST", "/Groups", aGroup(`"members":[` + manyMembers + `{"value":"the-last-one"}]`), 400, "invalidValue", "the-last-one", false, nil},
	{"a large group with a bad attribute after its members", "PUT", "/Groups/{crew}", `{` + groupSchema + `,"members":[` + manyMembers + `{"value":"{ann}"}],"displayName":{}}`, 400, "invalidValue", "displayName must be a string, not an object", false, nil},
	{"a large PATCH with a bad operation at its end", "PATCH", "/Groups/{crew}", ops(`{"op":"add","path":"members","value":[`+manyMembers+`{"value":"{bob}"}]}`, set("shoeSize", "43")), 400, "invalidPath", `Operation 2: Group has no attribute "shoeSize"`, false, nil},
	{"a large PATCH that breaks off", "PATCH", "/Groups/{crew}", `{"Operations":[{"op":"add","path":"members","value":[` + manyMembers, 400, "invalidSyntax", "Operation 1: value: The body is not valid JSON", false, nil},
}

// badPatches are operations that can't be.
var badPatches = []badRequest{
	{"a PATCH that is no object", "PATCH", "/Users/{ann}", `[]`, 400, "invalidSyntax", "A PATCH must be a JSON object", false, nil},
	{"no operations", "PATCH", "/Users/{ann}", `{` + patchSchema + `}`, 400, "invalidSyntax", `needs "Operations"`, false, nil},
	{"a PATCH without schemas", "PATCH", "/Users/{ann}", `{"Operations":[` + set("title", `"x"`) + `]}`, 400, "invalidSyntax", "schemas must name urn:ietf:params:scim:api:messages:2.0:PatchOp", true, nil},
	{"a list for a PATCH", "PATCH", "/Users/{ann}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Operations":[` + set("title", `"x"`) + `]}`, 400, "invalidValue", `schemas names "urn:ietf:params:scim:api:messages:2.0:ListResponse"`, false, nil},
	{"a user for a PATCH", "PATCH", "/Users/{ann}", `{` + userSchema + `,"Operations":[` + set("title", `"x"`) + `]}`, 400, "invalidValue", `schemas names "urn:ietf:params:scim:schemas:core:2.0:User"`, true, nil},
	{"a search for a PATCH", "PATCH", "/Groups/{crew}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"Operations":[` + set("displayName", `"x"`) + `]}`, 400, "invalidValue", `schemas names "urn:ietf:params:scim:api:messages:2.0:SearchRequest"`, true, nil},
	{"one operation for an array", "PATCH", "/Users/{ann}", `{` + patchSchema + `,"Operations":` + set("title", `"x"`) + `}`, 400, "invalidSyntax", "an array, also for one operation", true, nil},
	{"a member that a PATCH has not", "PATCH", "/Users/{ann}", `{` + patchSchema + `,"failOnErrors":1,"Operations":[` + set("title", `"x"`) + `]}`, 400, "invalidSyntax", "A PATCH has no \"failOnErrors\"", true, nil},
	{"operations that are a string", "PATCH", "/Users/{ann}", `{` + patchSchema + `,"Operations":"x"}`, 400, "invalidSyntax", "Operations must be an array", false, nil},
	{"an operation that is no object", "PATCH", "/Users/{ann}", ops(`7`), 400, "invalidSyntax", "Operation 1: It must be an object", false, nil},
	{"no op", "PATCH", "/Users/{ann}", ops(`{"path":"title","value":"x"}`), 400, "invalidSyntax", `"op" is missing`, false, nil},
	{"an op that is a number", "PATCH", "/Users/{ann}", ops(`{"op":7,"path":"title","value":"x"}`), 400, "invalidSyntax", `"op" must be a string`, false, nil},
	{"an op that SCIM does not have", "PATCH", "/Users/{ann}", ops(`{"op":"move","path":"title","value":"x"}`), 400, "invalidSyntax", `op is "move"`, false, nil},
	{"a capital op", "PATCH", "/Users/{ann}", ops(`{"op":"Add","path":"title","value":"x"}`), 400, "invalidSyntax", `op is "Add"`, true, nil},
	{"a path that is a number", "PATCH", "/Users/{ann}", ops(`{"op":"add","path":7,"value":"x"}`), 400, "invalidSyntax", `"path" must be a string`, false, nil},
	{"a value that is cut off", "PATCH", "/Users/{ann}", `{"Operations":[{"op":"add","value":"x`, 400, "invalidSyntax", "Operation 1: value: The body is not valid JSON: a string has no closing quote", false, nil},
	{"too many operations", "PATCH", "/Users/{ann}", ops(slices.Repeat([]string{set("title", `"x"`)}, 1001)...), 400, "invalidValue", "1000 operations at most", false, nil},
	{"adding without a value", "PATCH", "/Users/{ann}", ops(`{"op":"add","path":"nickName"}`), 400, "invalidValue", `add of "nickName" needs a value`, false, nil},
	{"replacing without a path and value", "PATCH", "/Users/{ann}", ops(`{"op":"replace"}`), 400, "invalidValue", "without a path needs a value", false, nil},
	{"a string without a path", "PATCH", "/Users/{ann}", ops(`{"op":"replace","value":"x"}`), 400, "invalidValue", "an object as its value, not a string", false, nil},
	{"removing without a path", "PATCH", "/Users/{ann}", ops(`{"op":"remove"}`), 400, "noTarget", "needs a path", false, nil},
	{"removing all", "PATCH", "/Users/{ann}", ops(`{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:User"}`), 400, "noTarget", "A PATCH can't remove a whole User", false, nil},
	{"removing what is required", "PATCH", "/Users/{ann}", ops(`{"op":"remove","path":"userName"}`), 400, "mutability", "userName is required, and can't be removed", false, nil},
	{"writing the id", "PATCH", "/Users/{ann}", ops(set("id", `"x"`)), 400, "mutability", "1: id is read-only", false, nil},
	{"writing when it was made", "PATCH", "/Users/{ann}", ops(set("meta.created", `"2020-01-01T00:00:00Z"`)), 400, "mutability", "meta", false, nil},
	{"writing a user's groups", "PATCH", "/Users/{ann}", ops(set("groups", `[{"value":"{crew}"}]`)), 400, "mutability", "1: groups is read-only", false, nil},
	{"an operation without a path", "PATCH", "/Users/{ann}", ops(set("title", `"x"`), `{"op":"replace","value":{"id":"x"}}`), 400, "invalidSyntax", `Operation 2: "path" is missing`, true, nil},
	{"the second operation fails", "PATCH", "/Users/{ann}", ops(set("title", `"x"`), set("nope", `1`)), 400, "invalidPath", `Operation 2: User has no attribute "nope"`, false, nil},
	{"a remove with a value", "PATCH", "/Users/{ann}", ops(`{"op":"remove","path":"emails","value":[]}`), 400, "invalidValue", "A remove takes no value", true, nil},
	{"a filter in a path that matches nothing", "PATCH", "/Users/{ann}", ops(set(`emails[type eq "home"].value`, `"x"`)), 400, "noTarget", "No value of emails matches", true, nil},
	{"a filter in a path that matches nothing and describes nothing", "PATCH", "/Users/{ann}", ops(set(`ims[value co "x"].type`, `"x"`)), 400, "noTarget", "No value of ims matches", false, nil},
	{"no value to set a part of", "PATCH", "/Users/{ann}", ops(set("phoneNumbers.type", `"work"`)), 400, "noTarget", "no value of phoneNumbers, so no type", true, nil},
	{"a PATCH of somebody who is not there", "PATCH", "/Users/" + nobody, ops(set("title", `"x"`)), 404, "", "no such resource", false, nil},
}

// badPaths are paths that lead nowhere.
var badPaths = []badRequest{
	{"a path to no attribute", "PATCH", "/Users/{ann}", ops(set("shoeSize", `"43"`)), 400, "invalidPath", `1: User has no attribute "shoeSize"`, false, nil},
	{"a path to no attribute, strictly", "PATCH", "/Groups/{crew}", ops(set("hatSize", `"43"`)), 400, "invalidPath", `Group has no attribute "hatSize"`, true, nil},
	{"a path to no part of an attribute", "PATCH", "/Users/{ann}", ops(set("name.shoeSize", `"43"`)), 400, "invalidPath", `"name.shoeSize"`, false, nil},
	{"a path to another schema", "PATCH", "/Users/{ann}", ops(set("urn:shoes:2.0:User:size", `"43"`)), 400, "invalidPath", `"urn:shoes:2.0:User:size"`, false, nil},
	{"a path of two dots", "PATCH", "/Users/{ann}", ops(set("name..givenName", `"x"`)), 400, "invalidPath", `byte 0: "name..givenName"`, false, nil},
	{"a path three names deep", "PATCH", "/Users/{ann}", ops(set("name.givenName.x", `"x"`)), 400, "invalidPath", `"name.givenName.x"`, false, nil},
	{"a path with an index", "PATCH", "/Users/{ann}", ops(set("emails[0].value", `"x"`)), 400, "invalidFilter", "byte 7", false, nil},
	{"a path that begins with brackets", "PATCH", "/Users/{ann}", ops(set(`[type eq "work"]`, `"x"`)), 400, "invalidPath", "byte 0: the name of an attribute", false, nil},
	{"brackets that are not closed", "PATCH", "/Users/{ann}", ops(set(`emails[type eq "work"`, `"x"`)), 400, "invalidFilter", "byte 21", false, nil},
	{"brackets without a value", "PATCH", "/Users/{ann}", ops(set("emails[type eq", `"x"`)), 400, "invalidFilter", "byte 14", false, nil},
	{"brackets with nothing in them", "PATCH", "/Users/{ann}", ops(set("phoneNumbers[]", `"x"`)), 400, "invalidFilter", "byte 13", false, nil},
	{"text after brackets", "PATCH", "/Users/{ann}", ops(set(`emails[type eq "work"]x`, `"x"`)), 400, "invalidPath", "byte 22: the path should end here", false, nil},
	{"a dot after brackets and no name", "PATCH", "/Users/{ann}", ops(set(`emails[type eq "work"].`, `"x"`)), 400, "invalidPath", "byte 23: the name of a sub-attribute", false, nil},
	{"brackets after a part", "PATCH", "/Users/{ann}", ops(set(`emails.type[value eq "x"]`, `"x"`)), 400, "invalidPath", "byte 11: brackets can't stand after a sub-attribute", false, nil},
	{"brackets after a single value", "PATCH", "/Users/{ann}", ops(set(`userName[value eq "x"]`, `"x"`)), 400, "invalidPath", `"userName" is not a multi-valued attribute`, false, nil},
	{"brackets about no part of a value", "PATCH", "/Users/{ann}", ops(set(`emails[shoe eq "x"]`, `{}`)), 400, "invalidFilter", `emails has no sub-attribute "shoe"`, false, nil},
	{"a path too long", "PATCH", "/Users/{ann}", ops(set(strings.Repeat("x", 8<<10+1), `"x"`)), 400, "invalidPath", "longer than 8192 bytes", false, nil},
}

// filtered is a list with a filter.
func filtered(name, filter, names string) badRequest {
	return badRequest{name: name, method: "GET", path: "/Users?filter=" + strings.NewReplacer(" ", "+", `"`, "%22").Replace(filter), status: 400, scimType: "invalidFilter", names: names}
}

// badFilters are filters that can't be.
var badFilters = []badRequest{
	filtered("a filter without an operator", `title`, "byte 5: a space and an operator"),
	filtered("a filter without a value", `userName eq`, "byte 11: a space and a value"),
	filtered("an operator that SCIM does not have", `userName is "x"`, `byte 9: "is" is no operator`),
	filtered("a value without quotes", `userName eq ann`, "byte 12: a value is expected here"),
	filtered("a value that is not closed", `userName eq "ann`, "byte 12: this is not a JSON string"),
	filtered("a number that is none", `userName eq 1x`, "byte 12: this is not a JSON number"),
	filtered("a parenthesis that is not closed", `(title pr`, "byte 9"),
	filtered("a parenthesis that is not opened", `title pr)`, "byte 8"),
	filtered("not without parentheses", `not title pr`, `byte 4: "not" needs parentheses`),
	filtered("and without what follows", `title pr and`, "byte 12"),
	filtered("brackets in brackets", `emails[ims[type pr]]`, "byte 10: brackets can't stand inside brackets"),
	filtered("a name that is none", `9x pr`, `byte 0: "9x" is not the name`),
	filtered("a filter too deep", strings.Repeat("(", 33)+"title pr"+strings.Repeat(")", 33), "byte 32: it nests deeper than 32"),
	filtered("too many comparisons", strings.Repeat("title pr or ", 64)+"title pr", "more than 64 comparisons"),
	filtered("a filter too long", `title eq "`+strings.Repeat("x", 8<<10)+`"`, "filter can't be understood at byte 8192"),
	filtered("a filter on no attribute", `shoeSize eq "43"`, `can't be used: User has no attribute "shoeSize"`),
	filtered("a filter on no part of a value", `emails[shoeSize eq "43"]`, `emails has no sub-attribute "shoeSize"`),
	filtered("brackets after what has no parts", `userName[value eq "x"]`, "userName has no sub-attributes"),
	filtered("a number for a string", `userName eq 5`, "userName is a string"),
	filtered("a string for a boolean", `active eq "maybe"`, "active is a boolean; compare it with true or false"),
	filtered("an order of booleans", `active gt true`, "active is a boolean, which can be compared by eq and ne, not by gt"),
	filtered("a word for a time", `meta.created gt "yesterday"`, "meta.created is a time"),
	filtered("an order of null", `title gt null`, "null can be compared by eq and ne, not by gt"),
	filtered("an order of certificates", `x509Certificates.value gt "x"`, "x509Certificates.value is binary"),
	filtered("a complex attribute without a value", `name eq "x"`, "name is complex"),
	filtered("a filter on the password", `password eq "x"`, "password is never returned"),
}

// badParameters are lists and reads that nobody can ask for.
var badParameters = []badRequest{
	{"a count that is no number", "GET", "/Users?count=many", "", 400, "invalidValue", "The parameter count must be a whole number", false, nil},
	{"a startIndex that is no number", "GET", "/Users?startIndex=1.5", "", 400, "invalidValue", "The parameter startIndex must be a whole number", false, nil},
	{"a parameter twice", "GET", "/Users?count=1&count=2", "", 400, "invalidValue", "The parameter count is given 2 times", false, nil},
	{"two filters", "GET", "/Groups?filter=displayName+pr&filter=displayName+pr", "", 400, "invalidValue", "The parameter filter is given 2 times", false, nil},
	{"a percent sign that encodes nothing", "GET", "/Users?filter=%zz", "", 400, "invalidValue", "percent-encoded", false, nil},
	{"a parameter that is no UTF-8", "GET", "/Users?filter=%FF", "", 400, "invalidValue", "The parameter filter is not valid UTF-8", false, nil},
	{"a cursor that was never given", "GET", "/Users?cursor=letmein", "", 400, "invalidCursor", "The cursor does not belong to this list", false, nil},
	{"a cursor of the root that was never given", "GET", "/?cursor=x", "", 400, "invalidCursor", "begin again with an empty one", false, nil},
	{"an order of users and groups together", "GET", "/?sortBy=id", "", 400, "invalidValue", "sortBy cannot order users and groups together", false, nil},
	{"a filter of the root that is none", "GET", "/?filter=userName", "", 400, "invalidFilter", "byte 8: a space and an operator are expected", false, nil},
	{"a search of the root for what nothing has", "POST", "/.search", `{"filter":"nothing pr"}`, 400, "invalidFilter", "no resource type has an attribute", false, nil},
	{"two ways to page", "GET", "/Users?cursor=&startIndex=1", "", 400, "invalidValue", "startIndex and cursor are two ways to page", false, nil},
	{"a count beyond a page by cursor", "GET", "/Users?cursor=&count=1001", "", 400, "invalidCount", "count can be 1000 at most", false, nil},
	{"a count that is no number, by cursor", "GET", "/Users?cursor=&count=many", "", 400, "invalidCount", "The parameter count must be one whole number", false, nil},
	{"an order by no attribute", "GET", "/Users?sortBy=shoeSize", "", 400, "invalidValue", `sortBy is "shoeSize"`, false, nil},
	{"an order by what has no value", "GET", "/Users?sortBy=name", "", 400, "invalidValue", `sortBy is "name", which is complex`, false, nil},
	{"an order of what has none", "GET", "/Users?sortBy=x509Certificates", "", 400, "invalidValue", `sortBy is "x509Certificates", whose values have no order`, false, nil},
	{"an order that SCIM does not have", "GET", "/Users?sortBy=userName&sortOrder=up", "", 400, "invalidValue", "sortOrder must be ascending or descending", false, nil},
	{"attributes both ways", "GET", "/Users/{ann}?attributes=userName&excludedAttributes=emails", "", 400, "invalidValue", "attributes and excludedAttributes can't be used together", false, nil},
	{"an attribute that is no name", "GET", "/Users?attributes=a+b", "", 400, "invalidValue", `attributes contains "a b"`, false, nil},
	{"an excluded attribute that is no name", "GET", "/Users?excludedAttributes=9x", "", 400, "invalidValue", `excludedAttributes contains "9x"`, false, nil},
	{"too many attributes", "GET", "/Users?attributes=" + strings.Repeat("x,", 200) + "x", "", 400, "invalidValue", "attributes: must contain no more than 200", false, nil},
	{"a search that is no object", "POST", "/Users/.search", `7`, 400, "invalidSyntax", "SearchRequest", false, nil},
}

// badMessages are at odds with HTTP, or with what is served.
var badMessages = []badRequest{
	{"a version that is over", "PATCH", "/Users/{ann}", ops(set("title", `"x"`)), 412, "", "has changed since the version", false, with("If-Match", `W/"999"`)},
	{"a version that never was", "DELETE", "/Users/{ann}", "", 412, "", "If-Match names no version", false, with("If-Match", "x")},
	{"too many versions", "DELETE", "/Groups/{crew}", "", 400, "invalidValue", "If-Match can name 20 versions", false, with("If-Match", strings.Repeat(`W/"998", `, 20)+`W/"999"`)},
	{"another media type", "POST", "/Users", aUser(`"title":"x"`), 415, "", "must be application/scim+json", false, with("Content-Type", "text/xml")},
	{"another charset", "POST", "/Users", aUser(`"title":"x"`), 415, "", "must be UTF-8", false, with("Content-Type", "application/scim+json; charset=utf-16")},
	{"a compressed body", "POST", "/Users", "\x1f\x8b\x08\x00garbage", 415, "", "Compressed bodies are not accepted", false, with("Content-Encoding", "gzip")},
	{"replacing all users", "PUT", "/Users", `{}`, 405, "", "PUT is not possible here. Possible methods: GET, POST", false, nil},
	{"creating a user at an id", "POST", "/Users/{ann}", `{}`, 405, "", "POST is not possible here. Possible methods: GET, PUT, PATCH, DELETE", false, nil},
	{"changing what is served", "PATCH", "/ServiceProviderConfig", `{}`, 405, "", "PATCH is not possible here. Possible methods: GET", false, nil},
	{"reading a search", "GET", "/Users/.search", "", 405, "", "GET is not possible here. Possible methods: POST", false, nil},
	{"a method of no name", "BREW", "/Groups/{crew}", "", 405, "", "OTHER is not possible here", false, nil},
	{"an endpoint that SCIM does not have", "POST", "/Sandwiches", `{}`, 404, "", "no such endpoint", false, nil},
}

// Each bad request gets a SCIM error with its status, the RFC's scimType, a detail of its own that names what is wrong, and
// the message ID; it is one failed event; and it writes nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one process", "a process a service on PostgreSQL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := startUsher(t, setups[name], nil)
			tolerant := newRefused(u, directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT)
			strict := newRefused(u, directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT)
			cursor := u.changeCursor()
			var messages []string
			details := map[string]string{}
			for _, c := range slices.Concat(badJSON, badResources, badMembers, badLargeGroups, badPatches, badPaths, badFilters, badParameters, badMessages) {
				t.Run(c.name, func(t *testing.T) {
					to := tolerant
					if c.strict {
						to = strict
					}
					a := to.refuses(t, c)
					messages = append(messages, a.messageID)
					detail := strings.Replace(a.str("detail"), a.messageID, "", 1)
					if earlier, twice := details[detail]; twice && earlier != "" {
						t.Errorf("%q has the same detail: %s", earlier, detail)
					}
					details[detail] = c.name
				})
			}
			// On PostgreSQL the end of the feed moves on with anybody's transactions.
			if now := u.changeCursor(); now != cursor && !setups[name].postgres {
				t.Errorf("something was written: the change cursor was %s and is %s", cursor, now)
			}
			u.requireOneEventEach(messages)
		})
	}
}

// refused is a directory that gets bad requests.
type refused struct {
	*directory
	ids    *strings.Replacer // of what badRequest names
	before string
}

func newRefused(u *usher, mode directoryv1.DirectoryMode) *refused {
	u.t.Helper()
	other := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("other than " + mode.String())}})
	d := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String(mode.String()), Mode: mode, UniqueGroupNames: proto.Bool(true)}})
	ann, bob := d.user("ann"), d.user("bob")
	inner := d.group("Inner", bob)
	crew := d.group("Crew", ann, inner)
	d.patch("/Users/"+ann, "add", "emails", []any{map[string]any{"type": "work", "value": "ann@example.com"}}, http.StatusOK)
	r := &refused{directory: d, ids: strings.NewReplacer("{ann}", ann, "{bob}", bob, "{crew}", crew, "{inner}", inner, "{eve}", other.user("eve"))}
	r.before = r.held()
	return r
}

// held is all that the directory holds, with versions, as SCIM shows it.
func (r *refused) held() string {
	r.u.t.Helper()
	return string(r.send("GET", "/Users", "", http.StatusOK).raw) + string(r.send("GET", "/Groups", "", http.StatusOK).raw)
}

// refuses sends a bad request.
func (r *refused) refuses(t *testing.T, c badRequest) answer {
	t.Helper()
	a, err := r.tryWith(t.Context(), c.method, r.ids.Replace(c.path), r.ids.Replace(c.body), c.headers)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != c.status || a.str("status") != fmt.Sprint(c.status) || a.str("scimType") != c.scimType {
		t.Errorf("status %d, in the body %q, with scimType %q, want %d and %q: %s", a.status, a.str("status"), a.str("scimType"), c.status, c.scimType, a.raw)
	}
	if detail := a.str("detail"); !strings.Contains(detail, r.ids.Replace(c.names)) || !strings.Contains(detail, a.messageID) || a.messageID == "" {
		t.Errorf("the detail must name %q and the message ID %q: %s", c.names, a.messageID, detail)
	}
	if a.header.Get("Content-Type") != "application/scim+json" {
		t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
	}
	if held := r.held(); held != r.before {
		t.Errorf("something was written: there was %s and is %s", r.before, held)
		r.before = held
	}
	return a
}

// changeCursor is the newest change of any resource, once access has followed it.
func (u *usher) changeCursor() string {
	u.t.Helper()
	r, err := u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: demo})
	if err != nil {
		u.t.Fatalf("waiting for access: %v", err)
	}
	return r.GetChangeCursor()
}

// requireOneEventEach fails unless these messages, and no others, are one failed event each.
func (u *usher) requireOneEventEach(messages []string) {
	u.t.Helper()
	events := map[string]int{}
	for _, e := range u.waitForEvents(len(messages)) {
		events[e.GetMessageId()]++
		if e.GetDetail() == "" || e.GetRemedy() == "" || e.GetSource() != failedeventsv1.FailedEventSource_FAILED_EVENT_SOURCE_GATEWAY {
			u.t.Errorf("a failed event must say why and what to do: %v", e)
		}
	}
	if len(events) != len(messages) {
		u.t.Errorf("%d messages are failed events, want %d", len(events), len(messages))
	}
	for _, id := range messages {
		if events[id] != 1 {
			u.t.Errorf("message %s is %d failed events, want 1", id, events[id])
		}
	}
}
