package scim_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/usher-scim/usher/services/internal/scim"
)

// A body becomes a document in canonical form, which a store keeps. The result reports quirks and ignored values.
func ExampleResourceType_New() {
	body := []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
		"UserName":"ann","active":"True","shoeSize":43,"emails":[{"value":"ann@example.com"}]}`)
	made, err := scim.UserType().New(body, scim.Options{Mode: scim.Tolerant})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(made.Document.JSON()))
	fmt.Println("quirks:", made.Quirks, "ignored:", made.Ignored)

	_, err = scim.UserType().New(body, scim.Options{Mode: scim.Strict})
	fmt.Println(err)
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann","active":true,"emails":[{"value":"ann@example.com"}]}
	// quirks: [boolean-as-string] ignored: [shoeSize]
	// invalidValue: active must be true or false, not a string.
}

// A PATCH is parsed, and then applied to the stored document: all of its operations or none.
func ExampleResourceType_Patch() {
	stored, err := scim.ParseStored(scim.UserType(), []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann"}`))
	if err != nil {
		panic(err)
	}
	patch, err := scim.ParsePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"add","path":"emails","value":[{"type":"work","value":"ann@example.com"}]},
		{"op":"replace","path":"emails[type eq \"work\"].value","value":"ann@example.org"}]}`), scim.Options{})
	if err != nil {
		panic(err)
	}
	patched, err := scim.UserType().Patch(stored, patch, scim.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(patched.Changed, string(patched.Document.JSON()))
	// Output:
	// true {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann","emails":[{"value":"ann@example.org","type":"work"}]}
}

// A document does not contain a group's members: a message becomes edits of them, and the store applies these.
func ExampleResourceType_Patch_members() {
	made, err := scim.GroupType().New([]byte(`{"displayName":"Crew","members":[{"value":"1"}]}`), scim.Options{})
	if err != nil {
		panic(err)
	}
	patch, err := scim.ParsePatch([]byte(`{"Operations":[
		{"op":"add","path":"members","value":[{"value":"2"}]},{"op":"remove","path":"members[value eq \"1\"]"}]}`), scim.Options{})
	if err != nil {
		panic(err)
	}
	patched, err := scim.GroupType().Patch(made.Document, patch, scim.Options{})
	if err != nil {
		panic(err)
	}
	for _, edit := range patched.Members {
		fmt.Println(edit.Kind == scim.AddMembers, edit.IDs[0])
	}
	// Output:
	// true 2
	// false 1
}

func ExampleFilter_Match() {
	made, err := scim.UserType().New([]byte(`{"userName":"ann","emails":[{"type":"work","value":"Ann@Example.com"}]}`), scim.Options{})
	if err != nil {
		panic(err)
	}
	filter, err := scim.ParseFilter(`emails[type eq "work" and value co "@example.com"] and not (title pr)`, scim.Limits{})
	if err != nil {
		panic(err)
	}
	fmt.Println(filter.Match(scim.UserType(), made.Document, scim.Envelope{ID: "2819c223"}))

	_, err = scim.ParseFilter(`userName = "ann"`, scim.Limits{})
	var refused *scim.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Type, "at byte", refused.Offset)
	}
	// Output:
	// true
	// invalidFilter at byte 9
}

// A response contains the document and what the store knows beside it, as the client's projection asks.
func ExampleResourceType_RenderUser() {
	stored := []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann","title":"Guide"}`)
	envelope := scim.Envelope{ID: "2819c223", BaseURL: "https://scim.example.com/v2", Created: time.Unix(0, 0), LastModified: time.Unix(60, 0), Version: 7}
	projection, err := scim.ParseProjection([]string{"userName,groups.display,meta.version"}, nil)
	if err != nil {
		panic(err)
	}
	shown, err := scim.UserType().RenderUser(nil, stored, envelope, []scim.GroupRef{{ID: "g1", Display: "Crew", Direct: true}}, projection)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(shown))
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"2819c223","userName":"ann","groups":[{"display":"Crew"}],"meta":{"version":"W/\"7\""}}
}

// The schema of an extension defines how it is read (RFC 7643 §7), like SCIM's own schemas.
func ExampleResourceType_Extend() {
	schema, err := scim.ParseSchema([]byte(`{"id":"urn:example:Badge:2.0:User","attributes":[
		{"name":"number","type":"integer","required":true},{"name":"color"}]}`))
	if err != nil {
		panic(err)
	}
	users, err := scim.UserType().Extend(schema)
	if err != nil {
		panic(err)
	}
	made, err := users.New([]byte(`{"userName":"ann","urn:example:Badge:2.0:User":{"number":7,"color":"red"}}`), scim.Options{})
	if err != nil {
		panic(err)
	}
	color, _ := made.Document.Str("urn:example:Badge:2.0:User:color")
	fmt.Println(color)

	_, err = users.New([]byte(`{"userName":"ann","urn:example:Badge:2.0:User":{"color":"red"}}`), scim.Options{})
	fmt.Println(err)
	// Output:
	// red
	// invalidValue: urn:example:Badge:2.0:User:number is required, and can't be empty.
}
